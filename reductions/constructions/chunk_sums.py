"""SUM by Reformer attention whose chunks are fixed in advance: log_B N layers, and no fewer.

Layer l puts into a chunk the B tokens whose numbers differ in digit l in base B alone, and gives
every token the sum over its chunk: the mean under equal logits, times B. After l layers a token
holds the sum of B^l tokens; for N = B^L that is SUM at every token after L layers.

Axes: N tokens, B tokens of a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model import HeadMaps, Resources, Rows, RowwiseLayer, Transformer
from anna_model.mechanisms import GivenCodes, Reformer
from anna_model.mechanisms.sorted_chunks import chunk_of_row
from mpc_sim import InputError
from mpc_sim.strict_arrays import whole_array
from reductions.arrays import Floats, Integers

SUM_BITS = 51
"""The mean of a chunk, times its size, is then within 1/4 of the sum, whatever the size."""


def no_logit(position: Integers, rows: Floats) -> Floats:
    """Return queries and keys that weigh all tokens of a chunk alike."""
    return np.zeros((len(position), 1))


def own_number(position: Integers, rows: Floats) -> Floats:
    """Return the values of tokens: their rows."""
    return rows


@dataclass(frozen=True)
class TimesChunk:
    """The fold: the mean over a chunk, times its size, as a whole number.

    Parameters
    ----------
    sizes : tuple of int
        Of the chunk of the token at every place.
    """

    sizes: tuple[int, ...]

    def __call__(self, position: Integers, rows: Floats, mean: Floats) -> Floats:
        """Return float64[A, 1]."""
        sums: Floats = np.rint(mean * np.array(self.sizes)[position, None])
        return sums


def digit_codes(n: int, chunk: int, digit: int) -> GivenCodes:
    """Return codes that bring together tokens that differ in one digit of their number."""
    token, step = np.arange(n), chunk**digit
    return GivenCodes((token // (step * chunk) * step + token % step)[None, :])


def chunk_sums(n: int, chunk: int, depth: int) -> Transformer:
    """Return the transformer: SUM of n = chunk^depth tokens, part of it otherwise.

    Parameters
    ----------
    n : int
        Tokens; any number.
    chunk : int
        B, at least 2.
    depth : int
        L.

    Raises
    ------
    InputError
        A size out of range.

    Notes
    -----
    Rows are one number wide. Exact while sums stay below 2^51 in magnitude.
    """
    if n < 1 or chunk < 2 or depth < 0 or chunk**depth >= 2**62:
        raise InputError(
            f"n = {n}, chunk = {chunk}, depth = {depth}: take n >= 1, chunk >= 2, depth >= 0, and "
            "chunk^depth below 2^62"
        )
    layers = []
    for digit in range(depth):
        codes = digit_codes(n, chunk, digit)
        members = chunk_of_row(codes.codes[0], chunk)
        sizes = tuple(np.bincount(members)[members].tolist())
        head = HeadMaps(no_logit, no_logit, own_number, 1, 1)
        mechanism = Reformer(codes, chunk)
        layers.append(
            RowwiseLayer(mechanism, (head,), TimesChunk(sizes), precision_bits=SUM_BITS + 1)
        )
    return Transformer(tuple(layers), n)


def layers_for(n: int, chunk: int) -> int:
    """Return ceil(log_B n), the layers that n tokens need.

    Raises
    ------
    InputError
        No token, or chunks of less than two.
    """
    if n < 1 or chunk < 2:
        raise InputError(f"n = {n}, chunk = {chunk}: take n >= 1 and chunk >= 2")
    depth, reach = 0, 1
    while reach < n:
        depth, reach = depth + 1, reach * chunk
    return depth


@dataclass(frozen=True)
class ChunkedSum:
    """SUM of n words, in a context of chunk^depth tokens; the words beyond n are 0.

    Parameters
    ----------
    chunk : int
        B, at least 2.

    Raises
    ------
    InputError
        No word, or chunks of less than two.
    """

    n: int
    chunk: int

    def __post_init__(self) -> None:
        layers_for(self.n, self.chunk)

    @property
    def transformer(self) -> Transformer:
        """The transformer, of the least depth."""
        depth = layers_for(self.n, self.chunk)
        return chunk_sums(self.chunk**depth, self.chunk, depth)

    def run(self, words: ArrayLike) -> Integers:
        """Return the sum everywhere: int64[n].

        Raises
        ------
        InputError
            There are not n words, one is no whole number or negative, or the sum is 2^51 or more.
        """
        given = whole_array(words, "words", (self.n,))
        if sum(given.tolist()) >= 2**SUM_BITS:
            raise InputError(
                f"the words sum to {sum(given.tolist())}: keep sums below 2^{SUM_BITS}"
            )
        transformer = self.transformer
        rows = np.zeros((transformer.n_tokens, 1))
        rows[: self.n, 0] = given
        return transformer.forward(Rows.from_dense(rows)).dense()[: self.n, 0].astype(np.int64)

    def resources(self) -> Resources:
        """Return what the transformer uses, read off it."""
        return self.transformer.resources()
