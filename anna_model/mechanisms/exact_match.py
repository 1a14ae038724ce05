"""Exact match attention (EMA): a query receives the mean of the values whose keys equal it.

Definition B.1 of Liu, Yu, Sanford, Andoni, Hsu, *Fast attention mechanisms: a tale of parallelism*,
arXiv 2509.09001: w_ij = 1 / #{j : k_j = q_i} where k_j = q_i, else 0, and a zero row where no key
equals the query. Counts are over indices: repeated keys count repeatedly.

Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anna_model.answers import Answer, SparseAnswer
from anna_model.frozen_arrays import FloatArray, real_rows, require_finite
from anna_model.heads import EVERY_HEAD, HeadBlock, SparseHeads
from anna_model.joins.partitioned_join import LEAST_ROWS, mean_of_equal_words
from anna_model.joins.row_join import (
    as_words,
    group_means,
    match_rows,
    running_means,
    sort_by,
)
from anna_model.lazy_values import LazyValues
from anna_model.mechanisms.mechanism import Attended, Mechanism


@dataclass(frozen=True)
class ExactMatch(Mechanism):
    """Exact match attention, Definition B.1 of arXiv 2509.09001.

    Parameters
    ----------
    causal : bool
        Query i sees the keys 0 .. i only.

    Notes
    -----
    Queries and keys are both integers (any integer dtype, one word per row or several) or
    both floats up to float64 (-0.0 equals 0.0). The sum of a match runs in the order of the keys
    and is divided once by the count. It is exact, and the result correctly rounded, when the values
    are integers whose partial sums stay below 2**53 in magnitude.

    Cost: `weights` O(N_q N_k m_qk); `apply` O((N_q + N_k)(m_qk + m)) expected over hashed rows,
    with 32 to 64 bytes of table per key; the hash is fixed, so keys chosen against it cost more,
    never another result.

    Examples
    --------
    >>> attention = ExactMatch()
    >>> Q, K, V = np.array([7, 8, 9]), np.array([8, 7, 8]), np.array([[1.0], [2.0], [4.0]])
    >>> attention.weights(Q, K).tolist()
    [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]
    >>> values, unmatched = attention.apply(Q, K, V)
    >>> values.T.tolist(), unmatched.tolist()
    ([[2.0, 2.5, 0.0]], [False, False, True])
    """

    causal: bool = False

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        """Return the attention matrix by the definition.

        Parameters
        ----------
        Q : integer or float [N_q] or [N_q, m_qk]
        K : integer or float [N_k] or [N_k, m_qk]

        Returns
        -------
        float64[N_q, N_k]

        Raises
        ------
        TypeError
            One side is integer and the other float, or neither.
        ValueError
            Shapes that do not fit, NaN or infinity, N_q != N_k under causal.
        """
        queries, keys = self._comparable(Q, K)
        match = np.ones((len(queries), len(keys)), bool)
        for c in range(queries.shape[1]):
            match &= queries[:, None, c] == keys[None, :, c]
        if self.causal:
            match = np.tril(match)
        count = match.sum(axis=1, keepdims=True)
        weights: FloatArray = match / np.maximum(count, 1)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return the mean of the matching values for every query, by a hash join.

        Parameters
        ----------
        Q : integer or float [N_q] or [N_q, m_qk]
        K : integer or float [N_k] or [N_k, m_qk]
        V : real [N_k, m]
            Added in float64.
            Not checked for NaN: one reaches the queries that match its key, and no other.

        Returns
        -------
        Attended
            values : float64[N_q, m], unmatched : bool[N_q].

        Raises
        ------
        TypeError
            One side is integer and the other float, or neither; V is not real.
        ValueError
            Shapes that do not fit, NaN or infinity in Q or K, N_q != N_k under causal.
        """
        queries, keys = (as_words(rows) for rows in self._comparable(Q, K))
        values = _require_values(V, len(keys))
        is_single = keys.shape[1] == 1 and values.shape[1] == 1
        if is_single and not self.causal and min(len(keys), len(queries)) >= LEAST_ROWS:
            mean, unmatched = mean_of_equal_words(keys, queries, values[:, 0])
            return Attended(mean[:, None], unmatched)
        group, found, n_groups = match_rows(keys, queries)
        if self.causal:
            out = running_means(group, found, values, n_groups)
        else:  # row -1 of the means is the zero row of a query without a match
            out = np.take(group_means(group, values, n_groups), found, axis=0)
        return Attended(out, found < 0)

    def answer(self, block: HeadBlock) -> Answer:
        """Answer a block of heads; a sparse block in one join over all its heads.

        Notes
        -----
        A sparse block costs O((Eq + Ek)(m_qk + m) + h + N + E) for E matches (head,
        class): heads where a class matches nothing cost nothing, also for a query in EVERY_HEAD.
        """
        if isinstance(block, SparseHeads) and not self.causal:
            return _answer_sparse(block)
        return super().answer(block)

    def _comparable(self, Q: ArrayLike, K: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        queries, keys = _require_rows("Q", Q), _require_rows("K", K)
        if queries.shape[1] != keys.shape[1]:
            raise ValueError(
                f"Q and K must have equal widths, not {queries.shape[1]} and {keys.shape[1]}"
            )
        if (queries.dtype == np.float64) != (keys.dtype == np.float64):
            raise TypeError("Q and K must be both integers or both floats")
        if queries.dtype != keys.dtype:  # int64 and uint64 rows: only what both can hold is equal
            queries, keys = _require_int64("Q", queries), _require_int64("K", keys)
        if self.causal and len(queries) != len(keys):
            raise ValueError(
                "causal attention is self-attention: as many queries as keys, not "
                f"{len(queries)} and {len(keys)}"
            )
        return queries, keys


def _answer_sparse(block: SparseHeads) -> SparseAnswer:
    """Join the keys, grouped by (head, key), with the queries."""
    query_label, key_label, n_labels = match_rows(as_words(block.Q), as_words(block.K))
    asked = np.flatnonzero(key_label >= 0)
    everywhere = np.flatnonzero(block.query_head == EVERY_HEAD)
    single = np.flatnonzero(block.query_head != EVERY_HEAD)
    # One word for (head, label). It fits: heads and queries number below 2**31 each.
    code = block.key_head[asked] * n_labels + key_label[asked]
    single_code = block.query_head[single] * n_labels + query_label[single]
    group, found, n_groups = match_rows(as_words(code[:, None]), as_words(single_code[:, None]))
    code_of_group = np.empty(n_groups, np.int64)
    code_of_group[group] = code
    group_head, group_label = np.divmod(code_of_group, max(n_labels, 1))

    # A query in every head matches all groups of its label, in whatever head.
    by_label, end = sort_by(group_label, n_labels)
    matches = np.diff(end, prepend=0)[query_label[everywhere]]
    last = end[query_label[everywhere]]
    pick = np.arange(matches.sum()) + np.repeat(last - np.cumsum(matches), matches)
    which = np.concatenate([by_label[pick], found[found >= 0]])
    asker = np.concatenate([np.repeat(everywhere, matches), single[found >= 0]])

    head, query_class = group_head[which], block.query_class[asker]
    order = sort_by(head, block.n_heads)[0]
    order = order[sort_by(query_class[order], block.n_tokens)[0]]
    group_of_key = np.full(len(block.K), -1)
    group_of_key[asked] = group
    if isinstance(block.V, LazyValues):
        mean = block.V.group_means(group_of_key, n_groups)
    else:
        mean = group_means(group_of_key, np.ascontiguousarray(block.V), n_groups)[:-1]
    return SparseAnswer(head[order], query_class[order], which[order], mean)


def _require_rows(name: str, rows: ArrayLike) -> NDArray[Any]:
    """Rows as int64, uint64 or float64 [n, w]; one number per row may come as a vector."""
    array = np.asarray(rows)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two axes, not {array.ndim}")
    matrix = array[:, None] if array.ndim == 1 else array
    if array.dtype.kind == "i":
        return matrix.astype(np.int64, copy=False)
    if array.dtype.kind == "u":
        return matrix.astype(np.uint64 if array.dtype.itemsize == 8 else np.int64, copy=False)
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        matrix = matrix.astype(np.float64, copy=False)
        require_finite(name, matrix)
        return matrix
    raise TypeError(f"{name} must hold integers or floats up to float64, not {array.dtype}")


def _require_int64(name: str, rows: NDArray[Any]) -> NDArray[Any]:
    if rows.dtype == np.uint64 and rows.size and rows.max() >= 2**63:
        raise ValueError(f"{name} holds {rows.max()}, beyond int64: give Q and K one integer dtype")
    return rows.astype(np.int64, copy=False)


def _require_values(V: ArrayLike, n_keys: int) -> FloatArray:
    values = real_rows("V", V)
    if len(values) != n_keys:
        raise ValueError(f"V must have shape ({n_keys}, any), not {values.shape}")
    return values.astype(np.float64, copy=False)
