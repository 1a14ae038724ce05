"""Bipartiteness: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.bipartiteness import bipartiteness
from mpc_sim.inputs.graph_instances import karate_club
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.contraction import HARD_GRAPHS, SOURCE, SYMBOLS, label_bounds, random_graph
from reductions.problems.laws import MATES
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, symbols_of
from reductions.problems.text import text_graph

ODD = 2


def _oracle(graph: Graph) -> Words:
    """Colour every component by breadth-first search from its smallest vertex."""
    near: list[list[int]] = [[] for _ in range(graph.n_vertices)]
    for left, right in graph.edges.tolist():
        near[left].append(right)
        near[right].append(left)
    colour = [-1] * graph.n_vertices
    for smallest in range(graph.n_vertices):
        if colour[smallest] >= 0:
            continue
        colour[smallest], reached, is_odd = 0, [smallest], False
        for vertex in reached:
            for other in near[vertex]:
                if colour[other] < 0:
                    colour[other] = 1 - colour[vertex]
                    reached.append(other)
                is_odd |= colour[other] == colour[vertex]
        for vertex in reached if is_odd else []:
            colour[vertex] = ODD
    return np.append(colour, np.zeros(2 * graph.n_edges, np.int64))


def _ends(cover: GraphShape, cluster: Cluster) -> tuple[dict[str, int], dict[str, sympy.Expr]]:
    """The first and the last round: an end goes to two edges, two labels come for a vertex.

    In all other rounds n, m, V, E, H and A are those of the cover; the graph has u vertices.
    """
    s = symbols_of("B u")
    arriving = 4 * sympy.Min(s.B, s.u)
    return {"u": cover.n_vertices // 2}, {
        "words": Most(2 * s.B, arriving + 1),
        "received": arriving,
    }


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    """Those of connectivity on the cover, of twice as many vertices and edges."""
    cover = GraphShape(2 * shape.n_vertices, 2 * shape.n_edges)
    return label_bounds(cover, cluster, has_tags=False, more=_ends)


def _cycle(first: int, length: int) -> list[tuple[int, int]]:
    return [(first + at, first + (at + 1) % length) for at in range(length)]


def _two_sides(n: int) -> list[tuple[int, int]]:
    """Every one of the last n - 3 vertices is joined to the first three."""
    return [(left, right) for left in range(3) for right in range(3, n)]


BIPARTITENESS = ProtocolSolver(
    problem=Problem.of_graphs(
        name="bipartiteness",
        statement=(
            "a graph; out: a colour 0 or 1 of every vertex, that of the smallest of a component 0, "
            "or 2 where the component is not bipartite; 0 for edges"
        ),
        instance=random_graph,
        hard={
            **{name: HARD_GRAPHS[name] for name in ("empty", "star", "blocks", "power law")},
            "even cycle": lambda n: Graph.of(n, _cycle(0, n - n % 2)),
            "odd cycle": lambda n: Graph.of(n, _cycle(0, n - 1 + n % 2)),
            "even and odd": lambda n: Graph.of(
                n, _cycle(0, n // 4 * 2) + _cycle(n // 4 * 2, (n // 2 - 1) // 2 * 2 + 1)
            ),
            "complete, two sides": lambda n: Graph.of(n, _two_sides(n)),
            "one edge within a side": lambda n: Graph.of(n, [*_two_sides(n), (0, min(n - 1, 1))]),
        },
        oracle=_oracle,
        largest_word=lambda graph: 4 * graph.shape.n_words + 1,
        real={"text": text_graph, "karate club": lambda n: karate_club()},
    ),
    regime=(
        "gamma = 0, epsilon >= 1/2: O(log n) phases of 2 + 4^d + 2 L rounds; fails with "
        "probability at most 1/N"
    ),
    source=SOURCE,
    constants=(
        "connectivity of a graph twice as large: the sort of 4 m half-edges of 3 words needs "
        "3 * 1.26 (4 m)^(2/3) words at depth 1, so c_s = 8 at epsilon = 2/3"
    ),
    symbols={**SYMBOLS, "u": "vertices of the graph; n are those of the cover"},
    law=MATES,
    protocol=bipartiteness,
    bounds=_bounds,
    is_randomised=True,
)
