"""Hard attention: a query receives the mean of the values whose keys have the largest logit.

w_ij = 1 / #{t : <q_i, k_t> is largest} where <q_i, k_j> is largest, else 0: softmax in the limit of
beta, as in Perez, Barcelo, Marinkovic 2021 (average-hard attention of Merrill and Sabharwal 2023).
Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import BoolArray, FloatArray
from anna_model.mechanisms.matrices import Matrix, blocks_of, head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism


@dataclass(frozen=True)
class Argmax(Mechanism):
    """Hard attention; keys that tie share the weight.

    Parameters
    ----------
    causal : bool
        Query i sees the keys 0 .. i only.

    Notes
    -----
    Logits are compared as float64 numbers: those of whole numbers below 2^53 tie where they are
    equal. A query is unmatched only where there is no key. Cost O(N_q N_k (m_qk + m)).

    References
    ----------
    Merrill, Sabharwal, arXiv 2207.00729: average-hard attention.

    Examples
    --------
    >>> Argmax().weights([[1.0]], [[2.0], [1.0], [2.0]]).tolist()
    [[0.5, 0.0, 0.5]]
    >>> Argmax().apply([[1.0]], [[2.0], [1.0], [2.0]], [[3.0], [9.0], [5.0]]).values.tolist()
    [[4.0]]
    """

    causal: bool = False

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        queries, keys = queries_and_keys(Q, K, causal=self.causal)
        is_largest = self._largest(queries, keys, 0)
        weights: FloatArray = is_largest / np.maximum(is_largest.sum(axis=1, keepdims=True), 1)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        queries, keys, values = head_of(Q, K, V, causal=self.causal)
        out = np.zeros((len(queries), values.shape[1]), values.dtype)
        for rows in blocks_of(len(queries), len(keys)):
            is_largest = self._largest(queries[rows], keys, rows.start)
            count = np.maximum(is_largest.sum(axis=1, keepdims=True), 1)
            out[rows] = is_largest.astype(values.dtype) @ values / count
        return Attended(out, np.full(len(queries), not len(keys)))

    def _largest(self, queries: Matrix, keys: Matrix, first: int) -> BoolArray:
        """Return which keys have the largest logit of the queries ``first``, ``first`` + 1, ..."""
        logits = queries.astype(np.float64) @ keys.astype(np.float64).T
        if self.causal:
            later = np.arange(len(keys)) > first + np.arange(len(queries))[:, None]
            logits[later] = -np.inf
        found: BoolArray = logits == logits.max(axis=1, keepdims=True, initial=-np.inf)
        return found
