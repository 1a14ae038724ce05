"""Rounds that sum, parity and OR need: full information, a degree argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy

from mpc_sim import InputError
from reductions.bounds import Bound

Shown = Literal["unconditional", "conditional"]


def full_information_rounds(n_words: int, memory_words: int) -> int:
    """Return the deliveries that a function of full degree in N words needs: ceil(log_s N) - 1.

    After R deliveries the bits of a machine are polynomials of degree at most s^(R+1) in the input,
    silence included. Sum, parity and OR have full degree; a function that only reads all
    its words need not have.

    References
    ----------
    Roughgarden, Vassilvitskii, Wang, Shuffles and circuits, J. ACM 65 (2018).
    """
    if n_words < 1 or memory_words < 2:
        raise InputError(f"N = {n_words} and s = {memory_words}: take N >= 1 and s >= 2")
    rounds, reach = 0, memory_words
    while reach < n_words:
        rounds, reach = rounds + 1, reach * memory_words
    return rounds


def least_rounds_bound(rounds: int) -> Bound:
    """Return the row ``least_rounds``: what full information needs is at most what a run took.

    A run below it would refute the bound, or show that the simulator lets words through.
    """
    taken = sympy.Symbol("R")
    return Bound("least_rounds", taken, {"R": rounds}, "upper", FULL_DEGREE_ROUNDS.source)


@dataclass(frozen=True, eq=False)
class RoundLowerBound:
    """What a task needs.

    Parameters
    ----------
    task : str
    rounds : sympy.Expr
        In N, s and k; the symbol c is a constant that the source does not give.
    regime : str
        Where it holds.
    assumption : str
        The conjecture, empty for none.
    source : str
    """

    task: str
    rounds: sympy.Expr
    regime: str
    assumption: str
    source: str

    @property
    def shown(self) -> Shown:
        """Whether it rests on a conjecture."""
        return "conditional" if self.assumption else "unconditional"


N, S, K, C = sympy.symbols("N s k c", positive=True)


SHUFFLES = "Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018)"


FULL_DEGREE_ROUNDS = RoundLowerBound(
    task="sum, parity, OR",
    rounds=sympy.Max(0, sympy.ceiling(sympy.log(N) / sympy.log(S)) - 1),
    regime="every s >= 2, any number of machines",
    assumption="",
    source=SHUFFLES,
)
