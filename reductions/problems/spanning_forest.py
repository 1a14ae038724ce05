"""Spanning forests: bounds, verifier and hard inputs."""

from __future__ import annotations

from functools import partial

import numpy as np

from mpc_sim.algorithms.spanning_forest import spanning_forest
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words
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
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver


def _oracle(graph: Graph) -> Words:
    """One spanning forest: every edge that joins two components, in the order of the input."""
    chosen, smallest = union_find(graph, list(range(graph.n_edges)))
    marks = np.zeros((graph.n_edges, 2), np.int64)
    marks[chosen] = 1
    return np.append(smallest, marks.ravel())


def _n_wrong(graph: Graph, output: Words) -> int:
    """Count wrong labels, edges with other words than 0, 0 or 1, 1, and edges amiss.

    Edges amiss: those that close a cycle, and how many fewer components the graph has than the
    edges chosen.
    """
    labels = output[: graph.n_vertices]
    marks = output[graph.n_vertices :].reshape(-1, 2)
    is_whole = (marks[:, 0] == marks[:, 1]) & (marks[:, 0] <= 1)
    listed = np.flatnonzero(marks[:, 0] == 1).tolist()
    joining, reached = union_find(graph, listed)
    _, smallest = union_find(graph, list(range(graph.n_edges)))
    missing = len(np.unique(reached)) - len(np.unique(smallest))
    wrong_labels = int(np.count_nonzero(labels != smallest))
    return wrong_labels + int(np.count_nonzero(~is_whole)) + len(listed) - len(joining) + missing


SPANNING_FOREST = ProtocolSolver(
    problem=Problem.of_graphs(
        name="spanning-forest",
        statement=(
            "a graph; out: the smallest vertex of the component of every vertex, 1 for the edges "
            "of a spanning forest, 0 for others"
        ),
        instance=random_graph,
        hard=HARD_GRAPHS,
        oracle=_oracle,
        largest_word=largest_word,
        on_vertices="vertex",
        on_edges=True,
        verifier=_n_wrong,
    ),
    regime=(
        "gamma = 0, epsilon >= 1/2: O(log n) phases of 2 + 4^d + 2 L rounds; fails with "
        "probability at most 1/N"
    ),
    source=SOURCE,
    constants=(
        "as connectivity, and m / P words of tags that wait: c_s = 4 at epsilon = 2/3, up to 16 at "
        "1/2, where it saves rounds of the sort"
    ),
    symbols=SYMBOLS,
    law=MATES,
    protocol=spanning_forest,
    bounds=partial(label_bounds, has_tags=True),
    is_randomised=True,
)
