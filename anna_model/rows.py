"""Rows: what the tokens hold between two layers.

Axes: N tokens, A listed tokens, D rows that are stored, d row width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model.frozen_arrays import FloatArray, FrozenArrays, IntArray, read_only, require_range


@dataclass(frozen=True, eq=False)
class Rows(FrozenArrays):
    """One row per token; a token that is not listed holds the zero row at its position.

    Parameters
    ----------
    n_tokens : int
        Context length, N >= 1.
    position : int64[A]
        The listed tokens, increasing, in 0 .. N-1.
    values : float64[D, d]
        The row of every listed token, D = A, or fewer rows where tokens share them.
    shared : int64[A], optional
        Which of the D rows a listed token holds; by default each its own.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, range or order.

    Examples
    --------
    >>> Rows(3, np.array([1]), np.array([[5.0, 6.0]])).dense().tolist()
    [[0.0, 0.0], [5.0, 6.0], [0.0, 0.0]]

    Tokens 0 and 2 hold one row, stored once:

    >>> Rows(3, np.array([0, 2]), np.array([[5.0]]), np.array([0, 0])).dense().T.tolist()
    [[5.0, 0.0, 5.0]]
    """

    n_tokens: int
    position: IntArray
    values: FloatArray
    shared: IntArray | None = None

    def __post_init__(self) -> None:
        n_rows = len(self._freeze("values", np.float64, (None, None)))
        if self.shared is None:
            self._freeze("position", np.int64, (n_rows,))
        else:
            n_listed = len(self._freeze("position", np.int64, (None,)))
            self._freeze("shared", np.int64, (n_listed,))
            require_range("shared", self.shared, 0, n_rows - 1)
        if self.n_tokens < 1:
            raise ValueError(f"n_tokens must be at least 1, not {self.n_tokens}")
        require_range("position", self.position, 0, self.n_tokens - 1)
        if (np.diff(self.position) <= 0).any():
            raise ValueError("position must increase")

    @classmethod
    def from_dense(cls, values: FloatArray) -> Rows:
        """List every token.

        Parameters
        ----------
        values : float64[N, d]

        Examples
        --------
        >>> Rows.from_dense(np.zeros((2, 3))).position.tolist()
        [0, 1]
        """
        return cls(len(values), np.arange(len(values)), values)

    @property
    def held(self) -> IntArray:
        """Which row of ``values`` every listed token holds: int64[A]."""
        return np.arange(len(self.position)) if self.shared is None else self.shared

    def apart(self) -> Rows:
        """Store the row of every listed token by itself: A d numbers."""
        if self.shared is None:
            return self
        return Rows(self.n_tokens, self.position, self.values[self.shared])

    def dense(self) -> FloatArray:
        """Write the row of every token: float64[N, d]; a read-only view where all are listed."""
        if len(self.position) == self.n_tokens:
            return self.apart().values
        dense = np.zeros((self.n_tokens, self.values.shape[1]))
        dense[self.position] = self.apart().values
        return dense

    def restrict(self, positions: IntArray) -> Rows:
        """Keep the rows of some tokens; the others become zero rows, N stays.

        Parameters
        ----------
        positions : int64[any]
            In 0 .. N-1, in any order.

        Examples
        --------
        >>> rows = Rows.from_dense(np.array([[1.0], [2.0], [3.0]]))
        >>> rows.restrict(np.array([2, 0])).dense().T.tolist()
        [[1.0, 0.0, 3.0]]
        """
        positions = read_only("positions", positions, np.int64, (None,))
        require_range("positions", positions, 0, self.n_tokens - 1)
        keep = np.zeros(self.n_tokens, bool)
        keep[positions] = True
        listed = keep[self.position]
        if self.shared is None:
            return Rows(self.n_tokens, self.position[listed], self.values[listed])
        return Rows(self.n_tokens, self.position[listed], self.values, self.shared[listed])
