"""A mechanism whose queries and keys are mapped first, row by row.

Hash families compare directions or distances; a trained model compares inner products. Unit rows
make distance a function of the angle; the map of Neyshabur and Srebro makes the angle a function of
the inner product. Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray
from anna_model.mechanisms.matrices import Matrix, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism


class RowMap(ABC):
    """A row-wise map of queries and one of keys, to one width."""

    @abstractmethod
    def of_queries(self, queries: Matrix) -> Matrix:
        """Map real [N_q, m_qk]."""

    @abstractmethod
    def of_keys(self, keys: Matrix) -> Matrix:
        """Map real [N_k, m_qk]."""


@dataclass(frozen=True)
class UnitNorm(RowMap):
    """Rows of length 1; a zero row stays zero.

    Notes
    -----
    Row-wise, O(m_qk) per row. Of any length: the largest coordinate is divided out first.

    Examples
    --------
    >>> UnitNorm().of_keys(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """

    def of_queries(self, queries: Matrix) -> Matrix:
        largest = np.abs(queries).max(axis=1, keepdims=True, initial=0)
        scaled = np.divide(queries, largest, out=np.zeros_like(queries), where=largest > 0)
        length = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
        unit: Matrix = np.divide(scaled, length, out=scaled, where=length > 0)
        return unit

    def of_keys(self, keys: Matrix) -> Matrix:
        return self.of_queries(keys)


@dataclass(frozen=True)
class InnerProductToAngle(RowMap):
    """q becomes (q / |q|, 0) and k (k, sqrt(M^2 - |k|^2)) / M: the cosine is <q, k> / (|q| M).

    Parameters
    ----------
    longest : float
        M, positive; keys are not longer.

    Raises
    ------
    ValueError
        M is not positive and finite; when called: a key is longer.

    Notes
    -----
    Row-wise, one coordinate more, O(m_qk) per row. For every query keys come in the order of their
    inner products.

    References
    ----------
    Neyshabur, Srebro, On symmetric and asymmetric LSHs for inner product search, ICML 2015.

    Examples
    --------
    >>> to_angle = InnerProductToAngle(5.0)
    >>> q, k = to_angle.of_queries(np.array([[2.0, 0.0]])), to_angle.of_keys(np.array([[3.0, 4.0]]))
    >>> q.tolist(), k.tolist(), (q @ k.T).tolist()
    ([[1.0, 0.0, 0.0]], [[0.6, 0.8, 0.0]], [[0.6]])
    """

    longest: float

    def __post_init__(self) -> None:
        if not 0 < self.longest < np.inf:
            raise ValueError(f"longest = {self.longest}: give the length of the longest key")

    def of_queries(self, queries: Matrix) -> Matrix:
        return np.pad(UnitNorm().of_queries(queries), ((0, 0), (0, 1)))

    def of_keys(self, keys: Matrix) -> Matrix:
        scaled = keys / keys.dtype.type(self.longest)
        rest = 1 - (scaled * scaled).sum(axis=1, keepdims=True)
        if np.any(rest < -8 * keys.shape[1] * np.finfo(keys.dtype).eps):
            row = int(np.argmin(rest))
            raise ValueError(
                f"key {row} is longer than {self.longest}: give longest the length of the longest"
            )
        return np.concatenate([scaled, np.sqrt(np.maximum(rest, 0))], axis=1)


@dataclass(frozen=True)
class Mapped(Mechanism):
    """Another mechanism on mapped queries and keys.

    Parameters
    ----------
    inner : Mechanism
        It says whether it is causal.
    rows : RowMap

    Notes
    -----
    Weights and unmatched queries are those of the inner mechanism; O((N_q + N_k) m_qk) beside it.

    References
    ----------
    Liu et al., arXiv 2509.09001, Definition 3.1: near and far are of unit vectors there.

    Examples
    --------
    >>> from anna_model.mechanisms import ExactMatch
    >>> K, V = np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([[4.0], [8.0]])
    >>> Mapped(ExactMatch(), UnitNorm()).apply(K[:1], K, V).values.tolist()
    [[6.0]]
    """

    inner: Mechanism
    rows: RowMap

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether the inner mechanism is."""
        return self.inner.causal

    @property
    def n_tables(self) -> int:
        return self.inner.n_tables

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        return self.inner.weights(*self._mapped(Q, K))

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        return self.inner.apply(*self._mapped(Q, K), np.asarray(V))

    def bucket_statistics(self, Q: ArrayLike, K: ArrayLike) -> dict[str, float]:
        return self.inner.bucket_statistics(*self._mapped(Q, K))

    def _mapped(self, Q: ArrayLike, K: ArrayLike) -> tuple[Matrix, Matrix]:
        queries, keys = queries_and_keys(Q, K, causal=self.causal)
        return self.rows.of_queries(queries), self.rows.of_keys(keys)
