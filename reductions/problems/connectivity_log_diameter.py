"""Connected components in rounds that follow log D: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.connectivity_log_diameter import (
    ball_size,
    connectivity_log_diameter,
    contractions,
)
from mpc_sim.inputs.graph_instances import karate_club
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.contraction import (
    HARD_GRAPHS,
    SYMBOLS,
    contraction_values,
    largest_word,
    random_graph,
    sort_values,
    union_find,
)
from reductions.problems.laws import BALLS
from reductions.problems.least_depths import share
from reductions.problems.parameter import Parameter
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, symbols_of

SOURCE = (
    "this project; capped balls: "
    "Andoni et al., FOCS 2018; sorts and scans: Leighton 1985, arXiv 1101.1902"
)
NAMES = "B P n V E H F A t j k b C a d1 d2 d3 d4 d5 r1 r2 r3 r4 r5 L1 L2 L3 L4 L5 q1 q2 q3 q4 q5"


def largest_diameter(graph: Graph) -> int:
    """Return the largest diameter of a component, at least 1."""
    import networkx

    whole = graph.to_networkx()
    components = networkx.connected_components(whole)
    parts = (whole.subgraph(component) for component in components)
    diameters: list[int] = [networkx.diameter(part, usebounds=True) for part in parts]
    return max(1, *diameters)


def _protocol(shape: GraphShape, diameter_guess: int = 0) -> Protocol:
    """Return the protocol for a bound on the diameter, by default that of a path."""
    return connectivity_log_diameter(shape, diameter_guess or max(1, shape.n_vertices - 1))


def _oracle(graph: Graph, diameter_guess: int) -> Words:
    _, smallest = union_find(graph, list(range(graph.n_edges)))
    return np.append(smallest, np.zeros(2 * graph.n_edges, np.int64))


def _bounds(shape: GraphShape, cluster: Cluster, diameter_guess: int = 0) -> tuple[Bound, ...]:
    """Sorts 1 (neighbours), 2 (doubling), 3 (new labels), and 4 and 5 of the labels at the end.

    V vertices and E edges per machine; H = ceil(2 m / P), F = ceil(n (b^2 - 1) / P) and A =
    ceil(2 n / P) sorted records; t phases of k doublings with balls of b; j doublings of parents;
    depth d, columns r, levels L, and q children of machine 0 elsewhere. A converge-cast of C levels
    has nodes of at most a children.
    """
    s, b, n, m = symbols_of(NAMES), ball_size(shape), shape.n_vertices, shape.n_edges
    t = contractions(shape, b) + 1 if m else 0
    k = (max(1, min(diameter_guess or n - 1, n - 1)) - 1).bit_length() if m else 0
    values = dict.fromkeys(vars(s), 0) | contraction_values(shape, cluster, phases=t)
    values |= sort_values(cluster, 5, n, 1)
    if values["j"]:
        values |= sort_values(cluster, 4, 2 * n, 1)
    if t:
        parents, waits = values["V"], values["V"] + 3 * values["E"]
        places = n * (b * b - 1)
        values |= {"k": k, "b": b, "F": share(places, cluster)}
        values |= sort_values(cluster, 1, 2 * m, waits, element=4)
        values |= sort_values(cluster, 2, places, waits) if k else {}
        both = (values["V"] + 2 * values["E"]) * cluster.n_machines
        values |= sort_values(cluster, 3, both, parents)
    runs, doubles, jumps = (sympy.Integer(int(values[name] > 0)) for name in "tkj")
    sent, received, held = [s.B], [2 * s.E], []
    both, waits = s.V + 2 * s.E, s.V + 3 * s.E
    for r, q, is_there, made, lying, element, arriving, beside in (
        (s.r1, s.q1, runs, 2 * s.E, s.H, 4, (s.b - 1) * s.V, waits),
        (s.r2, s.q2, doubles, (s.b**2 - 1) * s.V, s.F, 2, s.b * (s.b - 1) * s.V, waits),
        (s.r3, s.q3, runs, both, both, 2, 2 * s.E, s.V),
    ):
        sent += [
            is_there * (3 * Most(made, r, lying) + beside),
            is_there * (3 * lying + element * (1 + q) + beside),
        ]
        received += [
            is_there * 3 * Most(r, lying),
            is_there * element * q,
            is_there * 2 * arriving,
        ]
        held.append(is_there * (2 * arriving + beside))
    sent += [
        s.a + s.V,
        jumps * (3 * Most(2 * s.V, s.r4, s.A) + 1),
        jumps * (3 * s.A + 2 * (1 + s.q4) + 1),
        3 * Most(s.V, s.r5) + 1,
        3 * s.V + 2 * (1 + s.q5) + 1,
    ]
    received += [
        s.a,
        jumps * Most(3 * Most(s.r4, s.A), 2 * s.q4),
        Most(3 * Most(s.r5, s.V), 2 * s.q5),
        2 * sympy.Min(s.B, s.n),
    ]
    held += [2 * s.E, 2 * sympy.Min(s.B, s.n) + 1]
    depths, levels = (s.d1, s.d2, s.d3, s.d4, s.d5), (s.L1, s.L2, s.L3, s.L4, s.L5)
    one, two, three, four, five = (
        2 + 4**d + 2 * level for d, level in zip(depths, levels, strict=True)
    )
    formulas = {
        "rounds": 1 + s.t * (one + s.k * two + three) + 2 * s.C + s.j * four + five,
        "local_memory": Most(*sent, *held),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": s.P,
    }
    return bounds_table(formulas, values, SOURCE)


def _largest_word(graph: Graph) -> int:
    """Return what a contraction needs, or the largest name of a place in a ball and 1 more."""
    places = (graph.n_vertices + 1) * ball_size(graph.shape)
    return max(largest_word(graph), places + 1)


CONNECTIVITY_LOG_DIAMETER = ProtocolSolver(
    problem=Problem.of_graphs(
        name="connectivity-log-diameter",
        statement=(
            "a graph of a known diameter D; out: the smallest vertex of the component of every "
            "vertex, 0 for edges"
        ),
        instance=random_graph,
        hard={**HARD_GRAPHS, "karate club": lambda n: karate_club()},
        oracle=_oracle,
        largest_word=_largest_word,
        on_vertices="vertex",
        parameters=(
            Parameter(
                "diameter_guess",
                "a bound on the diameter of every component (that of the graph)",
                lambda given: largest_diameter(given.given),
                least=1,
            ),
        ),
    ),
    regime=(
        "gamma = 1/2, epsilon >= 1/2: O(1 / gamma) phases of log2 D sorts; fails with probability "
        "at most 1/N"
    ),
    source=SOURCE,
    constants=(
        "balls of b <= 1.42 N^(1/4) labels: b^2 - 1 records of 3 words of a vertex are at most "
        "6 N^(1/2) words, so c_s = 8 at epsilon = 1/2 where P >= n; c_s = 16 saves rounds of sorts"
    ),
    symbols={
        **SYMBOLS,
        "F": "records of a doubling of balls on a machine",
        "b": "vertices of a ball",
        "k": "doublings of balls, ceil(log2 D)",
    },
    law=BALLS,
    protocol=_protocol,
    bounds=_bounds,
    gamma="1/2",
    is_randomised=True,
)
