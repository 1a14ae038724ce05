"""The syndrome code: power sums over a prime field, decoded like a Reed-Solomon code.

Words of B bits are packed, r side by side, into w' = ceil(w / r) numbers y_1, ..., y_w' below
2**(r B) < p. A message of source i becomes, with x = i + 1, the residues

    (y_1 + 1) x**a mod p,  a = 0, ..., 2 b + 1;     y_j x**a mod p,  a = 0, ..., b - 1,  for j >= 2.

Sums of n <= b codewords are, mod p, the syndromes of an error pattern that has the sources as its
places and the numbers as its values. The first numbers plus one, never zero, locate the sources
(Berlekamp-Massey, Chien); Vandermonde systems then give all numbers.

How many words: w' is the least for which a prime p above 2**(r B), r = ceil(w / w'), is below
2**31.5 and exact, b (b + 2) p < 2**52: r B <= 31, so r = 1 from 16 bits on. A number then has up to
31 bits where it had 21, as p > 2**20 in any case. With e the bits of b**2 a codeword has (w' + 1)
(r B + 1 + e) bits in place of (w + 1) (21 + e): fewer as well, but for w = 3, w' = 2, 13 <= B <= 15
and b < 16.

What counting leaves. Sets of b messages of w B bits from U sources are about 2**(b (w B + lg(e U /
b))). Of b (w' + 1) numbers of lg p + 2 lg b bits b locate, a factor 1 + 1 / w' for long messages;
2 lg b is the price of dividing by an unknown number. A message that is shorter than lg p cannot
share a number with others: then a bit from one of 16 sources costs two numbers of 21 bits, because
p > 2**20 is what makes a chance agreement of overloaded heads rare. Measured: within 2.3 in the
widest rounds of k-hop at N = 1,024 and 4,096 (3.5 with a word in each number), within 3 for
messages of 16 bits or more, 7 for one bit from one of 1,000 sources.

What is received is the average A of n codewords, n unknown. A coordinate is a fraction below p with
a denominator up to b. Two such fractions that differ do so by at least 1 / b**2. On bit_length(p -
1) + bit_length(b**2) leading digits numbers below p are less than 1 / b**2 apart, so no two of the
fractions are rounded to the same number. In float64 numbers below p are
at most p / 2**52 apart: b**2 p < 2**52 makes "rint(n A) / n == A" true exactly for the multiples of
the denominator and rint(n A) the numerator. The least n0 for which it holds in every coordinate
divides n. The complexity that Berlekamp-Massey finds in rint(n0 A) mod p is n, because the factor
n / n0 that is missing is a unit of the field; n / n0 times rint(n0 A) is the sum of the codewords.

The messages read are encoded again, and their sum must be that sum, as integers. Any other outcome
raises. Could the average of n' = b + 1 or b + 2 messages pass? It would be the average of n <= b
others, as floats and, by b (b + 2) p < 2**52, as fractions. Then two sequences of linear complexity
n and n' would agree, up to a factor, on their first 2 b + 2 >= n + n' terms and so be equal: no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anna_model.threads import cut, threads
from mpc_sim.integers import ceil_div
from reductions.mpc_to_anna.codes.code import (
    CodeDomainError,
    CodeOverload,
    Decoded,
    Likely,
    MessageCode,
    numbers_of,
    rounded,
)

if TYPE_CHECKING:
    import sympy

Floats = npt.NDArray[np.float64]

_FLOAT_LIMIT = 2**52
_PRODUCT_LIMIT = 2**63
_LEAST_PRIME_BITS = 20

NUMBERS_A_THREAD = 2**15
"""Fewer coordinates of averages than this are no work for another thread."""


@lru_cache
def _next_prime(bound: int) -> int:
    from sympy import nextprime

    return int(nextprime(bound))


@dataclass(frozen=True)
class SyndromeCode(MessageCode):
    """Deterministic code of b (w' + 1) + 2 coordinates, w' = ceil(w / r), r words in a number.

    Parameters
    ----------
    capacity, n_words, word_bits, n_sources : int
        As in `MessageCode`; word_bits at most 31.

    Attributes
    ----------
    packed : int
        r, the words in a number: derived above.
    prime : int
        p, the least prime above 2**(r word_bits), n_sources and 2**20; below 2**31.5, so that a
        product of two residues fits a signed word of 64 bits.

    Raises
    ------
    CodeDomainError
        A parameter is below 1, word_bits above 31, p too large, or b (b + 2) p >= 2**52.

    Notes
    -----
    Guarantee: the average of at most b codewords from distinct sources is decoded exactly; b + 1
    and b + 2 colliding messages always raise `CodeOverload`; more do unless their power sums happen
    to be those of fewer, about once in p**2 for random words (with no guarantee against words
    chosen against the code). Equal messages of one source are the same vector: nothing that
    averages can count them.

    Cost: E (b (w' + 1) + 2) multiplications mod p to encode; for a row of n messages
    O(n b + n n_sources + n**2 w') to find sources and numbers and O(n b w') to encode them again.

    References
    ----------
    Replaces the repetition code of Liu, Yu, Sanford, Andoni, Hsu, arXiv 2509.09001, Lemma B.4.
    Syndrome decoding is that of BCH and Reed-Solomon codes with the algorithm of J. L. Massey,
    "Shift-register synthesis and BCH decoding", IEEE Trans. Inf. Theory 15 (1969).

    Examples
    --------
    Sources 5 and 2 each send two words; the receiver gets the average alone, not the number of
    messages or their sources.

    >>> import numpy as np
    >>> code = SyndromeCode(capacity=3, n_words=2, word_bits=8, n_sources=10)
    >>> code.width, code.packed, code.prime, code.precision_bits
    (8, 2, 1048583, 25)
    >>> codewords = code.encode(np.array([5, 2]), np.array([[7, 255], [0, 1]]))
    >>> received = code.decode(codewords.sum(axis=0, keepdims=True) / 2)
    >>> received.which, received.source, received.words.tolist()
    (array([0, 0]), array([2, 5]), [[0, 1], [7, 255]])

    Four messages are too many for capacity 3, and this is noticed:

    >>> codewords = code.encode(np.arange(4), np.zeros((4, 2), dtype=np.int64))
    >>> code.decode(codewords.mean(axis=0, keepdims=True))
    Traceback (most recent call last):
        ...
    reductions.mpc_to_anna.codes.code.CodeOverload: row 0 is no average of at most 3 messages: it \
has more
    """

    name = "syndrome"
    longest_of_linear = 31

    packed: int = field(init=False, repr=False, compare=False)
    prime: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.word_bits > self.longest_of_linear:
            raise CodeDomainError(
                f"word_bits is {self.word_bits}; the syndrome code carries at most 31:"
                " send a longer word as two"
            )
        fewest = numbers_of(self.n_words, self.word_bits, self.longest_of_linear)
        for numbers in range(fewest, self.n_words + 1):
            packed = ceil_div(self.n_words, numbers)
            above = max(2 ** (packed * self.word_bits), self.n_sources, 2**_LEAST_PRIME_BITS)
            prime = _next_prime(above)
            if self.capacity * (self.capacity + 2) * prime < _FLOAT_LIMIT:
                break
        if prime**2 >= _PRODUCT_LIMIT:
            raise CodeDomainError(
                f"n_sources is {self.n_sources}; the syndrome code needs a prime above it and below"
                " 2**31.5: use fewer sources"
            )
        if self.capacity * (self.capacity + 2) * prime >= _FLOAT_LIMIT:
            largest = isqrt((_FLOAT_LIMIT - 1) // prime + 1) - 1
            raise CodeDomainError(
                f"capacity is {self.capacity}; averages of so many codewords mod {prime} are not"
                f" exact in float64: use a capacity of at most {largest} or fewer word_bits"
            )
        object.__setattr__(self, "packed", packed)
        object.__setattr__(self, "prime", prime)

    @property
    def n_numbers(self) -> int:
        """Numbers that carry the words of a message, w'."""
        return ceil_div(self.n_words, self.packed)

    @property
    def width(self) -> int:
        """Coordinates of a coded message: b (w' + 1) + 2."""
        return self.capacity * (self.n_numbers + 1) + 2

    @property
    def max_magnitude(self) -> int:
        """Largest value of a coordinate of one coded message: p - 1."""
        return self.prime - 1

    @property
    def precision_bits(self) -> int:
        """Leading digits of a coordinate of an average, derived above; at most 53."""
        return (self.prime - 1).bit_length() + (self.capacity**2).bit_length()

    @property
    def precision_formula(self) -> sympy.Expr:
        import sympy

        word, met, sources, packed = sympy.symbols("W b_bits U_bits r")
        return sympy.Max(packed * word, sources, _LEAST_PRIME_BITS) + 1 + 2 * met

    @property
    def width_formula(self) -> sympy.Expr:
        import sympy

        b, w, packed = sympy.symbols("b w r")
        return b * (sympy.ceiling(w / packed) + 1) + 2

    @property
    def magnitude_formula(self) -> sympy.Expr:
        import sympy

        return sympy.Symbol("p") - 1

    @property
    def formula_values(self) -> Mapping[str, int]:
        """b, w, B and U of `MessageCode`, r and p."""
        return {**super().formula_values, "r": self.packed, "p": self.prime}

    def encode(
        self, source: npt.NDArray[np.int64], words: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        each = np.arange(source.size + 1)
        return self.mean_codewords(source, words, each[:-1], each)

    def mean_codewords(
        self,
        source: npt.NDArray[np.int64],
        words: npt.NDArray[np.int64],
        order: npt.NDArray[np.int64],
        edge: npt.NDArray[np.int64],
    ) -> Floats:
        """Encode into the sums, set by set."""
        from reductions.mpc_to_anna.codes.kernels import syndrome as kernels

        source, words = self.checked_messages(source, words)
        unsigned = source.view(np.uint64), self._pack(words).view(np.uint64), np.uint64(self.prime)
        means = np.empty((len(edge) - 1, self.width))
        with threads(len(source) * self.width, NUMBERS_A_THREAD) as (run, n_threads):
            jobs = [
                (order, edge[low : high + 1], *unsigned, means[low:high])
                for low, high in cut(len(means), 1 if n_threads == 1 else 4 * n_threads)
            ]
            run(kernels.mean_codewords, jobs)
        return means

    def restore(self, mean: Floats, bits: int) -> Floats:
        """Take in each row the least n for which fractions by n are rounded to all coordinates."""
        restored = mean.copy()
        left = np.arange(len(mean))
        for n in range(1, self.capacity + 1):
            fractions = np.rint(n * mean[left]) / n
            fits = (rounded(fractions, bits) == mean[left]).all(axis=1)
            restored[left[fits]] = fractions[fits]
            left = left[~fits]
            if not left.size:
                break
        return restored

    def decode(self, mean: Floats, likely: Likely | None = None) -> Decoded:
        mean = self.checked_mean(mean)
        parts: list[Decoded] = []
        with threads(mean.size, NUMBERS_A_THREAD) as (run, n_threads):
            runs = cut(len(mean), 1 if n_threads == 1 else 4 * n_threads)
            parts = run(self._decoded, [(mean, *one, likely) for one in runs])
        if not parts:
            return self._decoded(mean, 0, 0, likely)
        return Decoded(
            np.concatenate([part.which for part in parts]),
            np.concatenate([part.source for part in parts]),
            np.concatenate([part.words for part in parts]),
        )

    def _decoded(self, means: Floats, low: int, high: int, likely: Likely | None) -> Decoded:
        """Decode some rows."""
        from reductions.mpc_to_anna.codes.kernels import syndrome as kernels

        mean = means[low:high]
        status = np.empty(len(mean), np.int64)
        most = len(mean) * self.capacity  # reserved: a page is touched only when messages reach it
        which, found = np.empty(most, np.int64), np.empty(most, np.uint64)
        numbers = np.empty((most, self.n_numbers), np.uint64)
        points = np.arange(1, self.n_sources + 1, dtype=np.uint64)
        n_last = self.n_words - self.packed * (self.n_numbers - 1)
        below, last = (np.uint64(2 ** (n * self.word_bits)) for n in (self.packed, n_last))
        ratios = (points << np.uint64(32)) // np.uint64(self.prime)
        hint = likely or Likely(self.n_sources, self.n_sources)
        given = points, ratios, min(hint.first, self.n_sources), hint.period
        limits = np.uint64(self.prime), below, last
        n_read = kernels.decode(mean, self.capacity, *given, *limits, status, which, found, numbers)
        wrong = np.flatnonzero(status != kernels.DECODED)
        if wrong.size:
            row = int(wrong[0])
            reason = self._reason(int(status[row]))
            raise CodeOverload(low + row, self.capacity, reason)
        source = found[:n_read].astype(np.int64) - 1
        return Decoded(which[:n_read] + low, source, self._unpack(numbers[:n_read]))

    def _pack(self, words: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Put r words into a number, the first one in its lowest bits."""
        if self.packed == 1:
            return words
        numbers = np.zeros((len(words), self.n_numbers), np.int64)
        for place in range(self.packed):
            column = words[:, place :: self.packed]
            numbers[:, : column.shape[1]] |= column << (place * self.word_bits)
        return numbers

    def _unpack(self, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        shifts = np.arange(self.packed, dtype=np.uint64) * np.uint64(self.word_bits)
        words = numbers[:, :, None] >> shifts & np.uint64(2**self.word_bits - 1)
        in_turn = words.reshape(len(numbers), self.n_numbers * self.packed)
        return in_turn[:, : self.n_words].astype(np.int64)

    def _reason(self, status: int) -> str:
        from reductions.mpc_to_anna.codes.kernels import syndrome as kernels

        return {
            kernels.NOT_AN_AVERAGE: (
                f"its coordinates are not fractions below {self.prime}"
                f" with a common denominator up to {self.capacity}"
            ),
            kernels.TOO_MANY: "it has more",
            kernels.WRONG_COUNT: "the number of sources does not fit the denominators",
            kernels.NO_SOURCES: f"the sources are not distinct numbers below {self.n_sources}",
            kernels.WORD_RANGE: f"a word is beyond {self.word_bits} bits",
            kernels.MISMATCH: "the messages found do not add up to it",
        }[status]
