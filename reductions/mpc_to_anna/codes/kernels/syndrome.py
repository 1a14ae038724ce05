"""Loops of the syndrome code: averages of codewords, and their decoding, over a prime field.

Notation: prime 2**20 < p < 2**31.5; b = capacity; w words per message, which are the numbers into
which the code packs the words of others; D rows; n messages per row.
"""

import numpy as np
import numpy.typing as npt

from anna_model.kernels.compiled import types
from reductions.mpc_to_anna.codes.kernels.prime_field import (
    HALF,
    LOW,
    ONE,
    ZERO,
    inverse_of,
    kernel,
    plus,
    ratio_of,
    times,
)

DECODED, NOT_AN_AVERAGE, TOO_MANY, WRONG_COUNT, NO_SOURCES, WORD_RANGE, MISMATCH = range(7)

_LANES = 256

_U64 = npt.NDArray[np.uint64]
_I64 = npt.NDArray[np.int64]
_F64 = npt.NDArray[np.float64]

f8, i8, u8, void, Array = types.f8, types.i8, types.u8, types.void, types.Array
_READ_U8 = Array(u8, 1, "C", readonly=True)
_READ_U8_2D = Array(u8, 2, "C", readonly=True)
_READ_I8 = Array(i8, 1, "C", readonly=True)
_READ_F8 = Array(f8, 1, "C", readonly=True)
_READ_F8_2D = Array(f8, 2, "C", readonly=True)


@kernel(void(u8, _READ_U8, u8, u8[::1], f8[::1]))
def _add_codeword(x: np.uint64, words: _U64, p: np.uint64, powers: _U64, row: _F64) -> None:
    """Add the codeword of (x, words) to `row`, as integers; `powers` is left holding x**a."""
    size = np.uintp(powers.size)
    powers[0] = ONE
    filled = np.uintp(1)
    step = x  # x**filled: each pass doubles the table by independent products
    while filled < size:
        ratio = ratio_of(step, p)
        for j in range(min(filled, size - filled)):
            powers[filled + j] = times(powers[j], step, ratio, p)
        step = step * step % p
        filled += filled
    start, length = np.uintp(0), size
    for i in range(words.size):
        factor = words[i] + ONE if i == 0 else words[i]
        ratio = ratio_of(factor, p)
        for j in range(length):
            row[start + j] += np.float64(times(powers[j], factor, ratio, p))
        start += length
        length = (size - np.uintp(2)) // np.uintp(2)


@kernel(void(_READ_I8, _READ_I8, _READ_U8, _READ_U8_2D, u8, f8[:, ::1]))
def mean_codewords(
    order: _I64, edge: _I64, source: _U64, words: _U64, p: np.uint64, out: _F64
) -> None:
    """Write the mean of the codewords of the messages order[edge[g] : edge[g + 1]], for every g."""
    capacity = (out.shape[1] - 2) // (words.shape[1] + 1)
    powers = np.empty(2 * capacity + 2, np.uint64)
    for g in range(out.shape[0]):
        row = out[g]
        row[:] = 0.0
        for at in range(edge[g], edge[g + 1]):
            e = order[at]
            _add_codeword(source[e] + ONE, words[e], p, powers, row)
        count = edge[g + 1] - edge[g]
        if count > 1:
            row /= np.float64(count)


@kernel(i8(_READ_F8, i8, u8))
def _common_denominator(row: _F64, capacity: int, p: np.uint64) -> int:
    """Return the least n <= capacity with rint(n a) / n == a for all a of the row; 0 when none.

    The n that are right for one coordinate are the multiples of its denominator, so it is enough
    to walk through the multiples of what the coordinates before it needed.
    """
    largest = np.float64(p) - 1.0
    wrong = 0
    for j in range(row.size):
        value = row[j]
        if not (value >= 0.0 and value <= largest):
            wrong += 1
    if wrong:
        return 0
    n = 1
    while True:
        wrong = 0
        for j in range(row.size):
            if np.rint(n * row[j]) / n != row[j]:
                wrong += 1
        if wrong == 0:
            return n
        for j in range(row.size):  # most often the first that is wrong needs all of n
            value, step = row[j], n
            while np.rint(n * value) / n != value:
                n += step
                if n > capacity:
                    return 0
            if n != step:
                break


