"""Low-rank attention with drawn row-wise maps: a member of the family, not a construction.

Queries, keys, values and new rows are drawn functions of (position, row): polynomial hashes of
whole numbers to 0 .. modulus - 1. So sums are exact integers, a layer uses position and letter and
all that it has received, and nothing is left out on purpose.

Axes: N tokens, r rank, m value width, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model import HeadMaps, Rows, RowwiseLayer, Transformer
from anna_model.mechanisms import LowRank, Raw
from mpc_sim import InputError
from mpc_sim.strict_arrays import whole_array
from reductions.arrays import Floats, Integers
from reductions.constructions.one_way_messages import Messages, low_rank_messages

PRIME = 2**31 - 1


@dataclass(frozen=True)
class Drawn:
    """A drawn row-wise function.

    Parameters
    ----------
    width : int
        Numbers that it returns.
    modulus : int
        They lie in 0 .. modulus - 1.
    """

    seed: tuple[int, ...]
    width: int
    modulus: int

    def __call__(self, position: Integers, *rows: Floats) -> Floats:
        """Return float64[A, width]."""
        numbers = np.concatenate([position[:, None].astype(np.float64), *rows], axis=1)
        numbers = numbers.astype(np.int64) % PRIME
        rng = np.random.default_rng(self.seed)
        mixed = np.full((len(position), self.width), 1, np.int64)
        for column in numbers.T:
            factor = rng.integers(1, PRIME, self.width)
            mixed = (mixed * factor + column[:, None] + 1) % PRIME
        drawn: Floats = (mixed * 48271 % PRIME % self.modulus).astype(np.float64)
        return drawn


@dataclass(frozen=True)
class KeepLetter:
    """The fold: the letter, and drawn numbers of position, row and all that was received."""

    drawn: Drawn

    def __call__(self, position: Integers, rows: Floats, heard: Floats) -> Floats:
        """Return float64[A, 1 + width]."""
        return np.concatenate([rows[:, :1], self.drawn(position, rows, heard)], axis=1)


@dataclass(frozen=True)
class DrawnLowRank:
    """The transformer on letters.

    Made by :func:`drawn_low_rank`.
    """

    transformer: Transformer
    modulus: int

    def rows(self, letters: ArrayLike) -> Rows:
        """Return the rows of letters."""
        words = whole_array(letters, "letters", (self.transformer.n_tokens,))
        return Rows.from_dense(words[:, None].astype(np.float64))

    def run(self, letters: ArrayLike) -> Floats:
        """Return what the tokens hold in the end."""
        return self.transformer.forward(self.rows(letters)).dense()

    def tell(self, letters: ArrayLike, cut: int) -> Messages:
        """Return what the layers send across a cut."""
        return low_rank_messages(self.transformer, self.rows(letters), cut)

    @property
    def message_bits(self) -> int:
        """Bits of a word of a message: a sum of N products."""
        return int(self.transformer.n_tokens * (self.modulus - 1) ** 2).bit_length()


def drawn_low_rank(
    n: int,
    *,
    depth: int,
    rank: int,
    width: int,
    heads: int = 1,
    modulus: int = 4,
    causal: bool = True,
    seed: int = 0,
) -> DrawnLowRank:
    """Draw a low-rank transformer on n letters.

    Parameters
    ----------
    depth, rank, width, heads : int
        L, r, m, H, at least 1.
    modulus : int
        Of all numbers that are drawn, at least 2.
    causal : bool
        Else every token receives from all tokens.

    Raises
    ------
    InputError
        A size out of range.
    """
    if min(n, depth, rank, width, heads) < 1 or not 2 <= modulus <= 2**15:
        raise InputError(
            f"n = {n}, depth = {depth}, rank = {rank}, width = {width}, heads = {heads}, modulus = "
            f"{modulus}: take all at least 1, the modulus 2 .. 2^15"
        )
    mechanism = LowRank(Raw(), normalised=False, causal=causal)

    def head(layer: int, number: int) -> HeadMaps:
        query, key, value = (
            Drawn((seed, layer, number, part), size, modulus)
            for part, size in enumerate((rank, rank, width))
        )
        return HeadMaps(query, key, value, rank, width)

    layers = tuple(
        RowwiseLayer(
            mechanism,
            tuple(head(layer, number) for number in range(heads)),
            KeepLetter(Drawn((seed, layer, heads, 3), width, modulus)),
        )
        for layer in range(depth)
    )
    return DrawnLowRank(Transformer(layers, n), modulus)
