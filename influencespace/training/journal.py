"""What a training tells while it runs: lines of JSON, appended to a file, and followed by whoever watches.

There are three kinds of lines: ``{"arm", "seed", "began"}`` when a run of an arm with a seed begins (seconds since the
epoch), ``{"arm", "seed", "epoch", "loss", "recall", "seconds"}`` after each of its epochs, and ``{"arm", "seed", "took"}``
when all of it is done. A run that was broken off tells all of its epochs anew, and its earlier lines count no more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

# The estimate of the time left needs this many finished runs.
FEWEST_RUNS = 2


class Journal:
    """Appends lines to a file, each of which is on disk for others to read before the training goes on."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if file.exists() and not file.read_bytes().endswith(b"\n"):
            self._append("\n")  # the process was killed in the middle of a line

    def tell(self, arm: str, seed: int, **values: Any) -> None:
        """Append one line."""
        self._append(json.dumps({"arm": arm, "seed": seed, **values}) + "\n")

    def _append(self, text: str) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(text)


@dataclass
class Course:
    """How far a training has come, from what it has told so far.

    Attributes
    ----------
    curves
        For each run (arm, seed) its epochs: ``epoch`` (from 1), ``loss``, ``recall`` (validation Recall@10, in percent) and
        ``seconds`` (of training so far).
    seconds
        For each finished run how long all of it took, training and what it needed before.
    present, began
        The run at hand and when it began, in seconds since the epoch; None before the first.
    offset
        How many bytes of the file have been read.
    """

    curves: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    seconds: dict[tuple[str, int], float] = field(default_factory=dict)
    present: tuple[str, int] | None = None
    began: float | None = None
    offset: int = 0

    def follow(self, file: Path) -> bool:
        """Read what has been appended since the last time; whether that was anything."""
        if not file.exists() or file.stat().st_size <= self.offset:
            return False
        with file.open("rb") as told:
            told.seek(self.offset)
            text = told.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            try:
                self._take(json.loads(line))
            except ValueError:
                continue  # half a line, from a process that was killed
        return bool(whole)

    def seconds_left(self, todo: list[tuple[str, int]], now: float) -> float | None:
        """How long the runs that are still to be done will take, by those that are done; None before two are.

        A run takes as long as those of its arm have taken in the mean, or, where there is none yet, as those of all arms.
        """
        if len(self.seconds) < FEWEST_RUNS:
            return None
        overall = float(np.mean(list(self.seconds.values())))
        left = 0.0
        for arm, seed in todo:
            alike = [seconds for (other, _), seconds in self.seconds.items() if other == arm]
            expected = float(np.mean(alike)) if alike else overall
            spent = now - self.began if (arm, seed) == self.present and self.began else 0.0
            left += max(0.0, expected - spent)
        return left

    def _take(self, line: dict[str, Any]) -> None:
        run = (line.pop("arm"), line.pop("seed"))
        if "began" in line:
            self.present, self.began = run, line["began"]
            self.curves[run] = []
        elif "took" in line:
            self.seconds[run] = line["took"]
            self.present = None if self.present == run else self.present
        else:
            self.curves.setdefault(run, []).append(line)
