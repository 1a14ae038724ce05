"""A family of hash functions of one's own: one NumPy method says which symbol a row has.

Symbols are whole numbers of any size; the z symbols of a row in a table are folded into one bucket
id by two strongly universal hashes, as `anna_model.lsh.family` does where R^z is large, with each
symbol as two words below 2^32. Axes: N rows of width m, l tables of z functions.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from anna_model.frozen_arrays import IntArray, require_finite
from anna_model.lsh.family import Codes, Family, HashFunctions, Matrix, code_form, require_sizes
from anna_model.threads import Run

TRIALS = 2000


@dataclass(frozen=True)
class NumpyFamily(Family):
    """Base of families of one's own: a frozen dataclass with the method `symbols`.

    Its law, `collision_probability`, may be left out; then whatever needs it says so. Where it is
    given, `law_of` compares it with what the functions do.

    Notes
    -----
    Cost: l z calls of `symbols` on all rows, by one thread; the fold adds O(N l z). It brings
    together tuples that differ with probability at most 2^-63.

    References
    ----------
    Thorup, arXiv 1504.06804: the fold.

    Examples
    --------
    The cell of a row on a random line:

    >>> @dataclass(frozen=True)
    ... class Cells(NumpyFamily):
    ...     width: float = 1.0
    ...
    ...     def symbols(self, rows, table):
    ...         line = table.standard_normal(rows.shape[1])
    ...         return np.floor((rows * line).sum(axis=1) / self.width + table.random()).astype(int)
    >>> drawn = Cells().sample(2, tables=3, hashes=4, seed=0)
    >>> ids = drawn.bucket_ids(np.array([[1.0, 2.0], [9.0, -9.0], [1.0, 2.0]]))
    >>> ids.shape, bool((ids[0] == ids[2]).all()), bool((ids[0] == ids[1]).any())
    ((3, 3), True, False)
    """

    @abstractmethod
    def symbols(self, rows: Matrix, table: np.random.Generator) -> Any:
        """Return the symbol of every row under one drawn function.

        Parameters
        ----------
        rows : float32 or float64 [N, m]
            Finite and read-only.
        table : numpy.random.Generator
            What is drawn from it makes the function: it begins anew for every batch, and must give
            the same whatever the rows are. So draw by the width of the rows alone, and let a row
            have the same symbol in every batch: sum with ``(rows * line).sum(axis=1)`` rather than
            ``rows @ line``, whose last bits depend on how many rows there are.

        Returns
        -------
        int[N]
        """

    def sample(self, m: int, tables: int, hashes: int, *, seed: int) -> HashFunctions:
        require_sizes(m, tables, hashes, seed)
        form = code_form(2**32, 2 * hashes, seed)
        return SymbolFunctions(m, 2**32, *form, self, tables, seed)

    def collision_probability(self, distance: float, m: int) -> float:
        self._no_law()

    def _no_law(self) -> NoReturn:
        raise ValueError(
            f"{type(self).__name__} has no law: give it collision_probability(distance, m)"
        )


@dataclass(frozen=True, eq=False)
class SymbolFunctions(HashFunctions):
    """Functions of a `NumpyFamily`: what they draw is drawn anew whenever they hash."""

    family: NumpyFamily
    n_tables: int
    seed: int

    @property
    def tables(self) -> int:
        """Tables, l."""
        return self.n_tables

    def codes(
        self, named: dict[str, Matrix], first: int, last: int, run: Run, n_threads: int
    ) -> list[Codes]:
        found: list[Codes] = []
        for name, rows in named.items():
            require_finite(name, rows)
            codes = [self._of_table(rows, table) for table in range(first, last)]
            found.append(np.array(codes, np.int64).reshape(last - first, len(rows)))
        return found

    def _of_table(self, rows: Matrix, table: int) -> IntArray:
        sums = np.repeat(self.plus[:, None], len(rows), axis=1)
        for at in range(self.hashes // 2):
            words = self._symbols(rows, table, at).view(np.uint64)
            low, high = words & np.uint64(2**32 - 1), words >> np.uint64(32)
            sums += self.times[:, 2 * at, None] * low + self.times[:, 2 * at + 1, None] * high
        upper, lower = sums >> np.uint64(32), sums >> np.uint64(33)
        codes: IntArray = (upper[0] << np.uint64(31) | lower[1]).astype(np.int64)
        return codes

    def _symbols(self, rows: Matrix, table: int, at: int) -> IntArray:
        generator = np.random.default_rng([self.seed, table, at])
        found = np.asarray(self.family.symbols(rows, generator))
        if found.shape != (len(rows),) or found.dtype.kind not in "iub":
            raise ValueError(
                f"{type(self.family).__name__}.symbols returned {found.dtype} of shape "
                f"{found.shape}; return a whole number for each of {len(rows)} rows"
            )
        return np.ascontiguousarray(found.astype(np.int64))

    def _kernel(self, n_rows: int) -> Any:
        raise NotImplementedError

    def _arguments(self, dtype: np.dtype[Any], first: int, last: int) -> tuple[object, ...]:
        raise NotImplementedError


@dataclass(frozen=True)
class LawCheck:
    """A law against what drawn functions did.

    Parameters
    ----------
    distance : float
    collisions, trials : int
        Functions under which two rows at this distance, drawn anew each time, shared a symbol.
    expected : float
        What the law says of one trial.
    far_off : float
        |collisions - expected trials|, less the 6 standard deviations and 6 that chance may take; a
        right law has 0 or less but for a probability below 1e-8.
    """

    distance: float
    collisions: int
    trials: int
    expected: float
    far_off: float


def law_of(family: Family, m: int, distances: tuple[float, ...], *, seed: int) -> list[LawCheck]:
    """Compare the law of a family with its functions on drawn pairs of unit vectors.

    Parameters
    ----------
    family : Family
        With a law.
    m : int
        Width, at least 2.
    distances : tuple of float
        Each in 0 .. 2.
    seed : int

    Raises
    ------
    ValueError
        The family has no law, or m is less than 2.
    """
    if m < 2:
        raise ValueError(f"m = {m}: unit vectors at a distance need 2 coordinates")
    rng, found = np.random.default_rng(seed), []
    for distance in distances:
        expected = family.collision_probability(distance, m)
        collisions = 0
        for function in range(TRIALS):
            ids = family.sample(m, 1, 1, seed=seed + function).bucket_ids(_pair(distance, m, rng))
            collisions += int(ids[0, 0] == ids[1, 0])
        deviation = np.sqrt(TRIALS * expected * (1 - expected))
        off = abs(collisions - expected * TRIALS) - 6 * (deviation + 1)
        found.append(LawCheck(distance, collisions, TRIALS, expected, float(off)))
    return found


def _pair(distance: float, m: int, rng: np.random.Generator) -> Matrix:
    """Draw two unit vectors at a distance."""
    one, other = rng.standard_normal((2, m))
    one /= np.linalg.norm(one)
    other -= (one @ other) * one
    other /= np.linalg.norm(other)
    cosine = 1 - distance**2 / 2
    return np.stack([one, cosine * one + np.sqrt(max(0.0, 1 - cosine**2)) * other])
