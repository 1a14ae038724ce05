"""How many tokens act for one machine, and which: one head suffices when there are enough.

In a head a token sends one message, so a machine with one token needs a head for each of its k
messages. With g tokens it needs ceil(k / g) of them: all g tokens of machine i ask for id i in
every head, so they receive the same and hold the same row; each sends its share of the messages.
With g = k + 1 there is a token for every message and one for what the machine keeps: one head. The
context is T = max(N, P g); at g = floor(N / P) no token is added.

Fewer would not do: where every token asks for its machine's id alone and a machine sends k messages
to distinct others and keeps something, it has k + 1 pairs of a head and a token in which a key is
set, so g H >= k + 1.

Axes: N input words, P machines, g tokens of a machine, T tokens, k messages of a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Never

import numpy as np

from anna_model import Rows
from mpc_sim import Cluster
from reductions.arrays import Booleans, Floats, Integers
from reductions.choice import Choice
from reductions.mpc_to_anna.codes.code import CodeDomainError


class Rule(NamedTuple):
    """What a rule takes of N, P and k, and whether it spreads the messages of a machine."""

    tokens: Callable[[int, int, int], int]
    spreads: bool = False


class TokenRule(Choice):
    """How many tokens act for a machine: as many as there are, one per message, or about log N."""

    FREE = "free", Rule(lambda n, p, k: n // p)
    ALL = "all", Rule(lambda n, p, k: k + 1)
    BALANCED = "balanced", Rule(lambda n, p, k: (n - 1).bit_length(), spreads=True)

    made: Rule

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise CodeDomainError(
            f"tokens per machine {value!r} are unknown; use a number from 1, or {', '.join(cls)}"
        )


TokensPerMachine = TokenRule | int


def tokens_per_machine(given: object) -> TokensPerMachine:
    """Read the option: a number of tokens, or a rule.

    Raises
    ------
    CodeDomainError
        It is neither.
    """
    number = int(given) if isinstance(given, str) and given.isdecimal() else given
    if isinstance(number, int) and not isinstance(number, bool) and number >= 1:
        return number
    return TokenRule(str(given))


def tokens_of(chosen: TokensPerMachine, n_words: int, n_machines: int, most: int) -> int:
    """Return g for k = ``most`` messages of a machine in a round; more than k + 1 have no use."""
    wanted = chosen
    if isinstance(chosen, TokenRule):
        wanted = chosen.made.tokens(n_words, n_machines, most)
    return max(1, min(int(wanted), most + 1))


@dataclass(frozen=True)
class TokenGroups:
    """Which token acts for which machine: token j + P h is the h-th of machine j, h < g.

    Parameters
    ----------
    n_machines, tokens : int
        P and g.
    """

    n_machines: int
    tokens: int = 1

    @classmethod
    def of(cls, cluster: Cluster, tokens: int) -> TokenGroups:
        return cls(cluster.n_machines, tokens)

    @property
    def n_acting(self) -> int:
        """Tokens that act for machines, P g; the first ones."""
        return self.n_machines * self.tokens

    def context_length(self, n_words: int) -> int:
        """Return T."""
        return max(n_words, self.n_acting)

    def classes(self, n_tokens: int) -> Integers:
        """Return the machine that each token acts for, int64[T]; -1 for none."""
        token = np.arange(n_tokens)
        return np.where(token < self.n_acting, token % self.n_machines, -1)

    def rows(self, n_tokens: int, machines: Integers, values: Integers) -> Rows:
        """Give all tokens of a machine its row, stored once; words are exact in float64."""
        stored = values.astype(np.float64)
        if self.tokens == 1:
            return Rows(n_tokens, machines, stored)
        position = machines + self.n_machines * np.arange(self.tokens)[:, None]
        held = np.tile(np.arange(len(machines)), self.tokens)
        return Rows(n_tokens, position.ravel(), stored, held)

    def memories(self, rows: Rows) -> Iterator[Memories]:
        """Say what the machines hold according to their tokens: once, where these agree.

        Tokens of one machine may hold different rows where a layer is given rows of its own, as it
        is to test that it is row-wise; then there is more than one answer, each with the tokens
        that give it.
        """
        of_token = np.full(self.n_acting, -1)
        acting = rows.position < self.n_acting
        of_token[rows.position[acting]] = rows.held[acting]
        held = of_token.reshape(self.tokens, self.n_machines)
        left = np.ones(held.shape, bool)
        while left.any():
            first = np.argmax(left, axis=0)  # the machines that have none left repeat themselves
            own = held[first, np.arange(self.n_machines)]
            agrees = left & (held == own)
            role, machine = np.nonzero(left & ~agrees & (held >= 0) & (own >= 0))
            one, other = rows.values[held[role, machine]], rows.values[own[machine]]
            agrees[role, machine] = (one == other).all(axis=1)
            machines = np.flatnonzero((own >= 0) & agrees.any(axis=0))
            yield Memories(machines, rows.values[own[machines]], agrees)
            left &= ~agrees


class Memories(NamedTuple):
    """The rows of machines, int64[A] and float64[A, d], and which tokens hold them, bool[g, P]."""

    machines: Integers
    values: Floats
    holds: Booleans
