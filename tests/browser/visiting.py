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
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

import influencespace

ROOT = Path(influencespace.__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
LOCAL = {"127.0.0.1", "localhost"}


@contextlib.contextmanager
def served(folder: Path, log: Path) -> Iterator[str]:
    """The app's address while it is served on the workspaces of ``folder``."""
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
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


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
        assert self.outside == []
        assert self.errors == []


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
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"The app did not start: {log.read_text()}")
