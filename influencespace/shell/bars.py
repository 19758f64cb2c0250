"""Progress on a terminal: a bar a phase, or a line a phase for those who redirect it or ask for quiet."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm

FORM = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"


class Bars:
    """A progress callable (:class:`influencespace.progress.Progress`) that draws on stderr; a context manager.

    A phase goes on while its total stays and its count does not fall, even if its words change ("reducing the space",
    "fitting the map"); it ends when its count is full.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.lines = quiet or not sys.stderr.isatty()
        self.what = ""
        self.bar: tqdm | None = None

    def __call__(self, done: int, total: int, what: str) -> None:
        if self.lines:
            if what != self.what:
                print(what, file=sys.stderr, flush=True)
            self.what = what
            return
        if self.bar is not None and (total != self.bar.total or done < self.bar.n):
            self._close()
        if self.bar is None:
            self.bar = tqdm(total=total, bar_format=FORM, file=sys.stderr, dynamic_ncols=True)
        if what != self.what or self.bar.n == 0:
            self.bar.set_description_str(what, refresh=False)
        self.what = what
        self.bar.update(done - self.bar.n)
        if done >= total:
            self._close()

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.refresh()
            self.bar.close()
        self.bar, self.what = None, ""
