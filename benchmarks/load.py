"""Many sessions on one app: what each costs the server in memory, and how long decisions and pages take while all are at work.

Two kinds of sessions do the same things. Windows are pages of a real Chromium, which draws in software. Visitors speak the same
messages over the same websocket and fetch the same columns and photos, and draw nothing (``tests/browser/visitor.py``): drawing
twenty maps of a million points takes a small machine far more than serving them. Server, windows and visitors share the machine,
so beside the server's processor time stands that of the browser. ``--without-webgl`` spares windows that map.

First they come one after the other; each looks at pages, chooses a topic, decides, moves a slider and takes steps back, and the
memory of the server is read when it rests. Then all work at once, with pauses between one act and the next as TPC-W has them:
exponential with a mean of 7 s, 70 s at most. Then all decide at the same moment, several times. Two windows look whether
either sees what the other has typed and chosen and not decided. Last, all leave.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checkout  # noqa: F401  (puts the project on the path)
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from sessions import Browser, Session, Window
from visiting import started
from visitor import Visitor

# Seconds: of TPC-W 1.8, section 5.3.1.1.
PAUSE, LONGEST_PAUSE = 7.0, 70.0
PAGES = ("data", "influence", "curate", "clusters", "train", "export")
# What sessions do at work, with how often.
DECIDE, TURN, SLIDE, UNDO, REORDER = "a decision", "a change of page", "ratio let go", "undo", "fairness let go"
OFTEN = {DECIDE: 10, TURN: 4, SLIDE: 2, UNDO: 2, REORDER: 1}
# What is typed in one window, and must not be seen in another.
SEARCH, TYPED = 'input[aria-label="Find by name"]', "a"
REST = 1.0
# Streamlit keeps a session for two minutes, for one whose connection was lost.
KEPT = 125.0


class Times:
    """Seconds by what took them; safe between threads."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = defaultdict(list)
        self._lock = threading.Lock()

    def take(self, what: str, session: Session, act: Callable[[], object]) -> None:
        """Do something, and note how long it took."""
        began = time.monotonic()
        act()
        with self._lock:
            self._found[f"{what}{', in a window' if session.visit.drawn else ''}"].append(time.monotonic() - began)

    @property
    def count(self) -> int:
        """How many acts were timed."""
        return sum(map(len, self._found.values()))

    def lines(self, when: str) -> list[str]:
        """The rows of a table."""
        rows = ((what, len(found), np.quantile(found, [0.5, 0.95, 1])) for what, found in sorted(self._found.items()))
        return [f"| {what}, {when} | {count:,} | {' | '.join(f'{q:.2f} s' for q in found)} |" for what, count, found in rows]


class Process:
    """What the kernel says of a process."""

    def __init__(self, pid: int) -> None:
        self.pid, self._folder = pid, Path(f"/proc/{pid}")

    def memory(self) -> dict[str, float]:
        """``Rss``, ``Pss`` and ``Anonymous``, what is no file's; in MB."""
        rows = (line.split() for line in (self._folder / "smaps_rollup").read_text().splitlines()[1:])
        return {row[0].rstrip(":"): int(row[1]) / 1000 for row in rows if row[0] in ("Rss:", "Pss:", "Anonymous:")}

    def seconds(self) -> float:
        """How long it has had a processor."""
        return self._fields()[1]

    @classmethod
    def below(cls, pid: int, but: int) -> float:
        """How long processes that descend from one have had a processor, but for one of them."""
        there: dict[int, tuple[int, float]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                there[int(folder.name)] = cls(int(folder.name))._fields()
        family = {pid}
        while new := {child for child, (parent, _) in there.items() if parent in family} - family:
            family |= new
        return sum(there[member][1] for member in family - {pid, but})

    def _fields(self) -> tuple[int, float]:
        """The process that began it, and how long it has had a processor."""
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run all of it, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True, help="It is copied first: decisions are written into the copy.")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--windows", type=int, default=2, help="How many of them are pages of a real Chromium.")
    parser.add_argument("--without-webgl", action="store_true", help="Windows show a picture of the density for the map.")
    parser.add_argument("--minutes", type=float, default=3.0, help="How long all work at once.")
    parser.add_argument("--bursts", type=int, default=5)
    asked = parser.parse_args()
    flags = ["--disable-3d-apis"] if asked.without_webgl else []
    with tempfile.TemporaryDirectory(dir=asked.workspace.parent) as temporary:
        shutil.copytree(asked.workspace, Path(temporary) / "workspaces" / "copy")
        with started(Path(temporary) / "workspaces", Path(temporary) / "log") as (server, address), Browser(*flags) as browser:
            measure(address, Process(server.pid), browser, asked)


