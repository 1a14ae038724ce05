"""Recurrent models on words: layers that read their tokens from left to right and keep m words.

Layer: h_i, y_i = step(i, h_(i-1), x_i), an arbitrary function of the position, of the state and of
the row of the token, as row-wise maps are of a transformer. Only the state crosses from token to
token: across any cut a layer sends m words to the right and receives none, whatever its steps are.
Words are whole numbers in 0 .. 2^word_bits - 1; nothing is rounded.

Axes: N tokens, d words of a row, m words of a state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import IntArray, require_range
from anna_model.transformer import Resources

Words = tuple[int, ...]
Step = Callable[[int, Words, Words], tuple[Words, Words]]
MOST_WORD_BITS = 62


@dataclass(frozen=True)
class RecurrentLayer:
    """One layer: a state of m words, 0 at the start, and what a token does to it.

    Parameters
    ----------
    state_words : int
        m, at least 1.
    step : callable
        (position, state of m words, row) -> (state of m words, new row). A function of a module
        pickles, a lambda does not.

    Raises
    ------
    ValueError
        A state without words.
    """

    state_words: int
    step: Step

    def __post_init__(self) -> None:
        if self.state_words < 1:
            raise ValueError(f"a state has at least one word, not {self.state_words}")


@dataclass(frozen=True)
class RecurrentModel:
    """A stack of recurrent layers over a context of fixed length.

    Parameters
    ----------
    n_tokens : int
        Context length, N >= 1.
    word_bits : int
        Bits of a word of a row or state, 1 .. 62.

    Raises
    ------
    ValueError
        A size out of range.
    """

    layers: tuple[RecurrentLayer, ...]
    n_tokens: int
    word_bits: int

    def __post_init__(self) -> None:
        if self.n_tokens < 1 or not 1 <= self.word_bits <= MOST_WORD_BITS:
            raise ValueError(
                f"n_tokens must be at least 1 and word_bits lie in 1 .. {MOST_WORD_BITS}, not "
                f"{self.n_tokens} and {self.word_bits}"
            )

    def run(self, rows: ArrayLike) -> IntArray:
        """Run all layers over the whole context.

        Parameters
        ----------
        rows : integers [N] or [N, d]

        Returns
        -------
        int64[N, d']

        Raises
        ------
        ValueError
            Rows of another context length, a word that is no integer or out of range, a step that
            returns a state of another size.
        """
        table = self._table(rows)
        if len(table) != self.n_tokens:
            raise ValueError(f"the model has a context of {self.n_tokens} tokens, not {len(table)}")
        outputs, _ = self._pass(table)
        return outputs

    def states(self, rows: ArrayLike) -> tuple[Words, ...]:
        """Return what every layer holds after a prefix: all that the later tokens receive of it.

        Parameters
        ----------
        rows : integers [n] or [n, d]
            The first n <= N tokens.

        Returns
        -------
        tuple of tuple of int
            m words per layer.
        """
        table = self._table(rows)
        if len(table) > self.n_tokens:
            raise ValueError(f"a prefix has at most {self.n_tokens} tokens, not {len(table)}")
        _, states = self._pass(table)
        return states

    @property
    def state_words(self) -> int:
        """Words of the largest state, m."""
        return max((layer.state_words for layer in self.layers), default=0)

    def resources(self) -> Resources:
        """Measure the model on its layers: the words of the state are its width; no heads."""
        return Resources(
            layers=len(self.layers),
            heads=0,
            head_width=self.state_words,
            query_width=0,
            token_width=self.state_words,
            context_length=self.n_tokens,
            precision_bits=self.word_bits,
        )

    def _table(self, rows: ArrayLike) -> IntArray:
        table = np.asarray(rows)
        if table.dtype.kind not in "iu" and table.size:
            raise ValueError(f"give whole numbers, not {table.dtype}")
        table = table.astype(np.int64)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2:
            raise ValueError(f"rows must have shape (N,) or (N, d), not {table.shape}")
        require_range("rows", table.ravel(), 0, 2**self.word_bits - 1)
        return table

    def _pass(self, table: IntArray) -> tuple[IntArray, tuple[Words, ...]]:
        rows: list[Words] = [tuple(row) for row in table.tolist()]
        states = []
        for number, layer in enumerate(self.layers):
            state: Words = (0,) * layer.state_words
            for position, row in enumerate(rows):
                state, rows[position] = self._taken(
                    number, position, layer, layer.step(position, state, row)
                )
            states.append(state)
        width = len(rows[0]) if rows else 0
        return np.array(rows, np.int64).reshape(len(rows), width), tuple(states)

    def _taken(
        self, number: int, position: int, layer: RecurrentLayer, found: tuple[Words, Words]
    ) -> tuple[Words, Words]:
        """Return state and row of a step as plain integers; whatever else they are stays behind."""
        where = f"layer {number}, token {position}"
        try:
            state, row = (tuple(map(index, words)) for words in found)
        except TypeError:
            raise ValueError(f"{where}: {found} has a word that is no integer") from None
        if len(state) != layer.state_words:
            raise ValueError(
                f"{where}: a state of {len(state)} words; {layer.state_words} were declared"
            )
        limit = 1 << self.word_bits
        if not all(0 <= word < limit for word in (*state, *row)):
            raise ValueError(
                f"{where}: a word beyond {self.word_bits} bits; the state is {state}, the row {row}"
            )
        return state, row
