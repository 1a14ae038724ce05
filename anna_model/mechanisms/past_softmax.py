"""Softmax attention over the strict past: query i sees the keys 0 .. i - 1, and query 0 none.

Axes: N tokens, m_qk query and key width, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray
from anna_model.mechanisms.matrices import head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism
from anna_model.mechanisms.softmax import Softmax


@dataclass(frozen=True)
class PastSoftmax(Mechanism):
    """Softmax attention with the mask j < i; a token's own word reaches its fold by the row.

    Parameters
    ----------
    beta : float
        Multiplies the inner products; finite.

    Notes
    -----
    It is causal softmax of the queries 1 .. N - 1 and the keys 0 .. N - 2; the first query is
    unmatched. Cost as `Softmax`.
    """

    beta: float = 1.0
    causal: bool = True

    def __post_init__(self) -> None:
        if not self.causal:
            raise ValueError("the past of a token is causal: leave causal = True")
        Softmax(self.beta)

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        """Return the attention matrix, float64[N, N]; row 0 is zero.

        Raises
        ------
        TypeError, ValueError
            Shapes that do not fit, NaN or infinity, not as many queries as keys.
        """
        queries, keys = queries_and_keys(Q, K, causal=True)
        weights = np.zeros((len(queries), len(keys)))
        if len(keys) > 1:
            weights[1:, :-1] = Softmax(self.beta, causal=True).weights(queries[1:], keys[:-1])
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return weights(Q, K) @ V without the matrix; the first query is unmatched."""
        queries, keys, values = head_of(Q, K, V, causal=True)
        unmatched = np.arange(len(queries)) < 1
        means = np.zeros((len(queries), values.shape[1]), values.dtype)
        if len(keys) > 1:
            past = Softmax(self.beta, causal=True).apply(queries[1:], keys[:-1], values[:-1])
            means[1:] = past.values
        return Attended(means, unmatched)
