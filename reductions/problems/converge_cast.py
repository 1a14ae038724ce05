"""Converge-cast: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.records import Words
from mpc_sim.stages.converge_cast import converge_cast
from mpc_sim.stages.operations import Maximum
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.degrees import every_word
from reductions.problems.laws import BY_TREES
from reductions.problems.least_depths import least_tree
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import values_of

SOURCE = "this project; trees of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, L levels, c children (0 if there is no level); elements of one word."""
    tree = least_tree(cluster, 1)
    values = values_of(cluster, L=tree.levels, c=tree.children(1))
    words, block, levels, children = sympy.symbols("N B L c", integer=True)
    rows = {
        "rounds": levels,
        "local_memory": sympy.Max(block, children),
        "sent_words": sympy.Min(levels, 1),
        "received_words": sympy.Max(children - 1, 0),
        "machines": sympy.ceiling(words / block),
    }
    return tuple(Bound(name, formula, values, "exact", SOURCE) for name, formula in rows.items())


def _oracle(words: Words) -> Words:
    output = np.zeros(len(words), np.int64)
    output[0] = words.max()
    return output


CONVERGE_CAST = ProtocolSolver(
    problem=Problem.of_words(
        name="converge-cast",
        statement="N words; out: their maximum (or any associative operation) in word 0, else 0",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=_oracle,
        degree=every_word,
    ),
    regime="every epsilon > 0; L <= ceil((1 - epsilon) / epsilon) + 1 rounds",
    source=SOURCE,
    constants="a node receives the totals of up to s children: c_s = 1",
    law=BY_TREES,
    protocol=lambda n: converge_cast(Maximum()),
    bounds=_bounds,
    epsilon="1/2",
)
