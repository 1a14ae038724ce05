"""The pointer-chasing bounds of Sanford, Hsu, Telgarsky for k-hop, beside a model's measured words.

Corollary 5.2: a recurrent model of L layers of width m that computes k-hop has L >= k or m =
Omega(N / k^6). Corollary 5.3: low-rank attention of rank r, width m and H heads has L >= k or
r m H = Omega(N / k^6). They rest on no conjecture, but leave their constant open. So they say how
the width must grow, and give no number; `state_counting` has bounds with constants for causal
models.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import sympy

from mpc_sim import InputError

N, K, C = sympy.symbols("N k c", positive=True)
WIDTH = C * N / K**6
SOURCE = "Sanford, Hsu, Telgarsky, arXiv 2402.09268"
Side = Literal["deep", "wide or wrong"]


@dataclass(frozen=True)
class Corollary:
    """The bound for an architecture.

    Parameters
    ----------
    name : str
    architecture : str
    words : str
        What a layer sends, or its state holds.
    """

    name: str
    architecture: str
    words: str


RECURRENT = Corollary("Corollary 5.2", "recurrent", "m")
LOW_RANK = Corollary("Corollary 5.3", "low rank", "r m H")


@dataclass(frozen=True)
class PointerChasing:
    """What the bound says of a model of a depth.

    Parameters
    ----------
    corollary : Corollary
    n, k : int
        Tokens and hops.
    depth, words_a_layer : int
        Of the model, measured.
    """

    corollary: Corollary
    n: int
    k: int
    depth: int
    words_a_layer: int

    @property
    def side(self) -> Side:
        """Deep if L >= k, where the bound asks nothing of the width."""
        return "deep" if self.depth >= self.k else "wide or wrong"

    @property
    def width(self) -> sympy.Expr:
        """Words per layer that a model of fewer than k layers needs; c is not known."""
        return WIDTH

    @property
    def growth(self) -> Fraction:
        """N / k^6, the bound without its constant."""
        return Fraction(self.n, self.k**6)

    @property
    def value(self) -> int:
        """The bound as a number.

        Raises
        ------
        InputError
            Always: the constant is not known.
        """
        raise InputError("the bound N / k^6 holds up to a constant: it has no value")

    def explain(self) -> str:
        """Return the bound and the measured words in one line."""
        corollary, words = self.corollary, self.corollary.words
        sign = ">=" if self.depth >= self.k else "<"
        return (
            f"k-hop by {corollary.architecture}: L >= k or {words} >= c N/k^6, up to a constant c; "
            f"here L = {self.depth} {sign} k = {self.k}, {words} = {self.words_a_layer}, "
            f"N/k^6 = {round(float(self.growth), 3)} (arXiv 2402.09268, {corollary.name})"
        )


def pointer_chasing(
    corollary: Corollary, n: int, k: int, *, depth: int, words_a_layer: int
) -> PointerChasing:
    """Return the bound for a model of a depth and a width.

    Raises
    ------
    InputError
        A size below 1.
    """
    if n < 1 or k < 1 or depth < 0:
        raise InputError(f"n = {n}, k = {k}, depth = {depth}: take n and k >= 1, depth >= 0")
    return PointerChasing(corollary, n, k, depth, words_a_layer)
