"""Reformer attention: softmax inside chunks of rows that were sorted by hash code.

Definition E.1 of arXiv 2509.09001, after Kitaev, Kaiser, Levskaya 2020: queries and keys are one
matrix (shared q = k); the rows are sorted by code and cut into chunks of B; a token attends to its
chunk. Over several rounds a pair that shares a chunk in c of them has weight c exp(beta <q, k>)
before a row is normalised. Axes: N tokens, m_qk width, m value width, B chunk size, R rounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.mechanisms.matrices import Matrix, head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism
from anna_model.mechanisms.sorted_chunks import Codes, chunk_of_row, rows_of_chunks


@dataclass(frozen=True)
class Reformer(Mechanism):
    """Softmax inside sorted chunks.

    Parameters
    ----------
    codes : Codes
        What rows are sorted by; its rounds are the rounds R. `AngularCodes` hash the rows,
        `GivenCodes` fix the chunks in advance.
    chunk_size : int
        B.
    beta : float
        Multiplies the inner products; finite.
    causal : bool
        Token i sees the tokens 0 .. i of its chunks only; it always sees itself.

    Raises
    ------
    ValueError
        chunk_size below 1, beta not finite.

    Notes
    -----
    No token is unmatched: it shares a chunk with itself. Cost O(R N (m b + log N + B (m_qk + m))).

    Examples
    --------
    >>> from anna_model.mechanisms import AngularCodes
    >>> tokens = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.1], [-1.0, 0.1]])
    >>> attention = Reformer(AngularCodes(width=2, n_codes=2), chunk_size=2, beta=0.0)
    >>> attention.weights(tokens, tokens).tolist()[0]
    [0.5, 0.0, 0.5, 0.0]
    """

    codes: Codes
    chunk_size: int
    beta: float = 1.0
    causal: bool = False

    def __post_init__(self) -> None:
        if self.chunk_size < 1 or not math.isfinite(self.beta):
            raise ValueError(
                "a chunk has at least one row and beta is finite, not "
                f"{self.chunk_size} and {self.beta}"
            )

    def chunks(self, tokens: Matrix) -> IntArray:
        """Return int64[R, N]: the chunk of every token in every round.

        Examples
        --------
        >>> from anna_model.mechanisms import AngularCodes
        >>> Reformer(AngularCodes(1, 2), 2).chunks(np.array([[1.0], [2.0], [3.0]])).tolist()
        [[0, 0, 1]]
        """
        return np.stack(
            [chunk_of_row(self.codes(tokens, r), self.chunk_size) for r in range(self.codes.rounds)]
        )

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        """Return the attention matrix, float64[N, N].

        Parameters
        ----------
        Q, K : real [N, m_qk]
            Equal.

        Raises
        ------
        TypeError, ValueError
            Q and K differ, NaN or infinity.
        """
        tokens = self._shared(*queries_and_keys(Q, K, causal=True))
        chunk = self.chunks(tokens)
        times = (chunk[:, :, None] == chunk[:, None, :]).sum(axis=0)
        if self.causal:
            times = np.tril(times)
        real = tokens.astype(np.float64)
        logits = np.where(times > 0, self.beta * (real @ real.T), -np.inf)
        peak = logits.max(axis=1, keepdims=True, initial=-np.inf)
        scores = times * np.exp(logits - peak)
        weights: FloatArray = scores / scores.sum(axis=1, keepdims=True)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return weights(Q, K) @ V, in float32 if Q, K and V are, else in float64.

        Parameters
        ----------
        Q, K : real [N, m_qk]
            Equal.
        V : real [N, m]

        Raises
        ------
        TypeError, ValueError
            Q and K differ, shapes that do not fit, NaN or infinity.
        """
        queries, keys, values = head_of(Q, K, V, causal=True)
        tokens, n = self._shared(queries, keys), len(queries)
        weighted = np.zeros((n, values.shape[1]), values.dtype)
        total, peak = np.zeros((n, 1), values.dtype), np.full((n, 1), -np.inf, values.dtype)
        for chunk in self.chunks(tokens):
            for rows in rows_of_chunks(chunk):
                self._add(tokens[rows], values[rows], rows, (weighted, total, peak))
        return Attended(weighted / total, np.zeros(n, bool))

    def _add(
        self, tokens: Matrix, values: Matrix, rows: IntArray, sums: tuple[Matrix, Matrix, Matrix]
    ) -> None:
        """Add one chunk to the sums, which are relative to exp of the largest logit so far."""
        weighted, total, peak = sums
        logits = tokens.dtype.type(self.beta) * (tokens @ tokens.T)
        if self.causal:  # rows increase, so the later half of the chunk is above the diagonal
            logits[~np.tri(len(rows), dtype=bool)] = -np.inf
        new_peak = np.maximum(peak[rows], logits.max(axis=1, keepdims=True))
        scores, shrink = np.exp(logits - new_peak), np.exp(peak[rows] - new_peak)
        weighted[rows] = weighted[rows] * shrink + scores @ values
        total[rows] = total[rows] * shrink + scores.sum(axis=1, keepdims=True)
        peak[rows] = new_peak

    def _shared(self, queries: Matrix, keys: Matrix) -> Matrix:
        if not np.array_equal(queries, keys):
            raise ValueError("Reformer attention shares queries and keys: give one matrix as both")
        return queries
