"""Row codes by definition, which the tests of row codes share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from reductions.mpc_to_anna.codes import (
    DisjunctCode,
    RowCode,
)

Message = tuple[int, tuple[int, ...]]


# --- the definition ---


def owned_rows(c: RowCode) -> list[set[int]]:
    """The rows of every source, as sets; for the disjunct code from its polynomials."""
    if isinstance(c, DisjunctCode):
        owned = []
        for source in range(c.n_sources):
            digits = [source // c.field_size**power % c.field_size for power in range(c.terms)]
            value = [
                sum(digit * x**power for power, digit in enumerate(digits)) % c.field_size
                for x in range(c.points)
            ]
            owned.append({x * c.field_size + y for x, y in enumerate(value)})
        return owned
    owned = [set() for _ in range(c.n_sources)]
    for source, row in zip(*c.rows_of(np.arange(c.n_sources)), strict=True):
        owned[source].add(int(row))
    return owned


def total(c: RowCode, owned: list[set[int]], messages: Sequence[Message]) -> list[int]:
    """The sum of codewords, as integers."""
    out = [[0] * (c.n_words + 3) for _ in range(c.rows)]
    for source, words in messages:
        for row in owned[source]:
            for column, value in enumerate((1, source, source**2, *words)):
                out[row][column] += value
    return [value for row in out for value in row]


def average(c: RowCode, owned: list[set[int]], messages: Sequence[Message]) -> list[float]:
    return [float(Fraction(v, max(1, len(messages)))) for v in total(c, owned, messages)]


def decode(c: RowCode, rows: Sequence[Sequence[float]]) -> list[list[Message]]:
    got = c.decode(np.array(rows, dtype=np.float64).reshape(len(rows), c.width))
    assert (np.diff(got.which) >= 0).all()
    out: list[list[Message]] = [[] for _ in rows]
    for d, source, words in zip(got.which, got.source, got.words, strict=True):
        out[d].append((int(source), tuple(words.tolist())))
    return out
