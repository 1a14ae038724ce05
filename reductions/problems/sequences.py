"""Sequences of letters for k-hop: seeded, with and without adjacent repeats, hard and real."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mpc_sim import InputError
from mpc_sim.inputs.instances import Letters
from mpc_sim.records import Words
from reductions.problems.problem import Instance
from reductions.problems.text import text_letters

N_LETTERS = 4


def letters_without_repeats(n: int, n_letters: int = N_LETTERS, *, seed: int) -> Words:
    """Draw n letters uniformly among the sequences in which no letter follows itself.

    A guesser that avoids its own letter is then wrong with probability 1 - 1 / (A - 1) only.

    Raises
    ------
    InputError
        Fewer than two letters.
    """
    if n_letters < 2:
        raise InputError(f"n_letters = {n_letters}: without repeats there must be two or more")
    rng = np.random.default_rng(seed)
    steps = np.append(rng.integers(0, n_letters, 1), rng.integers(1, n_letters, max(n - 1, 0)))
    letters: Words = np.cumsum(steps[:n]) % n_letters
    return letters


HARD_LETTERS: Mapping[str, Callable[[int], Words]] = {
    "one letter": lambda n: np.zeros(n, np.int64),
    "all different": lambda n: np.arange(n),
    "two in turn": lambda n: np.arange(n) % 2,
    "one rare": lambda n: np.where(np.arange(n) % 10 == 0, np.arange(n) % 3, 3),
    "halves": lambda n: np.concatenate([np.arange(n // 2), np.arange(n - n // 2)[::-1]]),
}
"""Every token its own hop; no hop at all; the longest chain, n - 2 hops; few letters that hop; one
hop over half of the sequence."""


def sequence_of(letters: Words, k: int, n_letters: int = 0) -> Instance:
    """Return letters as an instance of k-hop; the largest word is A, as 1 + a letter comes out."""
    most = max(int(np.max(letters)) + 1, n_letters)
    return Instance(letters, {"k": k}, largest_word=most)


def drawn_letters(k: int) -> dict[str, Callable[[int, int], Instance]]:
    """Return the seeded generators: uniform, and without adjacent repeats."""

    def uniform(n: int, seed: int) -> Instance:
        drawn = Letters.random(n, N_LETTERS, seed=seed)
        return Instance(drawn.words, {"k": k}, largest_word=N_LETTERS, alphabet=drawn.alphabet)

    def no_repeats(n: int, seed: int) -> Instance:
        return sequence_of(letters_without_repeats(n, seed=seed), k, N_LETTERS)

    return {"uniform": uniform, "no repeats": no_repeats}


def hard_letters(k: int) -> dict[str, Callable[[int], Instance]]:
    """Return the hard generators with k hops."""

    def of(make: Callable[[int], Words]) -> Callable[[int], Instance]:
        return lambda n: sequence_of(make(n), k)

    return {name: of(make) for name, make in HARD_LETTERS.items()}


def real_letters(k: int) -> dict[str, Callable[[int], Instance]]:
    """Return real text with k hops."""
    return {"text": lambda n: sequence_of(text_letters(n).words, k)}
