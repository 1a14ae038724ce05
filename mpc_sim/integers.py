"""Exact integer arithmetic for sizes: no logarithm or root of this library is taken in floats."""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational

from mpc_sim.errors import ShapeError

MAX_DENOMINATOR = 10_000


def as_exponent(value: str | float | Rational, name: str) -> Fraction:
    """Read an exponent exactly: ``"2/3"``, ``0.45`` and ``Fraction(2, 3)`` are all accepted.

    Parameters
    ----------
    value : str, float or rational
        A float means the decimal that it prints as, so ``0.45`` is 9/20.
    name : str
        Named in the error.

    Raises
    ------
    ShapeError
        If it is no number, or its denominator exceeds ``MAX_DENOMINATOR``.
    """
    if len(str(value)) > 40 or "e" in str(value).lower():
        raise ShapeError(
            f"{name} = {str(value)[:40]} is no short number: write a fraction or a decimal, say 2/3"
        )
    try:
        exponent = Fraction(value) if isinstance(value, Rational) else Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ShapeError(
            f"{name} = {value!r} is no number: write a fraction or a decimal, say 2/3"
        ) from None
    if exponent.denominator > MAX_DENOMINATOR:
        raise ShapeError(
            f"{name} = {value} has the denominator {exponent.denominator}; "
            f"write a fraction with at most {MAX_DENOMINATOR}, say 2/3"
        )
    return exponent


def ceil_div(numerator: int, denominator: int) -> int:
    """Return ceil(numerator / denominator) of integers."""
    return -(-numerator // denominator)


def ceil_power(base: int, exponent: Fraction, factor: int = 1) -> int:
    """Return ceil(factor * base**exponent) exactly.

    It is the least x with x^q >= factor^q base^p for the exponent p/q, found by bisection on
    integers.

    Parameters
    ----------
    base, factor : int
        Both positive.
    exponent : Fraction
        May be negative.
    """
    p, q = exponent.numerator, exponent.denominator
    left = base ** max(-p, 0)
    right = factor**q * base ** max(p, 0)
    low, high = 0, 1
    while high**q * left < right:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if middle**q * left < right:
            low = middle
        else:
            high = middle
    return high
