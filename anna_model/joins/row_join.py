"""Hash joins on rows of words: which rows are equal, means over equal rows.

Axes: n rows of w words, m value width. Group labels come in any order and no result may depend on
them. The hash is fixed: the cost is expected over rows that were not chosen against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import FloatArray, IntArray

Words = NDArray[np.uint64]


def as_words(rows: NDArray[Any]) -> Words:
    """Write rows as words that are equal bit for bit exactly where the rows are equal.

    Parameters
    ----------
    rows : int64, uint64 or finite float64 [n, w]

    Returns
    -------
    uint64[n, w]
        C-contiguous.
    """
    if rows.dtype == np.float64:
        rows = rows + 0.0  # -0.0 + 0.0 is 0.0; all other finite floats have one bit pattern each
    return np.ascontiguousarray(rows).view(np.uint64)


def match_rows(words: Words, probes: Words) -> tuple[IntArray, IntArray, int]:
    """Group equal rows, and find the group of every probe.

    Parameters
    ----------
    words : uint64[n, w]
    probes : uint64[n', w]

    Returns
    -------
    group : int64[n]
        Label of the group of a row, 0 .. n_groups - 1.
    found : int64[n']
        Label of the group that equals the probe, -1 where there is none.
    n_groups : int
    """
    from anna_model.kernels import exact_match as kernels

    group, found = np.empty(len(words), np.int64), np.empty(len(probes), np.int64)
    table = np.zeros((1 << (2 * len(words)).bit_length(), 2), np.uint64)
    scratch = np.empty(kernels.BATCH + 1, np.uint64)
    with np.errstate(over="ignore"):  # the hash wraps by design; it warns when uncompiled
        n_groups = int(kernels.group_rows(words, table, group, scratch))
        kernels.find_rows(words, table, probes, found, scratch)
    return group, found, n_groups


def group_means(group: IntArray, V: FloatArray, n_groups: int) -> FloatArray:
    """Mean of the rows of V in every group: the sum in their order, divided once by the count.

    Parameters
    ----------
    group : int64[n]
        In 0 .. n_groups - 1, or -1: left out.
    V : float64[n, m]
        C-contiguous.

    Returns
    -------
    float64[n_groups + 1, m]
        The last row is zero, so that label -1 reads it.
    """
    from anna_model.kernels import exact_match as kernels

    mean = np.zeros((n_groups + 1, V.shape[1]))
    kernels.group_means(group, V, mean, np.zeros(n_groups, np.int64))
    return mean


def running_means(group: IntArray, found: IntArray, V: FloatArray, n_groups: int) -> FloatArray:
    """Mean of the rows of V up to row i in the group of probe i.

    Parameters
    ----------
    group, found : int64[n]
        As `match_rows` returns them; `found` becomes -1 where nothing up to the row matches.
    V : float64[n, m]
        C-contiguous.

    Returns
    -------
    float64[n, m]
        Zero rows where nothing matches.
    """
    from anna_model.kernels import exact_match as kernels

    out, total = np.zeros_like(V), np.zeros((n_groups, V.shape[1]))
    kernels.running_means(group, found, V, total, np.zeros(n_groups, np.int64), out)
    return out


def sort_by(key: IntArray, n_keys: int) -> tuple[IntArray, IntArray]:
    """Sort rows by counting, in O(n + n_keys).

    Parameters
    ----------
    key : int64[n]
        In 0 .. n_keys - 1.

    Returns
    -------
    order : int64[n]
        The rows by key, equal keys in their old order.
    end : int64[n_keys]
        Where the rows of every key end in `order`.
    """
    from anna_model.kernels import exact_match as kernels

    order, end = np.empty(len(key), np.int64), np.zeros(n_keys + 1, np.int64)
    kernels.stable_order(key, end, order)
    return order, end[:-1]


def order_by(*keys: IntArray) -> IntArray:
    """Return `np.lexsort` of keys that are not negative: the last key counts most.

    Parameters
    ----------
    keys : int64[n]

    Returns
    -------
    int64[n]

    Notes
    -----
    A pass of counting for each key, in O(n) where its range is; a range beyond 16 n is sorted.
    """
    order = np.arange(len(keys[0]))
    for place, key in enumerate(keys):
        named = np.take(key, order) if place else key
        n_keys = int(named.max(initial=-1)) + 1
        counted = n_keys <= 16 * len(key) + 1024
        passed = sort_by(named, n_keys)[0] if counted else np.argsort(named, kind="stable")
        order = np.take(order, passed) if place else passed
    return order
