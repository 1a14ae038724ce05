"""Associative operations on elements of w words, for scans and reductions.

Axes: R pairs of elements, w words of an element. No operation need be commutative: ``left`` always
comes earlier in the order of machines and ranks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.records import Words

SATURATED = 1 << 62
"""Not a word: every sum that is too large becomes this, and is rejected where it is sent."""


class Operation(ABC):
    """An associative operation with an identity; subclasses are frozen dataclasses."""

    @property
    @abstractmethod
    def words(self) -> int:
        """w, the words of an element."""

    @property
    @abstractmethod
    def identity(self) -> tuple[int, ...]:
        """The element that changes nothing, on either side."""

    @property
    def operand_words(self) -> int:
        """The words of a record that make an element: w, unless it is lifted from fewer."""
        return self.words

    def lift(self, operands: Words) -> Words:
        """Return int64[R, w]: the elements of records, from int64[R, operand_words]."""
        return operands

    @abstractmethod
    def combine(self, left: Words, right: Words) -> Words:
        """Combine int64[R, w] with int64[R, w], row by row."""

    def repeat_identity(self, count: int) -> Words:
        """Return int64[count, w]: the identity in every row."""
        return np.tile(np.array(self.identity, np.int64), (count, 1))


@dataclass(frozen=True)
class Addition(Operation):
    """Addition of words, modulo a number or checked.

    Parameters
    ----------
    modulus : int, optional
        At most 2^62, say 2^word_bits; 2 makes it parity. Without it the sum is exact: one that is
        no word any more stays so, and the simulator rejects it where it is sent or put out.
    """

    modulus: int | None = None

    def __post_init__(self) -> None:
        if self.modulus is not None and not 1 <= self.modulus <= SATURATED:
            raise InputError(f"modulus = {self.modulus}: choose it in 1 .. 2^62")

    @property
    def words(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,)

    def combine(self, left: Words, right: Words) -> Words:
        if self.modulus is not None:
            return (left % self.modulus + right % self.modulus) % self.modulus
        return left + np.minimum(right, SATURATED - left)


@dataclass(frozen=True)
class Maximum(Operation):
    """The larger word; on bits it is OR."""

    @property
    def words(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,)

    def combine(self, left: Words, right: Words) -> Words:
        return np.maximum(left, right)


@dataclass(frozen=True)
class Last(Operation):
    """The last element that is set, which is one whose first word is not 0: copies along.

    Parameters
    ----------
    width : int
        w, words of an element; all are copied together.
    """

    width: int = 1

    @property
    def words(self) -> int:
        return self.width

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,) * self.width

    def combine(self, left: Words, right: Words) -> Words:
        return np.where(right[:, :1] != 0, right, left)


@dataclass(frozen=True)
class Packed(Operation):
    """Another operation on elements that lie in one word, as digits to a base.

    Parameters
    ----------
    inner : Operation
        Its words are digits below ``base``, the most significant first.
    base : int
        base^w is at most 2^62.
    """

    inner: Operation
    base: int

    def __post_init__(self) -> None:
        if self.base < 2 or self.base**self.inner.words > SATURATED:
            raise InputError(
                f"base = {self.base}: {self.inner.words} digits must fit a word of 62 bits"
            )

    @property
    def words(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[int, ...]:
        return (int(self._pack(np.array([self.inner.identity], np.int64))[0, 0]),)

    def combine(self, left: Words, right: Words) -> Words:
        return self._pack(self.inner.combine(self._digits(left), self._digits(right)))

    def _places(self) -> Words:
        exponents = range(self.inner.words - 1, -1, -1)
        return np.array([self.base**exponent for exponent in exponents], np.int64)

    def _digits(self, packed: Words) -> Words:
        return packed // self._places() % self.base

    def _pack(self, digits: Words) -> Words:
        packed: Words = np.sum(digits * self._places(), axis=1, keepdims=True)
        return packed


@dataclass(frozen=True)
class Keyed(Operation):
    """Another operation within every run of equal keys: elements (key, element).

    For records that lie sorted by key (equal keys are neighbours: only there it is associative).
    Keys start at 1; key 0 belongs to the identity.
    """

    inner: Operation

    @property
    def words(self) -> int:
        return 1 + self.inner.words

    @property
    def identity(self) -> tuple[int, ...]:
        return (0, *self.inner.identity)

    def combine(self, left: Words, right: Words) -> Words:
        joined = self.inner.combine(left[:, 1:], right[:, 1:])
        value = np.where(left[:, :1] == right[:, :1], joined, right[:, 1:])
        met = np.concatenate([right[:, :1], value], axis=1)
        return np.where(right[:, :1] == 0, left, met)


@dataclass(frozen=True)
class Both(Operation):
    """Two operations side by side: elements (first element, second element)."""

    first: Operation
    second: Operation

    @property
    def words(self) -> int:
        return self.first.words + self.second.words

    @property
    def identity(self) -> tuple[int, ...]:
        return (*self.first.identity, *self.second.identity)

    def combine(self, left: Words, right: Words) -> Words:
        cut = self.first.words
        parts = [
            self.first.combine(left[:, :cut], right[:, :cut]),
            self.second.combine(left[:, cut:], right[:, cut:]),
        ]
        return np.concatenate(parts, axis=1)
