"""Match2: whether a number has a partner that completes it to 0 modulo M.

The output at i is 1 if x_i + x_j = 0 (mod M) for some j, j = i included, else 0. One head of
exact-match attention of width 1 computes it: the query of a token is its residue, its key the
residue that completes it, its value 1; a query without a match receives 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from anna_model import ExactMatch, HeadMaps, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import MOST_BITS, Grid, GridOverflow
from mpc_sim import InputError
from reductions.arrays import Floats, Integers
from reductions.attention_to_mpc import TransformerProtocol, fit_anna_to_mpc
from reductions.bounds import Bound
from reductions.certify.way_back import GAP, WayBack, planned
from reductions.problems.definitions import MAX_MODULUS
from reductions.problems.problem import Instance

SCARCE_FROM, SCARCE_FACTOR = 128, 8
"""From so many numbers on machines of 8 sqrt(n) words suffice, fewer than n."""


@dataclass(frozen=True)
class Residue:
    """The row-wise map x -> sign x mod M, exact on integers below 2^53."""

    modulus: int
    sign: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        residues: Floats = (self.sign * rows[:, :1].astype(np.int64) % self.modulus).astype(float)
        return residues


def one(position: Integers, rows: Floats) -> Floats:
    """Return 1 for every token."""
    return np.ones((len(position), 1))


@dataclass(frozen=True)
class Match2Transformer(Transformer):
    """One layer, one head, width 1.

    Use :func:`match2_transformer` to make one.
    """

    modulus: int

    def run(self, numbers: Integers) -> Integers:
        """Return the N answers, int64[N], for N non-negative numbers below 2^53.

        Raises
        ------
        InputError
            A number is negative or 2^53 or more, or there are not N of them.
        """
        numbers = np.asarray(numbers)
        if numbers.dtype.kind not in "iu" or numbers.shape != (self.n_tokens,):
            raise InputError(f"give {self.n_tokens} integers, not {numbers.dtype} {numbers.shape}")
        if numbers.min() < 0 or numbers.max() >= MAX_MODULUS:
            raise InputError(
                f"numbers lie in {numbers.min()} .. {numbers.max()}; give 0 .. 2**53 - 1, "
                "their residues count"
            )
        rows = Rows.from_dense(numbers[:, None].astype(np.float64))
        return self.forward(rows).dense()[:, 0].astype(np.int64)


def match2_transformer(n: int, modulus: int) -> Match2Transformer:
    """Return the transformer that computes Match2 on n numbers.

    Parameters
    ----------
    n : int
        Context length.
    modulus : int
        M, in 1 .. 2^53.

    Returns
    -------
    Match2Transformer

    Raises
    ------
    InputError
        The modulus is out of range.

    Notes
    -----
    The key is -x mod M, not M - x as printed: residue 0 completes itself.

    References
    ----------
    Liu et al., arXiv 2509.09001, the Match2 construction.

    Examples
    --------
    >>> match2_transformer(4, 37).run(np.array([1, 36, 0, 5])).tolist()
    [1, 1, 1, 0]
    """
    if not 1 <= modulus <= MAX_MODULUS:
        raise InputError(f"modulus = {modulus}: choose it in 1 .. 2**53")
    head = HeadMaps(Residue(modulus, 1), Residue(modulus, -1), one, 1, 1)
    bits = (modulus - 1).bit_length()
    layer = RowwiseLayer(ExactMatch(), (head,), precision_bits=max(1, bits))
    return Match2Transformer((layer,), n, modulus)


def match2_bounds(n: int, modulus: int) -> tuple[Bound, ...]:
    """Return the bounds of the construction: one layer, one head, width 1, residues below M."""
    length, modulus_bits = sympy.symbols("N M_bits", positive=True, integer=True)
    values = {"N": n, "M_bits": modulus.bit_length()}
    source = "this project: one exact-match head (arXiv 2509.09001)"
    exact = {"layers": 1, "heads": 1, "head_width": 1, "token_width": 1, "context_length": length}
    rows = [
        Bound(name, sympy.sympify(expression), values, "exact", source)
        for name, expression in exact.items()
    ]
    return (*rows, Bound("precision_bits", modulus_bits, values, "upper", source))


def match2_way_back(transformer: Match2Transformer, instance: Instance) -> WayBack:
    """Plan machines whose grid holds the numbers and the residues, s' < n where that fits."""
    numbers = instance.words
    largest = max(int(np.max(numbers, initial=1)), transformer.modulus - 1)

    def build() -> TransformerProtocol:
        if largest.bit_length() >= MOST_BITS:
            raise GridOverflow(f"{largest} is beyond a grid of {MOST_BITS} bits with sign")
        grid = Grid(largest.bit_length() + 1, 0)
        precision = Precision(rows=grid, keys=grid, values=Grid(2, 0))
        scarce = SCARCE_FACTOR if transformer.n_tokens >= SCARCE_FROM else None
        return fit_anna_to_mpc(transformer, precision, GAP, input_width=1, memory_factor=scarce)

    return planned(build)
