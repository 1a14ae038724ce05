"""Row codes: every message stands whole in several rows, and is read in a row of its own.

A message y_1, ..., y_w of source i becomes the packet (1, i, i**2, y_1, ..., y_w), written in the
rows that belong to i; all other rows of the codeword are zero. The codes differ in the rows only.

What is received is the average A of the codewords of a set S of n messages, n unknown. The first
entry of a row, its flag, is c / n where c messages of S hold the row. The decoder takes the least
flag that is not zero for 1 / n', reads n' A in the rows that have it, and demands that it finds n'
distinct sources and that the codewords of what it found, S', have the average A.

Complete: if n <= b and every source of S has a row to itself, the least flag is 1 / n, the rows
that have it hold one message each, and all n messages are among them.

Sound: what is returned is S, whatever n is. Take a source i of S' and the row where it was read.
One message of S' holds the row, so the average of S' is there 1 / n', i / n' and i**2 / n'. If c
messages of S hold it, from sources x_1, ..., x_c, equality says c / n = 1 / n', sum x = c i and
sum x**2 = c i**2; hence sum (x - i)**2 = 0 and all these sources are i, so that c = 1, n = n' and i
with the same words is in S. All of S' thus lies in S, which has as many messages. If S' is empty, A
is zero, and so S is empty, because every source has a row. Too many messages therefore raise
always, and so do sources without a row to themselves. Without the square two messages could be read
as one whose source lies between theirs.

In floats: let M be the largest value of a packet. One message per row gives values up to M < 2**51,
where n fl(x / n) is within x 2**-52 < 1 / 2 of x and so rounds to x. Sums of b packets stay below
b M < 2**52; two such integers that differ have quotients by n at least 1 / n apart, more than the
spacing of floats there, so comparing quotients compares integers.

On fewer digits: a coordinate is y / n with y <= b M, and rounding it to bit_length(b M) + 1 leading
digits moves n times it by at most y / 2**bits < 1 / 2. The least flag so rounded gives n, and the
nearest integers to n A are the sums of the packets. Sums of n > b packets give floats that differ
where the proof needs it as long as n b (U - 1)**2 < 2**52: up to there the proof holds.

Axes: E messages encoded, w words per message, D averages, L rows of a codeword; b = capacity, U =
n_sources. No more than U messages meet, so b stands for min(b, U) throughout.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reductions.mpc_to_anna.codes.code import (
    CodeDomainError,
    CodeOverload,
    Decoded,
    Likely,
    MessageCode,
    rounded,
)

if TYPE_CHECKING:
    import sympy

_HEADER = 3
_READ_BITS = 51
_SUM_LIMIT = 2**52
_BLOCK_CELLS = 2**18

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_Messages = tuple[Integers, Integers, Integers]

_TOO_MANY = "it has more"
_NO_COUNT = "its least flag is not one over a whole number"
_FEW_SOURCES = "not every source has a row to itself"
_NO_SUM = "the messages found do not add up to it"


@dataclass(frozen=True)
class RowCode(MessageCode):
    """What the row codes share: packets, averages, and the conditions under which both are exact.

    Parameters
    ----------
    capacity, n_words, word_bits, n_sources : int
        As in `MessageCode`; word_bits at most 51.

    Raises
    ------
    CodeDomainError
        A parameter is below 1, word_bits above 51, (U - 1)**2 >= 2**51, or b M >= 2**52.

    Notes
    -----
    `decode` returns the messages that were averaged or raises, however many there were. Equal
    messages of one source are the same vector: nothing that averages can count them.

    Cost: O(E width) to encode and O(D width) to decode, apart from finding the rows of a source.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.word_bits > _READ_BITS:
            raise CodeDomainError(
                f"word_bits is {self.word_bits}; a row code carries at most {_READ_BITS}:"
                " send a longer word as two"
            )
        if (self.n_sources - 1) ** 2 >= 2**_READ_BITS:
            raise CodeDomainError(
                f"n_sources is {self.n_sources}; a row code squares the source exactly for at most"
                f" {isqrt(2**_READ_BITS - 1) + 1}: use fewer sources"
            )
        if self.most * self.max_magnitude >= _SUM_LIMIT:
            raise CodeDomainError(
                f"capacity is {self.capacity}; sums of so many packets with values up to"
                f" {self.max_magnitude} are not exact in float64: use a capacity of at most"
                f" {(_SUM_LIMIT - 1) // self.max_magnitude}, fewer word_bits or fewer sources"
            )

    @property
    @abstractmethod
    def rows(self) -> int:
        """Rows of a codeword, L."""

    @property
    @abstractmethod
    def rows_formula(self) -> sympy.Expr:
        """`rows`, as an expression in the names of `formula_values`."""

    @abstractmethod
    def rows_of(self, sources: Integers) -> tuple[Integers, Integers]:
        """Find the rows that belong to each of some sources: at least one to each.

        Parameters
        ----------
        sources : i64[S]

        Returns
        -------
        place : i64[T]
            Index into `sources`, never decreasing.
        row : i64[T]
            A row that belongs to this source, in 0 .. L - 1.
        """

    @property
    def most(self) -> int:
        """Most messages of distinct sources that can be asked to be decoded: min(b, U)."""
        return min(self.capacity, self.n_sources)

    @property
    def width(self) -> int:
        """Coordinates of a coded message: L (w + 3)."""
        return self.rows * (self.n_words + _HEADER)

    @property
    def max_magnitude(self) -> int:
        """Largest value of a packet, M: the largest word or the square of the largest source."""
        return int(max(2**self.word_bits - 1, (self.n_sources - 1) ** 2))

    @property
    def precision_bits(self) -> int:
        """Leading digits of a coordinate of an average, derived above; at most 53."""
        return (self.most * self.max_magnitude).bit_length() + 1

    @property
    def precision_formula(self) -> sympy.Expr:
        import sympy

        word, met, sources = sympy.symbols("W b_bits U_bits")
        return 1 + met + sympy.Max(word, 2 * sources)

    @property
    def width_formula(self) -> sympy.Expr:
        import sympy

        return self.rows_formula * (sympy.Symbol("w") + _HEADER)

    @property
    def magnitude_formula(self) -> sympy.Expr:
        import sympy

        return sympy.Max(2 ** sympy.Symbol("B") - 1, (sympy.Symbol("U") - 1) ** 2)

    def encode(self, source: Integers, words: Integers) -> Floats:
        source, words = self.checked_messages(source, words)
        message, row = self._cells(source)
        out = np.zeros((source.size, self.rows, self.n_words + _HEADER))
        out[message, row] = _packets(source, words)[message]
        return out.reshape(source.size, self.width)

    def restore(self, mean: Floats, bits: int) -> Floats:
        """Read n off the least flag of a row, and take the fractions by n."""
        flags = mean.reshape(len(mean), self.rows, self.n_words + _HEADER)[:, :, 0]
        least = np.min(flags, axis=1, where=flags > 0, initial=1.0)
        n = np.clip(np.rint(1.0 / np.maximum(least, 0.25 / self.most)), 1, self.most)[:, None]
        fractions = np.rint(n * mean) / n
        fits = (rounded(fractions, bits) == mean).all(axis=1, keepdims=True)
        return np.where(fits, fractions, mean)

    def decode(self, mean: Floats, likely: Likely | None = None) -> Decoded:
        mean = self.checked_mean(mean)
        step = max(1, _BLOCK_CELLS // self.width)
        parts = [
            self._decode_block(first, mean[first : first + step])
            for first in range(0, max(1, len(mean)), step)
        ]
        which, source, words = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Decoded(which, source, words)

    def _cells(self, source: Integers) -> tuple[Integers, Integers]:
        """Return the message and the row of every packet, by message; repeated sources are free."""
        distinct, of_message = np.unique(source, return_inverse=True)
        place, row = self.rows_of(distinct)
        size = np.bincount(place, minlength=len(distinct))
        first = np.cumsum(size) - size
        each = size[of_message]
        message = np.repeat(np.arange(source.size), each)
        rank = np.arange(len(message)) - np.repeat(np.cumsum(each) - each, each)
        return message, row[first[of_message][message] + rank]

    def _decode_block(self, first: int, mean: Floats) -> _Messages:
        """Decode some averages; `first` is the number of the first one."""
        cells = mean.reshape(len(mean), self.rows, self.n_words + _HEADER)
        faults = _Faults(len(mean))
        least = np.min(cells[:, :, 0], axis=1, where=cells[:, :, 0] > 0, initial=np.inf)
        count = np.rint(1.0 / np.maximum(least, 0.25 / self.most))
        faults.add(count > self.most, _TOO_MANY)
        faults.add((count > 0) & (1.0 / np.maximum(count, 1.0) != least), _NO_COUNT)
        which, source, words = self._read(cells, least, count, faults)
        faults.add(np.bincount(which, minlength=len(mean)) != count, _FEW_SOURCES)
        faults.add(self._differs(cells, count, which, source, words), _NO_SUM)
        faults.raise_first(first, self.capacity)
        return which + first, source, words

    def _read(self, cells: Floats, least: Floats, count: Floats, faults: _Faults) -> _Messages:
        """Read the rows that one message holds, each source once, by average and source."""
        alone = (cells[:, :, 0] == least[:, None]) & (faults.none & (count > 0))[:, None]
        which, row = np.nonzero(alone)
        with np.errstate(over="ignore"):
            read = np.rint(cells[which, row, 1:] * count[which, None])
        source, words = read[:, 0], read[:, _HEADER - 1 :]
        beyond = ~((source >= 0) & (source < self.n_sources))
        faults.add_at(which[beyond], f"a source is beyond 0..{self.n_sources - 1}")
        too_long = ~((words >= 0) & (words < 2**self.word_bits)).all(axis=1)
        faults.add_at(which[too_long], f"a word is beyond {self.word_bits} bits")
        good = faults.none[which]
        key = which[good] * self.n_sources + source[good].astype(np.int64)
        key, once = np.unique(key, return_index=True)
        return key // self.n_sources, key % self.n_sources, words[good][once].astype(np.int64)

    def _differs(
        self, cells: Floats, count: Floats, which: Integers, source: Integers, words: Integers
    ) -> npt.NDArray[np.bool_]:
        """Return which averages are not those of the messages found."""
        message, row = self._cells(source)
        place = which[message] * self.rows + row
        packets = _packets(source, words)
        differs = np.zeros(len(cells), bool)
        for column in range(packets.shape[1]):
            total = np.bincount(place, packets[message, column], len(cells) * self.rows)
            share = total.reshape(len(cells), self.rows) / np.maximum(count, 1.0)[:, None]
            differs |= (share != cells[:, :, column]).any(axis=1)
        return differs


class _Faults:
    """What is wrong with each of some averages: the first reason that was found."""

    def __init__(self, n_averages: int) -> None:
        self._reasons: list[str] = []
        self._reason = np.full(n_averages, -1)

    @property
    def none(self) -> npt.NDArray[np.bool_]:
        return self._reason < 0

    def add(self, wrong: npt.NDArray[np.bool_], reason: str) -> None:
        self._reason[wrong & self.none] = len(self._reasons)
        self._reasons.append(reason)

    def add_at(self, wrong: Integers, reason: str) -> None:
        is_wrong = np.zeros(len(self._reason), bool)
        is_wrong[wrong] = True
        self.add(is_wrong, reason)

    def raise_first(self, first: int, capacity: int) -> None:
        wrong = np.flatnonzero(~self.none)
        if wrong.size:
            row = int(wrong[0])
            raise CodeOverload(first + row, capacity, self._reasons[self._reason[row]])


def _packets(source: Integers, words: Integers) -> Floats:
    """Return (1, i, i**2, words) of every message, f64[E, w + 3]."""
    packets = np.empty((len(source), words.shape[1] + _HEADER))
    packets[:, 0] = 1.0
    packets[:, 1] = source
    packets[:, 2] = source * source
    packets[:, _HEADER:] = words
    return packets
