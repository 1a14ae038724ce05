"""The columns of lines of text as arrays: where each begins, how long it is, on which line.

T tokens. All is done on whole arrays, so that a file takes a small multiple of its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpc_sim.records import Words

Bytes = NDArray[np.uint8]
Whole = NDArray[Any]
"""Integers of any width."""
Flags = NDArray[np.bool_]

LINE_FEED = 10
IS_BLANK = np.zeros(256, bool)
IS_BLANK[[*b" \t\v\f\n"]] = True
MOST_DIGITS = 18


@dataclass(frozen=True, eq=False)
class Tokens:
    """Slices of a text, in its order.

    Parameters
    ----------
    text : uint8[B]
    starts, lengths, lines : integers[T]
        ``lines`` counts from 0, and falls nowhere.
    """

    text: Bytes
    starts: Whole
    lengths: Whole
    lines: Whole

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, at: int) -> str:
        start = self.starts[at]
        return self.text[start : start + self.lengths[at]].tobytes().decode()

    def take(self, chosen: Any) -> Tokens:
        """Return those at an index, a slice or where a mask says so."""
        return Tokens(self.text, self.starts[chosen], self.lengths[chosen], self.lines[chosen])

    @property
    def per_line(self) -> Words:
        """How many tokens the line of each token has, int64[T]."""
        counts = np.bincount(self.lines, minlength=1)
        return counts[self.lines]

    @property
    def begins(self) -> Flags:
        """Which tokens are the first of their line."""
        found = np.ones(len(self), bool)
        found[1:] = np.diff(self.lines) != 0
        return found


def between_blanks(block: bytes) -> Tokens:
    """Return what stands between blanks: space, tab, vertical tab and form feed."""
    text = np.frombuffer(block, np.uint8)
    inside = np.zeros(len(text) + 1, bool)
    inside[1:] = ~IS_BLANK[text]
    borders = np.flatnonzero(inside[1:] != inside[:-1])  # a block ends with a line feed
    starts, ends = borders[::2], borders[1::2]
    return Tokens(text, starts, ends - starts, np.searchsorted(_feeds(text), starts))


def between(block: bytes, separator: str) -> Tokens:
    """Return what stands between separators, without blanks around it; blank lines have nothing."""
    text = np.frombuffer(block, np.uint8)
    feeds = _feeds(text)
    ends = np.flatnonzero((text == ord(separator)) | (text == LINE_FEED))
    starts = np.append(0, ends[:-1] + 1)
    solid = np.append(np.flatnonzero(~IS_BLANK[text]), len(text))
    first = np.searchsorted(solid, starts)
    last = np.searchsorted(solid, ends)
    lengths = np.where(last > first, solid[last - 1] + 1 - solid[first], 0)
    found = Tokens(
        text, np.where(lengths > 0, solid[first], starts), lengths, np.searchsorted(feeds, ends)
    )
    return found.take((found.per_line > 1) | (lengths > 0))


def of_rows(rows: Sequence[tuple[int, Sequence[str]]]) -> Tokens:
    """Return the columns of rows that were split already: (line, columns) each."""
    columns = [column.encode() for _, row in rows for column in row]
    lengths = np.fromiter(map(len, columns), np.int64, len(columns))
    lines = np.fromiter(chain.from_iterable([line] * len(row) for line, row in rows), np.int64)
    text = np.frombuffer(b"".join(columns) + b"\n", np.uint8)
    return Tokens(text, np.cumsum(lengths) - lengths, lengths, lines)


def _feeds(text: Bytes) -> Words:
    return np.flatnonzero(text == LINE_FEED)


def whole_numbers(tokens: Tokens) -> Words:
    """Return tokens of at most 18 digits as int64[T]; -1 where one is something else."""
    values, digits = np.zeros(len(tokens), np.int64), np.ones(len(tokens), bool)
    digits &= (tokens.lengths > 0) & (tokens.lengths <= MOST_DIGITS)
    for at in range(min(int(np.max(tokens.lengths, initial=0)), MOST_DIGITS)):
        here = digits & (tokens.lengths > at)
        read = tokens.text[tokens.starts[here] + at].astype(np.int64) - ord("0")
        digits[here] = (read >= 0) & (read <= 9)
        values[here] = 10 * values[here] + read
    values[~digits] = -1
    return values


def numbered(text: Bytes, starts: Whole, lengths: Whole) -> tuple[Whole, Whole]:
    """Number the distinct tokens in the order in which they occur: int64[T], and their firsts.

    Tokens of up to 8, 16, 32, .. bytes are sorted as that many bytes, padded by zeros, which occur
    in no text.

    Returns
    -------
    ids : int32[T], or int64
    first : int32[n], or int64
        Where each distinct token occurs first.
    """
    kind: Any = np.int32 if len(starts) < 2**31 else np.int64
    ids, firsts, width, least, n_found = np.empty(len(starts), kind), [], 8, -1, 0
    most = int(np.max(lengths, initial=0))
    while least < most:
        at = np.flatnonzero((lengths > least) & (lengths <= width)).astype(kind)
        if len(at):
            keys = _padded(text, starts, lengths, at, width)
            order = np.argsort(keys, kind="stable").astype(kind)
            is_new = np.ones(len(at), bool)
            keys = keys[order]
            np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
            del keys
            order = at[order]
            firsts.append(order[is_new])
            ids[order] = np.cumsum(is_new, dtype=kind) + kind(n_found - 1)
            n_found += len(firsts[-1])
        least, width = width, 2 * width
    if not firsts:
        return ids, np.zeros(0, np.int64)
    first = np.concatenate(firsts)
    order = np.argsort(first).astype(kind)
    number = np.empty_like(order)
    number[order] = np.arange(len(order), dtype=kind)
    return number[ids], first[order]


def _padded(text: Bytes, starts: Whole, lengths: Whole, at: Whole, width: int) -> Any:
    """Return the tokens at some places as one key each: a uint64, or ``width`` bytes."""
    kind: Any = np.dtype(np.uint64 if width == 8 else f"S{width}")
    keys = np.zeros((len(at), width), np.uint8)
    rows = max(1, (1 << 17) // width)
    for begin in range(0, len(at), rows):
        part = at[begin : begin + rows]
        inside = np.arange(width) < lengths[part, None]
        found = np.minimum(starts[part, None] + np.arange(width), len(text) - 1)
        keys[begin : begin + rows] = np.where(inside, text[found], 0)
    return keys.view(kind).ravel()


def joined(tokens: Tokens) -> Bytes:
    """Return the bytes of the tokens one after the other."""
    before = np.cumsum(tokens.lengths) - tokens.lengths
    shift = np.repeat(tokens.starts - before, tokens.lengths)
    found: Bytes = tokens.text[shift + np.arange(len(shift))]
    return found
