"""Unit vectors that stand for ids, any two of them at an angle with a guaranteed least size.

An exact-match head compares ids; a head that hashes needs vectors of which no two are near. Id
u + d v becomes the signs, over the elements x of the field with d = 4^j elements,

    (-1)^(<u, x> + <v, x^3>) / 2^j,

<., .> the parity of the bits in common. These are the values of the additive characters of the
field at polynomials a x + b x^3. Two distinct ids differ by such a polynomial that is not zero, and
the sum of its character over the field, which is 4^j times their inner product, is at most
2 * 2^j (Weil): 0 where b = 0, else (degree - 1) sqrt(d). So d^2 ids live in d coordinates, and the
cosine between any two is at most 2^(1 - j) in magnitude.

Axes: E ids, d coordinates, U ids in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpc_sim import ShapeError
from reductions.arrays import Floats, Integers

Signs = NDArray[np.int8]

_IRREDUCIBLE: Final = {2: 0b10011, 3: 0b1000011, 4: 0b100011101, 5: 0b10000001001}
"""By j, a polynomial of degree 2 j over the field of two elements without a factor."""


@dataclass(frozen=True)
class IdCodewords:
    """Codewords of the ids 0 .. U - 1.

    Parameters
    ----------
    n_ids : int
        U, at least 1 and at most 2^20.

    Raises
    ------
    ShapeError
        There are too many ids, or none.

    Notes
    -----
    Every coordinate is 1 / 2^j or -1 / 2^j, so a codeword has length 1 exactly, and equal ids have
    equal bits. Cost: d numbers per id, after a table of d^2 signs.

    References
    ----------
    The dual of the double-error-correcting BCH code; A. Weil, On some exponential sums, PNAS 1948,
    in the form of Carlitz and Uchiyama, Bounds for exponential sums, Duke Math. J. 1957.
    """

    n_ids: int

    def __post_init__(self) -> None:
        largest = 16 ** max(_IRREDUCIBLE)
        if not 1 <= self.n_ids <= largest:
            raise ShapeError(f"n_ids = {self.n_ids}: choose it in 1 .. {largest}", n_ids=self.n_ids)

    @property
    def _half_bits(self) -> int:
        """j, the least with 16^j ids."""
        return next(j for j in sorted(_IRREDUCIBLE) if 16**j >= self.n_ids)

    @property
    def width(self) -> int:
        """Coordinates of a codeword, d."""
        return int(4**self._half_bits)

    @property
    def largest_cosine(self) -> Fraction:
        """Bound on the cosine, in magnitude, between the codewords of two ids."""
        return Fraction(2, 2**self._half_bits)

    @property
    def least_distance(self) -> float:
        """Bound on the Euclidean distance between the codewords of two ids."""
        return sqrt(2 * (1 - self.largest_cosine))

    def vectors(self, ids: Integers) -> Floats:
        """Return the codewords, float64[E, d], of ids int64[E].

        Raises
        ------
        ShapeError
            An id is out of range.
        """
        if ids.size and (ids.min() < 0 or ids.max() >= self.n_ids):
            raise ShapeError(
                f"ids must lie in 0 .. {self.n_ids - 1}, not {ids.min()} .. {ids.max()}",
                n_ids=self.n_ids,
            )
        parity, cube = _tables(self._half_bits)
        v, u = np.divmod(ids, self.width)
        signs = parity[u] * parity[v][:, cube]
        vectors: Floats = signs.astype(np.float64) / 2**self._half_bits
        return vectors


@lru_cache(maxsize=2)
def _tables(j: int) -> tuple[Signs, Integers]:
    """Return (-1)^<u, x>, int8[d, d], and x^3 for every element of the field, int64[d]."""
    x = np.arange(4**j)
    parity = np.ones((1, 1), np.int8)
    for _ in range(2 * j):
        parity = np.block([[parity, parity], [parity, -parity]])
    cube = _times(_times(x, x, j), x, j)
    parity.flags.writeable = cube.flags.writeable = False
    return parity, cube


def _times(x: Integers, y: Integers, j: int) -> Integers:
    """Multiply elements of the field with 4^j elements."""
    product, top = np.zeros_like(x), 4**j
    for bit in range(2 * j):
        product ^= np.where((y >> bit) & 1, x, 0)
        x = x << 1
        x = np.where(x & top, x ^ _IRREDUCIBLE[j], x)
    return product
