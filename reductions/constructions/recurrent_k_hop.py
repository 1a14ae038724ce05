"""k-hop by a recurrent model: k layers, one hop per layer, whose states hold one word per letter.

sigma(i) is the token after the latest earlier occurrence of w_i, so sigma^t(i) = sigma^(t-1)(j)
with j = sigma(i). Layer t is given, with every token, the letter g at sigma^(t-1) of it, and keeps
for every letter a the g of the token that followed the last a. A token first writes its own g at
the letter before it, which may be its own letter, and then looks its own letter up: that is the
letter at sigma^t of it. A layer that keeps h such tables takes h hops; the states of ceil(k / h)
layers hold k tables in all, however they are divided.

Letters count from 0; in rows and states a letter is letter + 1, and 0 is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anna_model import Resources
from anna_model.recurrent import RecurrentLayer, RecurrentModel, Words
from mpc_sim import InputError
from mpc_sim.strict_arrays import whole_array

SOURCE = "one hop per layer, one word per letter"


@dataclass(frozen=True)
class Hops:
    """The step of a layer that takes some hops; its state: h tables of letters, the letter before.

    Parameters
    ----------
    hops : int
        h.
    """

    n_letters: int
    hops: int

    def __call__(self, position: int, state: Words, row: Words) -> tuple[Words, Words]:
        """Take one token: its letter, and the letter that it has hopped to."""
        words, before = list(state), state[-1]
        letter, reached = row
        for hop in range(self.hops):
            table = hop * self.n_letters - 1
            if before:
                words[table + before] = reached
            reached = words[table + letter]
        words[-1] = letter
        return tuple(words), (letter, reached)


@dataclass(frozen=True)
class RecurrentKHop:
    """The model, and how letters go in and answers come out.

    Made by :func:`recurrent_k_hop`.
    """

    model: RecurrentModel
    n_letters: int
    k: int

    def rows(self, letters: ArrayLike) -> NDArray[np.int64]:
        """Return the rows of letters: each twice, as itself and as the letter after 0 hops."""
        words = whole_array(letters, "letters", (None,), 0, self.n_letters - 1)
        return np.stack([words + 1, words + 1], axis=1)

    def run(self, letters: ArrayLike) -> NDArray[np.int64]:
        """Return 1 + the letter at sigma^k of every token, or 0: int64[N].

        Raises
        ------
        InputError
            There are not N letters, or one is no integer in 0 .. n_letters - 1.
        """
        given = whole_array(letters, "letters", (self.model.n_tokens,))
        return self.model.run(self.rows(given))[:, 1]

    def messages(self, prefix: ArrayLike) -> tuple[Words, ...]:
        """Return what the layers send to the tokens after a prefix."""
        return self.model.states(self.rows(prefix))

    def resources(self) -> Resources:
        """Return what the model uses, read off it."""
        return self.model.resources()

    @property
    def depth(self) -> int:
        """Layers."""
        return len(self.model.layers)

    @property
    def state_words(self) -> int:
        """Words of the largest state."""
        return self.model.state_words


def recurrent_k_hop(n: int, n_letters: int, k: int, *, hops_a_layer: int = 1) -> RecurrentKHop:
    """Return a recurrent model that computes k-hop at all of n tokens.

    Parameters
    ----------
    n : int
        Context length.
    k : int
        Hops, at least 0; the answer of 0 hops is the letter itself, by no layer.
    hops_a_layer : int
        h, at least 1.

    Returns
    -------
    RecurrentKHop
        ceil(k / h) layers of h n_letters + 1 words of bit_length(n_letters) bits.

    Raises
    ------
    InputError
        A size out of range.

    Notes
    -----
    A run takes O(n k) steps of plain Python.
    """
    if n < 1 or n_letters < 1 or k < 0 or hops_a_layer < 1:
        raise InputError(
            f"n = {n}, n_letters = {n_letters}, k = {k}, hops_a_layer = {hops_a_layer}: all are at "
            "least 1, k at least 0"
        )
    hops = [min(hops_a_layer, k - done) for done in range(0, k, hops_a_layer)]
    layers = tuple(RecurrentLayer(h * n_letters + 1, Hops(n_letters, h)) for h in hops)
    return RecurrentKHop(RecurrentModel(layers, n, n_letters.bit_length()), n_letters, k)
