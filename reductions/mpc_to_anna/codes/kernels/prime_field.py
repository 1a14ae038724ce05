"""Arithmetic modulo a prime, 2**20 < p < 2**31.5, for the loops of the syndrome code.

Residues are uint64 below p, so that a product of two is below 2**63. Every operand of an integer
operation on residues is uint64: with an int64 beside it the result would silently be a float64.

Multiplication by a fixed c needs no division (Shoup): with ratio = floor(c 2**32 / p) and any
v < 2**32, q = floor(v ratio / 2**32) satisfies v c / p - 2 < q <= v c / p, because dropping the
fraction of ratio loses less than v / 2**32 < 1 and the outer floor less than 1. The remainder
v c - q p therefore lies in [0, 2 p), and one conditional subtraction reduces it. The factors are
below 2**32 (the compiler sees the masks), which keeps all products below 2**63.5 and lets four
of them share a vector instruction.

Numba keeps compiled callers by the date of their own file: who changes this one touches theirs.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from anna_model.kernels.compiled import njit, types

u8 = types.u8
ZERO, ONE = np.uint64(0), np.uint64(1)
HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(signature: object) -> Callable[[_Function], _Function]:
    """Compile a loop for one signature."""
    compiler = njit(signature, error_model="numpy", nogil=True)
    return cast("Callable[[_Function], _Function]", compiler)


@kernel(u8(u8, u8))
def ratio_of(factor: np.uint64, p: np.uint64) -> np.uint64:
    """Return what `times` asks of a factor."""
    return (factor << HALF) // p


@kernel(u8(u8, u8, u8, u8))
def times(value: np.uint64, factor: np.uint64, ratio: np.uint64, p: np.uint64) -> np.uint64:
    """Return value factor mod p."""
    quotient = ((value & LOW) * (ratio & LOW)) >> HALF
    rest = (value & LOW) * (factor & LOW) - (quotient & LOW) * (p & LOW)
    return rest - p if rest >= p else rest


@kernel(u8(u8, u8, u8))
def plus(left: np.uint64, right: np.uint64, p: np.uint64) -> np.uint64:
    """Return left + right mod p."""
    total = left + right
    return total - p if total >= p else total


@kernel(u8(u8, u8))
def inverse_of(value: np.uint64, p: np.uint64) -> np.uint64:
    """Return the inverse of a non-zero value: Euclid, whose factors of it alternate in sign."""
    upper, lower = p, value
    old, new = ZERO, ONE
    odd = False
    while lower > ONE:
        quotient = upper // lower
        upper, lower = lower, upper - quotient * lower
        old, new = new, old + quotient * new
        odd = not odd
    return p - new if odd else new
