"""Attention by expected collisions: what the better stand-in trains, without its tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, real_array
from anna_model.lsh.family import Family
from anna_model.mechanisms.matrices import queries_and_keys
from anna_model.mechanisms.mechanism import Attended, Mechanism
from anna_model.surrogate.collision_law import log_collision_table


@dataclass(frozen=True)
class ExpectedCollisions(Mechanism):
    """Weights in proportion to p(distance)^z, times the probability that the query meets any key.

    Parameters
    ----------
    family : Family
        Of angles.
    hashes, tables : int
        z and l.

    Notes
    -----
    The expected weights of ANNA if the collisions of the pairs were independent Poisson counts; its
    limit for many tables. Rows are taken to have unit norm.

    Examples
    --------
    >>> from anna_model.lsh import Hyperplane
    >>> attention = ExpectedCollisions(Hyperplane(), hashes=1, tables=2)
    >>> attention.weights(np.eye(2)[:1], np.eye(2)).round(3).tolist()
    [[0.633, 0.317]]
    """

    family: Family
    hashes: int
    tables: int

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        queries, keys = queries_and_keys(Q, K, causal=False)
        table = log_collision_table(self.family, queries.shape[1])
        distance = np.sqrt(np.maximum(2 - 2 * (queries @ keys.T), 0))
        logs = self.hashes * np.interp(distance, np.linspace(0, 2, len(table)), table)
        share = np.exp(logs - logs.max(axis=1, keepdims=True))
        total = share.sum(axis=1, keepdims=True)
        met = self.tables * total * np.exp(logs.max(axis=1, keepdims=True))
        weights: FloatArray = share / total * -np.expm1(-met)
        return weights

    @property
    def n_tables(self) -> int:
        """Tables, l."""
        return self.tables

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        weights = self.weights(Q, K)
        return Attended(weights @ real_array("V", V), np.zeros(len(weights), bool))
