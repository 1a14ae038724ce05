"""k-hop by causal softmax in floor(log2 k) + 2 layers of one head, after SHT24, Theorem 4.2.

Token i keeps two places that are next to each other on its chain, and the letter at the lower one:
sigma^(m-1)(i), its letter, sigma^m(i). The first layer finds the latest earlier token of the same
letter, so m = 1. A later layer looks one place up and copies what the token there keeps: from m to
2 m, asking at sigma^m(i), or to 2 m - 1, asking at sigma^(m-1)(i). The letter at sigma^k is there
when m = k + 1, after ceil(log2(k + 1)) = floor(log2 k) + 1 such layers, for every k.

The first layer needs the mask j < i: a token must not attend to itself (`PastSoftmax`). Under the
mask j <= i two layers take its place (the previous letter; the latest token that follows the
letter); they also bring the letter at sigma^m, so that m = k is enough and the depth is ceil(log2
k) + 2. That is the same where k is a power of two, and one layer more elsewhere; there a token that
knows one hop after two layers can know at most 2^(L - 2) after L by copying from known places.

Logits are integers, exact in float64, and the largest of a row is above all others by at least 1;
beta = O(log N) then leaves less than 1/4 of a unit to all other values together, and the fold
rounds what it received to the nearest whole number.

Axes: N tokens, A letters; letters are 1 .. A inside and places 1 .. N, and 0 is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from anna_model import HeadMaps, Mechanism, RowwiseLayer
from anna_model.mechanisms import Softmax
from anna_model.mechanisms.past_softmax import PastSoftmax
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
from reductions.constructions.word_transformer import MAX_WORD, WordTransformer

Read = tuple[HeadMaps, Fold]
"""What a layer of one head is made of."""


@dataclass(frozen=True)
class LatestQuery:
    """Query for the letter of the token: a miss costs N for every unit of distance, squared."""

    n_tokens: int

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, query width]."""
        letter = rows[:, LETTER]
        cost = np.full(len(rows), float(self.n_tokens))
        return np.stack([-cost * letter**2, 2 * cost * letter, -cost, np.ones(len(rows))], axis=1)


@dataclass(frozen=True)
class LatestKey:
    """Key of a letter, larger for later tokens; ``column`` holds it."""

    column: int

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, query width]."""
        letter = rows[:, self.column]
        return np.stack([np.ones(len(rows)), letter, letter**2, position.astype(float)], axis=1)


@dataclass(frozen=True)
class PlaceQuery:
    """Query for the place in a column, or for the place before; 2 t j - j^2 is largest at j = t."""

    column: int | None

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return float64[A, query width]."""
        place = position.astype(float) if self.column is None else rows[:, self.column]
        return np.stack([2 * place, -np.ones(len(rows))], axis=1)


def place_key(position: Words, rows: Floats) -> Floats:
    """Return (j, j^2) for the place j of every token, from 1."""
    place = position + 1.0
    return np.stack([place, place**2], axis=1)


def start_behind_latest(position: Words, rows: Floats, heard: Floats) -> Floats:
    """Fold of layer 1 under j < i: sigma follows the latest earlier token, if it matches."""
    letters, (place, found) = rows[:, LETTER], np.rint(heard).T
    upper = np.where(found == letters, place + 1, 0)
    return np.stack([letters, position + 1.0, letters, upper, np.zeros(len(rows))], axis=1)


def hear_letter_before(position: Words, rows: Floats, heard: Floats) -> Floats:
    """Fold of layer 1 under j <= i: the letter, and the one before, 0 for the first token."""
    before = np.where(position == 0, 0, np.rint(heard[:, 0]))
    return np.stack([rows[:, LETTER], before], axis=1)


def start_where_it_follows(position: Words, rows: Floats, heard: Floats) -> Floats:
    """Fold of the second layer under j <= i: sigma is the latest token after the letter, or 0."""
    letters, (place, before, letter) = rows[:, LETTER], np.rint(heard).T
    is_found = before == letters
    upper, upper_letter = np.where(is_found, place, 0), np.where(is_found, letter, 0)
    return np.stack([letters, position + 1.0, letters, upper, upper_letter], axis=1)


def _start_past(n: int) -> tuple[Read, ...]:
    found = HeadMaps(LatestQuery(n), LatestKey(0), Columns((0,), has_place=True), 4, 2)
    return ((found, start_behind_latest),)