@kernel(i8(u8[::1], i8, u8, u8[::1], u8[::1], u8[::1]))
def _linear_complexity(
    backward: _U64, sure: int, p: np.uint64, now: _U64, old: _U64, spare: _U64
) -> int:
    """Berlekamp-Massey without inversions; b + 1 as soon as the complexity exceeds b.

    `backward` is the sequence from its last term to its first, so that a discrepancy is a product
    of two forward runs. `now`, of b + 1 terms, is left holding the connection polynomial up to a
    factor; `old` and `spare` are scratch of its size. A recurrence that has foretold so many terms
    as `sure` is taken for the right one.
    """
    n, old_n, shift, foretold = 0, 0, 1, 0
    now[0] = old[0] = ONE
    old_discrepancy = ONE
    carry = (ONE << HALF) % p
    for k in range(backward.size):
        start = np.uintp(backward.size - 1 - k)
        low, high = ZERO, ZERO  # halves of products: below 2**17 terms neither sum overflows
        for j in range(np.uintp(n + 1)):
            product = (now[j] & LOW) * (backward[start + j] & LOW)
            low += product & LOW
            high += product >> HALF
        discrepancy = (high % p * carry + low) % p
        if discrepancy == ZERO:
            shift += 1
            foretold += 1
            if foretold >= sure:
                return n
            continue
        foretold = 0
        grows = 2 * n <= k
        if grows and k + 1 - n >= now.size:
            return now.size
        ratio = ratio_of(old_discrepancy, p)
        for j in range(n + 1):
            spare[j] = now[j]
            now[j] = times(now[j], old_discrepancy, ratio, p)
        for j in range(n + 1, shift + old_n + 1):  # that is k + 1 - n
            now[j] = ZERO
        factor, first = p - discrepancy, np.uintp(shift)
        ratio = ratio_of(factor, p)
        for j in range(np.uintp(old_n + 1)):
            now[first + j] = plus(now[first + j], times(old[j], factor, ratio, p), p)
        shift += 1
        if grows:
            for j in range(n + 1):
                old[j] = spare[j]
            old_n, n = n, k + 1 - n
            old_discrepancy = discrepancy
            shift = 1
    return n


@kernel(i8(u8[::1], u8[::1], u8[::1], i8, i8, u8, u8[::1], u8[:, ::1]))
def _find_roots(
    locator: _U64,
    points: _U64,
    ratios: _U64,
    first: int,
    period: int,
    p: np.uint64,
    roots: _U64,
    scratch: _U64,
) -> int:
    """Find the roots of the monic locator among `points`; 1 when there are as many as its degree.

    Horner's rule on blocks of increasing points (Chien's search): the first ones, then those that
    lie a period behind a root. The last root is read off the sum of all: it must be a point, and
    not one of the others.
    """
    n = locator.size - 1
    values, point, ratio, place = scratch[0], scratch[1], scratch[2], scratch[3]
    found, behind, base = 0, 0, 0
    missing = p - locator[n - 1]
    while found < n - 1:
        size = min(_LANES, first - base)
        if size > 0:
            for j in range(size):
                place[found + j] = np.uint64(base + j)
            base += size
        else:
            size = 0
            while behind < found and size < _LANES:
                later = np.int64(place[behind]) + period
                behind += 1
                if first <= later < points.size:
                    place[found + size] = np.uint64(later)
                    size += 1
            if size == 0:
                return 0
        for j in range(size):
            point[j], ratio[j] = points[place[found + j]], ratios[place[found + j]]
            values[j] = plus(point[j], locator[n - 1], p)
        for i in range(n - 2, -1, -1):
            constant = locator[i]
            for j in range(size):
                values[j] = plus(times(values[j], point[j], ratio[j], p), constant, p)
        start = found
        for j in range(size):
            if values[j] == ZERO:
                roots[found], place[found] = point[j], place[start + j]
                missing = plus(missing, p - point[j], p)
                found += 1
    if found < n:
        for j in range(found):
            if roots[j] == missing:
                return 0
        if not points[0] <= missing <= points[-1]:
            return 0
        j = found
        while j > 0 and roots[j - 1] > missing:
            roots[j] = roots[j - 1]
            j -= 1
        roots[j] = missing
    return 1


