"""Loops of bucket tables: sums of values by bucket, and what the queries read of them.

Axes: N_k keys, N_q queries, T tables, R rows of a table, m value width. A row of a table holds the
sum of the values of one bucket; row 0 is the empty bucket, never written, so that a query
that finds no bucket reads zeros like any other. Sums run in the order of the keys within a table
and in the order of the tables within a query, in the dtype of the values: neither threads nor the
number of tables alive changes a bit. Arrays are C-contiguous, validated and allocated by the
caller. Every function is serial and releases the interpreter lock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model.kernels.compiled import njit

Floats = NDArray[Any]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Codes = NDArray[Any]

BATCH = 256
EXACT = 2**24


@njit(nogil=True, error_model="numpy")
def label(code: Codes, row_of_code: I32, row: I32) -> int:
    """Number the codes from 1 in the order of their first appearance; return how many there are.

    code : int32 or int64 [n] in 0 .. len(row_of_code) - 1; row_of_code : int32, zeros, written
    row : int32[n], written
    """
    n_rows = 0
    for j in range(code.shape[0]):
        at = np.uintp(code[j])
        if row_of_code[at] == 0:
            n_rows += 1
            row_of_code[at] = n_rows
        row[j] = row_of_code[at]
    return n_rows


@njit(nogil=True, error_model="numpy")
def find(code: Codes, row_of_code: I32, row: I32) -> None:
    """Look codes up; row : int32[n], written, 0 where a code was not labelled."""
    for j in range(code.shape[0]):
        row[j] = row_of_code[np.uintp(code[j])]


@njit(nogil=True, error_model="numpy")
def sum_buckets(row: I32, shift: int, V: Floats, n_rows: I64, total: Floats, count: I64) -> None:
    """Sum the values of every bucket of every table: the first hit writes, later ones add.

    Keys go in batches, every table in turn, so that their values are fetched from memory once.
    row : int32[T, N_k], the row is row + shift, and 0 is left out; V : float[N_k, m]
    n_rows : int64[T], the largest row
    total : float[T, R, m] and count : int64[T, R], any content, rows 0 .. n_rows written
    """
    n_tables, n_keys = row.shape
    m = V.shape[1]
    for u in range(n_tables):
        for r in range(n_rows[u] + 1):
            count[u, r] = 0
    for low in range(0, n_keys, BATCH):
        high = min(n_keys, low + BATCH)
        for u in range(n_tables):
            for j in range(low, high):
                b = np.uintp(row[u, j] + shift)
                if b != 0:
                    if count[u, b] == 0:
                        for c in range(m):
                            total[u, b, c] = V[j, c]
                    else:
                        for c in range(m):
                            total[u, b, c] += V[j, c]
                    count[u, b] += 1
    for u in range(n_tables):
        for r in range(n_rows[u] + 1):
            if count[u, r] == 0:
                for c in range(m):
                    total[u, r, c] = 0


@njit(nogil=True, error_model="numpy")
def read_buckets(
    row: I32,
    shift: int,
    total: Floats,
    count: I64,
    ends: int,
    low: int,
    high: int,
    out: Floats,
    seen: I64,
) -> None:
    """Sum the buckets of the queries low .. high - 1 in the tables 0 .. T - 1.

    The means are one division of the sums, rounded as in float64 and then in their own dtype. For
    float32 and counts that it holds exactly its own division gives the same (Figueroa 1995: twice
    the digits and two more suffice).

    row : int32[T, N_q], the row is row + shift; total : float[T, R, m]; count : int64[T, R]
    ends : bits, 1: these are the first tables, 2: they are the last
    out : float[N_q, m] and seen : int64[N_q], written with the first tables and then added to;
    with the last `out` becomes the mean where anything was seen
    """
    n_tables, m = row.shape[0], out.shape[1]
    for i in range(low, high):
        u, met = 0, np.int64(0)
        if ends & 1:
            r = np.uintp(row[0, i] + shift)
            met += count[0, r]
            for c in range(m):
                out[i, c] = total[0, r, c]
            u = 1
        else:
            met += seen[i]
        while u + 3 < n_tables:
            r0, r1 = np.uintp(row[u, i] + shift), np.uintp(row[u + 1, i] + shift)
            r2, r3 = np.uintp(row[u + 2, i] + shift), np.uintp(row[u + 3, i] + shift)
            met += count[u, r0] + count[u + 1, r1] + count[u + 2, r2] + count[u + 3, r3]
            for c in range(m):
                part = (out[i, c] + total[u, r0, c]) + total[u + 1, r1, c]
                out[i, c] = (part + total[u + 2, r2, c]) + total[u + 3, r3, c]
            u += 4
        while u < n_tables:
            r = np.uintp(row[u, i] + shift)
            met += count[u, r]
            for c in range(m):
                out[i, c] += total[u, r, c]
            u += 1
        seen[i] = met
        if ends & 2:
            _divide(met, out[i])


@njit(nogil=True, error_model="numpy")
def _divide(met: int, sums: Floats) -> None:
    if 0 < met <= EXACT:
        whole = sums.dtype.type(met)
        for c in range(sums.shape[0]):
            sums[c] /= whole
    elif met > 0:
        wide = np.float64(met)
        for c in range(sums.shape[0]):
            sums[c] = np.float64(sums[c]) / wide


@njit(nogil=True, error_model="numpy")
def run_through(
    key_row: I32,
    query_row: I32,
    shift: int,
    V: Floats,
    first: int,
    last: int,
    total: Floats,
    count: I64,
    out: Floats,
    seen: I64,
) -> None:
    """Enter key i, then let query i read its bucket, in turn, in some columns.

    key_row, query_row : int32[N], the row is row + shift, 0 is no bucket; V : float[N, m]
    first, last : the columns are first .. last - 1
    total : float[>= R, m], written in these columns where count allows reading; count : int64[R],
    zeros, written
    out : float[N, m] and seen : int64[N], added to; seen with column 0 alone
    """
    for i in range(key_row.shape[0]):
        r = np.uintp(key_row[i] + shift)
        if r != 0:
            if count[r] == 0:
                for c in range(first, last):
                    total[r, c] = V[i, c]
            else:
                for c in range(first, last):
                    total[r, c] += V[i, c]
            count[r] += 1
        r = np.uintp(query_row[i] + shift)
        if r != 0 and count[r] > 0:
            if first == 0:
                seen[i] += count[r]
            for c in range(first, last):
                out[i, c] += total[r, c]


@njit(nogil=True, error_model="numpy")
def divide(seen: I64, low: int, high: int, out: Floats) -> None:
    """Divide the sums of the queries low .. high - 1 by their counts.

    seen : int64[N_q]; out : float[N_q, m], written where the count is positive
    """
    for i in range(low, high):
        _divide(seen[i], out[i])
