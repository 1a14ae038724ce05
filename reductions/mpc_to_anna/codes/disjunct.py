"""The disjunct code: every source owns the graph of a polynomial over a prime field.

Source i is written in base Q, its t digits are the coefficients of f_i, a polynomial of degree
below t over the field of Q elements, and its rows are the pairs (x, f_i(x)), x = 0, ..., m - 1. Two
sources share at most t - 1 rows: the difference of their polynomials has at most t - 1 roots. With
b standing for min(b, U), the b - 1 other sources of a set take at most (b - 1)(t - 1) of the m rows
of a source, so m = (b - 1)(t - 1) + 1 leave it one. This needs Q >= m for the points and Q**t >= U
for the sources. All Q points, hence Q**2 rows, as in the usual form of the construction, would be
more than the argument uses: L = m Q.

t and Q are those of least L. For t = 1 every source has a row of its own, f_i = i, and Q = U need
not be prime. For t = 2 the least prime that is large enough is at most twice what is asked
(Bertrand), so L <= min(U, 2 b max(ceil(sqrt(U)), b)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mpc_sim.integers import ceil_power
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes.row_code import RowCode

if TYPE_CHECKING:
    import sympy


@cache
def _width_bound() -> sympy.Expr:
    """Return the bound min(U, 2 b max(ceil(sqrt(U)), b)) (w + 3), which sympy takes long over."""
    import sympy

    b, sources, w = sympy.symbols("b U w")
    most = sympy.Min(b, sources)
    two_terms = 2 * most * sympy.Max(sympy.ceiling(sympy.sqrt(sources)), most)
    return sympy.Min(sources, two_terms) * (w + 3)


@lru_cache
def _terms_and_field(most: int, n_sources: int) -> tuple[int, int]:
    """Return the t and Q of fewest rows, the least t where several are as good."""
    from sympy import nextprime

    best_rows, best = n_sources, (1, n_sources)
    for terms in range(2, n_sources.bit_length() + 1):
        points = (most - 1) * (terms - 1) + 1
        least = max(points, ceil_power(n_sources, Fraction(1, terms)), 2)
        if points * least >= best_rows:
            continue
        field_size = int(nextprime(least - 1))
        if points * field_size < best_rows:
            best_rows, best = points * field_size, (terms, field_size)
    return best


@dataclass(frozen=True)
class DisjunctCode(RowCode):
    """Deterministic code of L (w + 3) coordinates, L <= min(U, 2 b max(ceil(sqrt(U)), b)).

    Parameters
    ----------
    capacity, n_words, word_bits, n_sources : int
        As in `MessageCode`; word_bits at most 51.

    Attributes
    ----------
    terms, field_size : int
        t and Q.

    Raises
    ------
    CodeDomainError
        As in `RowCode`.

    Notes
    -----
    Guarantee: every average of at most b messages is decoded exactly, every other one raises.

    References
    ----------
    W. H. Kautz and R. C. Singleton, "Nonrandom binary superimposed codes", IEEE Trans. Inf. Theory
    10 (1964); packets as in Liu, Yu, Sanford, Andoni, Hsu, arXiv 2509.09001, Lemma B.4, with the
    square of the source added.

    Examples
    --------
    >>> import numpy as np
    >>> code = DisjunctCode(capacity=3, n_words=2, word_bits=8, n_sources=100)
    >>> code.terms, code.field_size, code.rows, code.width
    (3, 5, 25, 125)
    >>> codewords = code.encode(np.array([5, 2]), np.array([[7, 255], [0, 1]]))
    >>> received = code.decode(codewords.sum(axis=0, keepdims=True) / 2)
    >>> received.which, received.source, received.words.tolist()
    (array([0, 0]), array([2, 5]), [[0, 1], [7, 255]])
    """

    name = "disjunct"

    terms: int = field(init=False, repr=False, compare=False)
    field_size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        terms, field_size = _terms_and_field(self.most, self.n_sources)
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "field_size", field_size)

    @property
    def points(self) -> int:
        """m, the rows of a source: (min(b, U) - 1)(t - 1) + 1."""
        return (self.most - 1) * (self.terms - 1) + 1

    @property
    def rows(self) -> int:
        """Rows of a codeword: m Q."""
        return self.points * self.field_size

    @property
    def rows_formula(self) -> sympy.Expr:
        import sympy

        b, sources, t, Q = sympy.symbols("b U t Q")
        return ((sympy.Min(b, sources) - 1) * (t - 1) + 1) * Q

    @property
    def width_bound_formula(self) -> sympy.Expr:
        return _width_bound()

    @property
    def formula_values(self) -> Mapping[str, int]:
        """b, w, B and U of `MessageCode`, and t and Q."""
        return {**super().formula_values, "t": self.terms, "Q": self.field_size}

    def rows_of(self, sources: Integers) -> tuple[Integers, Integers]:
        x = np.arange(self.points)
        value = np.zeros((len(sources), self.points), np.int64)
        for power in range(self.terms - 1, -1, -1):
            digit = sources // self.field_size**power % self.field_size
            value = (value * x + digit[:, None]) % self.field_size
        place = np.repeat(np.arange(len(sources)), self.points)
        return place, (x * self.field_size + value).ravel()
