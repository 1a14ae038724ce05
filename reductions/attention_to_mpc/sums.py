"""Sums of several words within runs of equal keys of several words, for a scan over sorted records.

Axes: R pairs of elements, k words of a key, m words of a sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.stages.operations import Operation
from reductions.arrays import Integers


@dataclass(frozen=True)
class Sums(Operation):
    """Add m words, each by itself.

    Parameters
    ----------
    sum_words : int
        m.
    """

    sum_words: int

    @property
    def words(self) -> int:
        return self.sum_words

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,) * self.sum_words

    def combine(self, left: Integers, right: Integers) -> Integers:
        added: Integers = left + right
        return added


@dataclass(frozen=True)
class SumsOfRuns(Operation):
    """Add m words within every run of equal keys: elements (k words of a key, m words).

    For records that lie sorted by key, so that equal keys are neighbours. The first word of a key
    is at least 1; 0 belongs to the identity.

    Parameters
    ----------
    key_words, sum_words : int
        k and m.
    """

    key_words: int
    sum_words: int

    @property
    def words(self) -> int:
        return self.key_words + self.sum_words

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,) * self.words

    def combine(self, left: Integers, right: Integers) -> Integers:
        k = self.key_words
        is_same = np.all(left[:, :k] == right[:, :k], axis=1)
        met = right.copy()
        met[:, k:] += np.where(is_same[:, None], left[:, k:], 0)
        combined: Integers = np.where(right[:, :1] == 0, left, met)
        return combined
