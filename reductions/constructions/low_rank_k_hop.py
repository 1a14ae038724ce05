"""k-hop of the last token by low-rank attention: k + 1 layers of O(sqrt(n letters N)) words.

A low-rank layer that sees all tokens is a board: every token receives the same sum of r m words,
here r = 1 and m words that tokens add to by their place. The sequence is cut into blocks of S
tokens.

    layer 1           how often each letter occurs in each block; the letters of the last block
    layers 2 .. k+1   the letters of the block where the next hop lands, and the letter behind it

All tokens know the state of the chase: a block whose letters they have received, and a letter that
they look for further left. They hop as long as the letter occurs in that block; then the counts
name the block of its latest earlier occurrence, and the next layer fetches that block. So every
layer takes at least one hop, and k + 1 layers suffice. Only the last token has its answer: the
board is too small for the answers of all (`state_counting`).

Letters count from 0; a letter on the board is letter + 1, and 0 is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import ArrayLike

from anna_model import HeadMaps, Resources, Rows, RowwiseLayer, Transformer
from anna_model.mechanisms import LowRank, Raw
from mpc_sim import InputError
from mpc_sim.integers import ceil_div
from mpc_sim.strict_arrays import whole_array
from reductions.arrays import Floats, Integers
from reductions.constructions.match2 import one

SOURCE = "one hop per layer: the block where it lands is written on the board"
OWN_LETTER, DONE, LETTER, BLOCK, COUNTS = range(5)


@dataclass(frozen=True)
class Blocks:
    """The cut of N tokens into blocks, and k."""

    n: int
    n_letters: int
    k: int
    size: int

    @property
    def n_blocks(self) -> int:
        """Blocks, the last maybe shorter."""
        return ceil_div(self.n, self.size)

    @property
    def first_board(self) -> int:
        """Words of the first board: a count per letter and block, and the last block."""
        return self.n_letters * self.n_blocks + self.size


@dataclass(frozen=True)
class CountAndShow:
    """Values of layer 1: one at (letter, block); the letter itself in the last block."""

    blocks: Blocks

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        """Return float64[A, first_board]."""
        cut, token = self.blocks, np.arange(len(position))
        letter, block = rows[:, OWN_LETTER].astype(np.int64), position // cut.size
        board = np.zeros((len(position), cut.first_board))
        board[token, (letter - 1) * cut.n_blocks + block] = 1
        last = block == cut.n_blocks - 1
        slot = cut.n_letters * cut.n_blocks + position % cut.size
        board[token[last], slot[last]] = letter[last]
        return board


@dataclass(frozen=True)
class ShowBlock:
    """Values of the later layers: the letters of the block that is asked for, and the next one."""

    blocks: Blocks

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        """Return float64[A, S + 1]."""
        cut = self.blocks
        slot = position - rows[:, BLOCK].astype(np.int64) * cut.size
        asked = (rows[:, LETTER] > 0) & (rows[:, DONE] < cut.k) & (slot >= 0) & (slot <= cut.size)
        board = np.zeros((len(position), cut.size + 1))
        board[asked, slot[asked]] = rows[asked, OWN_LETTER]
        return board


@dataclass(frozen=True)
class Chase:
    """The fold: hop as far as the received block goes, and name the block that is needed next.

    Parameters
    ----------
    first : bool
        Whether it folds layer 1, which starts the chase at the last token.
    """

    blocks: Blocks
    first: bool

    def __call__(self, position: Integers, rows: Floats, board: Floats) -> Floats:
        """Return float64[A, 4 + counts]: own letter, hops done, letter, block, counts."""
        known: dict[bytes, Floats] = {}
        folded = []
        for row, heard in zip(rows, board, strict=True):
            told = row[DONE:].tobytes() + heard.tobytes()
            if told not in known:
                known[told] = self._chase(row, heard)
            folded.append(known[told])
        return np.concatenate([rows[:, :DONE], np.stack(folded)], axis=1)

    def _chase(self, row: Floats, board: Floats) -> Floats:
        cut = self.blocks
        table = cut.n_letters * cut.n_blocks
        if self.first:
            counts, window = board[:table], board[table:]
            block, place, done = cut.n_blocks - 1, (cut.n - 1) % cut.size, 0
            letter = int(window[place])
        else:
            counts, window = row[COUNTS:], board
            block, done, letter = int(row[BLOCK]), int(row[DONE]), int(row[LETTER])
            place = len(window)  # the hop that waits lands behind some place of this block
            if not letter or done == cut.k:
                return row[DONE:]
        while done < cut.k:
            earlier = np.flatnonzero(window[: min(place, cut.size)] == letter)
            if not len(earlier):
                before = counts.reshape(cut.n_letters, cut.n_blocks)[letter - 1, :block]
                found = np.flatnonzero(before)
                block, letter = (int(found[-1]), letter) if len(found) else (0, 0)
                break
            place, done = int(earlier[-1]) + 1, done + 1
            letter = int(window[place])
        return np.concatenate([[done, letter, block], counts])


@dataclass(frozen=True)
class LowRankKHop:
    """The transformer, and how letters go in and the answer comes out.

    Made by :func:`low_rank_k_hop`.
    """

    transformer: Transformer
    blocks: Blocks

    def rows(self, letters: ArrayLike) -> Rows:
        """Return the rows of letters: the letter of a token, and nothing known."""
        words = whole_array(letters, "letters", (self.blocks.n,), 0, self.blocks.n_letters - 1)
        return Rows.from_dense((words + 1)[:, None].astype(np.float64))

    def run(self, letters: ArrayLike) -> Integers:
        """Return the answer of the last token, as every token knows it: int64[N]."""
        rows = self.transformer.forward(self.rows(letters)).dense()
        if self.blocks.k == 0:
            return np.full(self.blocks.n, int(rows[-1, OWN_LETTER]))
        answers = np.where(rows[:, DONE] == self.blocks.k, rows[:, LETTER], 0)
        return answers.astype(np.int64)

    def answer(self, letters: ArrayLike) -> int:
        """Return 1 + the letter at sigma^k of the last token, or 0."""
        return int(self.run(letters)[-1])

    def resources(self) -> Resources:
        """Return what the transformer uses, read off it."""
        return self.transformer.resources()

    @property
    def depth(self) -> int:
        """Layers."""
        return len(self.transformer.layers)

    @property
    def words_a_layer(self) -> int:
        """Words of the widest board, r m H."""
        return max(
            (
                sum(shape.count * shape.query_width * shape.value_width for shape in layer.heads)
                for layer in self.transformer.layers
            ),
            default=0,
        )


def low_rank_k_hop(n: int, n_letters: int, k: int, *, block: int | None = None) -> LowRankKHop:
    """Return a low-rank transformer that computes k-hop of the last of n tokens.

    Parameters
    ----------
    n : int
        Context length.
    k : int
        Hops, at least 0.
    block : int, optional
        S; by default the root of n_letters n, where the boards are about the smallest.

    Returns
    -------
    LowRankKHop
        k + 1 layers (none for k = 0) of one head of rank 1, at most n_letters ceil(n / S) + S words
        wide in layer 1 and S + 1 later. Numbers on the boards are at most max(S, n_letters).

    Raises
    ------
    InputError
        A size out of range.
    """
    if n < 1 or n_letters < 1 or k < 0 or (block is not None and block < 1):
        raise InputError(
            f"n = {n}, n_letters = {n_letters}, k = {k}, block = {block}: all are at least 1, k at "
            "least 0"
        )
    size = min(n, isqrt(n_letters * n - 1) + 1 if block is None else block)
    cut = Blocks(n, n_letters, k, size)
    mechanism = LowRank(Raw(), normalised=False)
    bits = max(size, n_letters, n).bit_length() + 1

    def layer(values: Callable[..., Floats], width: int, first: bool) -> RowwiseLayer:
        head = HeadMaps(one, one, values, 1, width)
        return RowwiseLayer(mechanism, (head,), Chase(cut, first), precision_bits=bits)

    layers = []
    if k:
        layers = [layer(CountAndShow(cut), cut.first_board, True)]
        layers += [layer(ShowBlock(cut), size + 1, False)] * k
    return LowRankKHop(Transformer(tuple(layers), n), cut)
