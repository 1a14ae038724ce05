"""The minimum spanning forest: bounds, oracle and hard inputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.minimum_spanning_forest import minimum_spanning_forest
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.contraction import (
    HARD_GRAPHS,
    SOURCE,
    SYMBOLS,
    label_bounds,
    largest_word,
    random_graph,
    union_find,
)
from reductions.problems.laws import MATES
from reductions.problems.least_depths import least_sort
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most


def _instance(n: int, seed: int) -> Graph:
    """A random graph with many equal weights."""
    graph = random_graph(n, seed)
    weights = np.random.default_rng(seed + 1).integers(0, max(2, n // 4), graph.n_edges)
    return Graph(n, graph.edges, weights)


def _weighted(make: Callable[[int], Graph], n: int) -> Graph:
    """Weights that fall along the edges of the input, two of each."""
    graph = make(n)
    return Graph(n, graph.edges, (graph.n_edges - np.arange(graph.n_edges)) // 2)


def _oracle(graph: Graph) -> Words:
    """Kruskal: the edges by weight, equal ones in the order of the input."""
    assert graph.weights is not None
    weights = graph.weights.tolist()
    order = sorted(range(graph.n_edges), key=lambda edge: (weights[edge], edge))
    chosen, smallest = union_find(graph, order)
    marks = np.zeros((graph.n_edges, 3), np.int64)
    marks[chosen] = 1
    return np.append(smallest, marks.ravel())


def _sort_of_weights(
    shape: GraphShape, cluster: Cluster
) -> tuple[dict[str, int], dict[str, sympy.Expr]]:
    """The first sort, of m edges of four words: depth d0, columns of r0; the parents wait."""
    depth, rows, vertices, edges = sympy.symbols("d0 r0 V E", integer=True)
    received = 4 * Most(rows, edges)
    sort = least_sort(cluster, max(1, shape.n_edges), 4)
    return {"d0": sort.depth, "r0": sort.rows}, {
        "rounds": 1 + 4**depth,
        "words": received + vertices,
        "received": received,
    }


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    return label_bounds(shape, cluster, has_tags=True, more=_sort_of_weights)


MINIMUM_SPANNING_FOREST = ProtocolSolver(
    problem=Problem.of_graphs(
        name="minimum-spanning-forest",
        is_weighted=True,
        statement=(
            "a graph with weights; out: the smallest vertex of the component of every vertex, 1 "
            "for the edges of the minimum spanning forest (ties: the earlier edge), 0 for others"
        ),
        instance=_instance,
        hard={name: partial(_weighted, make) for name, make in HARD_GRAPHS.items()},
        oracle=_oracle,
        largest_word=largest_word,
        on_vertices="vertex",
        on_edges=True,
    ),
    regime=(
        "gamma = 0, epsilon >= 1/2: O(log n) phases of 2 + 4^d + 2 L rounds; fails with "
        "probability at most 1/N"
    ),
    source=SOURCE,
    constants=(
        "as spanning_forest; the sort of m edges of 4 words needs no more than that of 2 m "
        "half-edges of 3"
    ),
    symbols=SYMBOLS,
    law=MATES,
    protocol=minimum_spanning_forest,
    bounds=_bounds,
    is_randomised=True,
)