def measure(address: str, server: Process, browser: Browser, asked: argparse.Namespace) -> None:
    """Have sessions come, work, decide at once and leave."""
    print(f"Load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the beginning")
    rest, alone, together, burst = [server.memory()], Times(), Times(), Times()
    query = "workspace=copy"

    def come(number: int) -> Session:
        window = number >= asked.sessions - asked.windows
        session = Session(Window(browser, address, query) if window else Visitor(address, query), random.Random(number))
        stay(session, alone)
        time.sleep(REST)
        rest.append(server.memory())
        print(f"session {number + 1}: {rest[-1]}", file=sys.stderr)
        return session

    workers = [ThreadPoolExecutor(1) for _ in range(asked.sessions)]
    sessions = [worker.submit(come, number).result() for number, worker in enumerate(workers)]

    def total() -> int:
        return together.count + burst.count

    def drawing() -> float:
        return Process.below(os.getpid(), server.pid) if asked.windows else 0.0

    def all_do(act: Callable[..., object], *given: object) -> None:
        before, of_browser, acts, began = server.seconds(), drawing(), total(), time.monotonic()
        begun = [worker.submit(act, session, *given) for worker, session in zip(workers, sessions, strict=True)]
        for future in begun:
            future.result()
        used, drawn = server.seconds() - before, drawing() - of_browser
        acts, took = total() - acts, time.monotonic() - began
        if acts:
            print(f"{acts} acts in {took:.0f} s; the server had a processor for {used / acts:.2f} s each")
            print(f"Of one core the server took {used / took:.0%}, the browser {drawn / took:.0%}")
        time.sleep(REST)
        rest.append(server.memory())

    all_do(work, together, time.monotonic() + 60 * asked.minutes)
    print(f"Load average {os.getloadavg()[0]:.1f} after all had been at work")
    all_do(at_once, burst, threading.Barrier(asked.sessions), asked.bursts)
    report(rest, asked.sessions, (alone, "one at work"), (together, "all at work"), (burst, "all in the same moment"))
    if asked.windows > 1:
        kept = apart(*sessions[-2:])
        print(f"What one window has typed and chosen and not decided, another {'does not see' if kept else 'SEES'}.")
    all_do(lambda session: session.visit.close())
    for worker in workers:
        worker.shutdown()
    time.sleep(KEPT)
    last = Visitor(address, query)  # a run of a script, after which Python looks for what nobody holds any more
    last.open("train")
    last.close()
    print(f"\nTwo minutes after all have left: {server.memory()['Rss']:,.0f} MB")


def stay(session: Session, times: Times) -> None:
    """What everybody does on coming: look around, choose, decide, move sliders, take back."""
    for page in PAGES:
        times.take("a page opened first", session, lambda page=page: session.turn_to(page))
        session.visit.fetch()
    session.look_around()
    for act in (DECIDE, SLIDE, DECIDE, REORDER, UNDO, TURN):
        do(session, act, times)


def work(session: Session, times: Times, end: float) -> None:
    """Do things with pauses until the time is over."""
    while True:
        pause = min(session.draw.expovariate(1 / PAUSE), LONGEST_PAUSE)
        if time.monotonic() + pause > end:
            return
        time.sleep(pause)
        do(session, session.draw.choices(list(OFTEN), list(OFTEN.values()))[0], times)


def at_once(session: Session, times: Times, barrier: threading.Barrier, count: int) -> None:
    """Decide in the same moment as all others, again and again."""
    session.turn_to("curate")
    for _ in range(count):
        session.next_row()
        session.visit.fetch()
        barrier.wait()
        times.take(DECIDE, session, session.decide)
        session.visit.fetch()
        barrier.wait()


def apart(one: Session, other: Session) -> bool:
    """Whether what is typed and chosen in one window stays out of another."""
    for session in (one, other):
        session.turn_to("influence")
    before = other.visit.value(SEARCH), other.visit.url
    one.visit.enter(SEARCH, TYPED)
    one.turn_to("curate")
    one.next_row()
    for session, page in ((one, "influence"), (other, "data"), (other, "influence")):
        session.turn_to(page)
    return before == (other.visit.value(SEARCH), other.visit.url) and one.visit.value(SEARCH) == TYPED != before[0]


def do(session: Session, act: str, times: Times) -> None:
    """One act, from the message to the end of the page's run; then the page fetches what it names."""
    if act == TURN:
        times.take(act, session, session.turn)
    else:
        session.turn_to("curate")
        if act == DECIDE:
            times.take("a row chosen", session, session.next_row)
            session.visit.fetch()
        acts = {DECIDE: session.decide, SLIDE: session.slide, REORDER: session.reorder, UNDO: session.undo}
        times.take(act, session, acts[act])
    if session.visit.drawn:
        session.visit.fetch()
    else:
        times.take("its photos and columns", session, session.visit.fetch)


def report(rest: list[dict[str, float]], count: int, *times: tuple[Times, str]) -> None:
    """Print both tables."""
    start, first, last = rest[0], rest[1], rest[count]
    rows = {
        "server just started": start, "with one session, all that is shared": first, f"with {count} sessions": last,
        "after they worked at once": rest[count + 1], "after the bursts": rest[count + 2],
    }
    print("\n| memory of the server | resident | proportional | of no file |\n|---|---:|---:|---:|")
    for what, found in rows.items():
        print(f"| {what} | " + " | ".join(f"{found[kind]:,.0f} MB" for kind in ("Rss", "Pss", "Anonymous")) + " |")
    growth = {kind: (last[kind] - first[kind]) / max(count - 1, 1) for kind in first}
    print("| growth a session | " + " | ".join(f"{growth[kind]:.1f} MB" for kind in ("Rss", "Pss", "Anonymous")) + " |")
    print("\n| what | times | median | 95th percentile | slowest |\n|---|---:|---:|---:|---:|")
    for found, when in times:
        print("\n".join(found.lines(when)))


if __name__ == "__main__":
    main()
