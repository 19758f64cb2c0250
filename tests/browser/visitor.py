"""A visitor of the app without a window: a session of its own, that sends and reads the messages which a browser does.

It fetches the columns and photos that pages name and keeps them, as a browser does, and draws nothing: so twenty visitors fit
beside a server on a small machine, and what is measured is the server. Messages are those of Streamlit 1.67
(``streamlit.proto``).
"""

from __future__ import annotations

import contextlib
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

FETCHED = re.compile(r'"(/-/(?:column|photo)/[^"]+)"')
LARGEST = 64 << 20
TIMEOUT = 120.0


class Visitor:
    """One session of the app.

    Parameters
    ----------
    address
        Of the app, such as ``http://127.0.0.1:8501``.
    query
        What stands behind the question mark of the page's address.

    Attributes
    ----------
    waits
        Whether to wait for what a page makes or shows in the background, such as work that goes on.
    """

    drawn = False

    def __init__(self, address: str, query: str = "") -> None:
        self.address, self.query = address, query
        self.waits = True
        self.elements: list[Element] = []
        self.received = 0
        self._states: dict[str, WidgetState] = {}
        self._pages: dict[str, str] = {}
        self._page = ""
        self._fragments: dict[str, tuple[float, float]] = {}  # how often each is to run again, and when next
        self._seen: set[str] = set()
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(connect(
            f"ws://{urlsplit(address).netloc}/_stcore/stream", subprotocols=["streamlit"], max_size=LARGEST, compression=None,
        ))

    def close(self) -> None:
        """Leave."""
        self._open.close()

    def open(self, page: str) -> None:
        """Go to a page by its name in the address, and wait until its script has run."""
        message = BackMsg()
        if page in self._pages:
            message.rerun_script.page_script_hash = self._pages[page]
        else:
            message.rerun_script.page_name = page
        self._fragments.clear()
        self._run(message)

    def press(self, key: str) -> None:
        """Press a button by its key."""
        self._run(self._with(WidgetState(id=self._widget(key), trigger_value=True)))

    def step(self, slider: str, up: bool) -> None:
        """Move a slider of the plan by a step, and let it go."""
        panel = self.message("curate_panel")
        field = next(field for field in panel["fields"] if field["name"] == slider)
        value = panel["values"][slider] + (field["step"] if up else -field["step"])
        value = min(max(value, field["min"]), field["max"])
        self.tell("curate_panel", "applied", {"values": {slider: round(value, 6)}, "turn": panel["turn"] + 1})

    def choose(self, place: int) -> None:
        """Choose a topic of the list on the page Clusters by its place."""
        rows = self.message("clusters_list")["rows"]
        self.tell("clusters_list", "chosen", rows[place % len(rows)]["id"])

    def tell(self, key: str, event: str, value: object) -> None:
        """Have an element of the project's own tell something, as ``setTriggerValue`` does."""
        payload = json.dumps([{"event": event, "value": value}])
        aggregator = f"$$STREAMLIT_INTERNAL_KEY_{self._widget(key)}__events"
        self._run(self._with(WidgetState(id=aggregator, json_trigger_value=payload)))

    def enter(self, key: str, value: str) -> None:
        """Type into a line, or choose a row of a table (as JSON)."""
        state = WidgetState(id=self._widget(key), string_value=value)
        self._states[state.id] = state
        self._run(self._with())

    def again(self) -> None:
        """Have the page run as it is."""
        self._run(self._with())

    def message(self, key: str) -> dict:
        """What an element of the project's own was sent."""
        return next(
            json.loads(element.bidi_component.json) for element in self.elements
            if element.WhichOneof("type") == "bidi_component" and element.bidi_component.id.endswith(f"-{key}")
        )

    @property
    def words(self) -> str:
        """What stands on the page in sentences."""
        texts = {"markdown": "body", "alert": "body", "toast": "body"}
        found = ((element.WhichOneof("type"), element) for element in self.elements)
        return "\n".join(getattr(getattr(element, kind), texts[kind]) for kind, element in found if kind in texts)

    def fetch(self) -> int:
        """Fetch what the page names and has not been fetched yet; how many bytes came."""
        size = 0
        for path in self._named():
            with urllib.request.urlopen(self.address + path, timeout=TIMEOUT) as answer:
                size += len(answer.read())
            self._seen.add(path)
        return size

    def _named(self) -> Iterator[str]:
        for element in self.elements:
            if element.WhichOneof("type") == "bidi_component":
                yield from (path for path in FETCHED.findall(element.bidi_component.json) if path not in self._seen)

    def _widget(self, key: str) -> str:
        for element in self.elements:
            found = getattr(getattr(element, element.WhichOneof("type") or "", None), "id", "")
            if found.endswith(f"-{key}"):
                return found
        raise KeyError(f"There is no {key!r} on the page: {self.words}")

    def _with(self, *triggers: WidgetState) -> BackMsg:
        message = BackMsg()
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.widget_states.widgets.extend([*self._states.values(), *triggers])
        return message

    def _run(self, message: BackMsg) -> None:
        """Send it, and wait for the end of the run, and of those that the page asks for itself until it is whole."""
        self._send(message)
        self._until_finished()
        while self.waits and self._fragments:
            name, (interval, due) = min(self._fragments.items(), key=lambda item: item[1][1])
            self._fragments[name] = interval, due + interval
            time.sleep(max(due - time.monotonic(), 0))
            again = self._with()
            again.rerun_script.fragment_id, again.rerun_script.is_auto_rerun = name, True
            self._send(again)
            self._until_finished()

    def _send(self, message: BackMsg) -> None:
        message.rerun_script.query_string = self.query
        self._socket.send(message.SerializeToString())

    def _until_finished(self) -> None:
        end, finished = time.monotonic() + TIMEOUT, None
        while finished in (None, ForwardMsg.FINISHED_EARLY_FOR_RERUN):
            data = self._socket.recv(timeout=end - time.monotonic())
            self.received += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._page = message.new_session.page_script_hash
                if not message.metadata.run.fragment_ids:
                    self.elements = []
                    self._fragments.clear()
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self.elements.append(message.delta.new_element)
            elif kind == "navigation":
                self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
                self._page = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "auto_rerun":
                interval = message.auto_rerun.interval
                self._fragments[message.auto_rerun.fragment_id] = interval, time.monotonic() + interval
            elif kind == "stop_auto_rerun":
                for name in message.stop_auto_rerun.fragment_ids:
                    self._fragments.pop(name, None)
            elif kind == "script_finished":
                finished = message.script_finished
