"""Induction heads in two layers of exact match, and k-hop in ceil(log2 k) + 2, without sorting.

A binary tree stands over the places 0 .. N - 1; the node of token i at level l is floor(i / 2^l),
its sibling the other half of the node above. With D = ceil(log2 N) levels:

    layer 1   head l < D: does the letter of i occur in the sibling of i's node at level l?
              head D: the letter that follows i
    layer 2   head l: token j has the key (its letter, its node at level l) if it is the last of its
              letter there; token i asks for (its letter, the sibling) at the lowest level where the
              sibling lies to the left and has the letter

A head of layer 1 asks for (letter, sibling), has the key (letter, node) and the value 1; a query
without a match receives 0. Token j is the last of its letter in its node at level l if no sibling
to the right at a lower level has the letter. The latest earlier occurrence lies in the first
sibling to the left that has the letter, so in layer 2 exactly one token answers, with the letter
that follows it: nothing is averaged. Wider trees, of arity N^eps, would take more heads and no
fewer layers.

Then every token has the place and the letter one hop back, and a look-up of a place by exact match
doubles the hops (`chains`). Keys and queries are vectors of whole numbers, equal or at a distance
of at least 1: ANNA with c r < 1 executes it as well.

Axes: N tokens, A letters, D levels; letters are 1 .. A inside and places 1 .. N, and 0 is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model import ExactMatch, HeadMaps, Mechanism, RowwiseLayer
from anna_model.rowwise import Fold
from mpc_sim import InputError
from mpc_sim.records import Words
from reductions.arrays import Floats
from reductions.constructions.chains import (
    LETTER,
    LOWER,
    LOWER_LETTER,
    UPPER,
    UPPER_LETTER,
    Columns,
    Copied,
    look_ups,
)
from reductions.constructions.match2 import one
from reductions.constructions.word_transformer import MAX_WORD, WordTransformer

NEXT, FIRST_BIT = 1, 2
NULL, NOBODY = -1.0, -2.0


@dataclass(frozen=True)
class Node:
    """Query or key (letter, node) of a level; the sibling for a query."""

    level: int
    sibling: bool

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, 2]."""
        node = position >> self.level
        return np.column_stack([rows[:, LETTER], node ^ int(self.sibling)])


@dataclass(frozen=True)
class Place:
    """The place of a token from 1 as a key, or of the one behind it as a query."""

    behind: int = 0

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, 1]."""
        places: Floats = position[:, None].astype(np.float64) + (1 + self.behind)
        return places


def note_siblings(position: Words, rows: Floats, heard: Floats) -> Floats:
    """Fold of layer 1: the letter, the letter that follows, one bit per level."""
    return np.column_stack([rows[:, LETTER], heard[:, -1], heard[:, :-1]])


def level_of_latest(position: Words, rows: Floats) -> Words:
    """Return the lowest level whose sibling lies to the left and has the letter, or -1."""
    bits = rows[:, FIRST_BIT:]
    levels = np.arange(bits.shape[1])
    found = (bits > 0) & (position[:, None] >> levels & 1 == 1)
    if not len(levels):
        return np.full(len(rows), -1)
    return np.where(found.any(axis=1), found.argmax(axis=1), -1)


@dataclass(frozen=True)
class AskLatest:
    """Query of layer 2: (letter, sibling) at the level of the latest occurrence, else NOBODY."""

    level: int

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, 2]."""
        asked = Node(self.level, sibling=True)(position, rows)
        asked[level_of_latest(position, rows) != self.level] = NOBODY
        return asked


@dataclass(frozen=True)
class LastOfItsLetter:
    """Key of layer 2: (letter, node), NULL if a token to the right in the node has the letter."""

    level: int

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, 2]."""
        offered = Node(self.level, sibling=False)(position, rows)
        below = np.arange(self.level)
        bits = rows[:, FIRST_BIT : FIRST_BIT + self.level]
        later = (bits > 0) & (position[:, None] >> below & 1 == 0)
        offered[later.any(axis=1)] = NULL
        return offered


@dataclass(frozen=True)
class Following:
    """Value of layer 2: the letter behind the token, after its place where that is asked for."""

    has_place: bool

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, 1 or 2]."""
        letter = rows[:, [NEXT]]
        return np.column_stack([position + 2.0, letter]) if self.has_place else letter


