"""Means of single values over equal words, by a hash join in parts that fit a cache.

Words are partitioned by the upper bits of their hash, in their order; every part is grouped, summed
and probed by itself, so threads share nothing, and no sum depends on how many there are. Axes: n
words and n' probes, T threads, B parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import BoolArray, FloatArray
from anna_model.joins.row_join import Words

LEAST_ROWS = 2**15
"""With fewer rows one table fits the caches, and partitioning costs more than it saves."""

ROWS_A_PART, MOST_BITS = 2**12, 11
Run = Callable[[Callable[..., object], Iterable[tuple[object, ...]]], None]


def mean_of_equal_words(
    words: Words, probes: Words, values: FloatArray, *, n_threads: int | None = None
) -> tuple[FloatArray, BoolArray]:
    """Return for every probe the mean of the values of the words that equal it.

    Parameters
    ----------
    words : uint64[n, 1]
    probes : uint64[n', 1]
        Fewer than 2^31.
    values : float64[n]
        Contiguous.
    n_threads : int, optional
        By default as many as Numba would use.

    Returns
    -------
    mean : float64[n']
        The sum in the order of the words, divided once by their number; 0 where none is equal.
    unmatched : bool[n']

    Notes
    -----
    Deterministic, whatever the threads. Besides the result 16 bytes per word, 12 per probe, and
    for every thread a table of at most 128 bytes per word of the largest part.
    """
    from anna_model.kernels import partitioned_join as kernels
    from anna_model.kernels.exact_match import N_THREADS

    bits = min(MOST_BITS, max(1, (len(words) // ROWS_A_PART).bit_length()))
    n_threads = N_THREADS if n_threads is None else n_threads
    out, unmatched = np.empty(len(probes)), np.empty(len(probes), bool)
    with ThreadPoolExecutor(max(1, n_threads - 1)) as pool:

        def run(function: Callable[..., object], jobs: Iterable[tuple[object, ...]]) -> None:
            first, *others = jobs
            waiting = [pool.submit(_quietly, function, job) for job in others]
            _quietly(function, first)
            for job in waiting:
                job.result()

        key_start, key_place = _places(words, bits, n_threads, run)
        key_hash, key_value = np.empty(len(words), np.uint64), np.empty(len(words))
        run(
            kernels.scatter_values,
            (
                (words[at], values[at], bits, key_place[t], key_hash, key_value)
                for t, at in enumerate(_pieces(len(words), n_threads))
            ),
        )
        probe_start, probe_place = _places(probes, bits, n_threads, run)
        probe_hash, probe_row = np.empty(len(probes), np.uint64), np.empty(len(probes), np.int32)
        run(
            kernels.scatter_rows,
            (
                (probes[at], bits, at.start, probe_place[t], probe_hash, probe_row)
                for t, at in enumerate(_pieces(len(probes), n_threads))
            ),
        )
        work = key_start + probe_start
        inner = np.searchsorted(work, [work[-1] * t // n_threads for t in range(1, n_threads)])
        most = int(np.diff(key_start).max())
        run(
            kernels.join_values,
            (
                (
                    key_hash, key_value, key_start[low : high + 1],
                    probe_hash, probe_row, probe_start[low : high + 1],
                    np.zeros((4 << most.bit_length(), 2), np.uint64),
                    np.empty(most + 1), np.empty(most + 1, np.int32), out, unmatched,
                )
                for low, high in itertools.pairwise([0, *inner.tolist(), 1 << bits])
            ),
        )  # fmt: skip
    return out, unmatched


def _pieces(n_rows: int, n_threads: int) -> list[slice]:
    cuts = [n_rows * t // n_threads for t in range(n_threads + 1)]
    return [slice(low, high) for low, high in itertools.pairwise(cuts)]


def _places(
    words: Words, bits: int, n_threads: int, run: Run
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[B + 1]: where every part begins; int64[T, B]: where a thread's words of it begin."""
    from anna_model.kernels import partitioned_join as kernels

    count = np.zeros((n_threads, 1 << bits), np.int64)
    pieces = enumerate(_pieces(len(words), n_threads))
    run(kernels.count_parts, ((words[at], bits, count[t]) for t, at in pieces))
    start = np.zeros((1 << bits) + 1, np.int64)
    np.cumsum(count.sum(axis=0), out=start[1:])
    return start, start[:-1] + np.cumsum(count, axis=0) - count


def _quietly(function: Callable[..., object], job: tuple[object, ...]) -> None:
    """Run a job; the hash wraps by design, which warns when uncompiled."""
    with np.errstate(over="ignore"):
        function(*job)
