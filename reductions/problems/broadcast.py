"""Broadcast: bounds, oracle and hard inputs."""

from __future__ import annotations

from typing import cast

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.compose import Stages
from mpc_sim.records import Words
from mpc_sim.stages.broadcast import Broadcast, broadcast
from mpc_sim.stages.tree import Tree
from reductions.bounds import Bound
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver

SOURCE = "trees of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"


def uniform_words(n: int, seed: int) -> Words:
    """Return N seeded words below 4 N."""
    return np.random.default_rng(seed).integers(0, max(2, 4 * n), n)


def tree_values(tree: Tree, cluster: Cluster) -> dict[str, int]:
    """Return what the bounds of a tree are made of: N, B, L and c, the most children of a node."""
    children = [tree.children(level) for level in range(1, tree.levels + 1)]
    return {
        "N": cluster.n_words,
        "B": cluster.block_words,
        "L": tree.levels,
        "c": max(children, default=0),
    }


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, L levels, c children (0 if there is no level)."""
    stage = next(s for s in cast(Stages, protocol).stages if isinstance(s, Broadcast))
    values = tree_values(stage.tree(cluster), cluster)
    n, block, levels, children = sympy.symbols("N B L c", integer=True)
    rows = {
        "rounds": levels,
        "local_memory": block,
        "sent_words": children,
        "received_words": sympy.Min(levels, 1),
        "machines": sympy.ceiling(n / block),
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
    protocol=lambda n: broadcast(),
    bounds=_bounds,
    epsilon="1/2",
)