def _start_causal(n: int) -> tuple[Read, ...]:
    before = HeadMaps(PlaceQuery(None), place_key, Columns((0,)), 2, 1)
    found = HeadMaps(LatestQuery(n), LatestKey(1), Columns((1, 0), has_place=True), 4, 3)
    return (before, hear_letter_before), (found, start_where_it_follows)


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Which tokens a token sees, and what of the construction follows from it."""

    name: str
    attention: Callable[[float], Mechanism]  # by beta
    start: Callable[[int], tuple[Read, ...]]  # N -> the layers ahead of the look-ups
    first: int  # how many these are
    kept: tuple[int, ...]  # of the chain, beside the letter; what a look-up copies
    answer: int  # the column of the answer after a hop or more
    beyond: int  # how far m goes beyond k: 1 where the letter at sigma^m is not known


PAST = Mask(
    name="past",
    attention=PastSoftmax,
    start=_start_past,
    first=1,
    kept=(LOWER, LOWER_LETTER, UPPER),
    answer=LOWER_LETTER,
    beyond=1,
)
"""Token i sees the tokens before it, j < i."""
CAUSAL = Mask(
    name="causal",
    attention=partial(Softmax, causal=True),
    start=_start_causal,
    first=2,
    kept=(LOWER, LOWER_LETTER, UPPER, UPPER_LETTER),
    answer=UPPER_LETTER,
    beyond=0,
)
"""Token i sees itself as well, j <= i."""


def mask_of(given: Mask | str) -> Mask:
    """Return a mask by its name.

    Raises
    ------
    InputError
        There is none of that name.
    """
    for mask in (PAST, CAUSAL):
        if given in (mask, mask.name):
            return mask
    raise InputError(f"mask {given!r} is unknown; use past or causal")


def softmax_depth(k: int, mask: Mask | str = PAST) -> int:
    """Return the layers: floor(log2 k) + 2 under j < i, ceil(log2 k) + 2 under j <= i."""
    chosen = mask_of(mask)
    return chosen.first + max(k + chosen.beyond - 1, 0).bit_length()


def k_hop_softmax(n: int, n_letters: int, k: int, *, mask: Mask | str = PAST) -> WordTransformer:
    """Return the transformer that computes k-hop of n letters by causal softmax.

    Parameters
    ----------
    n : int
        Context length.
    n_letters : int
        A; the words are 0 .. A - 1.
    k : int
        Hops, at least 0.
    mask : Mask or str
        past: token i sees the tokens before it. causal: itself as well.

    Returns
    -------
    WordTransformer
        `softmax_depth` layers of one head, of values of width at most 3 (4 under j <= i) and
        queries of width at most 4; out: 1 + the letter at sigma^k, 0 if there is none.

    Raises
    ------
    InputError
        A size out of range, or logits would not be exact: 4 beta N max(N, A^2) reaches 2^53.

    Notes
    -----
    A run takes O(N^2) numbers per layer, in blocks.

    References
    ----------
    Sanford, Hsu, Telgarsky, arXiv 2402.09268, Theorem 4.2.
    """
    if n < 1 or n_letters < 1 or k < 0:
        raise InputError(f"n = {n}, n_letters = {n_letters}, k = {k}: give 1, 1 and 0, or more")
    beta = (4 * n * max(n, n_letters)).bit_length()
    largest = n * max(n, n_letters**2)
    if 4 * beta * largest >= MAX_WORD:
        raise InputError(
            f"n = {n}, {n_letters} letters: logits may reach 2**53 and would not be exact; give "
            "fewer letters or tokens"
        )
    chosen = mask_of(mask)
    attention, kept = chosen.attention(beta), chosen.kept
    bits = (2 * largest).bit_length() + 1

    def layer(head: HeadMaps, fold: Fold) -> RowwiseLayer:
        return RowwiseLayer(attention, (head,), fold, precision_bits=bits)

    layers = [layer(head, fold) for head, fold in chosen.start(n)]
    for is_upper in look_ups(k + chosen.beyond):
        at = UPPER if is_upper else LOWER
        head = HeadMaps(PlaceQuery(at), place_key, Columns(kept), 2, len(kept))
        layers.append(layer(head, Copied(at, kept)))
    answer = chosen.answer if k else LOWER_LETTER
    return WordTransformer(tuple(layers), n, n_letters - 1, offset=1, column=answer)
