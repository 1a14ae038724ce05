"""Sorting rows by hash code and cutting the order into chunks of equal size.

Axes: N rows, m width, B rows of a chunk, b codes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from anna_model.frozen_arrays import FloatArray, FrozenArrays, IntArray
from anna_model.mechanisms.matrices import Matrix


class Codes(ABC):
    """What rows are sorted by.

    Attributes
    ----------
    rounds : int
        Independent codes of a row.
    """

    rounds: int

    @abstractmethod
    def __call__(self, rows: Matrix, round: int) -> IntArray:
        """Return int64[N], the codes of real [N, m] in one round."""


@dataclass(frozen=True, eq=False)
class GivenCodes(Codes, FrozenArrays):
    """Codes by place: the sorted order, and so the chunks, are fixed before any row is seen.

    Parameters
    ----------
    codes : int64[R, N]
        Of the token at every place, one row per round.

    Raises
    ------
    TypeError, ValueError
        Not int64, no round; called on another number of tokens.

    Examples
    --------
    >>> codes = GivenCodes(np.array([[1, 0, 1, 0]]))
    >>> chunk_of_row(codes(np.zeros((4, 2)), 0), 2).tolist()
    [1, 0, 1, 0]
    """

    codes: IntArray

    def __post_init__(self) -> None:
        if not len(self._freeze("codes", np.int64, (None, None))):
            raise ValueError("codes need at least one round")

    @property
    def rounds(self) -> int:  # type: ignore[override]
        """R."""
        return len(self.codes)

    def __call__(self, rows: Matrix, round: int) -> IntArray:
        """Return int64[N], whatever the rows hold."""
        if len(rows) != self.codes.shape[1]:
            raise ValueError(
                f"the codes were given for {self.codes.shape[1]} tokens, not {len(rows)}"
            )
        codes: IntArray = self.codes[round]
        return codes


@dataclass(frozen=True)
class AngularCodes(Codes):
    """Hash codes of a random rotation: the argmax of (x R, -x R), as in Reformer.

    Parameters
    ----------
    width : int
        m.
    n_codes : int
        b, even, at least 2.
    rounds : int
        Independent draws.
    seed : int

    Raises
    ------
    ValueError
        A size out of range.

    Notes
    -----
    Products are added coordinate by coordinate in one order, so a row has the same code in every
    batch. Ties go to the lowest code. Cost O(N m b) per round.

    Examples
    --------
    >>> codes = AngularCodes(width=2, n_codes=4, rounds=1, seed=0)
    >>> x = np.array([[1.0, 0.2], [-1.0, -0.2]])
    >>> [int(code) for code in codes(x, 0)]
    [0, 2]
    """

    width: int
    n_codes: int
    rounds: int = 1
    seed: int = 0
    directions: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.width < 1 or self.rounds < 1 or self.n_codes < 2 or self.n_codes % 2:
            raise ValueError(
                "angular codes need width >= 1, rounds >= 1 and an even number of codes, not "
                f"{self.width}, {self.rounds} and {self.n_codes}"
            )
        shape = (self.rounds, self.width, self.n_codes // 2)
        directions = np.random.default_rng(self.seed).standard_normal(shape)
        directions.setflags(write=False)
        object.__setattr__(self, "directions", directions)

    def __call__(self, rows: Matrix, round: int) -> IntArray:
        """Return int64[N], the codes of float [N, m] in one round."""
        if rows.shape[1] != self.width:
            raise ValueError(f"the codes were drawn for width {self.width}, not {rows.shape[1]}")
        projected = np.zeros((len(rows), self.n_codes // 2))
        for column, direction in zip(rows.T, self.directions[round], strict=True):
            projected += column[:, None] * direction
        codes: IntArray = np.argmax(np.concatenate([projected, -projected], axis=1), axis=1)
        return codes


def chunk_of_row(codes: IntArray, size: int) -> IntArray:
    """Return int64[N]: the chunk of every row when rows are sorted by (code, index) and cut."""
    chunk = np.empty(len(codes), np.int64)
    chunk[np.argsort(codes, kind="stable")] = np.arange(len(codes)) // size
    return chunk


def rows_of_chunks(chunk: IntArray) -> list[IntArray]:
    """Return the rows of chunk 0, 1, ..., each increasing."""
    if not len(chunk):
        return []
    order = np.argsort(chunk, kind="stable")
    return np.split(order, np.cumsum(np.bincount(chunk))[:-1])
