"""SUM and Match2 of the last token by one recurrent layer: read once, keep what may be asked for.

A recurrent layer receives nothing from the right, so only the last token can answer for all words.
For SUM the state is the sum so far, for Match2 one bit for every residue that has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from anna_model import Resources
from anna_model.recurrent import MOST_WORD_BITS, RecurrentLayer, RecurrentModel, Words
from mpc_sim import InputError
from mpc_sim.integers import ceil_div
from mpc_sim.strict_arrays import whole_array
from reductions.arrays import Integers

MOST_RESIDUES = 2**20


def add_up(position: int, state: Words, row: Words) -> tuple[Words, Words]:
    """Add a word to the sum; the step of SUM."""
    total = state[0] + row[0]
    return (total,), (total,)


@dataclass(frozen=True)
class MarkResidue:
    """Mark the residue of a word and look its partner up; the step of Match2."""

    modulus: int

    def __call__(self, position: int, state: Words, row: Words) -> tuple[Words, Words]:
        """Take one token."""
        seen = list(state)
        place, bit = divmod(row[0] % self.modulus, MOST_WORD_BITS)
        seen[place] |= 1 << bit
        place, bit = divmod(-row[0] % self.modulus, MOST_WORD_BITS)
        return tuple(seen), (seen[place] >> bit & 1,)


@dataclass(frozen=True)
class RecurrentReader:
    """A recurrent model on words: the answer of a token is its first number."""

    model: RecurrentModel

    def run(self, words: ArrayLike) -> Integers:
        """Return int64[N]; that of the last token is the answer.

        Raises
        ------
        InputError
            There are not N words, or one is no integer in 0 .. 2^word_bits - 1.
        """
        most = 2**self.model.word_bits - 1
        return self.model.run(whole_array(words, "words", (self.model.n_tokens,), 0, most))[:, 0]

    def resources(self) -> Resources:
        """Return what the model uses, read off it."""
        return self.model.resources()


def recurrent_sum(n: int, largest_sum: int) -> RecurrentReader:
    """Return the model that adds n words: one layer, one word.

    Raises
    ------
    InputError
        The sum may reach 2^62.
    """
    if not 0 <= largest_sum < 2**MOST_WORD_BITS:
        raise InputError(f"sums up to {largest_sum}: they must stay below 2**{MOST_WORD_BITS}")
    bits = max(1, largest_sum.bit_length())
    return RecurrentReader(RecurrentModel((RecurrentLayer(1, add_up),), n, bits))


def recurrent_match2(n: int, modulus: int) -> RecurrentReader:
    """Return the model that computes Match2 of the last token: one layer, one bit per residue.

    Parameters
    ----------
    modulus : int
        M, in 1 .. 2^20.

    Raises
    ------
    InputError
        The modulus is out of range.
    """
    if not 1 <= modulus <= MOST_RESIDUES:
        raise InputError(f"modulus = {modulus}: choose it in 1 .. 2**20, it is a width here")
    layer = RecurrentLayer(ceil_div(modulus, MOST_WORD_BITS), MarkResidue(modulus))
    return RecurrentReader(RecurrentModel((layer,), n, MOST_WORD_BITS))
