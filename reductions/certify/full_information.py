"""Rounds that a task needs by full information: the degree of one bit of its output.

Restrict every input word to two values. What a machine holds at first depends on its block, so the
indicator of anything that it could say is a polynomial of degree at most B in the bits. A delivery
brings at most s words from anywhere, silence included: after R of them the degree is at most B s^R.
So an output word with an indicator of degree D needs R >= ceil(log_s(D / B)), at least ceil(log_s
D) - 1. Degrees are those of `reductions.problems.degrees`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy

from mpc_sim import Cluster, InputError
from reductions.bounds import Bound
from reductions.problems.problem import Problem, Shape

Shown = Literal["unconditional", "conditional"]


def full_information_rounds(degree: int, memory_words: int, block_words: int) -> int:
    """Return the deliveries that an output of a degree needs: ceil(log_s(D / B)).

    Parameters
    ----------
    degree : int
        D.
    memory_words, block_words : int
        s, and B, the input words that a machine holds.

    Raises
    ------
    InputError
        A size out of range.

    References
    ----------
    Roughgarden, Vassilvitskii, Wang, Shuffles and circuits, J. ACM 65 (2018).
    """
    if degree < 0 or memory_words < 2 or block_words < 1:
        raise InputError(
            f"D = {degree}, s = {memory_words}, B = {block_words}: take D >= 0, s >= 2, B >= 1"
        )
    rounds, reach = 0, block_words
    while reach < degree:
        rounds, reach = rounds + 1, reach * memory_words
    return rounds


def least_rounds(
    problem: Problem, shape: Shape, cluster: Cluster, rounds: int
) -> tuple[tuple[Bound, ...], int]:
    """Return the row ``least_rounds`` of a run, where there is one, and what is needed.

    What full information needs is at most what a run took. A run below it would refute the bound,
    or show that the simulator lets words through.
    """
    if problem.degree is None:
        return (), 0
    degree = problem.degree(shape)
    taken = sympy.Symbol("R")
    bound = Bound("least_rounds", taken, {"R": rounds}, "upper", FULL_DEGREE_ROUNDS.source)
    return (bound,), full_information_rounds(degree, cluster.memory_words, cluster.block_words)


@dataclass(frozen=True, eq=False)
class RoundLowerBound:
    """What a task needs.

    Parameters
    ----------
    rounds : sympy.Expr
        In N, s and k; the symbol c is a constant that the source does not give.
    regime : str
        Where it holds.
    assumption : str
        The conjecture, empty for none.
    width : str
        Of the transformers whose depth it bounds.
    """

    task: str
    rounds: sympy.Expr
    regime: str
    assumption: str
    source: str
    width: str = "the shape that was simulated"

    @property
    def shown(self) -> Shown:
        """Whether it rests on a conjecture."""
        return "conditional" if self.assumption else "unconditional"


N, S, K, C, D, B = sympy.symbols("N s k c D B", positive=True)


SHUFFLES = "Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018)"


FULL_DEGREE_ROUNDS = RoundLowerBound(
    task="full degree",
    rounds=sympy.Max(0, sympy.ceiling(sympy.log(D / B) / sympy.log(S))),
    regime="every s >= 2, any number of machines",
    assumption="",
    source=SHUFFLES,
)
