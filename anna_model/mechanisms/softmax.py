"""Softmax attention, exact, in blocks of queries.

w_ij = exp(beta <q_i, k_j>) / sum over t of exp(beta <q_i, k_t>); Vaswani et al. 2017 take beta =
1/sqrt(m_qk). Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray
from anna_model.mechanisms.matrices import Matrix, blocks_of, head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism


@dataclass(frozen=True)
class Softmax(Mechanism):
    """Softmax attention.

    Parameters
    ----------
    beta : float
        Multiplies the inner products; finite.
    causal : bool
        Query i sees the keys 0 .. i only.

    Raises
    ------
    ValueError
        If beta is not finite.

    Notes
    -----
    The largest logit of a row is subtracted before exp, so nothing overflows. A query is unmatched
    only where there is no key. Cost O(N_q N_k (m_qk + m)); `apply` keeps one block of rows of the
    attention matrix at a time, 2^22 numbers.

    Examples
    --------
    >>> Softmax().weights([[0.0], [np.log(3)]], [[0.0], [1.0]]).round(2).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    >>> Softmax().apply([[0.0]], [[0.0], [1.0]], [[2.0], [4.0]]).values.tolist()
    [[3.0]]
    """

    beta: float = 1.0
    causal: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.beta):
            raise ValueError(f"beta must be finite, not {self.beta}")

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        queries, keys = queries_and_keys(Q, K, causal=self.causal)
        logits = self.beta * (queries.astype(np.float64) @ keys.astype(np.float64).T)
        if self.causal:
            logits[np.triu_indices(len(logits), 1)] = -np.inf
        if not len(keys):
            return logits
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights: FloatArray = scores / scores.sum(axis=1, keepdims=True)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        queries, keys, values = head_of(Q, K, V, causal=self.causal)
        out = np.zeros((len(queries), values.shape[1]), values.dtype)
        if not len(keys):
            return Attended(out, np.ones(len(queries), bool))
        for rows in blocks_of(len(queries), len(keys)):
            seen = slice(0, rows.stop) if self.causal else slice(None)
            out[rows] = self._block(queries[rows], keys[seen], values[seen], rows.start)
        return Attended(out, np.zeros(len(queries), bool))

    def _block(self, queries: Matrix, keys: Matrix, values: Matrix, first: int) -> Matrix:
        """Attend for the queries ``first``, ``first`` + 1, ...; the logits are made in place."""
        logits = queries @ keys.T
        logits *= queries.dtype.type(self.beta)
        if self.causal:
            later = np.arange(len(keys)) > first + np.arange(len(queries))[:, None]
            logits[later] = -np.inf
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        attended: Matrix = logits @ values / total
        return attended
