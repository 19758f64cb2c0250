"""When work will be done, foretold from how fast it has gone so far."""

from __future__ import annotations

# Less than this of a step says too little of its pace.
HONEST_PART, HONEST_SECONDS = 0.05, 3.0


class Pace:
    """The pace of the step at hand. A step ends where its total changes or its count falls."""

    def __init__(self) -> None:
        self._done, self._total = 0, -1
        self._first, self._began = 0, 0.0
        self._due: float | None = None
        self._told = False

    def due(self, done: int, total: int, now: float) -> float | None:
        """When the step will be finished, in the clock of ``now`` (seconds); None until its pace is known.

        What the step found done when it began (the runs of a training that was resumed) does not count for its pace,
        and the answer changes only when the count does, so that it does not drift while one piece takes its time.
        """
        if total != self._total or done < self._done:
            self._first, self._began, self._due, self._told = done, now, None, False
        elif done > self._done and not self._told:
            gone, seconds = done - self._first, now - self._began
            if gone > HONEST_PART * (total - self._first) and seconds > HONEST_SECONDS:
                self._due = now + seconds / gone * (total - done)
        self._done, self._total = done, total
        return self._due

    def expect(self, due: float) -> None:
        """Take the word of the work itself for when the step will be finished, from now on until it is."""
        self._due, self._told = due, True
