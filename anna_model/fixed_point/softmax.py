"""Softmax attention whose weights are integers, so that sums do not depend on their order.

The weight of a pair is W_ij = rint(2^g exp(min(beta <q_i, k_j>, B) - B)), an integer in 0 .. 2^g: g
bits below B, the largest logit that is distinguished. A query receives sum_j W_ij v_j / sum_j W_ij,
both sums exact and divided once, in float64. Queries and keys lie on a grid, so that the inner
product is an integer number of squared steps; exp is taken of one number at a time, so that a
weight is the same in every batch.

Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.fixed_point.attention import steps_on
from anna_model.fixed_point.grid import MOST_BITS, Grid, GridOverflow
from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.mechanisms.matrices import head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism


@dataclass(frozen=True)
class FixedSoftmax(Mechanism):
    """Softmax attention with integer weights.

    Parameters
    ----------
    keys : Grid
        Of queries and keys.
    beta : float
        Multiplies the inner products.
    weight_bits : int
        g, at least 1.
    largest_logit : float
        B; logits beyond it count as B. For unit vectors |beta| suffices.
    causal : bool
        Query i sees the keys 0 .. i only.

    Notes
    -----
    A pair whose logit is at least (g + 1) ln 2 below B has weight 0; a query that has no other
    pairs is unmatched. Each other weight is within 1/2 of 2^g exp(logit - B). The weights of a
    query sum to less than 2^53, or are rejected: N_k keys always fit if N_k 2^g is less.
    """

    keys: Grid
    beta: float = 1.0
    weight_bits: int = 16
    largest_logit: float = 1.0
    causal: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.beta) or not math.isfinite(self.largest_logit):
            raise ValueError("beta and largest_logit must be finite")
        if not 1 <= self.weight_bits < MOST_BITS:
            raise ValueError(f"weight_bits must lie in 1 .. {MOST_BITS - 1}")

    def of_products(self, products: IntArray) -> IntArray:
        """Return the weights of inner products, given in squared steps: int64 of any shape."""
        distinct, place = np.unique(products, return_inverse=True)
        step = self.keys.step * self.keys.step
        logits = np.minimum(self.beta * (distinct.astype(np.float64) * step), self.largest_logit)
        scores = [math.exp(logit) for logit in (logits - self.largest_logit).tolist()]
        rounded = np.rint(np.ldexp(np.array(scores, np.float64), self.weight_bits))
        weights: IntArray = rounded.astype(np.int64)[place].reshape(products.shape)
        return weights

    def integer_weights(self, Q: ArrayLike, K: ArrayLike) -> IntArray:
        """Return int64[N_q, N_k].

        Raises
        ------
        GridOverflow
            Q or K does not lie on the grid, an inner product may reach 2^53 squared steps, or the
            weights of a query sum to 2^53 or more.
        """
        queries, keys = (
            steps_on(self.keys, rows, "queries and keys").astype(np.float64)
            for rows in queries_and_keys(Q, K, causal=self.causal)
        )
        self.require_exact_products(queries.shape[1])
        weights = self.of_products((queries @ keys.T).astype(np.int64))
        weights = np.tril(weights) if self.causal else weights
        # Sums in float64 are exact below 2^53, and none falls below that again.
        if np.any(weights.sum(axis=1, dtype=np.float64) >= 2.0**MOST_BITS):
            raise GridOverflow(
                f"the weights of a query over {weights.shape[1]} keys sum to 2^{MOST_BITS} or more "
                f"at weight_bits = {self.weight_bits}: take fewer"
            )
        return weights

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        """Return the attention matrix, float64[N_q, N_k]."""
        weights = self.integer_weights(Q, K)
        shares: FloatArray = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
        return shares

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return weights(Q, K) @ V: exact sums, divided once.

        They are exact for values of at most 2^53 / (N_k 2^g) steps.
        """
        values = head_of(Q, K, V, causal=self.causal)[2].astype(np.float64)
        weights = self.integer_weights(Q, K)
        total = weights.sum(axis=1)
        means = weights.astype(np.float64) @ values
        means /= np.maximum(total, 1).astype(np.float64)[:, None]
        means[total == 0] = 0.0
        return Attended(means, total == 0)

    def require_exact_products(self, width: int) -> None:
        """Reject queries and keys whose inner product may reach 2^53 squared steps.

        Raises
        ------
        GridOverflow
        """
        if width * (2 ** (self.keys.bits - 1) - 1) ** 2 >= 2**MOST_BITS:
            raise GridOverflow(
                f"queries and keys of {width} numbers of {self.keys.bits} bits: an inner product "
                f"may reach 2^{MOST_BITS} squared steps; take a coarser grid"
            )
