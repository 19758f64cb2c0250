"""How many threads numerical libraries take: set before they are imported, in this process or for one to be started."""

from __future__ import annotations

import os


def threads() -> dict[str, str]:
    """Environment for numerical libraries, which what is set already overrides.

    One thread for every two cores that this process may use. The other half is for those who look on meanwhile; and on a
    small busy machine threads that wait for each other can make work many times slower than one thread alone.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"OMP_NUM_THREADS": str(max(1, cores // 2))}
