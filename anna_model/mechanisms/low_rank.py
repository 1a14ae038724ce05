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
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray
from anna_model.mechanisms.matrices import Matrix, blocks_of, head_of, queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism


class FeatureMap(ABC):
    """A row-wise map of queries and keys to r features.

    Attributes
    ----------
    is_positive : bool
        Whether no feature is 0 or less in real numbers: a row that sums to 0 has then underflowed.
    """

    is_positive: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, rows: Matrix) -> Matrix:
        """Map real [N, m_qk] to features [N, r] of the same dtype."""

    def of_pair(self, queries: Matrix, keys: Matrix) -> tuple[Matrix, Matrix]:
        """Return the features of queries and keys whose rows of weights will be normalised.

        A factor per query, and one per feature that the keys are divided and the queries multiplied
        by, change nothing then; a map that could overflow or underflow without them overrides this.
        """
        return self(queries), self(keys)

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

    is_positive: ClassVar[bool] = True

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
        A size below one, beta not positive. When called: a row is so long that its features are all
        0, or one is infinite.

    Notes
    -----
    Where weights are normalised, features are taken relative to the largest, so that a row may be
    of any length.

    Examples
    --------
    >>> phi = PositiveRandomFeatures(width=1, rank=4000, beta=1.0, seed=0)
    >>> q, k = phi(np.array([[0.5]])), phi(np.array([[0.4]]))
    >>> bool(abs((q @ k.T).item() - np.exp(0.2)) < 0.1)
    True
    """

    is_positive: ClassVar[bool] = True

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
        with np.errstate(over="ignore"):
            features: Matrix = np.exp(self.exponents(rows))
        features /= rows.dtype.type(np.sqrt(self.rank))
        if not np.isfinite(features).all() or not (features != 0).any(axis=1).all():
            raise ValueError(
                f"random features at beta = {self.beta} overflow or are all 0: scale Q and K down"
            )
        return features

    def exponents(self, rows: Matrix) -> Matrix:
        """Return ln(sqrt(r) phi), [N, r]: features whose exp may not be a number."""
        if rows.shape[1] != self.width:
            raise ValueError(f"the features were drawn for width {self.width}, not {rows.shape[1]}")
        scaled = rows * rows.dtype.type(np.sqrt(self.beta))
        exponents: Matrix = scaled @ self.directions.astype(rows.dtype)
        exponents -= (scaled * scaled).sum(axis=1, keepdims=True) / 2
        return exponents

    def relative(self, queries: Matrix, keys: Matrix) -> tuple[Matrix, Matrix]:
        """Return exponents of queries and keys, those of every feature at most 0 for keys.

        The largest of a feature over the keys goes to the queries: a pair has the same product.
        """
        of_queries, of_keys = self.exponents(queries), self.exponents(keys)
        if len(keys):
            largest = of_keys.max(axis=0)
            of_keys -= largest
            of_queries += largest
        return of_queries, of_keys

    def of_pair(self, queries: Matrix, keys: Matrix) -> tuple[Matrix, Matrix]:
        # The largest feature of a query is 1 now, and some key has 1 there: its row sums to 1 or
        # more unless that key is masked.
        of_queries, of_keys = self.relative(queries, keys)
        return np.exp(of_queries - of_queries.max(axis=1, keepdims=True)), np.exp(of_keys)

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
    where its row sums to zero; its row is zero then. Rows of positive features that sum to so
    little that it is no number are rejected. Cost O((N_q + N_k) r m); a causal pass holds
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
        phi_q, phi_k = self._features(queries.astype(np.float64), keys.astype(np.float64))
        weights: FloatArray = phi_q @ phi_k.T
        if self.causal:
            weights = np.tril(weights)
        if self.normalised:
            total = weights.sum(axis=1, keepdims=True)
            self._require_numbers(total, len(keys))
            weights = np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)
        return weights

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        queries, keys, values = head_of(Q, K, V, causal=self.causal)
        phi_q, phi_k = self._features(queries, keys)
        if self.normalised:
            values = np.concatenate([values, np.ones((len(values), 1), values.dtype)], axis=1)
        sums = _causal_sums(phi_q, phi_k, values) if self.causal else phi_q @ (phi_k.T @ values)
        unmatched = np.full(len(queries), not len(keys))
        unmatched |= ~np.any(phi_q != 0, axis=1)
        if self.normalised:
            sums, total = sums[:, :-1], sums[:, -1:]
            self._require_numbers(total, len(keys))
            unmatched |= total[:, 0] == 0
            sums = np.divide(sums, total, out=np.zeros_like(sums), where=total != 0)
        sums[unmatched] = 0
        return Attended(sums, unmatched)

    def _features(self, queries: Matrix, keys: Matrix) -> tuple[Matrix, Matrix]:
        if self.normalised:
            return self.features.of_pair(queries, keys)
        return self.features(queries), self.features(keys)

    def _require_numbers(self, total: Matrix, n_keys: int) -> None:
        """Reject sums of positive weights that have lost digits, or all of them."""
        if n_keys and self.features.is_positive:
            require_numbers(total)


def require_numbers(total: Matrix) -> None:
    """Reject sums of positive weights near the smallest float, where products are 0 or coarse.

    Raises
    ------
    ValueError
    """
    real = np.finfo(total.dtype)
    if not np.all(total >= real.tiny / real.eps):
        raise ValueError("the weights of a query underflow: scale Q and K down, or beta")


def _causal_sums(phi_q: Matrix, phi_k: Matrix, values: Matrix) -> Matrix:
    """Return row i: phi_q[i] times the sum over j <= i of phi_k[j] values[j]^T."""
    sums = np.empty((len(phi_q), values.shape[1]), values.dtype)
    before = np.zeros((phi_k.shape[1], values.shape[1]), values.dtype)
    for rows in blocks_of(len(phi_q), 1, budget_numbers=128):
        within = np.tril(phi_q[rows] @ phi_k[rows].T)
        sums[rows] = phi_q[rows] @ before + within @ values[rows]
        before += phi_k[rows].T @ values[rows]
    return sums
