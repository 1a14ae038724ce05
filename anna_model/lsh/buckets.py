"""Bucket tables of a batch of keys and queries, some tables alive at a time.

Axes: N_q queries, N_k keys, l tables, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import IntArray
from anna_model.lsh.family import HashFunctions, Matrix
from anna_model.row_join import match_rows
from anna_model.threads import Run, cut, threads

Rows = NDArray[np.int32]

CODES_A_ROW = 4
"""A table is reached by an array over all codes where those are at most this many a row."""

FEW_CODES = 2**10

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

    Examples
    --------
    >>> Sums(np.zeros((1, 2)), np.zeros(1, np.int64)).collisions.tolist()
    [0]
    """

    values: Matrix
    collisions: IntArray

    def divided(self, run: Run, n_threads: int) -> Matrix:
        """Divide the sums by the collisions in place; zero rows where there were none."""
        from anna_model.kernels.tables import divide

        parts = cut(len(self.values), n_threads)
        run(divide, [(self.collisions, low, high, self.values) for low, high in parts])
        return self.values


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
    functions : HashFunctions
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

    Examples
    --------
    >>> from anna_model.lsh import Hyperplane
    >>> functions = Hyperplane().sample(2, tables=3, hashes=4, seed=0)
    >>> Q, K, V = np.eye(2), np.eye(2)[[0, 0, 1]], np.array([[1.0], [3.0], [7.0]])
    >>> values, collisions = sum_collisions(
    ...     functions, Q, K, V, alive=1, by_queries=True, causal=False)
    >>> values.T.tolist(), collisions.tolist()
    ([[2.0, 7.0]], [6, 3])
    """
    sums = Sums(np.zeros((len(Q), V.shape[1]), V.dtype), np.zeros(len(Q), np.int64))
    n_hashes = (len(Q) + len(K)) * functions.tables * functions.hashes
    space = _Space()
    hashed = -(-HASHED // alive) * alive
    with threads(n_hashes) as (run, n_threads):
        for first in range(0, functions.tables, hashed):
            last = min(functions.tables, first + hashed)
            codes = functions.codes({"Q": Q, "K": K}, first, last, run, n_threads)
            for low in range(0, last - first, alive):
                of_queries, of_keys = (each[low : low + alive] for each in codes)
                query_row, key_row, n_rows = _labels(
                    of_queries, of_keys, functions.n_codes, by_queries, run
                )
                total, count = space.of(len(n_rows), max(n_rows) + 1, V)
                if causal:
                    _run_through(key_row, query_row, V, total, count, sums, run, n_threads)
                else:
                    _fill_and_read(
                        key_row, query_row, V, n_rows, total, count, sums, run, n_threads
                    )
        return sums.divided(run, n_threads), sums.collisions


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


def _labels(
    of_queries: IntArray, of_keys: IntArray, n_codes: int, by_queries: bool, run: Run
) -> tuple[Rows, Rows, list[int]]:
    """Turn codes into rows of tables, 0 for none; say how many rows every table has."""
    query_row, key_row = np.empty(of_queries.shape, np.int32), np.empty(of_keys.shape, np.int32)
    if by_queries:
        jobs = zip(of_queries, of_keys, query_row, key_row, strict=True)
    else:
        jobs = zip(of_keys, of_queries, key_row, query_row, strict=True)
    return query_row, key_row, run(_label, [(*job, n_codes) for job in jobs])


def _label(makers: IntArray, finders: IntArray, made: Rows, found: Rows, n_codes: int) -> int:
    """Number the buckets of one table from 1; return how many there are."""
    if n_codes <= max(FEW_CODES, CODES_A_ROW * len(makers)):
        from anna_model.kernels.tables import find, label

        row_of_code = np.zeros(n_codes, np.int32)
        n_rows = int(label(makers, row_of_code, made))
        find(finders, row_of_code, found)
        return n_rows
    group, place, n_rows = match_rows(*(c.view(np.uint64)[:, None] for c in (makers, finders)))
    np.add(group, 1, out=made, casting="unsafe")
    np.add(place, 1, out=found, casting="unsafe")
    return n_rows


def _fill_and_read(
    key_row: Rows,
    query_row: Rows,
    V: Matrix,
    n_rows: list[int],
    total: Matrix,
    count: IntArray,
    sums: Sums,
    run: Run,
    n_threads: int,
) -> None:
    """Let every thread fill some tables, then let every thread read for some queries."""
    from anna_model.kernels.tables import read_buckets, sum_buckets

    rows = np.array(n_rows, np.int64)
    tables = [slice(*part) for part in cut(len(rows), n_threads)]
    run(sum_buckets, [(key_row[u], V, rows[u], total[u], count[u]) for u in tables])
    parts = cut(len(sums.values), n_threads)
    run(
        read_buckets,
        [(query_row, total, count, *part, sums.values, sums.collisions) for part in parts],
    )


def _run_through(
    key_row: Rows,
    query_row: Rows,
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
    for u in range(len(key_row)):
        counts = np.zeros((len(parts), count.shape[1]), np.int64)
        run(
            run_through,
            [
                (key_row[u], query_row[u], V, *part, total[u], counts[t], sums.values,
                 sums.collisions)
                for t, part in enumerate(parts)
            ],
        )  # fmt: skip