@kernel(void(u8[::1], u8[::1], f8[::1], u8, u8[:, ::1], u8[:, ::1]))
def _solve(
    locator: _U64, roots: _U64, totals: _F64, p: np.uint64, words: _U64, scratch: _U64
) -> None:
    """Solve sum_j words[j, i] roots[j]**a = syndrome a of word i, for a < n.

    Lagrange: with q_j(z) = locator(z) / (z - x_j) = sum_a q[j, a] z**a the solution is
    sum_a q[j, a] syndrome[i, a] / q_j(x_j). Synthetic division gives q[., a] for all j at once,
    from a = n - 1 down, and Horner's rule follows it; the q_j(x_j) are inverted together.
    """
    n, n_words = words.shape
    capacity = (totals.size - 2) // (n_words + 1)
    ratios, quotients, values, prefixes = scratch[0], scratch[1], scratch[2], scratch[3]
    for j in range(n):
        ratios[j] = ratio_of(roots[j], p)
        quotients[j] = values[j] = ZERO
        for i in range(n_words):
            words[j, i] = ZERO
    for a in range(n - 1, -1, -1):
        constant = locator[a + 1]
        for j in range(n):
            quotients[j] = plus(times(quotients[j], roots[j], ratios[j], p), constant, p)
            values[j] = plus(times(values[j], roots[j], ratios[j], p), quotients[j], p)
        for i in range(n_words):
            start = 0 if i == 0 else capacity * (i + 1) + 2
            factor = np.uint64(totals[start + a]) % p
            ratio = ratio_of(factor, p)
            for j in range(n):
                words[j, i] = plus(words[j, i], times(quotients[j], factor, ratio, p), p)
    product = ONE
    for j in range(n):
        prefixes[j] = product
        product = product * values[j] % p
    inverse = inverse_of(product, p)
    for j in range(n - 1, -1, -1):
        reciprocal = inverse * prefixes[j] % p
        inverse = inverse * values[j] % p
        for i in range(n_words):
            words[j, i] = words[j, i] * reciprocal % p


@kernel(i8(u8[::1], f8[::1], u8[::1], u8, u8[::1], u8[:, ::1]))
def _one_message(
    backward: _U64, totals: _F64, points: _U64, p: np.uint64, roots: _U64, words: _U64
) -> int:
    """Read the only message that has these sums, if any; 0 when it has no source."""
    first = backward[-1]
    if first == ZERO:
        return 0
    x = backward[-2] * inverse_of(first, p) % p
    if x == ZERO or x > np.uint64(points.size) or points[x - ONE] != x:
        return 0
    roots[0] = x
    capacity = (totals.size - 2) // (words.shape[1] + 1)
    for i in range(words.shape[1]):
        words[0, i] = np.uint64(totals[0 if i == 0 else capacity * (i + 1) + 2])
    return 1


