"""SUM and Match2 by one low-rank layer: every token receives the sum of what all add.

SUM needs rank 1 and width 1: query and key 1, value x. For Match2 the board has one word per
residue; a token adds 1 at its own and reads that of its partner, with rank 1 and width M.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model import HeadMaps, RowwiseLayer
from anna_model.mechanisms import LowRank, Raw
from mpc_sim import InputError
from reductions.arrays import Floats, Integers
from reductions.constructions.chunk_sums import own_number
from reductions.constructions.match2 import one
from reductions.constructions.word_transformer import MAX_WORD, WordTransformer

BOARD = LowRank(Raw(), normalised=False)
MOST_RESIDUES = 2**16


def low_rank_sum(n: int, largest_sum: int) -> WordTransformer:
    """Return the transformer that adds n words.

    Raises
    ------
    InputError
        The sum may reach 2^53.
    """
    if largest_sum >= MAX_WORD:
        raise InputError(f"sums up to {largest_sum}: they must stay below 2**53")
    head = HeadMaps(one, one, own_number, 1, 1)
    layer = RowwiseLayer(BOARD, (head,), precision_bits=max(1, largest_sum.bit_length()))
    return WordTransformer((layer,), n, largest_sum)


@dataclass(frozen=True)
class OnBoard:
    """Values: 1 at the residue of the token."""

    modulus: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        """Return float64[A, M]."""
        board = np.zeros((len(position), self.modulus))
        board[np.arange(len(position)), rows[:, 0].astype(np.int64) % self.modulus] = 1
        return board


@dataclass(frozen=True)
class ReadPartner:
    """The fold: 1 if the residue that completes the token was counted, else 0."""

    modulus: int

    def __call__(self, position: Integers, rows: Floats, board: Floats) -> Floats:
        """Return float64[A, 1]."""
        partner = -rows[:, 0].astype(np.int64) % self.modulus
        met: Floats = (board[np.arange(len(position)), partner] > 0).astype(np.float64)
        return met[:, None]


def low_rank_match2(n: int, modulus: int, largest_word: int) -> WordTransformer:
    """Return the transformer that computes Match2 with one word per residue.

    Parameters
    ----------
    modulus : int
        M, in 1 .. 2^16.

    Raises
    ------
    InputError
        The modulus is out of range.
    """
    if not 1 <= modulus <= MOST_RESIDUES:
        raise InputError(f"modulus = {modulus}: choose it in 1 .. 2**16, it is a width here")
    head = HeadMaps(one, one, OnBoard(modulus), 1, modulus)
    bits = max(n, largest_word).bit_length()
    layer = RowwiseLayer(BOARD, (head,), ReadPartner(modulus), precision_bits=max(1, bits))
    return WordTransformer((layer,), n, largest_word)
