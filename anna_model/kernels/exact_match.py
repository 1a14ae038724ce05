"""Loops of exact match: which rows are equal, and means over equal rows.

Axes: n rows of w words, G groups of equal rows, m value width. Groups are labelled 0 .. G-1 in any
order: no result depends on the labels, so a partitioned or parallel grouping may take the place of
this one. Inputs are C-contiguous and validated by the caller; outputs are allocated by the caller.
The hash wraps modulo 2**64: a caller that runs them uncompiled silences NumPy's overflow warning.

A probe branches on what it loads, so a cache miss would stall every row. Rows therefore go in
batches: one loop over a batch only touches the slots (independent loads, many in flight), the next
probes slots that have arrived. Writing `touched` keeps the compiler from dropping the first loop.
No array is passed to a function inside a hot loop: Numba would count references there with atomic
instructions, which wait for all loads in flight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anna_model.kernels.compiled import config, njit, types

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

READ_U2 = types.Array(types.uint64, 2, "C", readonly=True)
READ_I1 = types.Array(types.int64, 1, "C", readonly=True)
READ_F2 = types.Array(types.float64, 2, "C", readonly=True)
U1, U2 = types.uint64[::1], types.uint64[:, ::1]
I1, F2 = types.int64[::1], types.float64[:, ::1]

BATCH = 32
N_THREADS = int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31 = np.uint64(30), np.uint64(27), np.uint64(31)
ZERO, ONE = np.uint64(0), np.uint64(1)
HALF, LOW_HALF = np.uint64(32), np.uint64(0xFFFFFFFF)


@njit(types.uint64(types.uint64), nogil=True)
def mix(h: np.uint64) -> np.uint64:
    """Scramble one word: the finaliser of splitmix64, one-to-one."""
    h = (h ^ (h >> SHIFT_30)) * MIX_1
    h = (h ^ (h >> SHIFT_27)) * MIX_2
    return h ^ (h >> SHIFT_31)


@njit(types.int64(READ_U2, U2, I1, U1), nogil=True)
def group_rows(words: U64, table: U64, group: I64, scratch: U64) -> int:
    """Label equal rows alike; return the number of groups.

    words : uint64[n, w]; group : int64[n], written; scratch : uint64[BATCH + 1], written, without
    meaning
    table : uint64[2^b, 2], zeros, 2^b > n, written: open addressing with linear probing; a slot
    holds the hash of a group, and its first row in the high and 1 + its label in the low half of a
    word (so n < 2^32)
    """
    n, w = words.shape
    mask = np.uint64(table.shape[0] - 1)
    n_groups = 0
    for low in range(0, n, BATCH):
        size = min(BATCH, n - low)
        for b in range(size):
            h = GOLDEN
            for c in range(w):
                h = mix(h ^ words[low + b, c])
            scratch[b] = h
        touched = ZERO
        for b in range(size):
            touched ^= table[scratch[b] & mask, 1]
        scratch[BATCH] = touched
        for b in range(size):
            i = low + b
            h = scratch[b]
            slot = h & mask
            while True:
                entry = table[slot, 1]
                if entry == ZERO:
                    group[i] = n_groups
                    n_groups += 1
                    table[slot, 0] = h
                    table[slot, 1] = np.uint64(i) << HALF | np.uint64(n_groups)
                    break
                if table[slot, 0] == h:
                    first = entry >> HALF
                    c = 0 if w > 1 else w  # the hash of one word is one-to-one: the rows are equal
                    while c < w and words[first, c] == words[i, c]:
                        c += 1
                    if c == w:
                        group[i] = np.int64((entry & LOW_HALF) - ONE)
                        break
                slot = (slot + ONE) & mask
    return n_groups


@njit(types.void(READ_U2, READ_U2, READ_U2, I1, U1), nogil=True)
def find_rows(words: U64, table: U64, probes: U64, found: I64, scratch: U64) -> None:
    """Find the group that equals every probe.

    words : uint64[n, w]; table : as `group_rows` left it; probes : uint64[n', w]
    found : int64[n'], written, -1 where no row equals the probe; scratch : uint64[BATCH + 1],
    written, without meaning
    """
    n, w = probes.shape
    mask = np.uint64(table.shape[0] - 1)
    for low in range(0, n, BATCH):
        size = min(BATCH, n - low)
        for b in range(size):
            h = GOLDEN
            for c in range(w):
                h = mix(h ^ probes[low + b, c])
            scratch[b] = h
        touched = ZERO
        for b in range(size):
            touched ^= table[scratch[b] & mask, 1]
        if w > 1:
            for b in range(size):
                entry = table[scratch[b] & mask, 1]
                if entry != ZERO:
                    touched ^= words[entry >> HALF, 0]
        scratch[BATCH] = touched
        for b in range(size):
            i = low + b
            h = scratch[b]
            slot = h & mask
            found[i] = -1
            while True:
                entry = table[slot, 1]
                if entry == ZERO:
                    break
                if table[slot, 0] == h:
                    first = entry >> HALF
                    c = 0 if w > 1 else w
                    while c < w and words[first, c] == probes[i, c]:
                        c += 1
                    if c == w:
                        found[i] = np.int64((entry & LOW_HALF) - ONE)
                        break
                slot = (slot + ONE) & mask


@njit(types.void(READ_I1, READ_F2, F2, I1), nogil=True)
def add_to_groups(group: I64, V: F64, total: F64, count: I64) -> None:
    """Add every row of V to the total of its group, and 1 to its count.

    group : int64[n] in 0 .. len(count) - 1; V : float64[n, m]
    total : float64[>= len(count), m] and count : int64[G] are added to
    """
    for i in range(group.shape[0]):
        g = np.uintp(group[i])
        count[g] += 1
        for c in range(V.shape[1]):
            total[g, c] += V[i, c]


@njit(types.void(READ_I1, READ_F2, F2, I1), nogil=True)
def group_means(group: I64, V: F64, mean: F64, count: I64) -> None:
    """Mean of V over every group: the sum in the order of the rows, divided once by the count.

    group : int64[n] in -1 .. len(count) - 1, -1 is left out; V : float64[n, m]
    mean : float64[>= len(count), m], zeros, written; count : int64[G], zeros, written
    """
    m = V.shape[1]
    for i in range(group.shape[0]):
        if group[i] >= 0:
            g = np.uintp(group[i])
            count[g] += 1
            for c in range(m):
                mean[g, c] += V[i, c]
    for label in range(count.shape[0]):
        if count[label] > 1:
            n = np.float64(count[label])
            for c in range(m):
                mean[label, c] /= n


@njit(types.void(READ_I1, I1, READ_F2, F2, I1, F2), nogil=True)
def running_means(group: I64, found: I64, V: F64, total: F64, count: I64, out: F64) -> None:
    """Mean of V over those rows 0 .. i that lie in the group of probe i, for every i in turn.

    group, found : int64[n]; V : float64[n, m]; total : float64[G, m] and count : int64[G], zeros,
    written
    out : float64[n, m], zeros, written; found becomes -1 where there is no such row yet
    """
    m = V.shape[1]
    for i in range(group.shape[0]):
        g = np.uintp(group[i])
        count[g] += 1
        for c in range(m):
            total[g, c] += V[i, c]
        if found[i] >= 0:
            g = np.uintp(found[i])
            if count[g] == 0:
                found[i] = -1
            else:
                n = np.float64(count[g])
                for c in range(m):
                    out[i, c] = total[g, c] / n


@njit(types.void(READ_I1, I1, I1), nogil=True)
def stable_order(key: I64, end: I64, order: I64) -> None:
    """Sort by counting: order[t] is the row that comes t-th, equal keys in their old order.

    key : int64[n] in 0 .. C-1; order : int64[n], written
    end : int64[C + 1], zeros, written: where the rows of every key end in `order`
    """
    for i in range(key.shape[0]):
        end[key[i] + 1] += 1
    for c in range(1, end.shape[0]):
        end[c] += end[c - 1]
    for i in range(key.shape[0]):
        order[end[key[i]]] = i
        end[key[i]] += 1