@kernel(
    i8(
        _READ_F8_2D, i8, u8[::1], u8[::1], i8, i8, u8, u8, u8, i8[::1], i8[::1], u8[::1], u8[:, ::1]
    )
)  # fmt: skip
def decode(
    mean: _F64,
    capacity: int,
    points: _U64,
    ratios: _U64,
    first: int,
    period: int,
    p: np.uint64,
    word_limit: np.uint64,
    last_limit: np.uint64,
    status: _I64,
    which: _I64,
    found: _U64,
    words: _U64,
) -> int:
    """Decode every row; return how many messages were written to `which`, `found` and `words`.

    These have D b entries. Messages come from distinct `points`, increasing, with their `ratios`;
    most likely one of the first ones, or one a period behind another that sent. Words are below
    `word_limit`, the last ones below `last_limit`. A row whose `status` is not DECODED adds no
    message.

    A row is tried as the sum of one message, then with what is most likely, then in full. It does
    not matter how messages were found that are encoded to the sums: no others are.
    """
    totals, scaled = np.empty(mean.shape[1]), np.empty(mean.shape[1])
    encoded = np.empty(mean.shape[1])
    backward = np.empty(2 * capacity + 2, np.uint64)
    powers = np.empty(2 * capacity + 2, np.uint64)
    now = np.empty(capacity + 1, np.uint64)
    scratch = np.empty((4, capacity + 1 + _LANES), np.uint64)
    modulus = np.float64(p)
    start = 0
    for d in range(mean.shape[0]):
        divisor = _common_denominator(mean[d], capacity, p)
        if divisor == 0:
            status[d] = NOT_AN_AVERAGE
            continue
        for j in range(totals.size):
            totals[j] = np.rint(divisor * mean[d, j])
        last = np.uintp(backward.size - 1)
        for a in range(last + np.uintp(1)):  # below 2**52 this is exact, one p more or less
            rest = totals[a] - np.floor(totals[a] / modulus) * modulus
            if rest < 0.0:
                rest += modulus
            if rest >= modulus:
                rest -= modulus
            backward[last - a] = np.uint64(rest)
        for attempt in range(0 if divisor == 1 else 1, 3):
            n, factor = 1, 1.0
            roots, rows = found[start : start + 1], words[start : start + 1]
            if attempt == 0:
                if _one_message(backward, totals, points, p, roots, rows) == 0:
                    continue
            else:
                sure = 2 if attempt == 1 else backward.size + 1
                n = _linear_complexity(backward, sure, p, now, scratch[0], scratch[1])
                if n > capacity:
                    status[d] = TOO_MANY
                    continue
                if n % divisor != 0:
                    status[d] = WRONG_COUNT
                    continue
                factor = np.float64(n // divisor)
                roots, rows = found[start : start + n], words[start : start + n]
            for j in range(totals.size):
                encoded[j] = 0.0
                scaled[j] = totals[j]
            if n > 0 and attempt > 0:
                for j in range(totals.size):
                    scaled[j] *= factor
                locator = powers[: n + 1]
                inverse = inverse_of(now[0], p)
                ratio = ratio_of(inverse, p)
                for j in range(n + 1):
                    locator[j] = times(now[n - j], inverse, ratio, p)
                reach = first if attempt == 1 else points.size
                if _find_roots(locator, points, ratios, reach, period, p, roots, scratch) == 0:
                    status[d] = NO_SOURCES
                    continue
                _solve(locator, roots, scaled, p, rows, scratch)
            is_read = True
            for j in range(n):  # the first word was sent plus one: zero becomes p - 1, too large
                rows[j, 0] = plus(rows[j, 0], p - ONE, p)
                for i in range(rows.shape[1]):
                    limit = last_limit if i == rows.shape[1] - 1 else word_limit
                    is_read = is_read and rows[j, i] < limit
            if not is_read:
                status[d] = WORD_RANGE
                continue
            for j in range(n):
                _add_codeword(roots[j], rows[j], p, powers, encoded)
            wrong = 0
            for j in range(totals.size):
                if encoded[j] != scaled[j]:
                    wrong += 1
            if wrong:
                status[d] = MISMATCH
                continue
            status[d] = DECODED
            for j in range(n):
                which[start + j] = d
            start += n
            break
    return start
