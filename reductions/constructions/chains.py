"""Doubling on chains: what a token keeps of its chain, and how a look-up takes it further.

The chain of token i is i, sigma(i), sigma^2(i), .. Rows hold, in this order, the letter of the
token, the place sigma^(m-1)(i), its letter, the place sigma^m(i), and its letter where that is
known. Letters are 1 .. A and places 1 .. N; 0 is none, and nothing follows it. A look-up copies
what the token at one of the two places keeps: from m to 2 m, asking at the upper one, or to
2 m - 1, asking at the lower one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.records import Words
from reductions.arrays import Floats

LETTER, LOWER, LOWER_LETTER, UPPER, UPPER_LETTER = range(5)


@dataclass(frozen=True)
class Columns:
    """Values: some columns of the row, behind the place of the token where that is asked for."""

    columns: tuple[int, ...]
    has_place: bool = False

    def __call__(self, position: Words, rows: Floats) -> Floats:
        """Return the values, one row per token."""
        told = rows[:, list(self.columns)]
        return np.column_stack([position + 1.0, told]) if self.has_place else told


@dataclass(frozen=True)
class Copied:
    """Fold of a look-up: what the token at the place in a column keeps, which may be itself.

    Parameters
    ----------
    column : int
        Holds the place that was asked for.
    columns : tuple of int
        What is copied.
    """

    column: int
    columns: tuple[int, ...]

    def __call__(self, position: Words, rows: Floats, heard: Floats) -> Floats:
        """Return the new rows, float64[A, 5]."""
        place, kept = rows[:, self.column], list(self.columns)
        copied = np.where((place == position + 1)[:, None], rows[:, kept], np.rint(heard))
        folded = rows.copy()
        folded[:, kept] = np.where((place == 0)[:, None], 0, copied)
        return folded


def look_ups(hops: int) -> tuple[bool, ...]:
    """Return which of the two places each look-up asks at, the upper or not, to take m from 1 on.

    2 m is reached from above, 2 m - 1 from below; the schedule is read backwards.
    """
    upper: list[bool] = []
    while hops > 1:
        upper.append(hops % 2 == 0)
        hops = (hops + 1) // 2
    return tuple(reversed(upper))
