"""A server of the app and a browser that visits it, watched: nothing leaves the machine, nothing errs in the console."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import influencespace

ROOT = Path(influencespace.__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
# Chromium is no package of Python's; where there is none these tests say so and are skipped.
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: browser tests need one (apt-get install chromium)"),
]
MAP = "canvas[role=img]"
# On the map's canvas: one step of the ratio a frame, and every frame is waited for.
DRAG = """async (canvas) => {
  const before = Number(canvas.dataset.frames)
  const times = []
  let last = performance.now()
  for (let step = 0; step < 60; step++) {
    const detail = { removed_code: 1 + 1000 * step, benefit_threshold: 0.1, cap: 1 + step / 20 }
    window.dispatchEvent(new CustomEvent("influencespace:plan", { detail }))
    await new Promise(requestAnimationFrame)
    times.push(performance.now() - last)
    last = performance.now()
  }
  times.sort((a, b) => a - b)
  return { frames: Number(canvas.dataset.frames) - before, median: times[30], slowest: times[59] }
}"""
LOCAL = {"127.0.0.1", "localhost"}


@contextlib.contextmanager
def served(folder: Path, log: Path) -> Iterator[str]:
    """The app's address while it is served on the workspaces of ``folder``."""
    with started(folder, log) as (_, address):
        yield address


@contextlib.contextmanager
def started(folder: Path, log: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """The same with the process of the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.port={port}"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, env={**os.environ, "INFLUENCESPACE_WORKSPACE": str(folder)}
        )
    try:
        _until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield server, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


@dataclass
class Traffic:
    """Bytes from the server and to it, since the last ``reset``."""

    columns: dict[str, int] = field(default_factory=dict)
    down: int = 0
    up: list[bytes | str] = field(default_factory=list)

    def watch(self, page) -> None:
        page.on("response", self._response)
        page.on("websocket", self._socket)

    def reset(self) -> None:
        self.columns.clear()
        self.up.clear()
        self.down = 0

    def _response(self, response) -> None:
        if "/-/column/" in response.url:
            self.columns[response.url] = int(response.headers["content-length"])

    def _socket(self, socket) -> None:
        socket.on("framereceived", lambda frame: self._received(frame))
        socket.on("framesent", lambda frame: self.up.append(frame))

    def _received(self, frame) -> None:
        self.down += len(frame)


class Runs:
    """The runs of a page's script, by the messages of its websocket: one that is over in a moment the page may never show.

    Attributes
    ----------
    begun
        How many runs have begun.
    running
        Whether the latest goes on.
    """

    def __init__(self, page) -> None:
        self.begun, self.running = 0, False
        page.on("websocket", lambda socket: socket.on("framereceived", self._received))

    def _received(self, frame: bytes) -> None:
        message = ForwardMsg.FromString(frame)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.begun, self.running = self.begun + 1, True
        elif kind == "script_finished":
            self.running = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN


class Watch:
    """What a page asked for and complained of, so that a test can say there was nothing it should not."""

    def __init__(self, page) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("websocket", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _request(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in LOCAL:
            self.outside.append(request.url)

    def _console(self, message) -> None:
        # Opened at the address of a page, Streamlit looks for its server beneath that address first.
        probing = "/_stcore/" in message.location.get("url", "") and "404" in message.text
        if message.type == "error" and not probing:
            self.errors.append(message.text)

    def check(self) -> None:
        """Fail if anything left the machine or went wrong."""
        assert not self.outside, self.outside
        assert not self.errors, self.errors


def settled(page) -> None:
    """Wait until the script has run and the page shows what it drew."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=60_000)


def go_to(page, name: str) -> None:
    """Open a page of the app by its name in the navigation."""
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"**/{'' if name == 'Clusters' else name.lower()}*")
    settled(page)


def colours_on(page, selector: str) -> int:
    """How many colours an element shows: a map that was not drawn has one or two."""
    with Image.open(io.BytesIO(page.locator(selector).first.screenshot())) as image:
        return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))


def _until_healthy(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError):  # refused, or too busy to answer
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"The app did not start: {log.read_text()}")
