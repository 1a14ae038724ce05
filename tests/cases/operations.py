"""Operations that do not commute, for tests of scans and trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim import InputError
from mpc_sim.records import Words
from mpc_sim.stages.operations import Operation

MAX_MODULUS = 1 << 31
"""Products of two residues below it fit 64 bits."""


@dataclass(frozen=True)
class AffineMaps(Operation):
    """The maps x -> a x + b modulo a prime, elements (a, b); the left map acts first.

    Associative, not commutative.

    Parameters
    ----------
    prime : int
        Below 2^31, so that products are exact.
    """

    prime: int

    def __post_init__(self) -> None:
        if not 2 <= self.prime < MAX_MODULUS:
            raise InputError(f"prime = {self.prime}: choose it in 2 .. 2^31 - 1")

    @property
    def words(self) -> int:
        return 2

    @property
    def identity(self) -> tuple[int, ...]:
        return (1, 0)

    def combine(self, left: Words, right: Words) -> Words:
        slope = left[:, 0] * right[:, 0] % self.prime
        offset = (right[:, 0] * left[:, 1] % self.prime + right[:, 1]) % self.prime
        return np.stack([slope, offset], axis=1)


@dataclass(frozen=True)
class Segmented(Operation):
    """Another operation that starts afresh at every flag: elements (flag, element)."""

    inner: Operation

    @property
    def words(self) -> int:
        return 1 + self.inner.words

    @property
    def identity(self) -> tuple[int, ...]:
        return (0, *self.inner.identity)

    def combine(self, left: Words, right: Words) -> Words:
        joined = self.inner.combine(left[:, 1:], right[:, 1:])
        value = np.where(right[:, :1] != 0, right[:, 1:], joined)
        return np.concatenate([left[:, :1] | right[:, :1], value], axis=1)
