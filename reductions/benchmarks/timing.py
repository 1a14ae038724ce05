"""Interleaved timings in one process: what is compared is run in turn, and medians are taken.

Fresh pages cost more than many a loop that fills them, and which library pays for them is chance.
So memory that was freed is kept for all contestants alike, and one round is run before the clock.
The threads of a library spin for a while after its call and take a core from what runs next,
so every contestant waits until the process is idle; and as an idle core sleeps and forgets, it then
runs twice, and the second run is timed.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Contestant = Callable[[], object]
Progress = Callable[[str, int, int], object]

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
PAUSE_S, MOST_PAUSES = 0.004, 250


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of ours and of a reference."""

    case: str
    ours_s: float
    reference: str
    reference_s: float

    @property
    def ratio(self) -> float:
        """How many times as fast as the reference ours is."""
        return self.reference_s / self.ours_s

    def to_json(self) -> dict[str, Any]:
        """Return the row as an object of plain values."""
        return asdict(self) | {"ratio": self.ratio}


def keep_freed_memory() -> bool:
    """Let the C library reuse freed memory in place of returning it; return whether it agreed."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def wait_until_idle() -> bool:
    """Sleep while other threads of the process compute, at most a second; return if they rest."""
    for _ in range(MOST_PAUSES):
        begin = time.process_time()
        time.sleep(PAUSE_S)
        if time.process_time() - begin < PAUSE_S / 4:
            return True
    return False


def interleaved(
    contestants: Mapping[str, Contestant],
    repeats: int,
    *,
    case: str = "",
    progress: Progress | None = None,
) -> dict[str, float]:
    """Run contestants in turn; return the median seconds of each, by name."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    total = (repeats + 1) * len(contestants)
    for turn in range(repeats + 1):
        for number, (name, run) in enumerate(contestants.items(), 1):
            wait_until_idle()
            run()
            begin = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
            if progress is not None:
                progress(case, turn * len(contestants) + number, total)
    return {name: statistics.median(taken) for name, taken in seconds.items()}
