"""Prefix sums: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.stages.operations import Addition
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.degrees import every_word
from reductions.problems.laws import BY_TREES
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import scan_bounds

SOURCE = "this project; prefix sums: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Elements of one word."""
    return scan_bounds(cluster, SOURCE, sympy.Integer(1))


PREFIX_SUM = ProtocolSolver(
    problem=Problem.of_words(
        name="prefix-sum",
        statement="N words; out: word i is the sum (or any associative operation) of words 0 .. i",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=np.cumsum,
        largest_word=lambda words: int(words.sum()),
        degree=every_word,
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
    law=BY_TREES,
    protocol=lambda n: prefix_sum(Addition()),
    bounds=_bounds,
    epsilon="1/2",
)
