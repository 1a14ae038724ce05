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
from math import comb

from mpc_sim.randomness import random_below, random_words
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes import CodeDomainError

HEAD_NAMES = ("emission", "spread")

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

    n_heads: int
    capacity: int

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

    n_machines: int
    seed: int
    round: int

    @classmethod
    def fit(
        cls, K: int, n_machines: int, failure: Fraction, *, seed: int, round: int
    ) -> SpreadHeads:
        """Return spread heads of the least capacity whose overload has at most this probability.

        ``failure`` is strictly between 0 and 1.
        """
        capacity = 1
        while True:
            heads = cls(K, capacity, n_machines, seed, round)
            if heads.failure <= failure:
                return heads
            capacity += 1

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


def head_assignment(
    name: str,
    sent: int,
    received: int,
    n_machines: int,
    *,
    failure: Fraction,
    seed: int,
    round: int,
) -> HeadAssignment:
    """Build the assignment of a round by its name.

    Parameters
    ----------
    name : str
        One of HEAD_NAMES.
    sent, received : int
        The most messages to others that a machine sends, and that it receives; both at least 1.
    n_machines : int
    failure : Fraction
        For spread heads: the most that the probability of an overload in this round may be.
    seed, round : int
        For spread heads.

    Raises
    ------
    CodeDomainError
        The name is unknown.
    """
    match name:
        case "emission":
            return EmissionOrder(sent, min(received, n_machines))
        case "spread":
            K = max(sent, received)
            return SpreadHeads.fit(K, n_machines, failure, seed=seed, round=round)
    raise CodeDomainError(f"heads {name!r} are unknown; use one of {', '.join(HEAD_NAMES)}")


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
