"""Threads that live for one call and run compiled loops only: no fork finds them waiting.

The caller works with them, and a thread that is free takes the next job: one on a busy core
takes fewer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

Run = Callable[[Callable[..., Any], Iterable[tuple[object, ...]]], list[Any]]

HASHES_A_THREAD = 2**15
"""Fewer evaluations of a hash function than this are no work for another thread."""


@contextmanager
def threads(work: int, least: int = HASHES_A_THREAD) -> Iterator[tuple[Run, int]]:
    """Yield a function that runs jobs side by side, and how many may run at once.

    Parameters
    ----------
    work : int
        In all; by default in evaluations of hash functions.
    least : int
        Less than this is no work for another thread.
    """
    if work < 2 * least:
        yield lambda function, jobs: [function(*job) for job in jobs], 1
        return
    from anna_model.kernels.exact_match import N_THREADS

    n_threads = max(1, min(N_THREADS, work // least))
    if n_threads == 1:
        yield lambda function, jobs: [function(*job) for job in jobs], 1
        return
    with ThreadPoolExecutor(n_threads - 1) as pool:

        def run(function: Callable[..., Any], jobs: Iterable[tuple[object, ...]]) -> list[Any]:
            waiting = list(jobs)
            numbers, results = iter(range(len(waiting))), [None] * len(waiting)

            def work() -> None:
                for number in numbers:
                    results[number] = function(*waiting[number])

            n_others = min(n_threads, len(waiting)) - 1
            others = [pool.submit(copy_context().run, work) for _ in range(n_others)]
            try:
                work()
            finally:
                wait(others)
            for other in others:
                other.result()
            return results

        yield run, n_threads


def cut(n_rows: int, n_parts: int, unit: int = 1) -> list[tuple[int, int]]:
    """Cut 0 .. n_rows - 1 into at most n_parts runs (low, high) of whole units, none empty."""
    n_units = -(-n_rows // unit)
    edges = [min(n_rows, -(-n_units * part // n_parts) * unit) for part in range(n_parts + 1)]
    return [(low, high) for low, high in itertools.pairwise(edges) if low < high]
