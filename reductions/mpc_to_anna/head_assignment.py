"""Which head carries which message of a machine: the order of emission, or spread heads.

A head carries one message of every machine, and its code reads the messages that meet in it at one
receiver. In the order of emission head h carries the h-th message of every machine, and up to
min(K, P) may meet. Spread heads turn the order of every machine by an amount of its own, drawn from
(seed, round, machine): where a message goes is then uniform over the K heads and independent
between machines, so far fewer meet.

Axes: K messages that a machine sends or receives in a round, P machines, b messages that meet.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial
from typing import ClassVar, Never

from mpc_sim.randomness import random_below, random_words
from reductions.arrays import Integers
from reductions.choice import Choice
from reductions.mpc_to_anna.codes import CodeDomainError

OWN_STREAM = 2**62
"""A round that no protocol has: what is drawn here is independent of what a protocol draws."""


@dataclass(frozen=True)
class HeadAssignment(ABC):
    """A one-to-one map from the messages of a machine to heads, for one round.

    Parameters
    ----------
    n_heads : int
        Heads that carry messages.
    capacity : int
        b, the most messages that may meet in a head at a machine.
    """

    is_drawn: ClassVar[bool] = False
    """Whether a draw decides how many messages meet."""

    n_heads: int
    capacity: int

    @classmethod
    @abstractmethod
    def of_round(
        cls, sent: int, received: int, n_machines: int, *, failure: Fraction, seed: int, round: int
    ) -> HeadAssignment:
        """Return the assignment of a round in which a machine sends and receives so many messages.

        Both are at least 1; ``failure`` is the most that the probability of an overload may be.
        """

    @staticmethod
    def most_met(most: int, n_machines: int, n_rounds: int, failure: Fraction) -> int:
        """Return b, the most messages that meet in a head, of K, P, R and the failure in all."""
        return min(most, n_machines)

    @property
    def failure(self) -> Fraction:
        """Bound on the probability that more than `capacity` messages meet in some head."""
        return Fraction(0)

    @abstractmethod
    def head(self, source: Integers, emission: Integers) -> Integers:
        """Return the heads, int64[E], of the messages that machines emit at these places."""

    @abstractmethod
    def emission(self, source: Integers, head: Integers) -> Integers:
        """Return the places, int64[E], of the messages that machines sent in these heads."""


@dataclass(frozen=True)
class EmissionOrder(HeadAssignment):
    """Head h carries the h-th message of every machine."""

    @classmethod
    def of_round(
        cls, sent: int, received: int, n_machines: int, *, failure: Fraction, seed: int, round: int
    ) -> EmissionOrder:
        return cls(sent, min(received, n_machines))

    def head(self, source: Integers, emission: Integers) -> Integers:
        return emission

    def emission(self, source: Integers, head: Integers) -> Integers:
        return head


@dataclass(frozen=True)
class SpreadHeads(HeadAssignment):
    """Every machine turns the order of its messages by an amount of its own.

    Parameters
    ----------
    n_heads, capacity : int
        K and b.
    n_machines : int
        P.
    seed, round : int
        What the amounts are drawn from, together with the machine.

    Notes
    -----
    A message goes to each head with probability at most (1 + K / 2^32) / K, independently of the
    messages of other machines, and two messages of one machine never meet. A machine receives at
    most K messages; so, by the union over P machines, K heads and the sets of b + 1 messages,

        P[a head of some machine receives more than b] <= P K C(K, b + 1) ((1 + K / 2^32) / K)^(b+1)

    which is about P K / (b + 1)!. The claim is for any one input, over the seed; the generator is
    taken to be uniform. `failure` is this bound, and 0 where b = min(K, P).

    References
    ----------
    The variant of Theorem 4.1 of arXiv 2509.09001 with width O(log N / log log N) per word; a turn
    by a random amount in place of a random permutation, because the bound asks for no more.
    """

    is_drawn = True

    n_machines: int
    seed: int
    round: int

    @classmethod
    def of_round(
        cls, sent: int, received: int, n_machines: int, *, failure: Fraction, seed: int, round: int
    ) -> SpreadHeads:
        """Return spread heads of the least capacity whose overload has at most this probability.

        ``failure`` is strictly between 0 and 1.
        """
        K, capacity = max(sent, received), 1
        while True:
            heads = cls(K, capacity, n_machines, seed, round)
            if heads.failure <= failure:
                return heads
            capacity += 1

    @staticmethod
    def most_met(most: int, n_machines: int, n_rounds: int, failure: Fraction) -> int:
        # R P K / (b + 1)! <= delta; the factor 2 covers that a turn is drawn from 32 bits,
        # (1 + K / 2^32)^(b + 1), which is below 2 for K < 2^25 and b < 64
        meet, factor = min(most, n_machines), 2 * n_machines * most * n_rounds / failure
        return next((b for b in range(1, meet) if factorial(b + 1) >= factor), meet)

    @property
    def failure(self) -> Fraction:
        K, meet = self.n_heads, self.capacity + 1
        if meet > min(K, self.n_machines):
            return Fraction(0)
        of_one = Fraction(2**32 + K, 2**32 * K)
        return self.n_machines * K * comb(K, meet) * of_one**meet

    def head(self, source: Integers, emission: Integers) -> Integers:
        return (emission + self._turn(source)) % self.n_heads

    def emission(self, source: Integers, head: Integers) -> Integers:
        return (head - self._turn(source)) % self.n_heads

    def _turn(self, source: Integers) -> Integers:
        seed = int(random_words(self.seed, OWN_STREAM, [0], 1)[0, 0])
        return random_below(self.n_heads, random_words(seed, self.round, source, 1)[:, 0])


class HeadOrder(Choice):
    """An assignment that the compiler offers."""

    EMISSION = "emission", EmissionOrder
    SPREAD = "spread", SpreadHeads

    made: type[HeadAssignment]

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise CodeDomainError(f"heads {value!r} are unknown; use one of {', '.join(cls)}")


HEAD_NAMES = tuple(HeadOrder)


def probability(failure: Fraction | str) -> Fraction:
    """Read a probability strictly between 0 and 1.

    Raises
    ------
    CodeDomainError
        It is none.
    """
    try:
        value = Fraction(failure)
    except (ValueError, ZeroDivisionError, TypeError):
        value = Fraction(0)
    if not 0 < value < 1:
        raise CodeDomainError(f"failure is {failure}; choose it strictly between 0 and 1")
    return value
