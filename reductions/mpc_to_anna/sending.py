"""What the tokens of a routing layer send: their keys, and messages that are coded when asked for.

Axes: P machines, g tokens of a machine, T tokens, H heads of messages, E messages, w words of a
message, m width of a value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from anna_model.joins.row_join import order_by, sort_by
from anna_model.lazy_values import Entries, LazyValues, SelectedRows
from reductions.arrays import Booleans, Floats, Integers
from reductions.mpc_to_anna.codes.code import Likely, MessageCode


@dataclass(frozen=True)
class SourceIds:
    """The number that a message carries as its source.

    A code asks that the messages of one average have distinct sources. By exact match machine j
    numbers its messages to one receiver in one head r = 0, 1, ...: the sources are j + P r, and
    (head, r) is the order of emission. Where ids are hashed that would not do: two messages of j to
    two receivers that share a bucket would both have r = 0, and add up to a codeword that neither
    sent. There the source is the token, j + P h, also of a message to NULL: no two tokens of a head
    are equal, whoever hears them. A drawn order is read off tokens as well.

    Parameters
    ----------
    n_machines : int
        P.
    of_tokens : bool
        Whether the source is the token.
    n_own : int
        Ids of what a machine keeps, where a head of messages carries that too: 1 by exact match, P
        with tokens; 0 elsewhere. They come first.
    """

    n_machines: int
    n_ids: int
    of_tokens: bool
    n_own: int

    @property
    def first(self) -> int:
        """The source of the message of machine 0 that is numbered 0."""
        return 0 if self.of_tokens else self.n_own

    @property
    def likely(self) -> Likely | None:
        """Who sends a message numbered r + 1 to a machine sends one numbered r as well."""
        return None if self.of_tokens else Likely(self.n_own + self.n_machines, self.n_machines)

    def of(self, source: Integers, to: Integers, head: Integers, role: Integers) -> Integers:
        """Return the sources, int64[E], of messages in the order of emission of every machine."""
        number = role if self.of_tokens else _turns(source, to, head)
        return self.first + source + self.n_machines * number

    def own(self, machine: Integers) -> Integers:
        """Return the sources of what machines keep."""
        return machine if self.of_tokens else np.zeros_like(machine)

    def read(self, ids: Integers) -> tuple[Integers, Integers]:
        """Return the machine and the number, r or h, of sources that are not of what is kept."""
        number, machine = np.divmod(ids - self.first, self.n_machines)
        return machine, number


def _turns(*keys: Integers) -> Integers:
    """Return how many entries before each have equal keys."""
    order = order_by(*keys[::-1])
    changes = np.zeros(len(order), bool)
    for key in keys:
        changes[1:] |= np.diff(key[order]) != 0
    place = np.arange(len(order))
    turns = np.empty(len(order), np.int64)
    turns[order] = place - np.maximum.accumulate(np.where(changes, place, 0))
    return turns


class Sent(NamedTuple):
    """What the tokens of a layer send.

    Parameters
    ----------
    keeper : int64[A]
        Machines that keep something, increasing.
    kept : float64[A, m]
        Its rows.
    head, token, source, to : int64[E]
    words : int64[E, w]
    """

    keeper: Integers
    kept: Floats
    head: Integers
    token: Integers
    source: Integers
    to: Integers
    words: Integers

    @classmethod
    def without_messages(cls, keeper: Integers, kept: Floats) -> Sent:
        """Send only what is kept."""
        none = np.zeros(0, np.int64)
        return cls(keeper, kept, none, none, none, none, none[:, None])

    @classmethod
    def joined(cls, parts: Iterable[Sent]) -> Sent:
        """Put together what tokens send that hold different rows."""
        first, *others = parts
        if not others:
            return first
        joined = cls(*(np.concatenate(arrays) for arrays in zip(first, *others, strict=True)))
        order = np.argsort(joined.keeper)
        return joined._replace(keeper=joined.keeper[order], kept=joined.kept[order])

    def taken(self, holds: Booleans) -> Sent:
        """Keep what those tokens send that hold the row it comes from: bool[g, P]."""
        if holds.all():
            return self
        mine, own = holds.ravel()[self.token], holds[0, self.keeper]
        messages = (array[mine] for array in self[2:])
        return Sent(self.keeper[own], self.kept[own], *messages)

    def with_null(self, n_heads: int, n_tokens: int, null: int) -> Sent:
        """Add a message to NULL for every token and head without one; its source is the token."""
        idle = np.ones((n_heads, n_tokens), bool)
        idle[self.head, self.token] = False
        head, token = np.nonzero(idle)
        to = np.full(len(token), null)
        words = np.zeros((len(token), self.words.shape[1]), np.int64)
        words[:, 0] = to
        added = head, token, token, to, words
        both = (np.concatenate(pair) for pair in zip(self[2:], added, strict=True))
        return Sent(self.keeper, self.kept, *both)


@dataclass(frozen=True, eq=False)
class CodedMessages(LazyValues):
    """Messages in their code, in front of them what a machine keeps where one head carries both.

    Parameters
    ----------
    source : int64[E]
    words : int64[E, w]
    own : SelectedRows, optional
        What stands in front: zeros for messages to others.
    """

    code: MessageCode
    source: Integers
    words: Integers
    own: SelectedRows | None = None

    @property
    def shape(self) -> tuple[int, int]:
        front = 0 if self.own is None else self.own.shape[1]
        return len(self.source), front + self.code.width

    @property
    def not_zero(self) -> Booleans:
        return np.ones(len(self.source), bool)  # no codeword is zero

    def __getitem__(self, entries: Entries) -> Floats:
        coded = self.code.encode(self.source[entries], self.words[entries])
        if self.own is None:
            return coded
        return np.concatenate([self.own[entries], coded], axis=1)

    def group_means(self, group: Integers, n_groups: int) -> Floats:
        """Encode into the sums, group by group."""
        listed = np.flatnonzero(group >= 0)
        order, end = sort_by(np.take(group, listed), n_groups)
        order, edge = np.take(listed, order), np.concatenate([[0], end])
        coded = self.code.mean_codewords(self.source, self.words, order, edge)
        if self.own is None:
            return coded
        return np.concatenate([self.own.group_means(group, n_groups), coded], axis=1)
