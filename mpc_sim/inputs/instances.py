"""Inputs: seeded sequences, real text, words from a file, graphs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words

from_networkx = Graph.from_networkx
"""The graph of a networkx graph, see `mpc_sim.inputs.graphs.Graph.from_networkx`."""


@dataclass(frozen=True, eq=False)
class Letters:
    """A sequence of letters: words 0 .. A-1, and what they stand for.

    Parameters
    ----------
    words : int64[N]
    alphabet : tuple of str
        The A letters, sorted; word a stands for ``alphabet[a]``.
    """

    words: Words
    alphabet: tuple[str, ...]

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Letters:
        """Number the distinct tokens in sorted order.

        Raises
        ------
        InputError
            If there is no token.
        """
        listed = list(tokens)
        if not listed:
            raise InputError("the input is empty; give at least one token")
        alphabet = tuple(sorted(set(listed)))
        number = {letter: word for word, letter in enumerate(alphabet)}
        return cls(np.array([number[token] for token in listed], np.int64), alphabet)

    @classmethod
    def random(cls, n: int, n_letters: int = 4, *, seed: int) -> Letters:
        """Draw n letters uniformly and independently."""
        words = np.random.default_rng(seed).integers(0, n_letters, n)
        return cls(words, tuple(_letter(word, n_letters) for word in range(n_letters)))

    def __len__(self) -> int:
        return len(self.words)


def integers(lines: Iterable[str], name: str) -> Words:
    """Read one non-negative integer per line; blank lines and comments are passed over.

    A # begins a comment where a blank or nothing follows it.

    Raises
    ------
    InputError
        Naming the file and the line.
    """
    words = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.split(None, 1)[0] == "#":
            continue
        if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) >= 2**62:
            raise InputError(
                f"{name}, line {number}: {text[:40]!r} is no integer in 0 .. 2**62 - 1; "
                "write one per line"
            )
        words.append(int(text))
    if not words:
        raise InputError(f"{name} holds no word; write one integer per line")
    return np.array(words, np.int64)


def _letter(word: int, n_letters: int) -> str:
    return chr(ord("a") + word) if n_letters <= 26 else str(word)
