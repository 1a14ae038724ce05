"""Connected components: bounds, oracle and hard inputs."""

from __future__ import annotations

from functools import partial

import numpy as np

from mpc_sim.algorithms.connectivity import connectivity
from mpc_sim.inputs.graph_instances import karate_club
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
from reductions.problems.degrees import edges_of_a_clique
from reductions.problems.laws import MATES
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.text import text_graph


def _oracle(graph: Graph) -> Words:
    _, smallest = union_find(graph, list(range(graph.n_edges)))
    return np.append(smallest, np.zeros(2 * graph.n_edges, np.int64))


CONNECTIVITY = ProtocolSolver(
    problem=Problem.of_graphs(
        name="connectivity",
        statement="a graph; out: the smallest vertex of the component of every vertex, 0 for edges",
        instance=random_graph,
        hard=HARD_GRAPHS,
        oracle=_oracle,
        degree=edges_of_a_clique,
        default_n=256,
        largest_word=largest_word,
        on_vertices="vertex",
        real={"text": text_graph, "karate club": lambda n: karate_club()},
    ),
    regime=(
        "gamma = 0, epsilon >= 1/2: O(log n) phases of 2 + 4^d + 2 L rounds; fails with "
        "probability at most 1/N"
    ),
    source=SOURCE,
    constants=(
        "the sort of 2 m half-edges of 3 words needs 3 * 1.26 (2 m)^(2/3) words at depth 1, so c_s "
        "= 4 at epsilon = 2/3, and 3 * 1.47 (2 m)^(4/9) at depth 2; at 1/2 a larger c_s is taken "
        "where it saves rounds of the sort"
    ),
    symbols=SYMBOLS,
    law=MATES,
    protocol=connectivity,
    bounds=partial(label_bounds, has_tags=False),
    is_randomised=True,
)
