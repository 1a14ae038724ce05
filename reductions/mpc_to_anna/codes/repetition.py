"""The repetition code: every source owns a random sparse set of rows.

Here b stands for min(b, U), the most messages that can meet. Each of L rows belongs to a source
with probability 1 / k, drawn by a public hash of (seed, source, row). For k >= b a row belongs to
one given source of a set of b and to no other with probability

    (1/k)(1 - 1/k)**(b - 1) >= (1/k)(1 - 1/k)**(k - 1) >= 1 / (e k).

So a given source of a given set has no row to itself with probability at most
(1 - 1/(e k))**L <= exp(-L / (e k)). A row to itself in a set is one in every smaller set too; hence
it is enough to count the pairs of a set of b and a source of it, U C(U - 1, b - 1) of them. As
1 / (e ln 2) > 200 / 377, with room for the rounding of 1 / k to 64 bits, the union bound is

    failure <= U C(U - 1, b - 1) 2**-floor(200 L / (377 k)).

*Sufficient*, k = b: L = ceil(377 b ceil(log2(U C(U - 1, b - 1) / delta)) / 200), O(b**2 log U).

*Printed*: the lemma lets a sender mix up to b packets into one value, hence b**2 packets meet and
its order is b**4 log U. The same derivation with k = b**2 packets, of which there are at most U**k
choices, gives L = ceil(377 b**2 (b**2 ceil(log2 U) + ceil(log2(1 / delta))) / 200). Where a head
carries one packet per sender, as it does here, most of these rows are wasted.

For one message k would be 1 and every row belong to all; 1/2 is the probability then, which
leaves the bound true, as 1/2 > 1 / e. A source i that drew no row at all is given row i mod L, so
that no message is the zero vector; then the draw has failed already, and the bound stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Self

import numpy as np

from mpc_sim.integers import ceil_div
from mpc_sim.randomness import random_words
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes.code import CodeDomainError
from reductions.mpc_to_anna.codes.row_code import RowCode

if TYPE_CHECKING:
    import sympy

_BLOCK_WORDS = 2**20


@dataclass(frozen=True)
class RepetitionCode(RowCode):
    """Randomised code of L (w + 3) coordinates, L = O(b**2 log U).

    Parameters
    ----------
    capacity, n_words, word_bits, n_sources : int
        As in `MessageCode`; word_bits at most 51.
    seed : int
        Names the member of the family; at least 0 and below 2**64.
    delta : Fraction or None
        Bound on the probability over the seed that some set of at most b sources is not decodable,
        between 0 and 1; None is U**-2, and 1/4 for one source.

    Raises
    ------
    CodeDomainError
        As in `RowCode`; or seed or delta is none of the above.

    Notes
    -----
    Guarantee: what is decoded is what was sent. With probability at least 1 - failure over the
    seed every set of at most b messages is decoded; where a set is not, and for more than b
    messages, `decode` raises. Another seed is then another chance.

    Cost: U' L hashes for U' different sources, beside what all row codes take.

    References
    ----------
    Liu, Yu, Sanford, Andoni, Hsu, arXiv 2509.09001, Lemma B.4, after Sanford, Hsu, Telgarsky, arXiv
    2402.09268, Lemma 3.2, with the square of the source added to the packet.

    Examples
    --------
    >>> import numpy as np
    >>> code = RepetitionCode(capacity=3, n_words=2, word_bits=8, n_sources=10)
    >>> code.rows, code.width, float(code.failure) <= 1 / 100
    (91, 455, True)
    >>> codewords = code.encode(np.array([5, 2]), np.array([[7, 255], [0, 1]]))
    >>> received = code.decode(codewords.sum(axis=0, keepdims=True) / 2)
    >>> received.which, received.source, received.words.tolist()
    (array([0, 0]), array([2, 5]), [[0, 1], [7, 255]])
    """

    name = "repetition"
    is_drawn = True
    grows = False  # in capacity: rows stop at one for every source, and may have been more

    seed: int = 0
    delta: Fraction | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.seed < 2**64:
            raise CodeDomainError(f"seed is {self.seed}; it must be at least 0 and below 2**64")
        default = Fraction(1, max(2, self.n_sources) ** 2)
        object.__setattr__(self, "delta", default if self.delta is None else Fraction(self.delta))
        if not 0 < self._delta < 1:
            raise CodeDomainError(f"delta is {self.delta}; it must lie between 0 and 1")

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
        return cls(capacity, n_words, word_bits, n_sources, seed=seed, delta=failure)

    @property
    def rows(self) -> int:
        """Rows of a codeword, L, derived above."""
        return ceil_div(377 * self.packets * self._choice_bits, 200)

    @property
    def _choice_bits(self) -> int:
        """Bits that name a choice of packets, and 1 / delta."""
        return _ceil_log2(self.pairs * self.inverse_delta)

    @property
    def _delta(self) -> Fraction:
        assert self.delta is not None
        return self.delta

    @property
    def inverse_delta(self) -> int:
        """Whole number that stands for 1 / delta: the least one at least as large."""
        return ceil_div(self._delta.denominator, self._delta.numerator)

    @property
    def packets(self) -> int:
        """Packets for which the rows are laid out, k."""
        return self.most

    @property
    def pairs(self) -> int:
        """Pairs of a source and a largest set that has it: U C(U - 1, min(b, U) - 1)."""
        return self.n_sources * comb(self.n_sources - 1, self.most - 1)

    @property
    def failure(self) -> Fraction:
        """The union bound above on the probability over the seed that some set is not decodable."""
        return min(
            Fraction(1), Fraction(self.pairs, 2 ** (200 * self.rows // (377 * self.packets)))
        )

    @property
    def rows_formula(self) -> sympy.Expr:
        import sympy

        return sympy.ceiling(377 * self._packets_formula * self._choice_bits_formula / 200)

    @property
    def _choice_bits_formula(self) -> sympy.Expr:
        import sympy

        return _ceil_log2_formula(self._pairs_formula * sympy.Symbol("R"))

    @property
    def failure_formula(self) -> sympy.Expr:
        import sympy

        exponent = sympy.floor(200 * self.rows_formula / (377 * self._packets_formula))
        return sympy.Min(1, self._pairs_formula / 2**exponent)

    @property
    def _pairs_formula(self) -> sympy.Expr:
        import sympy

        b, sources = sympy.symbols("b U")
        return sources * sympy.binomial(sources - 1, sympy.Min(b, sources) - 1)

    @property
    def _packets_formula(self) -> sympy.Expr:
        import sympy

        return sympy.Min(*sympy.symbols("b U"))

    @property
    def formula_values(self) -> Mapping[str, int]:
        """b, w, B and U of `MessageCode`, and R = ceil(1 / delta)."""
        return {**super().formula_values, "R": self.inverse_delta}

    def rows_of(self, sources: Integers) -> tuple[Integers, Integers]:
        threshold = np.uint64(2**64 // max(2, self.packets))
        step = max(1, _BLOCK_WORDS // self.rows)
        places, rows = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for first in range(0, len(sources), step):
            block = sources[first : first + step]
            owns = random_words(self.seed, 0, block, self.rows) < threshold
            (without,) = np.nonzero(~owns.any(axis=1))
            owns[without, block[without] % self.rows] = True
            place, row = np.nonzero(owns)
            places.append(place + first)
            rows.append(row)
        return np.concatenate(places), np.concatenate(rows)


@dataclass(frozen=True)
class PrintedRepetitionCode(RepetitionCode):
    """The repetition code with the rows that Lemma B.4 prints, derived above.

    Examples
    --------
    >>> PrintedRepetitionCode(3, 2, 8, 10).rows
    730
    """

    @property
    def packets(self) -> int:
        return self.most**2

    @property
    def _choice_bits(self) -> int:
        return self.packets * _ceil_log2(self.n_sources) + _ceil_log2(self.inverse_delta)

    @property
    def _choice_bits_formula(self) -> sympy.Expr:
        import sympy

        sources, inverse_delta = map(_ceil_log2_formula, sympy.symbols("U R"))
        return self._packets_formula * sources + inverse_delta

    @property
    def _packets_formula(self) -> sympy.Expr:
        return super()._packets_formula ** 2


def _ceil_log2(number: int) -> int:
    return (number - 1).bit_length()


def _ceil_log2_formula(number: sympy.Expr) -> sympy.Expr:
    import sympy

    return sympy.ceiling(sympy.log(number) / sympy.log(2))