def hear_one(position: Words, rows: Floats, heard: Floats) -> Floats:
    """Fold of layer 2 for one hop: the letter that the one head with a match returned."""
    letter: Floats = heard.sum(axis=1, keepdims=True)
    return letter


def start_chain(position: Words, rows: Floats, heard: Floats) -> Floats:
    """Fold of layer 2 for k hops: the token itself, and the place and the letter one hop back."""
    letters = rows[:, LETTER]
    upper, upper_letter = heard[:, 0::2].sum(axis=1), heard[:, 1::2].sum(axis=1)
    return np.column_stack([letters, position + 1.0, letters, upper, upper_letter])


def n_levels(n: int) -> int:
    """Return D = ceil(log2 N), and 1 for a single token."""
    return max(1, (n - 1).bit_length())


def tree_depth(k: int) -> int:
    """Return the layers of `k_hop_tree`: ceil(log2 k) + 2, and 2 for k = 0."""
    return 2 + max(k - 1, 0).bit_length()


def induction_heads(
    n: int, n_letters: int, *, mechanism: Mechanism | None = None
) -> WordTransformer:
    """Return the transformer that computes induction heads in two layers.

    Parameters
    ----------
    n : int
        Context length.
    n_letters : int
        A; the words are 0 .. A - 1.
    mechanism : Mechanism, optional
        `ExactMatch` by default.

    Returns
    -------
    WordTransformer
        D + 1 heads in layer 1 and D in layer 2, all of width 1; out: 1 + the letter that followed
        the latest earlier occurrence, or 0.

    Raises
    ------
    InputError
        A size out of range.
    """
    layers = _two_layers(n, n_letters, mechanism or ExactMatch(), hear_one, has_place=False)
    return WordTransformer(layers, n, n_letters - 1, offset=1)


def k_hop_tree(
    n: int, n_letters: int, k: int, *, mechanism: Mechanism | None = None
) -> WordTransformer:
    """Return the transformer that computes k-hop by trees and look-ups of exact match.

    Parameters
    ----------
    n, n_letters, mechanism
        As for `induction_heads`.
    k : int
        Hops, at least 0.

    Returns
    -------
    WordTransformer
        `tree_depth` layers of total width at most max(2 D, 4); out: 1 + the letter at sigma^k, 0 if
        there is none.

    Raises
    ------
    InputError
        A size out of range.
    """
    if k < 0:
        raise InputError(f"k = {k}: give 0 or more")
    attention = mechanism or ExactMatch()
    layers = _two_layers(n, n_letters, attention, start_chain, has_place=True)
    kept = (LOWER, LOWER_LETTER, UPPER, UPPER_LETTER)
    for is_upper in look_ups(k):
        at = UPPER if is_upper else LOWER
        head = HeadMaps(Columns((at,)), Place(), Columns(kept), 1, len(kept))
        layers += (RowwiseLayer(attention, (head,), Copied(at, kept), _bits(n, n_letters)),)
    answer = UPPER_LETTER if k else LOWER_LETTER
    return WordTransformer(layers, n, n_letters - 1, offset=1, column=answer)


def _two_layers(
    n: int, n_letters: int, attention: Mechanism, fold: Fold, *, has_place: bool
) -> tuple[RowwiseLayer, ...]:
    if n < 1 or not 1 <= n_letters < MAX_WORD:
        raise InputError(f"n = {n}, {n_letters} letters: give 1 or more, letters below 2**53")
    levels, bits = range(n_levels(n)), _bits(n, n_letters)
    siblings = [
        HeadMaps(Node(level, sibling=True), Node(level, sibling=False), one, 2, 1)
        for level in levels
    ]
    follows = HeadMaps(Place(1), Place(), Columns((LETTER,)), 1, 1)
    width = 2 if has_place else 1
    latest = [
        HeadMaps(AskLatest(level), LastOfItsLetter(level), Following(has_place), 2, width)
        for level in levels
    ]
    return (
        RowwiseLayer(attention, (*siblings, follows), note_siblings, bits),
        RowwiseLayer(attention, tuple(latest), fold, bits),
    )


def _bits(n: int, n_letters: int) -> int:
    return max(n + 1, n_letters).bit_length() + 1
