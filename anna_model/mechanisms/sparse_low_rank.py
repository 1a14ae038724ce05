"""Sparse + low rank attention: heavy entries exactly, the others by a low-rank estimate.

The split of HyperAttention (Han et al. 2023) and KDEformer (Zandieh et al. 2023): queries and keys
are sorted by the same hash codes and cut into chunks; query i and key j are *near* if they lie in
chunks of the same number. Before a row is normalised, a near pair has weight exp(beta <q, k>) and
every other pair <phi(q), phi(k)>, phi positive random features for the same beta. Axes: N tokens,
m_qk query and key width, m value width, r features, B chunk size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.mechanisms.low_rank import PositiveRandomFeatures
from anna_model.mechanisms.matrices import Matrix, head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism
from anna_model.mechanisms.sorted_chunks import AngularCodes, chunk_of_row, rows_of_chunks


@dataclass(frozen=True)
class SparseLowRank(Mechanism):
    """Exact weights for near pairs, random features for the rest, normalised together.

    Parameters
    ----------
    codes : AngularCodes
        One round; what queries and keys are sorted by.
    features : PositiveRandomFeatures
        Of the same width; its beta multiplies the inner products.
    chunk_size : int
        B.

    Raises
    ------
    ValueError
        chunk_size below 1, several rounds, different widths.

    Notes
    -----
    Not causal: the order of the chunks is not that of the tokens. Weights are not shifted by the
    largest logit, so beta |q| |k| must stay below about 80 in float32 and 700 in float64; a row
    that overflows is rejected. A query is unmatched only where there is no key. Cost O(N (m b + log
    N + r (m_qk + m) + B (m_qk + r + m))).

    Examples
    --------
    >>> attention = SparseLowRank(
    ...     AngularCodes(width=1, n_codes=2), PositiveRandomFeatures(1, 8, 1.0), chunk_size=2)
    >>> attention.apply([[0.0], [0.0]], [[0.5], [0.5]], [[2.0], [4.0]]).values.tolist()
    [[3.0], [3.0]]
    """

    codes: AngularCodes
    features: PositiveRandomFeatures
    chunk_size: int

    def __post_init__(self) -> None:
        if self.chunk_size < 1 or self.codes.rounds != 1:
            raise ValueError(
                "a chunk has at least one row and codes one round, not "
                f"{self.chunk_size} and {self.codes.rounds}"
            )
        if self.codes.width != self.features.width:
            raise ValueError(
                "codes and features must be drawn for one width, not "
                f"{self.codes.width} and {self.features.width}"
            )

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        queries, keys = queries_and_keys(Q, K, causal=False)
        near = self._chunk(queries)[:, None] == self._chunk(keys)
        queries, keys = queries.astype(np.float64), keys.astype(np.float64)
        exact = np.exp(self.features.beta * (queries @ keys.T))
        scores = np.where(near, exact, self.features(queries) @ self.features(keys).T)
        weights: FloatArray = scores / scores.sum(axis=1, keepdims=True)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return weights(Q, K) @ V, in float32 if Q, K and V are, else in float64.

        Parameters
        ----------
        Q : real [N_q, m_qk]
        K : real [N_k, m_qk]
        V : real [N_k, m]

        Raises
        ------
        TypeError, ValueError
            Shapes that do not fit, NaN or infinity; inner products that overflow exp.
        """
        queries, keys, values = head_of(Q, K, V, causal=False)
        if not len(keys):
            empty = np.zeros((len(queries), values.shape[1]), values.dtype)
            return Attended(empty, np.ones(len(queries), bool))
        phi_q, phi_k = self.features(queries), self.features(keys)
        with_one = np.concatenate([values, np.ones((len(values), 1), values.dtype)], axis=1)
        sums = phi_q @ (phi_k.T @ with_one)
        pairs = zip(
            rows_of_chunks(self._chunk(queries)), rows_of_chunks(self._chunk(keys)), strict=False
        )
        for asking, asked in pairs:
            with np.errstate(over="ignore"):
                exact = np.exp(
                    keys.dtype.type(self.features.beta) * (queries[asking] @ keys[asked].T)
                )
            sums[asking] += (exact - phi_q[asking] @ phi_k[asked].T) @ with_one[asked]
        if not np.isfinite(sums).all():
            raise ValueError(
                f"exp(beta <q, k>) overflows at beta = {self.features.beta}: scale Q and K down"
            )
        return Attended(sums[:, :-1] / sums[:, -1:], np.zeros(len(queries), bool))

    def _chunk(self, rows: Matrix) -> IntArray:
        return chunk_of_row(self.codes(rows, 0), self.chunk_size)
