"""How long work tells of its progress, and how it is stopped.

Every function that may take longer than a second takes a ``progress`` callable and calls it with what is done, what there
is in all, and a few words for a person. The shell draws a bar from it, a job writes it to its record, and a job that was
cancelled raises :class:`Cancelled` from inside the call, so that work stops at the next report and nowhere else.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """``progress(done, total, what)``: ``done`` of ``total`` steps of ``what`` are finished."""

    def __call__(self, done: int, total: int, what: str) -> None: ...


class Cancelled(Exception):
    """Raised out of a progress report when the person who started the work has cancelled it."""


def expect(progress: Progress, seconds: float) -> None:
    """Tell how long the step at hand will still take, where the work knows that better than its pace shows.

    A progress that wants to know has a method ``expect(seconds)``.
    """
    listen = getattr(progress, "expect", None)
    if listen is not None:
        listen(seconds)


def silent(done: int, total: int, what: str) -> None:
    """The progress of those who do not look."""
