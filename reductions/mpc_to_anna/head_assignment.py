"""Which head and which token carry which message of a machine: emission order, or spread heads.

Machine j has g tokens, so a layer with H heads of messages gives it the slots 0 .. g H - 1: slot q
is its token q mod g in head q // g. The code of a head reads the messages that meet in it at one
receiver. In the order of emission the e-th message of a machine takes slot e; up to min(k, (P - 1)
g) meet. Spread heads draw the slots of every machine from (seed, round, machine): where a message
goes is then uniform over the heads, so far fewer meet. With g > k one head suffices for everything:
slot 0 carries what the machine keeps, slot e + 1 its e-th message.

Axes: K messages that a machine sends or receives in a round, P machines, g tokens of a machine, b
messages that meet in one head at a machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from math import comb, exp, factorial, log
from typing import ClassVar, Never

import numpy as np

from mpc_sim.integers import ceil_div
from mpc_sim.randomness import random_below, random_words
from reductions.arrays import Integers
from reductions.choice import Choice
from reductions.mpc_to_anna.codes import CodeDomainError
from reductions.mpc_to_anna.token_groups import TokenGroups, TokenRule, TokensPerMachine

OWN_STREAM = 2**62
"""A round that no protocol has: what is drawn here is independent of what a protocol draws."""

ROUNDED = Fraction(1, 2**40)
"""Above the relative error of a bound that is computed in doubles."""


@dataclass(frozen=True)
class HeadAssignment(ABC):
    """A one-to-one map from the messages of a machine to its slots, for one round.

    Parameters
    ----------
    n_heads : int
        Heads that carry messages.
    capacity : int
        b, the most messages that may meet in a head at a machine.
    tokens : int
        g.
    own : bool
        Whether slot 0 carries what the machine keeps; that counts among the b.
    """

    is_drawn: ClassVar[bool] = False
    """Whether a draw decides how many messages meet."""

    n_heads: int
    capacity: int
    tokens: int = field(default=1, kw_only=True)
    own: bool = field(default=False, kw_only=True)

    @classmethod
    @abstractmethod
    def of_round(
        cls,
        sent: int,
        received: int,
        groups: TokenGroups,
        *,
        failure: Fraction,
        seed: int,
        round: int,
    ) -> HeadAssignment:
        """Return the assignment of a round in which a machine sends and receives so many messages.

        Both are at least 1; ``failure`` is the most that the probability of an overload may be.
        """

    @staticmethod
    def most_met(most: int, groups: TokenGroups, n_rounds: int, failure: Fraction) -> int:
        """Return b, the most messages that meet in a head, of K, P, g, R and the failure in all."""
        return most_from_all(most, groups)

    @property
    def failure(self) -> Fraction:
        """Bound on the probability that more than `capacity` messages meet in some head."""
        return Fraction(0)

    @property
    def names_tokens(self) -> bool:
        """Whether the order of messages can be read off the tokens that sent them alone."""
        return False

    def head(self, source: Integers, emission: Integers) -> Integers:
        """Return the heads, int64[E], of the messages that machines emit at these places."""
        return self.slot(source, emission) // self.tokens

    @abstractmethod
    def slot(self, source: Integers, emission: Integers) -> Integers:
        """Return the slots, int64[E], of the messages that machines emit at these places."""

    @abstractmethod
    def emission(self, source: Integers, slot: Integers) -> Integers:
        """Return the places, int64[E], of the messages that machines sent in these slots."""


def most_from_all(most: int, groups: TokenGroups) -> int:
    """Return the most messages that all others can send to one machine in one head."""
    return max(1, min(most, (groups.n_machines - 1) * groups.tokens))


@dataclass(frozen=True)
class EmissionOrder(HeadAssignment):
    """Slot e carries the e-th message of every machine, or slot e + 1 where one head does all."""

    @classmethod
    def of_round(
        cls,
        sent: int,
        received: int,
        groups: TokenGroups,
        *,
        failure: Fraction,
        seed: int,
        round: int,
    ) -> EmissionOrder:
        n_heads = ceil_div(sent, groups.tokens)
        return cls(n_heads, most_from_all(received, groups), tokens=groups.tokens)

    @classmethod
    def in_one_head(cls, received: int, groups: TokenGroups) -> EmissionOrder:
        """Return the assignment where a machine has a token for every message, and one more."""
        capacity = most_from_all(received, groups) + 1
        return cls(1, capacity, tokens=groups.tokens, own=True)

    def slot(self, source: Integers, emission: Integers) -> Integers:
        return emission + int(self.own)

    def emission(self, source: Integers, slot: Integers) -> Integers:
        return slot - int(self.own)


@dataclass(frozen=True)
class SpreadHeads(HeadAssignment):
    """Every machine, of one token, turns the order of its messages by an amount of its own.

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
    taken to be uniform. `failure` is this bound, and 0 where b = min(K, P - 1).

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
        cls,
        sent: int,
        received: int,
        groups: TokenGroups,
        *,
        failure: Fraction,
        seed: int,
        round: int,
    ) -> SpreadHeads:
        """Return spread heads of the least capacity whose overload has at most this probability.

        ``failure`` is strictly between 0 and 1. With several tokens per machine the slots are
        permuted.
        """
        g = groups.tokens
        given = ceil_div(max(sent, received), g), 1, groups.n_machines, seed, round
        heads = SpreadHeads(*given)
        if g > 1:
            heads = PermutedSlots(*given, tokens=g, most=received)
        while heads.failure > failure:
            heads = replace(heads, capacity=heads.capacity + 1)
        return heads

    @staticmethod
    def most_met(most: int, groups: TokenGroups, n_rounds: int, failure: Fraction) -> int:
        meet = most_from_all(most, groups)
        if groups.tokens > 1:
            g = groups.tokens
            factor = groups.n_machines * ceil_div(most, g) * n_rounds / failure
            return next((b for b in range(g, meet) if factor * rare(b + 1, g) <= 1), meet)
        # R P K / (b + 1)! <= delta; the factor 2 covers that a turn is drawn from 32 bits,
        # (1 + K / 2^32)^(b + 1), which is below 2 for K < 2^25 and b < 64
        factor = 2 * groups.n_machines * most * n_rounds / failure
        return next((b for b in range(1, meet) if factorial(b + 1) >= factor), meet)

    @property
    def failure(self) -> Fraction:
        K, meet = self.n_heads, self.capacity + 1
        if meet > min(K, self.n_machines - 1):
            return Fraction(0)
        of_one = Fraction(2**32 + K, 2**32 * K)
        return self.n_machines * K * comb(K, meet) * of_one**meet

    @property
    def names_tokens(self) -> bool:
        return True

    def slot(self, source: Integers, emission: Integers) -> Integers:
        return (emission + self._turn(source)) % self.n_heads

    def emission(self, source: Integers, slot: Integers) -> Integers:
        return (slot - self._turn(source)) % self.n_heads

    def _turn(self, source: Integers) -> Integers:
        seed = int(random_words(self.seed, OWN_STREAM, [0], 1)[0, 0])
        words = random_words(seed, self.round, np.arange(self.n_machines), 1)[:, 0]
        return np.take(random_below(self.n_heads, words), source)


