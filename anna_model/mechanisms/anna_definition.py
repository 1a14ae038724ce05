"""The definition of ANNA as a checker, and how often a mechanism violates it.

A matrix of weights is ANNA for (r, c, l) on queries and keys if, counting keys by index,

1. w_ij > 0 implies |q_i - k_j| <= c r;
2. |q_i - k_j| <= r implies w_ij >= 1 / ((n_i - 1) l + 1), n_i keys within c r of q_i;
3. the weights of a query with a key within r sum to 1.

Axes: N_q queries, N_k keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, IntArray, real_array, require_finite
from anna_model.mechanisms.mechanism import Mechanism


@dataclass(frozen=True, eq=False)
class Violations:
    """The places where weights break the definition.

    Parameters
    ----------
    far : int64[n, 2]
        Pairs (i, j) farther than c r with a weight that is not 0.
    light : int64[n, 2]
        Pairs (i, j) within r whose weight is too small.
    sums : int64[n]
        Queries with a key within r whose weights do not sum to 1, or have a negative one.
    """

    far: IntArray
    light: IntArray
    sums: IntArray

    def __bool__(self) -> bool:
        return bool(len(self.far) or len(self.light) or len(self.sums))


def violations(
    weights: ArrayLike, Q: ArrayLike, K: ArrayLike, *, r: float, c: float, tables: int
) -> Violations:
    """Find every violation of the definition.

    Parameters
    ----------
    weights : float[N_q, N_k]
    Q : float[N_q, m]
    K : float[N_k, m]
    tables : int
        l.

    Raises
    ------
    ValueError
        Shapes that do not fit; NaN or infinity.

    Notes
    -----
    Distances are taken in float64, coordinate by coordinate. A weight may fall short of its bound
    by 4 units in the last place, what rounding a quotient of it takes; a sum may miss 1 by as many
    units as it has terms.
    """
    named = zip(("weights", "Q", "K"), (weights, Q, K), strict=True)
    given, queries, keys = (real_array(name, each) for name, each in named)
    if queries.ndim != 2 or keys.ndim != 2 or queries.shape[1] != keys.shape[1]:
        raise ValueError(f"Q and K must be rows of one width, not {queries.shape}, {keys.shape}")
    if given.shape != (len(queries), len(keys)):
        raise ValueError(f"weights must be {(len(queries), len(keys))}, not {given.shape}")
    for name, array in (("weights", given), ("Q", queries), ("K", keys)):
        require_finite(name, array)
    distance = _distances(queries, keys)
    within, near = distance <= c * r, distance <= r
    bound = 1 / (np.maximum(within.sum(axis=1) - 1, 0) * tables + 1)
    unit = np.finfo(np.float64).eps
    light = near & (given < bound[:, None] * (1 - 4 * unit))
    off = np.abs(given.sum(axis=1) - 1) > unit * max(1, len(keys))
    sums = near.any(axis=1) & (off | (given < 0).any(axis=1))
    return Violations(np.argwhere((given != 0) & ~within), np.argwhere(light), np.flatnonzero(sums))


@dataclass(frozen=True)
class FailureRate:
    """How many of some trials failed, and where the probability of it lies.

    Parameters
    ----------
    low, high : float
        The interval of Clopper and Pearson: it misses the probability with probability at most
        1 - confidence.
    """

    failures: int
    trials: int
    low: float
    high: float

    @classmethod
    def of(cls, failures: int, trials: int, confidence: float = 0.95) -> FailureRate:
        """Return the rate with its interval."""
        tail = (1 - confidence) / 2
        low = 0.0 if failures == 0 else _solve(lambda p: _at_least(failures, trials, p), tail)
        high = 1.0
        if failures < trials:
            high = 1 - _solve(lambda p: _at_least(trials - failures, trials, p), tail)
        return cls(failures, trials, low, high)


def failure_rate(
    mechanisms: Iterable[Mechanism],
    Q: ArrayLike,
    K: ArrayLike,
    *,
    r: float,
    c: float,
    tables: int,
    confidence: float = 0.95,
) -> FailureRate:
    """Count the mechanisms whose weights violate the definition: an estimate of eta.

    Parameters
    ----------
    mechanisms : iterable of Mechanism
        Of independent seeds.
    Q, K, r, c, tables
        As for `violations`.
    """
    failures = trials = 0
    for mechanism in mechanisms:
        weights = mechanism.weights(np.asarray(Q), np.asarray(K))
        failures += bool(violations(weights, Q, K, r=r, c=c, tables=tables))
        trials += 1
    if not trials:
        raise ValueError("a rate needs at least one mechanism")
    return FailureRate.of(failures, trials, confidence)


def _distances(queries: FloatArray, keys: FloatArray) -> FloatArray:
    squared = np.zeros((len(queries), len(keys)))
    for column in range(queries.shape[1]):
        squared += (queries[:, None, column] - keys[None, :, column]) ** 2
    distance: FloatArray = np.sqrt(squared)
    return distance


def _at_least(k: int, n: int, p: float) -> float:
    """Pr(X >= k) for X binomial(n, p), 0 < p < 1."""
    terms = (
        lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) + (n - i) * log1p(-p)
        for i in range(k, n + 1)
    )
    return sum(exp(term) for term in terms)


def _solve(increasing: Callable[[float], float], value: float) -> float:
    """Where an increasing function of 0 .. 1 takes a value, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if increasing(middle) < value:
            low = middle
        else:
            high = middle
    return low
