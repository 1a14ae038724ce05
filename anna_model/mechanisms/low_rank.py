"""Low-rank attention: inner products of feature maps, in linear time.

Definition 4.3 of arXiv 2509.09001: w_ij = <Q'(x_i), K'(x_j)>, not normalised; here Q' and K' are a
feature map phi of queries and keys. Also the normalised form, w_ij = <phi(q_i), phi(k_j)> /
sum over t of <phi(q_i), phi(k_t)>, with elu(x) + 1 (Katharopoulos et al. 2020) or positive random
features (Performer, Choromanski et al. 2021). Axes: N_q queries, N_k keys, m_qk query and key
width, r features (the rank), m value width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray
from anna_model.mechanisms.matrices import Matrix, blocks_of, head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism


class FeatureMap(ABC):
    """A row-wise map of queries and keys to r features."""

    @abstractmethod
    def __call__(self, rows: Matrix) -> Matrix:
        """Map real [N, m_qk] to features [N, r] of the same dtype."""

    @abstractmethod
    def n_features(self, width: int) -> int:
        """Return r for rows of a width."""


@dataclass(frozen=True)
class Raw(FeatureMap):
    """The rows themselves, r = m_qk: the definition of the paper.

    Examples
    --------
    >>> Raw()(np.array([[1.0, -2.0]])).tolist()
    [[1.0, -2.0]]
    """

    def __call__(self, rows: Matrix) -> Matrix:
        return rows

    def n_features(self, width: int) -> int:
        return width


@dataclass(frozen=True)
class EluPlusOne(FeatureMap):
    """elu(x) + 1: x + 1 above 0, exp(x) below; positive. r = m_qk.

    Examples
    --------
    >>> EluPlusOne()(np.array([[1.0, 0.0]])).tolist()
    [[2.0, 1.0]]
    """

    def __call__(self, rows: Matrix) -> Matrix:
        features: Matrix = np.where(rows > 0, rows + 1, np.exp(np.minimum(rows, 0)))
        return features

    def n_features(self, width: int) -> int:
        return width


@dataclass(frozen=True)
class PositiveRandomFeatures(FeatureMap):
    """Features whose inner product is exp(beta <q, k>) in expectation: those of Performer.

    phi(x)_t = exp(<w_t, x'> - |x'|^2 / 2) / sqrt(r), x' = sqrt(beta) x, w_t standard Gaussian.

    Parameters
    ----------
    width : int
        m_qk.
    rank : int
        r.
    beta : float
        Positive.
    seed : int
        Of the r Gaussian vectors, independent of each other.

    Raises
    ------
    ValueError
        A size below one, beta not positive.

    Examples
    --------
    >>> phi = PositiveRandomFeatures(width=1, rank=4000, beta=1.0, seed=0)
    >>> q, k = phi(np.array([[0.5]])), phi(np.array([[0.4]]))
    >>> bool(abs((q @ k.T).item() - np.exp(0.2)) < 0.1)
    True
    """

    width: int
    rank: int
    beta: float = 1.0
    seed: int = 0
    directions: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.width < 1 or self.rank < 1 or not self.beta > 0:
            raise ValueError(f"width and rank are at least 1 and beta is positive, not {self}")
        directions = np.random.default_rng(self.seed).standard_normal((self.width, self.rank))
        directions.setflags(write=False)
        object.__setattr__(self, "directions", directions)

    def __call__(self, rows: Matrix) -> Matrix:
        if rows.shape[1] != self.width:
            raise ValueError(f"the features were drawn for width {self.width}, not {rows.shape[1]}")
        scaled = rows * rows.dtype.type(np.sqrt(self.beta))
        exponent = scaled @ self.directions.astype(rows.dtype)
        exponent -= (scaled * scaled).sum(axis=1, keepdims=True) / 2
        features: Matrix = np.exp(exponent) / rows.dtype.type(np.sqrt(self.rank))
        return features

    def n_features(self, width: int) -> int:
        return self.rank


@dataclass(frozen=True)
class LowRank(Mechanism):
    """Low-rank attention over a feature map.

    Parameters
    ----------
    features : FeatureMap
    normalised : bool
        Divide every row by its sum. For features that are positive.
    causal : bool
        Query i sees the keys 0 .. i only.

    Notes
    -----
    A query is unmatched where there is no key, where its features are all zero and, if normalised,
    where its row sums to zero; its row is zero then. Cost O((N_q + N_k) r m); a causal pass holds
    one block of prefix sums of phi(k) v^T at a time.

    Examples
    --------
    >>> LowRank(Raw(), normalised=False).weights([[1.0, 2.0]], [[3.0, 1.0], [0.0, 1.0]]).tolist()
    [[5.0, 2.0]]
    >>> LowRank().apply([[0.0]], [[0.0], [1.0]], [[3.0], [6.0]]).values.tolist()
    [[5.0]]
    """

    features: FeatureMap = field(default_factory=EluPlusOne)
    normalised: bool = True
    causal: bool = False

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        queries, keys = queries_and_keys(Q, K, causal=self.causal)
        phi_q, phi_k = (self.features(rows.astype(np.float64)) for rows in (queries, keys))
        weights: FloatArray = phi_q @ phi_k.T
        if self.causal:
            weights = np.tril(weights)
        if self.normalised:
            total = weights.sum(axis=1, keepdims=True)
            weights = np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        queries, keys, values = head_of(Q, K, V, causal=self.causal)
        phi_q, phi_k = self.features(queries), self.features(keys)
        if self.normalised:
            values = np.concatenate([values, np.ones((len(values), 1), values.dtype)], axis=1)
        sums = _causal_sums(phi_q, phi_k, values) if self.causal else phi_q @ (phi_k.T @ values)
        unmatched = np.full(len(queries), not len(keys))
        unmatched |= ~np.any(phi_q != 0, axis=1)
        if self.normalised:
            sums, total = sums[:, :-1], sums[:, -1:]
            unmatched |= total[:, 0] == 0
            sums = np.divide(sums, total, out=np.zeros_like(sums), where=total != 0)
        sums[unmatched] = 0
        return Attended(sums, unmatched)


def _causal_sums(phi_q: Matrix, phi_k: Matrix, values: Matrix) -> Matrix:
    """Return row i: phi_q[i] times the sum over j <= i of phi_k[j] values[j]^T."""
    sums = np.empty((len(phi_q), values.shape[1]), values.dtype)
    before = np.zeros((phi_k.shape[1], values.shape[1]), values.dtype)
    for rows in blocks_of(len(phi_q), 1, budget_numbers=128):
        within = np.tril(phi_q[rows] @ phi_k[rows].T)
        sums[rows] = phi_q[rows] @ before + within @ values[rows]
        before += phi_k[rows].T @ values[rows]
    return sums