@dataclass(frozen=True)
class PermutedSlots(SpreadHeads):
    """Every machine, of g tokens, puts its messages into its g H slots by a permutation of its own.

    Parameters
    ----------
    n_heads, capacity : int
        H = ceil(K / g) and b.
    n_machines, seed, round : int
        As of `SpreadHeads`.
    most : int
        Messages that a machine receives, K.

    Notes
    -----
    Take one machine, one head and the at most K messages to that machine; let X count those in that
    head. A message is there if its slot is one of g among g H, so with probability 1 / H, and
    E[X] <= K / H <= g. The slots of the messages of one sender are a sample without replacement:
    the indicators are negatively associated (Joag-Dev and Proschan, Ann. Stat. 11, 1983, theorem
    2.11: a permutation distribution), and so is the union over senders, which draw independently.
    For negatively associated indicators Chernoff's bound holds as for independent ones (Dubhashi
    and Ranjan, 1998): for c > g

        P[X >= c] <= exp(-(c ln(c / g) - c + g)).

    The union over P machines and H heads is `failure` with c = b + 1, and over R rounds the claim
    for a whole run. A turn by a random amount would not do: it keeps the messages of one sender
    beside each other, so they would be positively correlated. The claim is for any one input, over
    the seed; the generator is taken to be uniform.
    """

    most: int = field(kw_only=True)

    @property
    def failure(self) -> Fraction:
        meet, g = self.capacity + 1, self.tokens
        if meet > min(self.most, (self.n_machines - 1) * g):
            return Fraction(0)
        return self.n_machines * self.n_heads * rare(meet, g)

    def slot(self, source: Integers, emission: Integers) -> Integers:
        return self._slots[0][source, emission]

    def emission(self, source: Integers, slot: Integers) -> Integers:
        return self._slots[1][source, slot]

    @property
    def _slots(self) -> tuple[Integers, Integers]:
        seed = int(random_words(self.seed, OWN_STREAM, [0], 1)[0, 0])
        return _permutations(seed, self.round, self.n_machines, self.n_heads * self.tokens)


def rare(meet: int, mean: int) -> Fraction:
    """Return exp(-(c ln(c / g) - c + g)) for c > g, rounded up; 1 for others."""
    if meet <= mean:
        return Fraction(1)
    return Fraction(exp(-(meet * log(meet / mean) - meet + mean))) * (1 + ROUNDED)


@lru_cache(maxsize=2)
def _permutations(
    seed: int, round: int, n_machines: int, n_slots: int
) -> tuple[Integers, Integers]:
    """Return the slot of every message and the message of every slot: int64[P, g H] each."""
    keys = random_words(seed, round, np.arange(n_machines), n_slots)
    slot = np.argsort(keys, axis=1, kind="stable")
    return slot, np.argsort(slot, axis=1)


class HeadOrder(Choice):
    """An assignment that the compiler offers."""

    EMISSION = "emission", EmissionOrder
    SPREAD = "spread", SpreadHeads

    made: type[HeadAssignment]

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise CodeDomainError(f"head order {value!r} is unknown; use one of {', '.join(cls)}")


HEAD_NAMES = tuple(HeadOrder)


def order_of(tokens: TokensPerMachine, order: HeadOrder | str) -> HeadOrder:
    """Return the order of the heads: spread where the tokens of a machine are balanced."""
    spreads = isinstance(tokens, TokenRule) and tokens.made.spreads
    return HeadOrder.SPREAD if spreads else HeadOrder(order)


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
