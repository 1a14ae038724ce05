"""A transformer of words: one token per input word, one answer per token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model import Rows, Transformer
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from anna_model.transformer import Progress
from mpc_sim import InputError
from mpc_sim.records import Words
from reductions.attention_to_mpc.fit import fit_anna_to_mpc
from reductions.certify.way_back import GAP, WayBack, planned
from reductions.problems.problem import Instance

MAX_WORD = 2**53


@dataclass(frozen=True)
class WordTransformer(Transformer):
    """A transformer whose tokens hold a word each.

    Parameters
    ----------
    layers : tuple of Layer
    n_tokens : int
        N.
    largest_word : int
        Of the input, below 2^53.
    offset : int
        What the first layer is given is a word and this.
    column : int
        Of the last rows, where the answer stands.
    """

    largest_word: int
    offset: int = 0
    column: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.largest_word < MAX_WORD:
            raise InputError(f"largest word = {self.largest_word}: choose it in 0 .. 2**53 - 1")

    def run(self, words: ArrayLike, *, progress: Progress | None = None) -> Words:
        """Return the N output words, int64[N], for N input words.

        ``progress`` is that of `Transformer.forward`.

        Raises
        ------
        InputError
            There are not N of them, or one is no integer in 0 .. ``largest_word``.
        """
        given = np.asarray(words)
        if given.dtype.kind not in "iu" or given.shape != (self.n_tokens,):
            raise InputError(f"give {self.n_tokens} integers, not {given.dtype} {given.shape}")
        if given.min() < 0 or given.max() > self.largest_word:
            raise InputError(
                f"words lie in {given.min()} .. {given.max()}; give 0 .. {self.largest_word}"
            )
        rows = Rows.from_dense(given[:, None].astype(np.float64) + self.offset)
        heard = self.forward(rows, progress=progress).dense()
        return heard[:, self.column].astype(np.int64)


def way_back_of_words(transformer: WordTransformer, instance: Instance) -> WayBack:
    """Plan machines for a transformer whose rows, keys and values are whole numbers.

    Raises
    ------
    NoWayBack
        It does not fit.
    ValueError
        Its answer is not in the first column.
    """
    if transformer.column:
        raise ValueError("the way back reads the first column of the last rows")
    bits = max(layer.precision_bits for layer in transformer.layers)
    grid = Grid(bits + 1, 0)
    precision = Precision(rows=grid, keys=grid, values=grid)
    return planned(lambda: fit_anna_to_mpc(transformer, precision, GAP, input_width=1))
