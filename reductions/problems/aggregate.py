"""Aggregate: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.stages.operations import Addition
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import values_of

SOURCE = "trees of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, L levels, c children (0 if there is no level); elements of one word."""
    values = values_of(protocol, cluster, L="up_levels", c="up_children")
    n, block, levels, children = sympy.symbols("N B L c", integer=True)
    rows = {
        "rounds": 2 * levels,
        "local_memory": sympy.Max(block, children),
        "sent_words": children,
        "received_words": sympy.Max(children - 1, 0),
        "machines": sympy.ceiling(n / block),
    }
    return tuple(Bound(name, formula, values, "exact", SOURCE) for name, formula in rows.items())


AGGREGATE = ProtocolSolver(
    problem=Problem.of_words(
        name="aggregate",
        statement="N words; out: their sum (or any associative operation) in every word",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=lambda words: np.full(len(words), words.sum()),
        largest_word=lambda words: int(words.sum()),
        is_full_degree=True,
    ),
    regime="every epsilon > 0; 2 L rounds, L <= ceil((1 - epsilon) / epsilon) + 1",
    source=SOURCE,
    constants="a node receives the totals of up to s children and sends to them all: c_s = 1",
    protocol=lambda n: aggregate(Addition()),
    bounds=_bounds,
    epsilon="1/2",
)
