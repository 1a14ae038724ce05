"""Broadcast: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.records import Words
from mpc_sim.stages.broadcast import broadcast
from reductions.bounds import Bound
from reductions.problems.laws import BY_TREES
from reductions.problems.least_depths import least_tree
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import values_of

SOURCE = "this project; trees of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def uniform_words(n: int, seed: int) -> Words:
    """Return N seeded words below 4 N."""
    return np.random.default_rng(seed).integers(0, max(2, 4 * n), n)


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, L levels, c children (0 if there is no level)."""
    tree = least_tree(cluster, 1)
    values = values_of(cluster, L=tree.levels, c=tree.children(1))
    words, block, levels, children = sympy.symbols("N B L c", integer=True)
    rows = {
        "rounds": levels,
        "local_memory": block,
        "sent_words": children,
        "received_words": sympy.Min(levels, 1),
        "machines": sympy.ceiling(words / block),
    }
    return tuple(Bound(name, formula, values, "exact", SOURCE) for name, formula in rows.items())


BROADCAST = ProtocolSolver(
    problem=Problem.of_words(
        name="broadcast",
        statement="N words; out: the first word, N times",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=lambda words: np.full(len(words), words[0]),
    ),
    regime="every epsilon > 0; L <= ceil((1 - epsilon) / epsilon) + 1 rounds",
    source=SOURCE,
    constants="a machine that knows the word sends up to s copies; it holds its block: c_s = 1",
    law=BY_TREES,
    protocol=lambda n: broadcast(),
    bounds=_bounds,
    epsilon="1/2",
)
