"""Real text to draw inputs from: how *Pride and Prejudice* begins (Jane Austen, 1813)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mpc_sim.inputs.graphs import Graph
from mpc_sim.inputs.instances import Letters
from mpc_sim.records import Words

TEXT = """\
It is a truth universally acknowledged, that a single man in possession of a good fortune, must be \
in want of a wife.
However little known the feelings or views of such a man may be on his first entering a \
neighbourhood, this truth is so well fixed in the minds of the surrounding families, that he is \
considered as the rightful property of some one or other of their daughters.
"My dear Mr. Bennet," said his lady to him one day, "have you heard that Netherfield Park is let \
at last?"
Mr. Bennet replied that he had not.
"But it is," returned she; "for Mrs. Long has just been here, and she told me all about it."
Mr. Bennet made no answer.
"Do not you want to know who has taken it?" cried his wife impatiently.
"You want to tell me, and I have no objection to hearing it."
This was invitation enough.
"""


def text_letters(n: int) -> Letters:
    """Return the first n characters, numbered in sorted order; all of them where n is more."""
    return Letters.of(TEXT[:n])


def text_numbers(n: int) -> Words:
    """Return the first n characters as code points, int64; all of them where n is more."""
    return np.array([ord(letter) for letter in TEXT[:n]], np.int64)


def text_words(n: int) -> list[str]:
    """Return the first n words, without signs and in small letters."""
    words = "".join(letter if letter.isalpha() else " " for letter in TEXT.lower()).split()
    return words[:n]


def text_graph(n: int) -> Graph:
    """Return the graph of the first n words of a text, joined where they are neighbours."""
    number: dict[str, int] = {}
    for word in text_words(10 * n):
        number.setdefault(word, len(number))
    kept = [number[word] for word in text_words(10 * n) if number[word] < n]
    return Graph.of(min(n, len(number)), list(pairwise(kept)))


def text_cycle(n: int) -> Graph:
    """Return one cycle through the first n words of a text, numbered alphabetically."""
    words = list(dict.fromkeys(text_words(10 * n)))[: max(n, 3)]
    place = {word: at for at, word in enumerate(sorted(words))}
    order = [place[word] for word in words]
    return Graph(len(order), np.stack([order, np.roll(order, -1)], axis=1))
