"""Prefix sums: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.stages.operations import Addition
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import QUANTITIES, values_of

SOURCE = "prefix sums: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, M machines that hold input; of a tree L levels, c children, q others.

    q are the children of machine 0 on other machines, in all.
    """
    values = values_of(protocol, cluster, L="scan_levels", c="scan_children", q="scan_others")
    n, block, levels, children, others = sympy.symbols("N B L c q", integer=True)
    machines = sympy.ceiling(n / block)
    if "L" in values:
        formulas = (
            2 * levels,
            block + others + sympy.Min(levels, 1),
            (block + others + 1) * sympy.Min(levels, 1),
            sympy.Max(children - 1, 0),
        )
    else:
        last = n - block * (machines - 1)
        formulas = (
            sympy.Integer(1),
            machines - 1 + sympy.Max(block - 1, last),
            machines - 1 + block,
            machines - 1,
        )
    rows = dict(zip(QUANTITIES, (*formulas, machines), strict=True))
    return tuple(Bound(name, formula, values, "exact", SOURCE) for name, formula in rows.items())


PREFIX_SUM = ProtocolSolver(
    problem=Problem.of_words(
        name="prefix-sum",
        statement="N words; out: word i is the sum (or any associative operation) of words 0 .. i",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=np.cumsum,
        largest_word=lambda words: int(words.sum()),
        is_full_degree=True,
    ),
    regime=(
        "every epsilon > 0; one round where B + M - 1 <= s, as for epsilon >= 1/2; otherwise 2 L, "
        "L = O((1 - epsilon) / epsilon)"
    ),
    source=SOURCE,
    constants=(
        "the block waits while totals arrive: B + M - 1 words at once, so c_s = 2; by a tree of "
        "arity a B + q + 1 words, q = (a - 1) L; a larger c_s is taken where it saves rounds"
    ),
    protocol=lambda n: prefix_sum(Addition()),
    bounds=_bounds,
    epsilon="1/2",
)
