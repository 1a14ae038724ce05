"""Families of locality-sensitive hash functions, and functions drawn from them.

Axes: N rows of width m, l tables of z hashes. A hash yields a symbol in 0 .. R - 1; the bucket id
of a row in a table is the tuple of its z symbols as one number: in base R where R**z <= 2**63, else
by a fold. The fold packs symbols into words x_w below 2**32 and takes the high 32 and 31 bits of
sum_w a_w x_w + b mod 2**64 for two independent draws of a_w and b. Each is strongly universal
(Thorup, arXiv 1504.06804, section on vectors), so two different tuples get one id with probability
at most 2**-32 * 2**-31 = 2**-63.

Ties: sign(0) = +1, and the largest coordinate is the one of lowest index. A zero row stays zero:
zero rows share their bucket ids, and collision probabilities say nothing about them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import log
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anna_model.frozen_arrays import FrozenArrays, IntArray, real_rows
from anna_model.threads import Run, cut, threads

Matrix = NDArray[Any]
Words = NDArray[np.uint64]
Codes = NDArray[Any]

FOLD_COLLISION = 2.0**-63
MAX_CODES = 2**63
NARROW_CODES = 2**31
PARTS = 4
"""Pieces of the rows for every thread."""

MAX_SEED = 2**63


@dataclass(frozen=True)
class Family(ABC):
    """A distribution of hash functions under which near rows collide more often than far ones.

    Attributes
    ----------
    largest_distance : float
        Of two rows whose collision probability is known: 2 where only directions are hashed.
    """

    largest_distance: ClassVar[float] = 2.0

    @abstractmethod
    def sample(self, m: int, tables: int, hashes: int, *, seed: int) -> HashFunctions:
        """Draw functions.

        Parameters
        ----------
        m : int
            Width of the rows.
        tables, hashes : int
            l and z.
        seed : int
            Table u draws from (seed, u) alone, its functions in turn: fewer tables or hashes leave
            the others as they are.

        Returns
        -------
        HashFunctions
        """

    @abstractmethod
    def collision_probability(self, distance: float, m: int) -> float:
        """Return the probability that one function gives two rows the same symbol.

        Parameters
        ----------
        distance : float
            Euclidean; between unit vectors, hence at most 2, where only directions are hashed.
        m : int
            Width of the rows.
        """

    def rho(self, r: float, c: float, m: int) -> float:
        """Return ln(1/p1) / ln(1/p2) for near rows at distance r and far ones at c r.

        0 where near rows always or far rows never collide.

        Raises
        ------
        ValueError
            p2 = 1 while p1 < 1, or p1 = 0 while p2 > 0: no family does this.
        """
        far = min(c * r, self.largest_distance)
        p1, p2 = (self.collision_probability(each, m) for each in (r, far))
        if p1 == 1 or p2 == 0:
            return 0.0
        if p2 == 1 or p1 == 0:
            raise ValueError(f"rho is undefined for p1 = {p1} and p2 = {p2}")
        return log(p1) / log(p2)


@dataclass(frozen=True, eq=False)
class HashFunctions(FrozenArrays, ABC):
    """Drawn functions: l tables of z hashes each.

    Parameters
    ----------
    m : int
        Width of the rows.
    n_symbols : int
        R.
    times, plus : uint64[f, z], uint64[f]
        The fold, or the powers of R: see `code_form`.
    """

    m: int
    n_symbols: int
    times: Words
    plus: Words

    @property
    @abstractmethod
    def tables(self) -> int:
        """Tables, l."""

    @property
    def hashes(self) -> int:
        """Hashes of a table, z."""
        return int(self.times.shape[1])

    @property
    def folded(self) -> bool:
        """Whether bucket ids are folded."""
        return len(self.plus) == 2

    @property
    def n_codes(self) -> int:
        """Bucket ids lie below this number."""
        return MAX_CODES if self.folded else self.n_symbols**self.hashes

    @property
    def extra_collision_probability(self) -> float:
        """Most that the fold adds to the probability that two rows collide in a table."""
        return FOLD_COLLISION if self.folded else 0.0

    def bucket_ids(self, rows: ArrayLike) -> IntArray:
        """Hash rows.

        Parameters
        ----------
        rows : real [N, m]
            In float32 if they are, else in float64.

        Returns
        -------
        int64[N, l]
            A row gets the same ids in every batch. The dtype matters: sums round in it.

        Raises
        ------
        TypeError, ValueError
            No real numbers, another shape, NaN or infinity; rows too long for the cells of a
            p-stable family.
        """
        checked = require_rows("rows", rows, self.m)
        with threads(len(checked) * self.tables * self.hashes) as (run, n_threads):
            (codes,) = self.codes({"rows": checked}, 0, self.tables, run, n_threads)
        return codes.T.astype(np.int64)

    def codes(
        self, named: dict[str, Matrix], first: int, last: int, run: Run, n_threads: int
    ) -> list[Codes]:
        """Hash several checked batches for the tables first .. last - 1 by the threads of a caller.

        Returns
        -------
        list of int32 or int64 [last - first, N]
            int32 where bucket ids lie below 2**31.
        """
        from anna_model.kernels.hashing import BLOCK

        narrow = self.n_codes <= NARROW_CODES
        word, signed = (np.uint32, np.int32) if narrow else (np.uint64, np.int64)
        form = (self.times.astype(word), self.plus.astype(word))
        batches, jobs = [], []
        for name, rows in named.items():
            kernel_rows = self._rows(rows)
            out: Codes = np.empty((last - first, len(rows)), signed)
            batches.append((name, kernel_rows, out))
            fixed = self._arguments(kernel_rows.dtype, first, last)
            parts = cut(len(rows), PARTS * n_threads if n_threads > 1 else 1, BLOCK)
            jobs += [(kernel_rows, *fixed, *form, low, high, out) for low, high in parts]
        with np.errstate(over="ignore", invalid="ignore"):  # wraps, and tests for inf - inf
            bad = run(self._kernel(sum(map(len, named.values()))), jobs)
        for name, rows, _ in batches:
            places = [place for job, place in zip(jobs, bad, strict=True) if job[0] is rows]
            _raise_if_bad(name, rows, places)
        return [out for _, _, out in batches]

    @abstractmethod
    def _kernel(self, n_rows: int) -> Any:
        """The loop for so many rows, compiled where that pays: rows, arguments, low, high, out."""

    @abstractmethod
    def _arguments(self, dtype: np.dtype[Any], first: int, last: int) -> tuple[object, ...]:
        """What the loop needs for some tables, in the dtype of the rows."""

    def _rows(self, rows: Matrix) -> Matrix:
        return rows


def code_form(n_symbols: int, hashes: int, seed: int) -> tuple[Words, Words]:
    """Return the linear form from symbols to bucket ids: the powers of R, or two folds.

    Parameters
    ----------
    n_symbols : int
        R <= 2**32.
    hashes : int
        z.

    Returns
    -------
    times, plus : uint64[f, z], uint64[f]
        f = 1: base R, the first hash in the highest place; f = 2: folded.
    """
    if n_symbols**hashes <= MAX_CODES:
        powers = [n_symbols ** (hashes - 1 - i) for i in range(hashes)]
        return np.array([powers], np.uint64), np.zeros(1, np.uint64)
    in_word = 1
    while n_symbols ** (in_word + 1) <= 2**32:
        in_word += 1
    rng = np.random.default_rng([seed, MAX_SEED])
    factors = rng.integers(0, 2**64, (2, -(-hashes // in_word)), np.uint64, endpoint=False)
    plus = rng.integers(0, 2**64, 2, np.uint64, endpoint=False)
    times = [
        [int(row[i // in_word]) * n_symbols ** (i % in_word) % 2**64 for i in range(hashes)]
        for row in factors
    ]
    return np.array(times, np.uint64), plus


def table_generator(seed: int, table: int) -> np.random.Generator:
    """Return the generator that a table draws from."""
    return np.random.default_rng([seed, table])


def require_sizes(m: int, tables: int, hashes: int, seed: int) -> None:
    """Reject sizes and seeds for which no functions can be drawn.

    Raises
    ------
    ValueError
    """
    if min(m, tables, hashes) < 1:
        raise ValueError(f"m, tables and hashes must be at least 1, not {m}, {tables} and {hashes}")
    if not 0 <= seed < MAX_SEED:
        raise ValueError(f"seed must lie in 0 .. 2**63 - 1, not {seed}")


def require_angle_distance(distance: float) -> None:
    """Reject what is no distance between unit vectors.

    Raises
    ------
    ValueError
    """
    if not 0 <= distance <= 2:
        raise ValueError(f"unit vectors lie at a distance in 0 .. 2, not {distance}")


def require_rows(name: str, array: ArrayLike, m: int | None = None) -> Matrix:
    """Check a batch of rows and return it contiguous and read-only, as `real_rows` takes it.

    Raises
    ------
    TypeError, ValueError
    """
    rows = real_rows(name, array)
    if rows.shape[1] != (rows.shape[1] if m is None else m):
        width = "any" if m is None else m
        raise ValueError(f"{name} must have shape (any, {width}), not {rows.shape}")
    view = rows.view()
    view.setflags(write=False)
    return view


def _raise_if_bad(name: str, rows: Matrix, places: list[int]) -> None:
    wrong = [place for place in places if place >= 0]
    if not wrong:
        return
    row = min(wrong)
    if row < len(rows):
        at = int(np.argmin(np.isfinite(rows[row])))
        raise ValueError(f"{name} must be finite, but {name}[{row}, {at}] is {rows[row, at]}")
    raise ValueError(
        f"{name}[{row - len(rows)}] lies 2**31 cells or more from the origin: take wider cells"
    )
