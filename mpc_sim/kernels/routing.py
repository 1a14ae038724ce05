"""Loops of the counting sort that delivers a round.

R messages, P machines, B buckets: a bucket is the machines that agree in all but the low ``shift``
bits. Inputs are C-contiguous and validated by the caller, or by `count`; outputs are allocated by
the caller. Every function is serial and releases the interpreter lock: threads call it on parts of
the rows, or of the buckets, that share no place to write to. Counts of a part fit 32 bits.

Indices that come from arrays are cast to `np.uintp`: a signed one costs a test for the negative
indices of Python in every access.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpc_sim.kernels.compiled import config, njit, types

Words = NDArray[np.int64]
Counts = NDArray[np.int32]

READ = types.Array(types.int64, 1, "C", readonly=True)
READ_FLAGS = types.Array(types.boolean, 1, "C", readonly=True)
WORDS, COUNTS = types.int64[::1], types.int32[::1]

SORTED, UNSORTED, OUTSIDE = 0, 1, 2
N_THREADS = int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


@njit(types.int64(READ, READ, READ_FLAGS, COUNTS, COUNTS, COUNTS), nogil=True)
def count(
    source: Words, to: Words, acts: NDArray[np.bool_], sent: Counts, kept: Counts, arriving: Counts
) -> int:
    """Validate and count messages; return SORTED, UNSORTED (by source) or OUTSIDE.

    source, to : int64[R], any values; acts : bool[P]; sent, kept, arriving : int32[P], zeros,
    written, incomplete when OUTSIDE: rows by source, by source of those with source = to, by to
    """
    n_machines = acts.shape[0]
    answer = SORTED
    current, since, stay = np.int64(0), 0, 0  # rows since .. r - 1 come from machine current
    for r in range(source.shape[0]):
        machine, target = source[r], to[r]
        if machine != current or r == 0:
            if machine < 0 or machine >= n_machines or not acts[np.uintp(machine)]:
                return OUTSIDE
            if r > 0:
                sent[np.uintp(current)] += np.int32(r - since)
                kept[np.uintp(current)] += np.int32(stay)
                if machine < current:
                    answer = UNSORTED
            current, since, stay = machine, r, 0
        if target < 0 or target >= n_machines:
            return OUTSIDE
        stay += 1 if target == machine else 0
        arriving[np.uintp(target)] += np.int32(1)
    if source.shape[0] > 0:
        sent[np.uintp(current)] += np.int32(source.shape[0] - since)
        kept[np.uintp(current)] += np.int32(stay)
    return answer


@njit(types.void(READ, types.int64, WORDS, READ, WORDS), nogil=True)
def scatter(key: Words, shift: int, place: Words, column: Words, out: Words) -> None:
    """Write every word to the next free place of the bucket of its key, in the order of the rows.

    key, column : int64[R]; place : int64[B], the first place of every bucket, advanced; out : int64
    array of all rows, written at the places
    """
    low_bits = np.uintp(shift)
    for r in range(key.shape[0]):
        bucket = np.uintp(key[r]) >> low_bits
        at = place[bucket]
        place[bucket] = at + 1
        out[np.uintp(at)] = column[r]


@njit(types.void(READ, types.int64, WORDS, READ, COUNTS, WORDS), nogil=True)
def scatter_first(
    key: Words, shift: int, place: Words, column: Words, keys: Counts, out: Words
) -> None:
    """Like `scatter`, and write the key of the word too.

    keys : int32 array of all rows, written at the places
    """
    low_bits = np.uintp(shift)
    for r in range(key.shape[0]):
        machine = np.uintp(key[r])
        bucket = machine >> low_bits
        at = place[bucket]
        place[bucket] = at + 1
        keys[np.uintp(at)] = np.int32(machine)
        out[np.uintp(at)] = column[r]


@njit(types.void(READ, WORDS, WORDS, COUNTS, WORDS, WORDS), nogil=True)
def settle_first(
    edges: Words, base: Words, place: Words, key: Counts, column: Words, scratch: Words
) -> None:
    """Sort every bucket of rows by key, stably, in place; a place takes that of every key.

    edges : int64[B + 1], bucket b holds rows edges[b] .. edges[b + 1] - 1; base : int64[B], the
    place of the first row of the bucket; place : int64[P], advanced; key : int32[R], written: the
    place of the row within its bucket; column : int64[R], written; scratch : int64, as long as the
    largest bucket, written
    """
    for bucket in range(edges.shape[0] - 1):
        low, high = np.uintp(edges[bucket]), np.uintp(edges[bucket + 1])
        n_rows, before = high - low, base[bucket]
        keys, words = key[low:high], column[low:high]
        for r in range(n_rows):
            scratch[r] = words[r]
        for r in range(n_rows):
            machine = np.uintp(keys[r])
            at = place[machine]
            place[machine] = at + 1
            keys[r] = np.int32(at - before)
            words[np.uintp(at - before)] = scratch[r]


@njit(types.void(READ, COUNTS, WORDS, WORDS), nogil=True)
def settle(edges: Words, at: Counts, column: Words, scratch: Words) -> None:
    """Move every row of a bucket to its place in the bucket.

    edges : int64[B + 1]; at : int32[R]; column : int64[R], written; scratch : int64, as long as the
    largest bucket, written
    """
    for bucket in range(edges.shape[0] - 1):
        low, high = np.uintp(edges[bucket]), np.uintp(edges[bucket + 1])
        n_rows = high - low
        places, words = at[low:high], column[low:high]
        for r in range(n_rows):
            scratch[r] = words[r]
        for r in range(n_rows):
            words[np.uintp(places[r])] = scratch[r]


@njit(types.void(READ, types.int64, types.int64, WORDS), nogil=True)
def own(start: Words, low: int, high: int, owner: Words) -> None:
    """Write the machine of every row for the machines low .. high - 1.

    start : int64[P + 1], the first row of every machine; owner : int64[R], written
    """
    for machine in range(low, high):
        for r in range(start[machine], start[machine + 1]):
            owner[np.uintp(r)] = machine
