"""Loops of the syndrome code: encoding, and decoding of averages, over a prime field.

Notation: prime 2**20 < p < 2**31.5; b = capacity; w words per message; D rows; n messages per row.

Residues are uint64 below p, so that a product of two is below 2**63. Every operand of an integer
operation on residues is uint64: with an int64 beside it the result would silently be a float64.

Multiplication by a fixed c needs no division (Shoup): with ratio = floor(c 2**32 / p) and any
v < 2**32, q = floor(v ratio / 2**32) satisfies v c / p - 2 < q <= v c / p, because dropping the
fraction of ratio loses less than v / 2**32 < 1 and the outer floor less than 1. The remainder
v c - q p therefore lies in [0, 2 p), and one conditional subtraction reduces it. The factors are
below 2**32 (the compiler sees the masks), which keeps all products below 2**63.5 and lets four
of them share a vector instruction. Runs of numbers are passed as slices for the same reason.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from anna_model.kernels.compiled import njit, types

DECODED = 0
NOT_AN_AVERAGE = 1
TOO_MANY = 2
WRONG_COUNT = 3
NO_SOURCES = 4
WORD_RANGE = 5
MISMATCH = 6

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_TWO = np.uint64(2)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_LANES = 256

_Function = TypeVar("_Function", bound=Callable[..., object])
_U64 = npt.NDArray[np.uint64]
_I64 = npt.NDArray[np.int64]
_F64 = npt.NDArray[np.float64]


f8, i8, u8, void, Array = types.f8, types.i8, types.u8, types.void, types.Array
_READ_U8 = Array(u8, 1, "C", readonly=True)
_READ_U8_2D = Array(u8, 2, "C", readonly=True)
_READ_F8 = Array(f8, 1, "C", readonly=True)
_READ_F8_2D = Array(f8, 2, "C", readonly=True)


def _kernel(signature: object) -> Callable[[_Function], _Function]:
    compiler = njit(signature, error_model="numpy", nogil=True)
    return cast("Callable[[_Function], _Function]", compiler)


@_kernel(u8(u8, u8))
def _ratio(factor: np.uint64, p: np.uint64) -> np.uint64:
    return (factor << _HALF) // p


@_kernel(u8(u8, u8, u8, u8))
def _times(value: np.uint64, factor: np.uint64, ratio: np.uint64, p: np.uint64) -> np.uint64:
    quotient = ((value & _LOW) * (ratio & _LOW)) >> _HALF
    rest = (value & _LOW) * (factor & _LOW) - (quotient & _LOW) * (p & _LOW)
    return rest - p if rest >= p else rest


@_kernel(u8(u8, u8, u8))
def _plus(left: np.uint64, right: np.uint64, p: np.uint64) -> np.uint64:
    total = left + right
    return total - p if total >= p else total


@_kernel(u8(u8, u8))
def _inverse(value: np.uint64, p: np.uint64) -> np.uint64:
    """Return value**(p - 2), by Fermat the inverse of a non-zero value."""
    result = _ONE
    exponent = p - _TWO
    while exponent > _ZERO:
        if exponent & _ONE:
            result = result * value % p
        value = value * value % p
        exponent = exponent >> _ONE
    return result


@_kernel(void(u8[::1], u8, u8, u8[::1]))
def _scale(values: _U64, factor: np.uint64, p: np.uint64, out: _U64) -> None:
    ratio = _ratio(factor, p)
    for j in range(out.size):
        out[j] = _times(values[j], factor, ratio, p)


@_kernel(void(u8[::1], u8, u8, u8[::1]))
def _add_scaled(values: _U64, factor: np.uint64, p: np.uint64, out: _U64) -> None:
    ratio = _ratio(factor, p)
    for j in range(out.size):
        out[j] = _plus(out[j], _times(values[j], factor, ratio, p), p)


@_kernel(void(u8[::1], u8[::1], u8, u8, u8[::1]))
def _horner(points: _U64, ratios: _U64, constant: np.uint64, p: np.uint64, values: _U64) -> None:
    for j in range(values.size):
        values[j] = _plus(_times(values[j], points[j], ratios[j], p), constant, p)


@_kernel(void(u8, _READ_U8, u8, u8[::1], f8[::1]))
def _add_codeword(x: np.uint64, words: _U64, p: np.uint64, powers: _U64, row: _F64) -> None:
    """Add the codeword of (x, words) to `row`, as integers; `powers` is left holding x**a."""
    powers[0] = _ONE
    filled = 1
    step = x  # x**filled: each pass doubles the table by independent products
    while filled < powers.size:
        _scale(powers, step, p, powers[filled : min(2 * filled, powers.size)])
        step = step * step % p
        filled *= 2
    start = 0
    length = powers.size
    for i in range(words.size):
        factor = words[i] + _ONE if i == 0 else words[i]
        ratio = _ratio(factor, p)
        part = row[start : start + length]
        for j in range(part.size):
            part[j] += np.float64(_times(powers[j], factor, ratio, p))
        start += length
        length = (powers.size - 2) // 2


@_kernel(void(_READ_U8, _READ_U8_2D, u8, u8[::1], f8[:, ::1]))
def encode(source: _U64, words: _U64, p: np.uint64, powers: _U64, out: _F64) -> None:
    """Write the codeword of every message; `powers` is scratch of 2 b + 2 entries."""
    for e in range(source.size):
        out[e, :] = 0.0
        _add_codeword(source[e] + _ONE, words[e], p, powers, out[e])


@_kernel(i8(_READ_F8, i8, u8))
def _common_denominator(row: _F64, capacity: int, p: np.uint64) -> int:
    """Return the least n <= capacity with rint(n a) / n == a for all a of the row; 0 when none.

    The n that are right for one coordinate are the multiples of its denominator, so it is enough
    to walk through the multiples of what the coordinates before it needed.
    """
    largest = np.float64(p) - 1.0
    n = 1
    for j in range(row.size):
        value = row[j]
        if not (value >= 0.0 and value <= largest):
            return 0
        step = n
        while np.rint(n * value) / n != value:
            n += step
            if n > capacity:
                return 0
    return n


@_kernel(u8(u8[::1], u8[::1], u8, u8))
def _dot(left: _U64, right: _U64, p: np.uint64, carry: np.uint64) -> np.uint64:
    """Return the scalar product, with carry = 2**32 mod p.

    The halves of unreduced products are summed apart: below 2**17 terms neither sum overflows.
    """
    low = _ZERO
    high = _ZERO
    for j in range(left.size):
        product = (left[j] & _LOW) * (right[j] & _LOW)
        low += product & _LOW
        high += product >> _HALF
    return (high % p * carry + low) % p


@_kernel(i8(u8[::1], u8, u8[::1]))
def _linear_complexity(backward: _U64, p: np.uint64, now: _U64) -> int:
    """Berlekamp-Massey without inversions; b + 1 as soon as the complexity exceeds b.

    `backward` is the sequence from its last term to its first, so that a discrepancy is a product
    of two forward runs. `now`, of b + 1 terms, is left holding the connection polynomial up to a
    factor.
    """
    now[:] = _ZERO
    now[0] = _ONE
    old = now.copy()
    n, old_n, shift = 0, 0, 1
    old_discrepancy = _ONE
    carry = (_ONE << _HALF) % p
    for k in range(backward.size):
        start = backward.size - 1 - k
        discrepancy = _dot(now[: n + 1], backward[start:], p, carry)
        if discrepancy == _ZERO:
            shift += 1
            continue
        grows = 2 * n <= k
        if grows and k + 1 - n >= now.size:
            return now.size
        spare = now[: n + 1].copy()
        _scale(now, old_discrepancy, p, now[: n + 1])
        _add_scaled(old, p - discrepancy, p, now[shift : shift + old_n + 1])
        shift += 1
        if grows:
            old[: n + 1] = spare
            old_n, n = n, k + 1 - n
            old_discrepancy = discrepancy
            shift = 1
    return n


@_kernel(i8(u8[::1], u8[::1], u8[::1], u8, u8[::1]))
def _find_roots(locator: _U64, points: _U64, ratios: _U64, p: np.uint64, roots: _U64) -> int:
    """Find the roots of the monic locator among `points`; 1 when there are as many as its degree.

    Horner's rule on blocks of increasing points (Chien's search). The last root is read off the
    sum of all: it is a point not yet passed, else the roots are not distinct points.
    """
    n = locator.size - 1
    block = np.empty(_LANES, np.uint64)
    found = 0
    missing = p - locator[n - 1]
    base = 0
    while found < n - 1 and base < points.size:
        stop = min(base + _LANES, points.size)
        values = block[: stop - base]
        for j in range(values.size):
            values[j] = _plus(points[base + j], locator[n - 1], p)
        for i in range(n - 2, -1, -1):
            _horner(points[base:stop], ratios[base:stop], locator[i], p, values)
        for j in range(values.size):
            if values[j] == _ZERO:
                roots[found] = points[base + j]
                missing = _plus(missing, p - roots[found], p)
                found += 1
        base = stop
    if found == n - 1 and base < points.size and points[base] <= missing <= points[-1]:
        roots[found] = missing
        found += 1
    return 1 if found == n else 0


@_kernel(void(u8[::1], u8[::1], f8[::1], u8, u8[:, ::1]))
def _solve(locator: _U64, roots: _U64, totals: _F64, p: np.uint64, words: _U64) -> None:
    """Solve sum_j words[j, i] roots[j]**a = syndrome a of word i, for a < n.

    Lagrange: with q_j(z) = locator(z) / (z - x_j) = sum_a q[j, a] z**a the solution is
    sum_a q[j, a] syndrome[i, a] / q_j(x_j). Synthetic division gives q[., a] for all j at once,
    from a = n - 1 down, and Horner's rule follows it; the q_j(x_j) are inverted together.
    """
    n, n_words = words.shape
    capacity = (totals.size - 2) // (n_words + 1)
    ratios = np.empty(n, np.uint64)
    for j in range(n):
        ratios[j] = _ratio(roots[j], p)
    quotients = np.zeros(n, np.uint64)
    values = np.zeros(n, np.uint64)
    sums = np.zeros((n_words, n), np.uint64)
    for a in range(n - 1, -1, -1):
        _horner(roots, ratios, locator[a + 1], p, quotients)
        for j in range(n):
            values[j] = _plus(_times(values[j], roots[j], ratios[j], p), quotients[j], p)
        for i in range(n_words):
            start = 0 if i == 0 else capacity * (i + 1) + 2
            _add_scaled(quotients, np.uint64(totals[start + a]) % p, p, sums[i])
    product = _ONE
    prefixes = np.empty(n, np.uint64)
    for j in range(n):
        prefixes[j] = product
        product = product * values[j] % p
    inverse = _inverse(product, p)
    for j in range(n - 1, -1, -1):
        reciprocal = inverse * prefixes[j] % p
        inverse = inverse * values[j] % p
        for i in range(n_words):
            words[j, i] = sums[i, j] * reciprocal % p


@_kernel(i8(_READ_F8_2D, i8, u8[::1], u8, u8, i8[::1], i8[::1], u8[::1], u8[:, ::1]))
def decode(
    mean: _F64,
    capacity: int,
    points: _U64,
    p: np.uint64,
    word_limit: np.uint64,
    status: _I64,
    which: _I64,
    found: _U64,
    words: _U64,
) -> int:
    """Decode every row; return how many messages were written to `which`, `found` and `words`.

    These have D b entries. Messages come from distinct `points`, increasing. A row whose `status`
    is not DECODED adds no message.
    """
    totals = np.empty(mean.shape[1])
    encoded = np.empty(mean.shape[1])
    backward = np.empty(2 * capacity + 2, np.uint64)
    powers = np.empty(2 * capacity + 2, np.uint64)
    connection = np.empty(capacity + 1, np.uint64)
    ratios = np.empty(points.size, np.uint64)
    for j in range(points.size):
        ratios[j] = _ratio(points[j], p)
    start = 0
    for d in range(mean.shape[0]):
        divisor = _common_denominator(mean[d], capacity, p)
        if divisor == 0:
            status[d] = NOT_AN_AVERAGE
            continue
        for j in range(totals.size):
            totals[j] = np.rint(divisor * mean[d, j])
        for a in range(backward.size):
            backward[backward.size - 1 - a] = np.uint64(totals[a]) % p
        n = _linear_complexity(backward, p, connection)
        if n > capacity:
            status[d] = TOO_MANY
            continue
        if n % divisor != 0:
            status[d] = WRONG_COUNT
            continue
        encoded[:] = 0.0
        if n > 0:
            roots, rows = found[start : start + n], words[start : start + n]
            totals *= n // divisor
            locator = np.empty(n + 1, np.uint64)
            _scale(connection[n::-1].copy(), _inverse(connection[0], p), p, locator)
            if _find_roots(locator, points, ratios, p, roots) == 0:
                status[d] = NO_SOURCES
                continue
            _solve(locator, roots, totals, p, rows)
            for j in range(n):  # the first word was sent plus one: zero becomes p - 1, too large
                rows[j, 0] = _plus(rows[j, 0], p - _ONE, p)
            if rows.max() >= word_limit:
                status[d] = WORD_RANGE
                continue
            for j in range(n):
                _add_codeword(roots[j], rows[j], p, powers, encoded)
            which[start : start + n] = d
        if not np.array_equal(encoded, totals):
            status[d] = MISMATCH
            continue
        status[d] = DECODED
        start += n
    return start
