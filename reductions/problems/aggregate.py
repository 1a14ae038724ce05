"""Aggregate: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.stages.operations import Addition
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.degrees import every_word
from reductions.problems.laws import BY_TREES
from reductions.problems.least_depths import least_groups, least_tree
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import values_of

SOURCE = (
    "this project; trees and butterflies of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"
)


class Levels(sympy.Function):  # type: ignore[misc]
    """The rounds of a butterfly: the least L with M = s^L or M <= s (s - 1)^(L - 1)."""

    @classmethod
    def eval(cls, memory: sympy.Expr, machines: sympy.Expr) -> sympy.Expr | None:
        """Return L, or None while an argument is no integer."""
        if not (memory.is_Integer and machines.is_Integer):
            return None
        levels = 0
        while machines != memory**levels:
            levels += 1
            if machines <= memory * (memory - 1) ** (levels - 1):
                break
        return sympy.Integer(levels)


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B; of trees L levels, c children (0 if there is no level).

    Of a butterfly c is the most words that a machine receives with its own, q the most that it
    sends: q = c, or c + 1 where the groups of a level have two sizes. Elements of one word.
    """
    tree, groups = least_tree(cluster, 1), least_groups(cluster)
    words, block, memory, levels, children = sympy.symbols("N B s L c", integer=True)
    machines = sympy.ceiling(words / block)
    if groups is None or 2 * tree.levels <= groups.levels:
        values = values_of(cluster, L=tree.levels, c=tree.children(1))
        rounds, sent = 2 * levels, children
    else:
        values = values_of(cluster, s=cluster.memory_words, c=groups.met, q=groups.copies)
        rounds, sent = Levels(memory, machines), sympy.Symbol("q", integer=True)
    rows = {
        "rounds": rounds,
        "local_memory": sympy.Max(block, children),
        "sent_words": sent,
        "received_words": sympy.Max(children - 1, 0),
        "machines": machines,
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
        degree=every_word,
    ),
    regime=(
        "every epsilon > 0; one round where M <= s, as for epsilon >= 1/2; otherwise the least L "
        "with M = s^L or M <= s (s - 1)^(L - 1)"
    ),
    source=SOURCE,
    constants="a machine receives the totals of up to s groups and sends to them all: c_s = 1",
    symbols={
        "c": "most totals that meet on a machine: children of a node, or groups of a level",
        "q": "most totals that a machine sends",
    },
    law=BY_TREES,
    protocol=lambda n: aggregate(Addition()),
    bounds=_bounds,
    epsilon="1/2",
)
