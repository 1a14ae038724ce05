"""Triangle count: bounds, oracle and hard graphs."""

from __future__ import annotations

from math import isqrt

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.triangle_count import largest_word, triangle_count
from mpc_sim.inputs.graph_instances import (
    complete,
    complete_bipartite,
    cycle,
    karate_club,
    path,
    power_law,
    random_graph,
    shuffled,
    star,
    two_cycles,
)
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.degrees import edges_of_a_clique
from reductions.problems.laws import SORTED
from reductions.problems.least_depths import least_scan, least_sort, least_tree, share
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, scanned, sorted_by, values_of

SOURCE = "this project; wedges by degree: Suri, Vassilvitskii, WWW 2011; sorting: Leighton 1985"


def _instance(n: int, seed: int) -> Graph:
    """Two edges per vertex at random, and as many more of a power law."""
    sparse = random_graph(n, min(2 * n, n * (n - 1) // 2), seed=seed)
    return Graph.of(n, np.concatenate([sparse.edges, power_law(n, 2 * n, seed=seed).edges]))


def _oracle(graph: Graph) -> Words:
    """Intersect the neighbourhoods of both ends of every edge; each triangle is met three times."""
    neighbours: list[set[int]] = [set() for _ in range(graph.n_vertices)]
    for u, v in graph.edges.tolist():
        neighbours[u].add(v)
        neighbours[v].add(u)
    met = sum(len(neighbours[u] & neighbours[v]) for u, v in graph.edges.tolist())
    output = np.zeros(graph.shape.n_words, np.int64)
    output[: graph.n_vertices] = met // 3
    return output


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    """Depth d and column r of three sorts; L and q of three scans; T, E, S records.

    D is the most edges out of a vertex, w = ceil((D - 1) / E) the machines to which an edge is
    shown, C and F the rounds of the converge-cast and of the broadcast, a and b the children of
    machine 0 in them.
    """
    block, machines, held, edges, places, out = sympy.symbols("B P T E S D", integer=True)
    reach, up, down, heard, told = sympy.symbols("w C F a b", integer=True)
    total, m, held_edges = shape.n_words, shape.n_edges, share(shape.n_edges, cluster)
    most_out = max(1, isqrt(2 * m))
    wedges = held_edges * max(1, ceil_div(m, held_edges)) * most_out
    cast, tell = least_tree(cluster, 1, everywhere=True), least_tree(cluster, 1)
    values = values_of(cluster, P=cluster.n_machines, T=share(total, cluster), E=held_edges)
    values |= {"S": share(wedges, cluster), "D": most_out}
    values["w"] = ceil_div(most_out - 1, held_edges)
    values |= {"C": cast.levels, "a": max(1, cast.children(1))}
    values |= {"F": tell.levels, "b": max(1, tell.children(tell.levels))}
    for number, slots in enumerate((total, max(1, m), wedges), 1):
        values |= sorted_by(least_sort(cluster, slots, 2), number)
    for number, slots, record, element in ((1, total, 3, 1), (2, total, 3, 1), (3, wedges, 4, 2)):
        tree = least_scan(cluster, slots, share(slots, cluster), record, element)
        values |= scanned(tree, number)
    depth, column, levels, others = (
        sympy.symbols(f"{name}1 {name}2 {name}3", integer=True) for name in "drLq"
    )
    sorts = [2 * block, *(2 * rows for rows in column)]
    scans = [3 * held + 1 + others[0], 3 * held + 1 + others[1], 4 * places + 2 * (1 + others[2])]
    shown = 2 * edges * (1 + reach)
    words = Most(
        *sorts, *scans, 4 * held + 1, 6 * edges, shown, 2 * edges * out, 2 * places, heard, told
    )
    formulas = {
        "rounds": 7
        + sum(4**one for one in depth)
        + 2 * sum(levels)
        + up
        + down,
        "local_memory": words,
        "sent_words": words,
        "received_words": Most(
            *(2 * rows for rows in column), 2 * held, block, others[0], others[1], 2 * others[2],
            6 * edges, 2 * edges * reach, 2 * edges, 2 * places, heard, told,
        ),
        "machines": machines,
    }  # fmt: skip
    return bounds_table(formulas, values, SOURCE)


TRIANGLE_COUNT = ProtocolSolver(
    problem=Problem.of_graphs(
        name="triangle-count",
        statement="a graph; out: the number of triangles in every vertex word, 0 for edges",
        instance=_instance,
        hard={
            "star": lambda n: shuffled(star(n), seed=1),
            "path": path,
            "cycle": cycle,
            "two cycles": two_cycles,
            "complete": lambda n: complete(min(n, 40)),
            "bipartite": lambda n: complete_bipartite(
                min((n + 1) // 2, 8), n - min((n + 1) // 2, 8)
            ),
            "power law": lambda n: power_law(n, 4 * n, seed=1),
            "karate club": lambda n: karate_club(),
            "no edges": lambda n: Graph(n, np.zeros((0, 2), np.int64)),
        },
        oracle=_oracle,
        degree=edges_of_a_clique,
        largest_word=lambda graph: largest_word(graph.shape),
    ),
    regime="gamma = 1/2, epsilon >= 1/2; O(1) rounds: three sorts and three scans",
    source=SOURCE,
    constants=(
        "the sort of m D <= N^(3/2) / 2.8 edges and wedges of two words and a scan of 4 words take "
        "46 rounds at epsilon = 2/3 and 118 at 1/2 with c_s = 8, whatever N is; c_s = 16 saves "
        "rounds while N is small"
    ),
    symbols={
        "E": "edges of a machine",
        "S": "edges and wedges of a machine",
        "D": "most edges out of a vertex",
        "w": "machines to which an edge is shown",
        "C": "levels of the converge-cast",
        "F": "levels of the broadcast",
        "a": "children of machine 0 in the converge-cast",
        "b": "children of machine 0 in the broadcast",
    },
    law=SORTED,
    protocol=triangle_count,
    bounds=_bounds,
    epsilon="2/3",
    gamma="1/2",
)
