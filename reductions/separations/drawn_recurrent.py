"""Recurrent models with drawn steps: a member of the family with few words of few bits.

State and row after a token are drawn functions of its position, its row and the state before, so
nothing is left out on purpose; what is missing is room.
"""

from __future__ import annotations

from dataclasses import dataclass

from anna_model.recurrent import RecurrentLayer, RecurrentModel, Words
from mpc_sim import InputError

PRIME = 2**61 - 1
FACTORS = (2862933555777941757 % PRIME, 3202034522624059733 % PRIME)


@dataclass(frozen=True)
class DrawnStep:
    """A drawn step.

    Parameters
    ----------
    bits : int
        Of a word of the state.
    """

    seed: int
    state_words: int
    bits: int

    def __call__(self, position: int, state: Words, row: Words) -> tuple[Words, Words]:
        """Take one token; its row is its first word and a drawn one."""
        mixed = self.seed + 1
        for word in (position, *state, *row):
            mixed = (mixed * FACTORS[0] + word + 1) % PRIME
        words = []
        for _ in range(self.state_words + 1):
            mixed = (mixed * FACTORS[1] + 1) % PRIME
            words.append(mixed >> (61 - self.bits))
        return tuple(words[1:]), (row[0], words[0])


def drawn_recurrent(
    n: int, *, depth: int, state_words: int, bits: int, row_bits: int, seed: int = 0
) -> RecurrentModel:
    """Draw a recurrent model.

    Parameters
    ----------
    depth : int
        L.
    state_words, bits : int
        m, and bits of a word of the state, at most row_bits.
    row_bits : int
        Bits of a word of a row.

    Raises
    ------
    InputError
        A size out of range.
    """
    if min(n, depth, state_words) < 1 or not 1 <= bits <= row_bits <= 60:
        raise InputError(
            f"n = {n}, depth = {depth}, state_words = {state_words}, bits = {bits} of {row_bits}: "
            "take all at least 1, and at most as many bits as a row has"
        )
    layers = tuple(
        RecurrentLayer(state_words, DrawnStep(seed * depth + layer, state_words, bits))
        for layer in range(depth)
    )
    return RecurrentModel(layers, n, row_bits)
