"""The stable counting sort of a round: rows counted in one pass, then moved column by column.

Axes: R rows, P machines, T parts of the rows, one per thread. Every part has its own histogram, so
that it knows where its rows go whatever the other parts do: the result does not depend on T. About
a thousand write streams are as many as a processor keeps in its caches. With more machines, and
more rows than the caches hold, a column therefore moves twice: to buckets of neighbouring machines,
and inside a bucket, which fits a cache, to its machine.

Threads live for one call and run compiled loops only; nothing survives that a fork could break.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.records import Words

ROWS_A_THREAD = 2**17
"""Fewer rows than this are no work for another thread."""

MAX_PARTS = 8
ROWS_IN_CACHE = 2**18
MAX_STREAMS = 2**10
INT32 = int(np.iinfo(np.int32).max)
BUCKET_BITS = 9  # the first column writes two streams per bucket; a bucket fits a cache

Run = Callable[[Callable[..., object], Iterable[tuple[object, ...]]], list[object]]


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many rows every machine has, in all and in every part of the rows.

    Parameters
    ----------
    by_part : int32[T, P]
        Part t is the rows that lie between R t // T and R (t + 1) // T.
    rows : int64[P]
    """

    by_part: NDArray[np.int32]
    rows: Words

    @classmethod
    def of(cls, by_part: NDArray[np.int32]) -> Histogram:
        """Add up the parts."""
        return cls(by_part, by_part.sum(axis=0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class MachineCounts:
    """The counts of one channel: rows by source, rows by destination, rows that stay.

    Parameters
    ----------
    is_sorted : bool
        Whether the sources never decrease.
    sent, arriving : Histogram
        By source and by destination.
    kept : int64[P]
        Rows whose destination is their source.
    """

    is_sorted: bool
    sent: Histogram
    arriving: Histogram
    kept: Words

    @classmethod
    def of(cls, source: Words, to: Words, acts: NDArray[np.bool_]) -> MachineCounts | None:
        """Count messages in one pass.

        Parameters
        ----------
        source, to : int64[R]
            Contiguous.
        acts : bool[P]
            The machines that may be a source.

        Returns
        -------
        MachineCounts or None
            None if a source does not act or a destination is no machine.
        """
        from mpc_sim.kernels.routing import OUTSIDE, UNSORTED, count

        parts = parts_of(len(to), len(acts))
        sent, kept, arriving = np.zeros((3, len(parts), len(acts)), np.int32)
        jobs = (
            (source[part], to[part], acts, sent[t], kept[t], arriving[t])
            for t, part in enumerate(parts)
        )
        with threads(len(parts)) as run:
            found = run(count, jobs)
        if OUTSIDE in found:
            return None
        edges = [part.start for part in parts[1:]]
        is_sorted = UNSORTED not in found and all(source[at - 1] <= source[at] for at in edges)
        return cls(
            is_sorted, Histogram.of(sent), Histogram.of(arriving), kept.sum(axis=0, dtype=np.int64)
        )


def sort_by_machine(
    machine: Words, histogram: Histogram, columns: Iterable[Words]
) -> tuple[Words, list[Words]]:
    """Sort columns by machine, stably.

    Parameters
    ----------
    machine : int64[R]
        Contiguous, in 0 .. P - 1, and exactly as it was when it was counted.
    histogram : Histogram
        Of ``machine``.
    columns : iterable of int64[R]
        Contiguous.

    Returns
    -------
    owner : int64[R]
        ``machine``, sorted.
    columns : list of int64[R]

    Notes
    -----
    O(R + P) per column. Besides the result it allocates one column and a few numbers per machine.
    """
    from mpc_sim.kernels.routing import own

    n_rows, n_parts = len(machine), len(histogram.by_part)
    start = np.zeros(len(histogram.rows) + 1, np.int64)
    np.cumsum(histogram.rows, out=start[1:])
    owner = np.empty(n_rows, np.int64)
    with threads(n_parts) as run:
        if ROWS_IN_CACHE < n_rows <= INT32 and MAX_STREAMS < len(histogram.rows) <= INT32:
            keys = owner.view(np.int32)[:n_rows]
            moved = _move_by_buckets(machine, histogram, start, columns, keys, run)
        else:
            moved = _move(machine, histogram, start, columns, run)
        machines = np.searchsorted(start, [n_rows * t // n_parts for t in range(n_parts)])
        edges = [*machines.tolist(), len(histogram.rows)]
        run(own, ((start, low, high, owner) for low, high in itertools.pairwise(edges)))
    return owner, moved


def union(columns: Iterable[Words]) -> list[int]:
    """Return the bitwise or of every column: negative if a word is, and as long as the longest.

    Parameters
    ----------
    columns : iterable of int64[R]
    """
    listed = list(columns)
    parts = parts_of(len(listed[0]), 1) if listed else []

    def bits(part: slice) -> list[np.int64]:
        return [np.bitwise_or.reduce(column[part]) for column in listed]

    with threads(len(parts)) as run:
        of_parts = np.array(run(bits, ((part,) for part in parts)), np.int64)
    union_of: list[int] = np.bitwise_or.reduce(of_parts, axis=0).tolist() if listed else []
    return union_of


def parts_of(n_rows: int, n_machines: int) -> list[slice]:
    """Cut rows into parts, one per thread; histograms of all parts are no longer than the rows."""
    from mpc_sim.kernels.routing import N_THREADS

    most = min(N_THREADS, MAX_PARTS, n_rows // max(ROWS_A_THREAD, n_machines))
    return _cut(n_rows, max(1, most, -(-n_rows // INT32)))


@contextmanager
def threads(n_parts: int) -> Iterator[Run]:
    """Yield a function that runs jobs, side by side if there are several parts."""
    if n_parts < 2:
        yield lambda function, jobs: [function(*job) for job in jobs]
        return
    from concurrent.futures import ThreadPoolExecutor  # it makes every fork of a process slower

    with ThreadPoolExecutor(n_parts - 1) as pool:

        def run(
            function: Callable[..., object], jobs: Iterable[tuple[object, ...]]
        ) -> list[object]:
            first, *others = jobs
            waiting = [pool.submit(function, *job) for job in others]
            return [function(*first), *(job.result() for job in waiting)]

        yield run


def _move(
    machine: Words, histogram: Histogram, start: Words, columns: Iterable[Words], run: Run
) -> list[Words]:
    """Move every row straight to its machine."""
    from mpc_sim.kernels.routing import scatter

    parts = _cut(len(machine), len(histogram.by_part))
    first = _first_places(start[:-1], histogram.by_part)
    moved = []
    for column in columns:
        out = np.empty_like(column)
        places = first.copy()
        run(scatter, ((machine[p], 0, places[t], column[p], out) for t, p in enumerate(parts)))
        moved.append(out)
    return moved


def _move_by_buckets(
    machine: Words,
    histogram: Histogram,
    start: Words,
    columns: Iterable[Words],
    keys: NDArray[np.int32],
    run: Run,
) -> list[Words]:
    """Move every row to its bucket, then, in the caches, to its machine; ``keys`` is scratch."""
    from mpc_sim.kernels.routing import scatter, scatter_first, settle, settle_first

    n_machines = len(histogram.rows)
    shift = (n_machines - 1).bit_length() - BUCKET_BITS
    lowest = np.arange(0, n_machines, 1 << shift)
    in_bucket = np.add.reduceat(histogram.by_part, lowest, axis=1, dtype=np.int64)
    first = _first_places(start[lowest], in_bucket)

    parts = _cut(len(machine), len(histogram.by_part))
    begins = np.append(start[lowest], len(machine))
    cuts = np.searchsorted(begins, [part.start for part in parts]).tolist()
    regions = [
        (slice(*begins[[low, high]]), begins[low : high + 1] - begins[low], begins[low:high])
        for low, high in itertools.pairwise([*cuts, len(lowest)])
    ]
    scratch = np.empty((len(parts), int(np.diff(begins).max())), np.int64)
    slots = start[:-1].copy()
    moved: list[Words] = []
    for column in columns:
        out, places = np.empty_like(column), first.copy()
        rows = [(machine[part], shift, places[t], column[part]) for t, part in enumerate(parts)]
        if not moved:
            run(scatter_first, ((*row, keys, out) for row in rows))
            run(
                settle_first,
                (
                    (edges, base, slots, keys[at], out[at], scratch[t])
                    for t, (at, edges, base) in enumerate(regions)
                ),
            )
        else:
            run(scatter, ((*row, out) for row in rows))
            run(
                settle,
                (
                    (edges, keys[at], out[at], scratch[t])
                    for t, (at, edges, _) in enumerate(regions)
                ),
            )
        moved.append(out)
    return moved


def _cut(n_rows: int, n_parts: int) -> list[slice]:
    return [slice(n_rows * t // n_parts, n_rows * (t + 1) // n_parts) for t in range(n_parts)]


def _first_places(start: Words, by_part: NDArray[np.int32] | Words) -> Words:
    """int64[T, B]: where the rows of every part begin in every bucket."""
    before = np.zeros(by_part.shape, np.int64)
    np.cumsum(by_part[:-1], axis=0, out=before[1:])
    return start + before
