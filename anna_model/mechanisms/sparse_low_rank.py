"""Sparse + low rank attention: heavy entries exactly, the others by a low-rank estimate.

The split of HyperAttention (Han et al. 2023) and KDEformer (Zandieh et al. 2023): queries and keys
are sorted by the same hash codes and cut into chunks; query i and key j are *near* if they lie in
chunks of the same number. Before a row is normalised, a near pair has weight exp(beta <q, k>) and
every other pair <phi(q), phi(k)>, phi positive random features for the same beta. Axes: N tokens,
m_qk query and key width, m value width, r features, B chunk size.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.mechanisms.low_rank import PositiveRandomFeatures, require_numbers
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
    Not causal: the order of the chunks is not that of the tokens. The weights of a query are taken
    relative to the largest of its near pairs and of its features, so that nothing overflows; a
    query all of whose weights lie far below that, exp(-80) in float32 and exp(-700) in float64, is
    rejected. A query is unmatched only where there is no key. Cost O(N (m b + log N + r (m_qk + m)
    + B (m_qk + m))); the sums of the features over the chunks from each on are kept, N r m / B
    numbers.

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
        if not len(keys):
            return np.zeros((len(queries), 0))
        logits = np.where(near, self.features.beta * (queries @ keys.T), -np.inf)
        phi_q, phi_k = self._exponents(queries, keys)
        largest = np.maximum(phi_q.max(axis=1), logits.max(axis=1))[:, None]
        scores = np.where(near, np.exp(logits - largest), np.exp(phi_q - largest) @ np.exp(phi_k).T)
        total = scores.sum(axis=1, keepdims=True)
        require_numbers(total)
        weights: FloatArray = scores / total
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
            Shapes that do not fit, NaN or infinity; weights that underflow.
        """
        queries, keys, values = head_of(Q, K, V, causal=False)
        if not len(keys):
            empty = np.zeros((len(queries), values.shape[1]), values.dtype)
            return Attended(empty, np.ones(len(queries), bool))
        with_one = np.concatenate([values, np.ones((len(values), 1), values.dtype)], axis=1)
        phi_q, phi_k = self._exponents(queries, keys)
        asked = rows_of_chunks(self._chunk(keys))
        chunks = [np.exp(phi_k[theirs]).T @ with_one[theirs] for theirs in asked]
        before = np.zeros_like(chunks[0])
        after = np.cumsum([before, *reversed(chunks)], axis=0)[::-1]
        sums = np.empty((len(queries), with_one.shape[1]), with_one.dtype)
        # A far sum leaves its own chunk out rather than taking it off again, which cancels.
        for number, ours in enumerate(rows_of_chunks(self._chunk(queries))):
            theirs = asked[number] if number < len(asked) else asked[0][:0]
            logits = keys.dtype.type(self.features.beta) * (queries[ours] @ keys[theirs].T)
            largest = np.concatenate([phi_q[ours], logits], axis=1).max(axis=1, keepdims=True)
            far = before + after[number + 1] if number < len(asked) else before
            sums[ours] = np.exp(phi_q[ours] - largest) @ far
            sums[ours] += np.exp(logits - largest) @ with_one[theirs]
            before = before + chunks[number] if number < len(asked) else before
        require_numbers(sums[:, -1])
        return Attended(sums[:, :-1] / sums[:, -1:], np.zeros(len(queries), bool))

    def _exponents(self, queries: Matrix, keys: Matrix) -> tuple[Matrix, Matrix]:
        of_queries, of_keys = self.features.relative(queries, keys)
        return of_queries - of_queries.dtype.type(log(self.features.rank)), of_keys

    def _chunk(self, rows: Matrix) -> IntArray:
        return chunk_of_row(self.codes(rows, 0), self.chunk_size)
