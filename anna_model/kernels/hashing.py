"""Loops of locality-sensitive hashing: rows to bucket ids, every row by itself.

Axes: n rows of width m, l tables of z functions, B = BLOCK rows at a time. A block of rows is held
transposed, coordinate c of its row t at c B + t, so that one instruction serves many rows and no
sum ever runs across them: a row gets the same bits whatever the other rows are. All loops over a
block have B steps; what lies beyond the last row is zero and its code is dropped.

A function yields a symbol below R. Codes are linear in the symbols: `times` holds the multipliers,
words[f, z], and `plus` the offsets, words[f]. Words are uint32 where codes are int32, sums modulo
2**32, else uint64 and modulo 2**64. With f = 1 the sum is the code. With f = 2, which wants uint64,
the sums are two vector multiply-shift hashes of 32 and 31 bits, and the code is both.

Inputs are C-contiguous and validated by the caller but for NaN, infinity and range: the functions
return the first row of these, n + the first row out of range, or FINE. Every function is serial and
releases the interpreter lock. A caller that runs them uncompiled silences NumPy's warnings.
All of them stay in one file: a cached caller does not see that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model.kernels.compiled import config, njit

Floats = NDArray[Any]
Words = NDArray[Any]
Codes = NDArray[Any]
I32 = NDArray[np.int32]

BLOCK, FINE = 32, -1
SIGN, ARGMAX, FLOOR = 0, 1, 2
N_THREADS = int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]

SMALL, LARGE = 2.0**-60, 2.0**60
UP, DOWN = 2.0**100, 2.0**-100
SHIFT_31, SHIFT_32, SHIFT_33 = np.uint64(31), np.uint64(32), np.uint64(33)
RANGE = 2.0**31


@njit(nogil=True, error_model="numpy")
def _load(K: Floats, low: int, scaled: bool, block: Floats, largest: Floats, off: Floats) -> int:
    """Transpose the rows from `low` on into the block; return the first non-finite row, or FINE.

    Where only directions matter a very long or very short row is scaled by a power of two, so that
    no sum of its coordinates overflows or loses bits. Four coordinates at a time, here and below:
    shorter loops are unrolled before they could become vector code.
    """
    n, m = K.shape
    size = min(BLOCK, n - low)
    for t in range(size):
        row = K[low + t]
        for c in range(row.shape[0]):
            block[c * BLOCK + t] = row[c]
    for c in range(m):
        for t in range(size, BLOCK):
            block[c * BLOCK + t] = 0
    largest[:] = 0
    off[:] = 0
    for c in range(0, m, 4):
        part = block[c * BLOCK : (c + 4) * BLOCK]
        for t in range(BLOCK):
            x, y = np.abs(part[t]), np.abs(part[BLOCK + t])
            z, w = np.abs(part[2 * BLOCK + t]), np.abs(part[3 * BLOCK + t])
            off[t] += ((x - x) + (y - y)) + ((z - z) + (w - w))
            x, z, before = x if x > y else y, z if z > w else w, largest[t]
            x = x if x > z else z
            largest[t] = x if x > before else before
    for t in range(size):
        if off[t] != 0:
            return low + t
        if scaled and largest[t] > 0:
            while largest[t] < SMALL or largest[t] > LARGE:
                factor = K.dtype.type(UP if largest[t] < SMALL else DOWN)
                for c in range(m):
                    block[c * BLOCK + t] *= factor
                largest[t] *= factor
    return FINE


@njit(nogil=True, error_model="numpy")
def _start(plus: Words, code: Words) -> None:
    for f in range(plus.shape[0]):
        for t in range(BLOCK):
            code[f * BLOCK + t] = plus[f]


@njit(nogil=True, error_model="numpy")
def _add(symbol: Words, times: Words, i: int, code: Words) -> None:
    for f in range(times.shape[0]):
        factor, part = times[f, i], code[f * BLOCK : (f + 1) * BLOCK]
        for t in range(part.shape[0]):
            part[t] += factor * symbol[t]


@njit(nogil=True, error_model="numpy")
def _store(code: Words, n_forms: int, low: int, out: Codes) -> None:
    size, part = min(BLOCK, out.shape[0] - low), out[low:]
    if n_forms == 2:
        for t in range(size):
            high, rest = np.uint64(code[t]), np.uint64(code[BLOCK + t])
            part[t] = np.int64((high >> SHIFT_32) << SHIFT_31 | rest >> SHIFT_33)
    else:
        for t in range(size):
            part[t] = code[t]


@njit(nogil=True, error_model="numpy")
def _largest(rows: Floats, n_rows: int, first: int, best: Floats, at: I32) -> None:
    """Update the coordinate of largest magnitude, `best` at place `at`; ties keep the earlier.

    n_rows is a multiple of 4; row c has the place first + c.
    """
    for c in range(0, n_rows, 4):
        place, part = np.int32(first + c), rows[c * BLOCK : (c + 4) * BLOCK]
        for t in range(BLOCK):
            v0, v1, v2 = part[t], part[BLOCK + t], part[2 * BLOCK + t]
            v3, value, p = part[3 * BLOCK + t], best[t], at[t]
            p = place if np.abs(v0) > np.abs(value) else p
            value = v0 if np.abs(v0) > np.abs(value) else value
            p = place + np.int32(1) if np.abs(v1) > np.abs(value) else p
            value = v1 if np.abs(v1) > np.abs(value) else value
            p = place + np.int32(2) if np.abs(v2) > np.abs(value) else p
            value = v2 if np.abs(v2) > np.abs(value) else value
            p = place + np.int32(3) if np.abs(v3) > np.abs(value) else p
            value = v3 if np.abs(v3) > np.abs(value) else value
            best[t], at[t] = value, p


@njit(nogil=True, error_model="numpy")
def _signed(best: Floats, at: I32, symbol: Words) -> None:
    """Turn coordinate and sign into a symbol, and begin anew."""
    for t in range(symbol.shape[0]):
        symbol[t] = 2 * at[t] + (1 if best[t] < 0 else 0)
        best[t], at[t] = 0, 0


@njit(nogil=True, error_model="numpy")
def _project(block: Floats, directions: Floats, k: int, value: Floats) -> None:
    """Scalar products of the directions k .. k + 3 and every row, coordinate by coordinate."""
    value[:] = 0
    for c in range(0, directions.shape[1], 2):
        a0, b0 = directions[k, c], directions[k, c + 1]
        a1, b1 = directions[k + 1, c], directions[k + 1, c + 1]
        a2, b2 = directions[k + 2, c], directions[k + 2, c + 1]
        a3, b3 = directions[k + 3, c], directions[k + 3, c + 1]
        part = block[c * BLOCK : (c + 2) * BLOCK]
        for t in range(BLOCK):
            x, y = part[t], part[BLOCK + t]
            value[t] = (value[t] + a0 * x) + b0 * y
            value[BLOCK + t] = (value[BLOCK + t] + a1 * x) + b1 * y
            value[2 * BLOCK + t] = (value[2 * BLOCK + t] + a2 * x) + b2 * y
            value[3 * BLOCK + t] = (value[3 * BLOCK + t] + a3 * x) + b3 * y


@njit(nogil=True, error_model="numpy")
def hash_projected(
    K: Floats,
    directions: Floats,
    offsets: Floats,
    kind: int,
    times: Words,
    plus: Words,
    low: int,
    high: int,
    out: Codes,
) -> np.int64:
    """Bucket ids of the rows low .. high - 1 by scalar products with stored directions.

    K : float[n, m], keys or queries
    directions : float[l, d, m'], zeros beyond m; d = z k' for ARGMAX, k' directions per hash, else
    z, one per hash, filled up with zeros; d, k' and m' are multiples of 4; offsets : float[l, z]
    kind : SIGN (0 where the product is at least 0), ARGMAX (2 c + sign of the product of largest
    magnitude among k' directions), FLOOR (the floor of product + offset, zigzag)
    out : int32 or int64 [l, n], written at low .. high - 1
    """
    n, n_hashes = K.shape[0], times.shape[1]
    n_tables, n_directions, padded = directions.shape
    each = n_directions // n_hashes
    block, value = np.zeros(padded * BLOCK, K.dtype), np.empty(4 * BLOCK, K.dtype)
    largest, off = np.empty(BLOCK, K.dtype), np.empty(BLOCK, K.dtype)
    best, at = np.zeros(BLOCK, K.dtype), np.zeros(BLOCK, np.int32)
    symbol, code = np.empty(BLOCK, times.dtype), np.empty(2 * BLOCK, times.dtype)
    for start in range(low, high, BLOCK):
        bad = _load(K[:high], start, kind != FLOOR, block, largest, off)
        if bad != FINE:
            return np.int64(bad)
        for u in range(n_tables):
            _start(plus, code)
            for i in range(n_hashes):
                if kind == ARGMAX:
                    for k in range(0, each, 4):
                        _project(block, directions[u], i * each + k, value)
                        _largest(value, 4, k, best, at)
                    _signed(best, at, symbol)
                else:
                    if i % 4 == 0:
                        _project(block, directions[u], i, value)
                    row = value[i % 4 * BLOCK : (i % 4 + 1) * BLOCK]
                    for t in range(BLOCK):
                        if kind == SIGN:
                            symbol[t] = 0 if row[t] >= 0 else 1
                        else:
                            cell = np.floor(row[t] + offsets[u, i])
                            if not (-RANGE <= cell < RANGE):
                                return np.int64(n + start + t)
                            whole = np.int64(cell)
                            symbol[t] = np.uint64(2 * whole if whole >= 0 else -2 * whole - 1)
                _add(symbol, times, i, code)
            _store(code, times.shape[0], start, out[u, :high])
    return np.int64(FINE)


@njit(nogil=True, error_model="numpy")
def _flip(source: Floats, signs: Floats, out: Floats) -> None:
    for c in range(signs.shape[0]):
        for t in range(c * BLOCK, (c + 1) * BLOCK):
            out[t] = source[t] * signs[c]


@njit(nogil=True, error_model="numpy")
def _butterflies(rows: Floats, n_rows: int, stride: int) -> None:
    """One stage of the fast Hadamard transform in place: (a, b) becomes (a + b, a - b)."""
    for base in range(0, n_rows, 2 * stride):
        for c in range(base, base + stride):
            upper = rows[c * BLOCK : (c + 1) * BLOCK]
            lower = rows[(c + stride) * BLOCK : (c + stride + 1) * BLOCK]
            for t in range(upper.shape[0]):
                a, b = upper[t], lower[t]
                upper[t] = a + b
                lower[t] = a - b


@njit(nogil=True, error_model="numpy")
def _flip_and_stride_8(source: Floats, signs: Floats, out: Floats) -> None:
    """Flip signs of 64 coordinates, then the stages of strides 32, 16 and 8.

    Strides are literals and source and result lie apart: only so do the loops become vector code.
    """
    for c in range(8):
        at = c * BLOCK
        s0, s1, s2, s3 = signs[c], signs[c + 8], signs[c + 16], signs[c + 24]
        s4, s5, s6, s7 = signs[c + 32], signs[c + 40], signs[c + 48], signs[c + 56]
        for t in range(BLOCK):
            a0, a1 = source[at + t] * s0, source[at + 8 * BLOCK + t] * s1
            a2, a3 = source[at + 16 * BLOCK + t] * s2, source[at + 24 * BLOCK + t] * s3
            a4, a5 = source[at + 32 * BLOCK + t] * s4, source[at + 40 * BLOCK + t] * s5
            a6, a7 = source[at + 48 * BLOCK + t] * s6, source[at + 56 * BLOCK + t] * s7
            b0, b1, b2, b3 = a0 + a4, a1 + a5, a2 + a6, a3 + a7
            b4, b5, b6, b7 = a0 - a4, a1 - a5, a2 - a6, a3 - a7
            a0, a1, a2, a3 = b0 + b2, b1 + b3, b0 - b2, b1 - b3
            a4, a5, a6, a7 = b4 + b6, b5 + b7, b4 - b6, b5 - b7
            out[at + t], out[at + 8 * BLOCK + t] = a0 + a1, a0 - a1
            out[at + 16 * BLOCK + t], out[at + 24 * BLOCK + t] = a2 + a3, a2 - a3
            out[at + 32 * BLOCK + t], out[at + 40 * BLOCK + t] = a4 + a5, a4 - a5
            out[at + 48 * BLOCK + t], out[at + 56 * BLOCK + t] = a6 + a7, a6 - a7


@njit(nogil=True, error_model="numpy")
def _stride_1(source: Floats, out: Floats) -> None:
    """Run the stages of strides 4, 2 and 1 on 64 coordinates."""
    for c in range(8):
        at = c * 8 * BLOCK
        for t in range(BLOCK):
            a0, a1, a2 = source[at + t], source[at + BLOCK + t], source[at + 2 * BLOCK + t]
            a3, a4 = source[at + 3 * BLOCK + t], source[at + 4 * BLOCK + t]
            a5, a6 = source[at + 5 * BLOCK + t], source[at + 6 * BLOCK + t]
            a7 = source[at + 7 * BLOCK + t]
            b0, b1, b2, b3 = a0 + a4, a1 + a5, a2 + a6, a3 + a7
            b4, b5, b6, b7 = a0 - a4, a1 - a5, a2 - a6, a3 - a7
            a0, a1, a2, a3 = b0 + b2, b1 + b3, b0 - b2, b1 - b3
            a4, a5, a6, a7 = b4 + b6, b5 + b7, b4 - b6, b5 - b7
            out[at + t], out[at + BLOCK + t] = a0 + a1, a0 - a1
            out[at + 2 * BLOCK + t], out[at + 3 * BLOCK + t] = a2 + a3, a2 - a3
            out[at + 4 * BLOCK + t], out[at + 5 * BLOCK + t] = a4 + a5, a4 - a5
            out[at + 6 * BLOCK + t], out[at + 7 * BLOCK + t] = a6 + a7, a6 - a7


@njit(nogil=True, error_model="numpy")
def _stride_1_largest(source: Floats, kept: Floats) -> None:
    """Run the stages of strides 4 and 2, and of stride 1 what the largest magnitude needs.

    Stride 1 turns (a, b) into (a + b, a - b). The larger magnitude of these is |a| + |b|, rounded
    alike, as rounding is symmetric and monotone. So pairs are compared by |a| + |b|, the earlier
    wins ties, and the two coordinates of the winner are distinguished in the end.

    kept : float[4 B], written: of the best pair the magnitude, the place of its first coordinate, a
    and b. They share one array, and pairs are merged two by two and then in turn with `kept`:
    otherwise the loop becomes scalar or its stores conditional.
    """
    for c in range(4 * BLOCK):
        kept[c] = -1
    for c in range(8):
        low, place = c * 8 * BLOCK, kept.dtype.type(8 * c)
        place_2, place_4 = place + kept.dtype.type(2), place + kept.dtype.type(4)
        place_6 = place + kept.dtype.type(6)
        for t in range(BLOCK):
            a0, a1, a2 = source[low + t], source[low + BLOCK + t], source[low + 2 * BLOCK + t]
            a3, a4 = source[low + 3 * BLOCK + t], source[low + 4 * BLOCK + t]
            a5, a6 = source[low + 5 * BLOCK + t], source[low + 6 * BLOCK + t]
            a7 = source[low + 7 * BLOCK + t]
            b0, b1, b2, b3 = a0 + a4, a1 + a5, a2 + a6, a3 + a7
            b4, b5, b6, b7 = a0 - a4, a1 - a5, a2 - a6, a3 - a7
            a0, a1, a2, a3 = b0 + b2, b1 + b3, b0 - b2, b1 - b3
            a4, a5, a6, a7 = b4 + b6, b5 + b7, b4 - b6, b5 - b7
            v0, v2 = np.abs(a0) + np.abs(a1), np.abs(a2) + np.abs(a3)
            v4, v6 = np.abs(a4) + np.abs(a5), np.abs(a6) + np.abs(a7)
            p0, p4 = place_2 if v2 > v0 else place, place_6 if v6 > v4 else place_4
            a0, a1 = a2 if v2 > v0 else a0, a3 if v2 > v0 else a1
            a4, a5 = a6 if v6 > v4 else a4, a7 if v6 > v4 else a5
            v0, v4 = v2 if v2 > v0 else v0, v6 if v6 > v4 else v4
            v, p, a, b = kept[t], kept[BLOCK + t], kept[2 * BLOCK + t], kept[3 * BLOCK + t]
            p, a, b = p0 if v0 > v else p, a0 if v0 > v else a, a1 if v0 > v else b
            v = v0 if v0 > v else v
            p, a, b = p4 if v4 > v else p, a4 if v4 > v else a, a5 if v4 > v else b
            v = v4 if v4 > v else v
            kept[t], kept[BLOCK + t], kept[2 * BLOCK + t], kept[3 * BLOCK + t] = v, p, a, b


@njit(nogil=True, error_model="numpy")
def _signed_of_pair(kept: Floats, symbol: Words) -> None:
    for t in range(symbol.shape[0]):
        plus = kept[2 * BLOCK + t] + kept[3 * BLOCK + t]
        minus = kept[2 * BLOCK + t] - kept[3 * BLOCK + t]
        later = np.int32(2) if np.abs(minus) > np.abs(plus) else np.int32(0)
        value = minus if np.abs(minus) > np.abs(plus) else plus
        sign = np.int32(1) if value < 0 else np.int32(0)
        symbol[t] = 2 * np.int32(kept[BLOCK + t]) + later + sign


@njit(nogil=True, error_model="numpy")
def _rotate_wide(source: Floats, signs: Floats, spare: Floats, out: Floats) -> None:
    """Flip signs, then the whole transform of any power of two of coordinates."""
    width = signs.shape[0]
    if width < 64:
        _flip(source, signs, out)
    else:
        for base in range(0, width, 64):
            part = slice(base * BLOCK, (base + 64) * BLOCK)
            _flip_and_stride_8(source[part], signs[base : base + 64], spare[part])
            _stride_1(spare[part], out[part])
    stride = width // 2
    while stride >= (1 if width < 64 else 64):
        _butterflies(out, width, stride)
        stride //= 2


@njit(nogil=True, error_model="numpy")
def hash_rotated(
    K: Floats,
    flips: Floats,
    any_width: int | None,
    times: Words,
    plus: Words,
    low: int,
    high: int,
    out: Codes,
) -> np.int64:
    """Bucket ids of the rows low .. high - 1 by the largest coordinate of rotated rows.

    K : float[n, m], keys or queries; flips : float[l, z, rotations, m'], 1 or -1, m' >= max(m, 4) a
    power of two: a rotation flips signs and applies the Hadamard matrix, unscaled
    any_width : a number; or None where m' = 64, for loops of straight lines with the same result,
    and then the others are not compiled
    out : int32 or int64 [l, n], written at low .. high - 1
    """
    n_tables, n_hashes, n_rotations, width = flips.shape
    block, spare = np.zeros(width * BLOCK, K.dtype), np.empty(width * BLOCK, K.dtype)
    one, two = np.empty(width * BLOCK, K.dtype), np.empty(width * BLOCK, K.dtype)
    largest, off = np.empty(BLOCK, K.dtype), np.empty(BLOCK, K.dtype)
    best, at = np.zeros(BLOCK, K.dtype), np.zeros(BLOCK, np.int32)
    kept = np.empty(4 * BLOCK, K.dtype)
    symbol, code = np.empty(BLOCK, times.dtype), np.empty(2 * BLOCK, times.dtype)
    for start in range(low, high, BLOCK):
        bad = _load(K[:high], start, True, block, largest, off)
        if bad != FINE:
            return np.int64(bad)
        for u in range(n_tables):
            _start(plus, code)
            for i in range(n_hashes):
                if any_width is None:
                    for rotation in range(n_rotations):
                        if rotation > 0:
                            _stride_1(spare, one)
                        source = one if rotation > 0 else block
                        _flip_and_stride_8(source, flips[u, i, rotation], spare)
                    _stride_1_largest(spare, kept)
                    _signed_of_pair(kept, symbol)
                else:
                    for rotation in range(n_rotations):
                        source = one if rotation > 0 else block
                        _rotate_wide(source, flips[u, i, rotation], spare, two)
                        one, two = two, one
                    _largest(one, width, 0, best, at)
                    _signed(best, at, symbol)
                _add(symbol, times, i, code)
            _store(code, times.shape[0], start, out[u, :high])
    return np.int64(FINE)
