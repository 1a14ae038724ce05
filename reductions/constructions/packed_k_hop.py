"""k-hop at every token by causal low-rank attention that writes the whole prefix down.

Rank 1, query and key 1: a token receives the sum of the values before it. Its value is its letter
at a digit of its own, so the sum is the prefix, several letters per word; the words are shared out
over L layers. No fewer bits suffice (`state_counting`): L r m H b >= (N - k - 2) log2(letters - 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model import HeadMaps, Resources, Rows, RowwiseLayer, Transformer
from anna_model.mechanisms import LowRank, Raw
from mpc_sim import InputError
from mpc_sim.integers import ceil_div
from mpc_sim.strict_arrays import whole_array
from reductions.arrays import Floats, Integers
from reductions.constructions.match2 import one
from reductions.constructions.one_way_messages import Messages, low_rank_messages

WORD_BITS = 52


@dataclass(frozen=True)
class Digits:
    """Where the letter of a token stands: word and digit."""

    n: int
    n_letters: int
    depth: int

    @property
    def base(self) -> int:
        """Of the digits: the letters, at least 2."""
        return max(2, self.n_letters)

    @property
    def per_word(self) -> int:
        """Letters of a word, as many as 52 bits hold."""
        digits = 1
        while self.base ** (digits + 1) <= 2**WORD_BITS:
            digits += 1
        return digits

    @property
    def width(self) -> int:
        """Words of a layer, m."""
        return ceil_div(ceil_div(self.n, self.per_word), self.depth)


@dataclass(frozen=True)
class WriteDown:
    """Values of a layer: the letter at its digit, in the words that this layer carries."""

    digits: Digits
    layer: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        """Return float64[A, m]."""
        cut = self.digits
        place = position // cut.per_word - self.layer * cut.width
        mine = (place >= 0) & (place < cut.width)
        words = np.zeros((len(position), cut.width))
        power = cut.base ** (position[mine] % cut.per_word)
        words[mine, place[mine]] = rows[mine, 0] * power
        return words


def remember(position: Integers, rows: Floats, heard: Floats) -> Floats:
    """Fold: append what was received to the row."""
    return np.concatenate([rows, heard], axis=1)


@dataclass(frozen=True)
class ReadBack:
    """The last fold: read the prefix and hop along it; 1 + the letter, or 0."""

    digits: Digits
    k: int

    def __call__(self, position: Integers, rows: Floats, heard: Floats) -> Floats:
        """Return float64[A, 1]."""
        written = np.concatenate([rows[:, 1:], heard], axis=1).astype(np.int64)
        answers = [
            self._hop(self._letters(row.tolist(), place + 1))
            for place, row in zip(position.tolist(), written, strict=True)
        ]
        return np.array(answers, np.float64)[:, None]

    def _letters(self, words: list[int], count: int) -> list[int]:
        cut = self.digits
        letters: list[int] = []
        for word in words:
            for _ in range(min(cut.per_word, count - len(letters))):
                word, letter = divmod(word, cut.base)
                letters.append(letter)
        return letters

    def _hop(self, letters: list[int]) -> int:
        """Hop; after as many hops as there are letters a chain has ended, or hops to itself."""
        last, hops = dict[int, int](), list[int | None]()
        for place, letter in enumerate(letters):
            hops.append(last[letter] + 1 if letter in last else None)
            last[letter] = place
        at: int | None = len(letters) - 1
        for _ in range(min(self.k, len(letters))):
            if at is not None:
                at = hops[at]
        return 0 if at is None else letters[at] + 1


@dataclass(frozen=True)
class PackedKHop:
    """The transformer on letters.

    Made by :func:`packed_k_hop`.
    """

    transformer: Transformer
    n_letters: int

    def rows(self, letters: ArrayLike) -> Rows:
        """Return the rows of letters."""
        n = self.transformer.n_tokens
        words = whole_array(letters, "letters", (n,), 0, self.n_letters - 1)
        return Rows.from_dense(words[:, None].astype(np.float64))

    def run(self, letters: ArrayLike) -> Integers:
        """Return 1 + the letter at sigma^k of every token, or 0: int64[N]."""
        rows = self.transformer.forward(self.rows(letters)).dense()
        return rows[:, 0].astype(np.int64)

    def tell(self, letters: ArrayLike, cut: int) -> Messages:
        """Return what the layers send across a cut."""
        return low_rank_messages(self.transformer, self.rows(letters), cut)

    def resources(self) -> Resources:
        """Return what the transformer uses, read off it."""
        return self.transformer.resources()

    @property
    def words_a_layer(self) -> int:
        """Words across a cut, r m H."""
        return self.transformer.resources().head_width


def packed_k_hop(n: int, n_letters: int, k: int, *, depth: int = 1) -> PackedKHop:
    """Return a causal low-rank transformer that computes k-hop at all of n tokens.

    Parameters
    ----------
    k : int
        Hops, at least 0.
    depth : int
        L, the layers that share the words.

    Returns
    -------
    PackedKHop
        L layers of one head of rank 1, ceil(ceil(n / p) / L) wide, p the letters that 52 bits hold.

    Raises
    ------
    InputError
        A size out of range.
    """
    if n < 1 or not 1 <= n_letters <= 2**WORD_BITS or k < 0 or depth < 1:
        raise InputError(
            f"n = {n}, n_letters = {n_letters}, k = {k}, depth = {depth}: all are at least 1, k at "
            "least 0"
        )
    digits = Digits(n, n_letters, depth)
    mechanism = LowRank(Raw(), normalised=False, causal=True)
    layers = []
    for layer in range(depth):
        head = HeadMaps(one, one, WriteDown(digits, layer), 1, digits.width)
        fold = ReadBack(digits, k) if layer == depth - 1 else remember
        layers.append(RowwiseLayer(mechanism, (head,), fold, precision_bits=WORD_BITS + 1))
    return PackedKHop(Transformer(tuple(layers), n), n_letters)
