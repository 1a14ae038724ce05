"""SUM: the sum of all words, everywhere, by one head of width 1.

All queries and keys are equal, so every token receives the mean of all values; the value of a word
x is N x, and the mean is the sum. Equal vectors share their bucket in every table of every hash
family, so ANNA computes it with one table, and nothing can go wrong by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from anna_model import ExactMatch, HeadMaps, Mechanism, RowwiseLayer
from mpc_sim import InputError
from mpc_sim.records import Words
from reductions.arrays import Floats
from reductions.bounds import Bound
from reductions.constructions.match2 import one
from reductions.constructions.word_transformer import MAX_WORD, WordTransformer


@dataclass(frozen=True)
class Times:
    """The row-wise map x -> N x."""

    n_tokens: int

    def __call__(self, position: Words, rows: Floats) -> Floats:
        values: Floats = self.n_tokens * rows[:, :1]
        return values


def sum_transformer(
    n: int, largest_sum: int, mechanism: Mechanism | None = None
) -> WordTransformer:
    """Return the transformer that adds n words.

    Parameters
    ----------
    n : int
        Context length.
    largest_sum : int
        No sum is larger; n times it is below 2^53, so that every sum is exact.
    mechanism : Mechanism, optional
        `ExactMatch` by default; any `Anna` will do.

    Raises
    ------
    InputError
        n times the largest sum is 2^53 or more.

    References
    ----------
    The task of Proposition E.3 of Liu et al., arXiv 2509.09001, which a Reformer with a fixed
    pattern needs log N layers for.
    """
    if n * largest_sum >= MAX_WORD:
        raise InputError(
            f"sums up to {largest_sum} of {n} words: n times the sum must be below 2**53; "
            "give fewer or smaller words"
        )
    head = HeadMaps(one, one, Times(n), 1, 1)
    bits = max(1, (n * largest_sum).bit_length())
    layer = RowwiseLayer(mechanism or ExactMatch(), (head,), precision_bits=bits)
    return WordTransformer((layer,), n, largest_sum)


def sum_bounds(n: int, largest_sum: int) -> tuple[Bound, ...]:
    """Return the bounds of the construction: one layer, one head, width 1, bits of N S."""
    length, n_bits, s_bits = sympy.symbols("N N_bits S_bits", positive=True, integer=True)
    values = {"N": n, "N_bits": n.bit_length(), "S_bits": max(1, largest_sum.bit_length())}
    source = "this project: one head of equal keys (arXiv 2509.09001)"
    exact = {"layers": 1, "heads": 1, "head_width": 1, "token_width": 1, "context_length": length}
    rows = [
        Bound(name, sympy.sympify(expression), values, "exact", source)
        for name, expression in exact.items()
    ]
    return (*rows, Bound("precision_bits", n_bits + s_bits, values, "upper", source))
