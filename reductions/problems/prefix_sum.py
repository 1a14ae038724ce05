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
from reductions.problems.sort_and_scan import values_of

SOURCE = "trees of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, L levels, c children, q children of machine 0 on other machines, in all."""
    values = values_of(protocol, cluster, L="scan_levels", c="scan_children", q="scan_others")
    n, block, levels, children, others = sympy.symbols("N B L c q", integer=True)
    rows = {
        "rounds": 2 * levels,
        "local_memory": block + others + sympy.Min(levels, 1),
        "sent_words": (block + others + 1) * sympy.Min(levels, 1),
        "received_words": sympy.Max(children - 1, 0),
        "machines": sympy.ceiling(n / block),
    }
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
    regime="every epsilon > 0; 2 L rounds, L = O((1 - epsilon) / epsilon)",
    source=SOURCE,
    constants=(
        "the block waits while the tree runs: B + q + 1 words, q = (a - 1) L for arity a, "
        "so c_s = 2 or more; a larger c_s is taken where it saves rounds"
    ),
    protocol=lambda n: prefix_sum(Addition()),
    bounds=_bounds,
    epsilon="1/2",
)
