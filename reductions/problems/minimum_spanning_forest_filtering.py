"""Minimum spanning forest by filtering: bounds, oracle and hard graphs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.minimum_spanning_forest_filtering import minimum_spanning_forest_filtering
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.dense_graphs import HARD_GRAPHS, dense_graph, fit_dense
from reductions.problems.laws import FILTERED
from reductions.problems.least_depths import tree_of_arity
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, values_of

SOURCE = "Lattanzi, Moseley, Suri, Vassilvitskii, SPAA 2011, section on spanning trees"


def _oracle(graph: Graph) -> Words:
    """Kruskal's algorithm with union and find."""
    n, edges = graph.n_vertices, graph.edges.tolist()
    heavy = [0] * len(edges) if graph.weights is None else graph.weights.tolist()
    parent = list(range(n))

    def root(vertex: int) -> int:
        while parent[vertex] != vertex:
            parent[vertex] = parent[parent[vertex]]
            vertex = parent[vertex]
        return vertex

    width = 2 if graph.weights is None else 3
    output = [0] * (n + width * len(edges))
    for at in sorted(range(len(edges)), key=lambda at: (heavy[at], at)):
        one, other = (root(vertex) for vertex in edges[at])
        if one != other:
            parent[one] = other
            output[n + width * at : n + width * (at + 1)] = [1] * width
    return np.array(output, np.int64)


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, M parts of T edges of w words, forests of k edges, g of which meet on L levels."""
    n, block, parts, edges, words, forest, met, levels = sympy.symbols(
        "N B M T w k g L", integer=True
    )
    m, width = shape.n_edges, shape.edge_words
    held, largest = max(1, cluster.memory_words // width), min(shape.n_vertices - 1, m)
    holders = max(1, ceil_div(m, held))
    tree = tree_of_arity(holders, cluster.memory_words // (max(1, largest) * (width + 1)))
    values = values_of(cluster, M=holders, T=min(held, m), w=width, k=largest)
    values |= {"g": tree.children(1), "L": tree.levels}
    merged = met * forest * (words + 1)
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", 2 + levels, "exact"),
        ("local_memory", Most(block, words * edges, merged), "upper"),
        ("sent_words", Most(block, (words + 1) * forest), "upper"),
        ("received_words", Most(block, words * edges, merged), "upper"),
        ("machines", Most(sympy.ceiling(n / block), parts), "exact"),
    ]
    return tuple(Bound(name, formula, values, kind, SOURCE) for name, formula, kind in rows)


MINIMUM_SPANNING_FOREST_FILTERING = ProtocolSolver(
    problem=Problem.of_graphs(
        name="minimum-spanning-forest-filtering",
        is_weighted=True,
        takes_both=True,
        statement=(
            "a graph of m = n^(1 + c) edges; out: 1 in the words of every edge of the minimum "
            "spanning forest, ties by the number of the edge, 0 elsewhere"
        ),
        instance=dense_graph,
        hard=HARD_GRAPHS,
        oracle=_oracle,
        largest_word=lambda graph: max(1, int(graph.words.max())),
        on_vertices="nothing",
        on_edges=True,
    ),
    regime="s = c_s n^(1 + mu), mu = 1/8 by default; 2 + O(c / mu) rounds, nothing is random",
    source=SOURCE,
    constants=(
        "two forests of n - 1 records of 4 words must fit, c_s n^mu >= 8: c_s = 8 is enough, at "
        "mu = 1/8 c_s = 4 from n = 256 on, and more saves levels"
    ),
    symbols={
        "M": "machines that hold edges",
        "w": "words of an edge",
        "k": "edges of a forest",
        "g": "forests that meet",
        "L": "levels on which forests meet",
    },
    law=FILTERED,
    protocol=minimum_spanning_forest_filtering,
    bounds=_bounds,
    fit=fit_dense,
)
