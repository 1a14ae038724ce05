"""Loops of exact match on rows of one word, part by part: what many rows are joined by.

Axes: n rows, n' probes. As in `exact_match`, whose hash they share: Numba keeps compiled callers by
the date of their own file, so who changes `mix` there touches this one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anna_model.kernels.compiled import njit, types
from anna_model.kernels.exact_match import GOLDEN, I1, ONE, READ_I1, READ_U2, U1, U2, ZERO, mix

U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
Flags = NDArray[np.bool_]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

READ_U1 = types.Array(types.uint64, 1, "C", readonly=True)
READ_F1 = types.Array(types.float64, 1, "C", readonly=True)
READ_S1 = types.Array(types.int32, 1, "C", readonly=True)
F1, S1, B1 = types.float64[::1], types.int32[::1], types.boolean[::1]


@njit(types.void(READ_U2, types.int64, I1), nogil=True)
def count_parts(words: U64, bits: int, count: I64) -> None:
    """Count rows by the upper ``bits`` bits of their hash, 1 .. 63.

    words : uint64[n, 1]; count : int64[2^bits], zeros, written
    """
    shift = np.uint64(64 - bits)
    for i in range(words.shape[0]):
        h = mix(GOLDEN ^ words[i, 0])
        count[h >> shift] += 1


@njit(types.void(READ_U2, types.int64, types.int64, I1, U1, S1), nogil=True)
def scatter_rows(words: U64, bits: int, first: int, place: I64, hashed: U64, row: I32) -> None:
    """Write hash and row number of every row to the next place of its part, in the old order.

    words : uint64[n, 1], the rows first, first + 1, ...; place : int64[2^bits], advanced
    hashed : uint64, row : int32, arrays of all rows, written at the places
    """
    shift = np.uint64(64 - bits)
    for i in range(words.shape[0]):
        h = mix(GOLDEN ^ words[i, 0])
        part = h >> shift
        at = np.uintp(place[part])
        place[part] += 1
        hashed[at] = h
        row[at] = np.int32(first + i)


@njit(types.void(READ_U2, READ_F1, types.int64, I1, U1, F1), nogil=True)
def scatter_values(words: U64, V: F64, bits: int, place: I64, hashed: U64, value: F64) -> None:
    """Write hash and value of every row to the next place of its part, in the old order.

    words : uint64[n, 1]; V : float64[n]; place : int64[2^bits], advanced
    hashed : uint64, value : float64, arrays of all rows, written at the places
    """
    shift = np.uint64(64 - bits)
    for i in range(words.shape[0]):
        h = mix(GOLDEN ^ words[i, 0])
        part = h >> shift
        at = np.uintp(place[part])
        place[part] += 1
        hashed[at] = h
        value[at] = V[i]


@njit(
    types.void(
        READ_U1, READ_F1, READ_I1, READ_U1, READ_S1, READ_I1, U2, F1, S1, F1, B1
    ),

    nogil=True,
)  # fmt: skip
def join_values(
    key_hash: U64,
    value: F64,
    key_start: I64,
    probe_hash: U64,
    probe_row: I32,
    probe_start: I64,
    table: U64,
    total: F64,
    count: I32,
    out: F64,
    unmatched: Flags,
) -> None:
    """Mean of the values over the keys that equal every probe, part by part; 0 where none does.

    Keys are equal where their hashes are: rows of one word, whose hash is one-to-one.

    key_hash, value, probe_hash, probe_row : as the scatters left them
    key_start, probe_start : int64[parts + 1], where every part begins
    table : uint64[2^b, 2], 2^b at least twice the rows of every part, scratch, zeros: a slot holds
    the hash of a group and its label 1, 2, ...
    total : float64, count : int32 [1 + most rows of a part], scratch
    out : float64[n'], unmatched : bool[n'], written
    """
    for part in range(key_start.shape[0] - 1):
        low, high = np.uintp(key_start[part]), np.uintp(key_start[part + 1])
        size = np.uint64(2)
        while size < np.uint64(4) * np.uint64(high - low):
            size *= np.uint64(2)
        mask = size - ONE
        total[0], count[0] = 0.0, 1  # group 0 is that of the probes without a match
        n_groups = ZERO
        for at in range(low, high):
            h = key_hash[at]
            slot = h & mask
            found = table[slot, 1]
            while found != ZERO and table[slot, 0] != h:
                slot = (slot + ONE) & mask
                found = table[slot, 1]
            if found == ZERO:
                n_groups += ONE
                table[slot, 0] = h
                table[slot, 1] = n_groups
                total[n_groups] = 0.0 + value[at]  # -0.0 becomes 0.0, as in a sum
                count[n_groups] = 1
            else:
                total[found] += value[at]
                count[found] += 1
        for g in range(n_groups + ONE):
            total[g] /= np.float64(count[g])
        for at in range(np.uintp(probe_start[part]), np.uintp(probe_start[part + 1])):
            h = probe_hash[at]
            slot = h & mask
            found = table[slot, 1]
            while found != ZERO and table[slot, 0] != h:
                slot = (slot + ONE) & mask
                found = table[slot, 1]
            i = np.uintp(probe_row[at])
            out[i] = total[found]
            unmatched[i] = found == ZERO
        for slot in range(size):
            table[slot, 1] = ZERO
