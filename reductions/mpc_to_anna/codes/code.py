"""Message codes: the receiver of an average recovers every message that went into it.

In a head of a compiled protocol a machine receives the average of the values of all machines that
wrote to it, and not how many there were. A message code maps (source, words) to a vector such that
the average of up to `capacity` of these vectors, from distinct sources, determines all of them.

Axes: E messages encoded, w words per message, D averages, R messages read; b = capacity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from operator import index
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from mpc_sim.integers import ceil_div

if TYPE_CHECKING:
    import sympy

_FLOAT_DIGITS = 53

PART_BYTES = 2**25
"""Of codewords that are made at a time."""


def rounded(values: npt.NDArray[np.float64], bits: int) -> npt.NDArray[np.float64]:
    """Round numbers to their leading binary digits, half to even; from 53 on nothing changes."""
    if bits >= _FLOAT_DIGITS:
        return values
    mantissa, exponent = np.frexp(values)
    digits = np.rint(np.ldexp(mantissa, bits))
    return np.asarray(np.ldexp(digits, exponent - bits), np.float64)


def numbers_of(n_words: int, word_bits: int, longest: int) -> int:
    """Return w', in how many numbers words travel: as many in one as fit into ``longest`` bits."""
    return ceil_div(n_words, max(1, longest // word_bits))


class CodeDomainError(ValueError):
    """A code that cannot be built, or a message or an array that it does not take."""


class CodeOverload(Exception):
    """More messages met in one average than the code can distinguish, or it is no average at all.

    Parameters
    ----------
    row : int
        Row of the averages.
    capacity : int
        Most messages whose average is decoded.
    reason : str
        What the decoder found.

    Examples
    --------
    >>> print(CodeOverload(17, 4, "it has more"))
    row 17 is no average of at most 4 messages: it has more
    """

    def __init__(self, row: int, capacity: int, reason: str) -> None:
        super().__init__(row, capacity, reason)
        self.row = row
        self.capacity = capacity
        self.reason = reason

    def __str__(self) -> str:
        messages = "message" if self.capacity == 1 else "messages"
        return f"row {self.row} is no average of at most {self.capacity} {messages}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Decoded:
    """The messages of a batch of averages, in read-only arrays.

    Parameters
    ----------
    which : i64[R]
        The average that a message was read from; non-decreasing.
    source : i64[R]
        The sender; increasing within one average.
    words : i64[R, w]
        What was sent.

    Examples
    --------
    Source 4 wrote to row 0, sources 2 and 4 to row 1.

    >>> got = Decoded(np.array([0, 1, 1]), np.array([4, 2, 4]), np.array([[7], [9], [8]]))
    >>> got.words[got.which == 1].tolist()
    [[9], [8]]
    """

    which: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for array in (self.which, self.source, self.words):
            array.flags.writeable = False


class Likely(NamedTuple):
    """Which sources are tried first: a hint that saves time and changes no result.

    Parameters
    ----------
    first : int
        Those below it.
    period : int
        Then x + period for every source x that is found.
    """

    first: int
    period: int


@dataclass(frozen=True)
class MessageCode(ABC):
    """An encoding of messages that survives averaging; frozen, hashable and picklable.

    Parameters
    ----------
    capacity : int
        b, the most messages whose average is decoded.
    n_words : int
        w, the words of a message.
    word_bits : int
        Words lie between 0 and 2**word_bits - 1.
    n_sources : int
        Sources are 0, ..., n_sources - 1.

    Raises
    ------
    CodeDomainError
        A parameter is below 1.

    Notes
    -----
    The formulas are expressions with explicit constants in the names of `formula_values`; with
    these values they equal the attribute of the same name.
    """

    name: ClassVar[str]
    grows: ClassVar[bool] = True
    """Whether a code of less capacity is never wider."""
    longest_of_linear: ClassVar[int] = 0
    """The most bits of a number, if the width is b (w' + 1) + 2 for w' numbers; else 0."""
    is_drawn: ClassVar[bool] = False
    """Whether a draw decides which sets of messages are decoded."""

    capacity: int
    n_words: int
    word_bits: int
    n_sources: int

    def __post_init__(self) -> None:
        for name in ("capacity", "n_words", "word_bits", "n_sources"):
            value = index(getattr(self, name))
            if value < 1:
                raise CodeDomainError(f"{name} is {value}; it must be at least 1")
            object.__setattr__(self, name, value)

    @classmethod
    def from_options(
        cls,
        capacity: int,
        n_words: int,
        word_bits: int,
        n_sources: int,
        *,
        seed: int,
        failure: Fraction | None = None,
    ) -> Self:
        """Return the code that a compiler asks for.

        Seed and failure, the most that its probability may be, are for those that are drawn.
        """
        return cls(capacity, n_words, word_bits, n_sources)

    @property
    @abstractmethod
    def width(self) -> int:
        """Coordinates of a coded message."""

    @property
    @abstractmethod
    def max_magnitude(self) -> int:
        """Largest value of a coordinate of one coded message."""

    @property
    @abstractmethod
    def precision_bits(self) -> int:
        """Bits that a coordinate of an average needs so that decoding is exact."""

    @property
    def failure(self) -> Fraction:
        """Bound on the probability over the seed that some set of at most b is not decodable.

        Zero for a deterministic code.
        """
        return Fraction(0)

    @property
    @abstractmethod
    def width_formula(self) -> sympy.Expr:
        """`width` as an expression."""

    @property
    def width_bound_formula(self) -> sympy.Expr:
        """A bound on `width` in b, w, U and delta alone, without what the code chose."""
        return self.width_formula

    @property
    @abstractmethod
    def magnitude_formula(self) -> sympy.Expr:
        """`max_magnitude` as an expression."""

    @property
    @abstractmethod
    def precision_formula(self) -> sympy.Expr:
        """A bound on `precision_bits` in `formula_values` and bits: W of a word, b_bits, U_bits."""

    @property
    def failure_formula(self) -> sympy.Expr:
        """`failure` as an expression."""
        import sympy

        return sympy.Integer(0)

    @property
    def formula_values(self) -> Mapping[str, int]:
        """What the symbols of the formulas stand for: b, w, B = word_bits, U = n_sources, more."""
        return {
            "b": self.capacity,
            "w": self.n_words,
            "B": self.word_bits,
            "U": self.n_sources,
        }

    @abstractmethod
    def encode(
        self, source: npt.NDArray[np.int64], words: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Encode a batch of messages.

        Parameters
        ----------
        source : i64[E]
            The senders.
        words : i64[E, w]
            What is sent.

        Returns
        -------
        f64[E, width]
            Codewords: integers between 0 and `max_magnitude`.

        Raises
        ------
        CodeDomainError
            A source or a word is out of range, or an array has the wrong shape or type.
        """

    def mean_codewords(
        self,
        source: npt.NDArray[np.int64],
        words: npt.NDArray[np.int64],
        order: npt.NDArray[np.int64],
        edge: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float64]:
        """Encode messages and average each of some sets: an exact sum, divided once.

        Parameters
        ----------
        source : i64[E]
        words : i64[E, w]
        order : i64[any]
            Messages, set after set.
        edge : i64[G + 1]
            The messages of set g are order[edge[g] : edge[g + 1]], at least one.

        Returns
        -------
        f64[G, width]
        """
        means = np.empty((len(edge) - 1, self.width))
        step = max(1, PART_BYTES // (8 * self.width))
        first = 0
        while first < len(means):  # as many sets as have so many messages, at least one
            last = int(np.searchsorted(edge, edge[first] + step, side="right")) - 1
            last = min(max(last, first + 1), len(means))
            part, starts = order[edge[first] : edge[last]], edge[first:last] - edge[first]
            sums = np.add.reduceat(self.encode(source[part], words[part]), starts, axis=0)
            means[first:last] = sums / np.diff(edge[first : last + 1])[:, None]
            first = last
        return means

    @abstractmethod
    def decode(self, mean: npt.NDArray[np.float64], likely: Likely | None = None) -> Decoded:
        """Read the messages out of averages of codewords.

        Parameters
        ----------
        mean : f64[D, width]
            Each row is the exact integer sum of the codewords of at most b messages from distinct
            sources, divided once by their number, and a row of zeros where there is none.
        likely : Likely, optional

        Returns
        -------
        Decoded
            All messages, by row and then by source.

        Raises
        ------
        CodeOverload
            A row is no such average; the error names the first one.
        CodeDomainError
            The array has the wrong shape or type.
        """

    @abstractmethod
    def restore(self, mean: npt.NDArray[np.float64], bits: int) -> npt.NDArray[np.float64]:
        """Return averages as they were before they were rounded to so many leading digits.

        Parameters
        ----------
        mean : f64[D, width]
            `rounded` averages of at most b codewords.
        bits : int
            With `precision_bits`, or more, no two averages are rounded to the same row. With fewer
            the result may be another average; a row that no average can have become stays as it is.

        Returns
        -------
        f64[D, width]
        """

    def checked_messages(
        self, source: npt.NDArray[np.int64], words: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return contiguous i64[E] and i64[E, w], or reject what `encode` does not take."""
        for name, array in (("source", source), ("words", words)):
            if not np.can_cast(array.dtype, np.int64):
                raise CodeDomainError(f"{name} has type {array.dtype}; pass int64")
        if source.ndim != 1 or words.shape != (source.size, self.n_words):
            raise CodeDomainError(
                f"source and words have shapes {source.shape} and {words.shape};"
                f" pass (E,) and (E, {self.n_words})"
            )
        wrong = np.flatnonzero((source < 0) | (source >= self.n_sources))
        if wrong.size:
            raise CodeDomainError(
                f"message {wrong[0]} has source {source[wrong[0]]}, beyond 0..{self.n_sources - 1}:"
                " build the code with a larger n_sources"
            )
        limit = 1 << self.word_bits
        if words.size and (words.min() < 0 or words.max() >= limit):
            row, column = np.argwhere((words < 0) | (words >= limit))[0]
            raise CodeDomainError(
                f"word {column} of message {row} is {words[row, column]}, beyond 0..{limit - 1}:"
                " build the code with larger word_bits, or add an offset to negative words"
            )
        return (
            np.ascontiguousarray(source, dtype=np.int64),
            np.ascontiguousarray(words, dtype=np.int64),
        )

    def checked_mean(self, mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return a contiguous f64[D, width], or reject what `decode` does not take."""
        if mean.dtype != np.float64 or mean.ndim != 2 or mean.shape[1] != self.width:
            raise CodeDomainError(
                f"mean has shape {mean.shape} and type {mean.dtype};"
                f" pass (D, {self.width}) and float64"
            )
        return np.ascontiguousarray(mean)
