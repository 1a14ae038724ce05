"""Bucket tables of a batch of keys and queries, some tables alive at a time.

Axes: N_q queries, N_k keys, l tables, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import IntArray
from anna_model.joins.row_join import match_rows
from anna_model.lsh.family import PARTS, Codes, HashFunctions, Matrix
from anna_model.threads import Run, cut, threads

Rows = NDArray[np.int32]

CODES_A_ROW = 4
"""A table is reached by an array over all codes where those are at most this many per row."""

FEW_CODES, KEYS_A_ROW = 2**10, 16
"""Codes are rows of a table where they are at most so many, or at most one per so many keys."""

HASHED = 8
"""Tables hashed together where fewer are alive: reading a row costs as much as two functions."""


@dataclass(frozen=True, eq=False)
class Sums:
    """What the queries read in all tables.

    Parameters
    ----------
    values : float[N_q, m]
        Sums of values over all collisions, in the dtype of V.
    collisions : int64[N_q]
        Pairs of a table and a key that met the query.
    """

    values: Matrix
    collisions: IntArray


def sum_collisions(
    functions: HashFunctions,
    Q: Matrix,
    K: Matrix,
    V: Matrix,
    *,
    alive: int,
    by_queries: bool,
    causal: bool,
) -> tuple[Matrix, IntArray]:
    """Mean over all collisions of every query, and how many there were.

    Parameters
    ----------
    Q, K : float[N_q, m_qk], float[N_k, m_qk]
        Checked, contiguous, of one dtype.
    V : float[N_k, m]
        Contiguous.
    alive : int
        Tables filled and read together.
    by_queries : bool
        Queries make the buckets, and keys that find none are dropped; else the keys make them.
    causal : bool
        Query i reads the tables that hold the keys 0 .. i.

    Returns
    -------
    values : float[N_q, m]
    collisions : int64[N_q]
    """
    from anna_model.kernels.tables import divide

    result: Matrix = (np.zeros if causal else np.empty)((len(Q), V.shape[1]), V.dtype)
    sums = Sums(result, np.zeros(len(Q), np.int64))
    n_hashes = (len(Q) + len(K)) * functions.tables * functions.hashes
    space = _Space()
    alive = _alive(alive, functions.n_codes, len(Q))
    hashed = -(-HASHED // alive) * alive
    with threads(n_hashes) as (run, n_threads):
        for first in range(0, functions.tables, hashed):
            last = min(functions.tables, first + hashed)
            codes = functions.codes({"Q": Q, "K": K}, first, last, run, n_threads)
            for low in range(0, last - first, alive):
                of_queries, of_keys = (each[low : low + alive] for each in codes)
                tables = _labelled(of_queries, of_keys, functions.n_codes, by_queries, run)
                total, count = space.of(len(of_keys), max(tables.n_rows) + 1, V)
                if causal:
                    _run_through(tables, V, total, count, sums, run, n_threads)
                else:
                    done = first + low + len(of_keys) == functions.tables
                    ends = (first + low == 0) + 2 * done
                    _fill_and_read(tables, V, total, count, ends, sums, run, n_threads)
        if causal:
            parts = cut(len(Q), n_threads)
            run(divide, [(sums.collisions, *part, sums.values) for part in parts])
    return sums.values, sums.collisions


def _alive(alive: int, n_codes: int, n_queries: int) -> int:
    """Tables that take no more than `alive` tables of one row per query, but a few if those do."""
    return max(alive, min(HASHED, alive * n_queries // (n_codes + 1)))


class _Space:
    """Rows of tables, kept while they suffice: fresh pages cost more than the sums in them."""

    def __init__(self) -> None:
        self._total: Matrix = np.empty((0, 0))
        self._count: IntArray = np.empty((0, 0), np.int64)

    def of(self, n_tables: int, n_rows: int, V: Matrix) -> tuple[Matrix, IntArray]:
        if n_tables > len(self._count) or n_rows > self._count.shape[1]:
            self._total, self._count = np.empty((0, 0)), np.empty((0, 0), np.int64)
            self._total = np.empty((n_tables, n_rows, V.shape[1]), V.dtype)
            self._count = np.empty((n_tables, n_rows), np.int64)
        return self._total[:n_tables], self._count[:n_tables]


@dataclass(frozen=True, eq=False)
class _Tables:
    """Rows of queries and keys, to be shifted; 0 after that is no bucket. n_rows: the last row."""

    query_row: Rows
    key_row: Rows
    shift: int
    n_rows: list[int]


def _labelled(
    of_queries: Codes, of_keys: Codes, n_codes: int, by_queries: bool, run: Run
) -> _Tables:
    """Turn codes into rows of tables, one row per code where codes are few."""
    if n_codes <= max(FEW_CODES, len(of_keys[0]) // KEYS_A_ROW):
        return _Tables(of_queries, of_keys, 1, [n_codes] * len(of_keys))
    query_row, key_row = np.empty(of_queries.shape, np.int32), np.empty(of_keys.shape, np.int32)
    if by_queries:
        jobs = zip(of_queries, of_keys, query_row, key_row, strict=True)
    else:
        jobs = zip(of_keys, of_queries, key_row, query_row, strict=True)
    return _Tables(query_row, key_row, 0, run(_label, [(*job, n_codes) for job in jobs]))


def _label(makers: Codes, finders: Codes, made: Rows, found: Rows, n_codes: int) -> int:
    """Number the buckets of one table from 1; return how many there are."""
    if n_codes <= CODES_A_ROW * len(makers):
        from anna_model.kernels.tables import find, label

        row_of_code = np.zeros(n_codes, np.int32)
        n_rows = int(label(makers, row_of_code, made))
        find(finders, row_of_code, found)
        return n_rows
    words = [codes.astype(np.int64).view(np.uint64)[:, None] for codes in (makers, finders)]
    group, place, n_rows = match_rows(*words)
    np.add(group, 1, out=made, casting="unsafe")
    np.add(place, 1, out=found, casting="unsafe")
    return n_rows


def _fill_and_read(
    tables: _Tables,
    V: Matrix,
    total: Matrix,
    count: IntArray,
    ends: int,
    sums: Sums,
    run: Run,
    n_threads: int,
) -> None:
    """Fill tables, every one by one thread, then read them, every query by one thread."""
    from anna_model.kernels.tables import read_buckets, sum_buckets

    rows = np.array(tables.n_rows, np.int64)
    some = [slice(*part) for part in cut(len(rows), n_threads)]
    run(
        sum_buckets,
        [(tables.key_row[u], tables.shift, V, rows[u], total[u], count[u]) for u in some],
    )
    read = (tables.query_row, tables.shift, total, count, ends)
    parts = cut(len(sums.values), PARTS * n_threads if n_threads > 1 else 1)
    run(read_buckets, [(*read, *part, sums.values, sums.collisions) for part in parts])


def _run_through(
    tables: _Tables,
    V: Matrix,
    total: Matrix,
    count: IntArray,
    sums: Sums,
    run: Run,
    n_threads: int,
) -> None:
    """Run through the tokens table by table; every thread has some columns of the values."""
    from anna_model.kernels.tables import run_through

    parts = cut(V.shape[1], n_threads) or [(0, 0)]
    for u in range(len(tables.key_row)):
        counts = np.zeros((len(parts), count.shape[1]), np.int64)
        rows = (tables.key_row[u], tables.query_row[u], tables.shift, V)
        run(
            run_through,
            [
                (*rows, *part, total[u], counts[t], sums.values, sums.collisions)
                for t, part in enumerate(parts)
            ],
        )
