"""Connected components in rounds that follow log D: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.connectivity_log_diameter import ball_size, connectivity_log_diameter
from mpc_sim.compose import Stages
from mpc_sim.inputs.graph_instances import karate_club
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.component_labels import doublings
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.scan import Scan
from mpc_sim.stages.smallest_neighbours import SendNeighbours
from mpc_sim.stages.tree import plan_tree
from mpc_sim.stages.waiting import Beside, Wait, share
from reductions.bounds import Bound
from reductions.problems.contraction import (
    HARD_GRAPHS,
    every_stage,
    largest_word,
    random_graph,
    shape_and_phases,
    sort_sizes,
    union_find,
)
from reductions.problems.problem import Parameter, Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table

SOURCE = "capped balls: Andoni et al., FOCS 2018; sorts and scans: Leighton 1985, arXiv 1101.1902"
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


def _oracle(graph: Graph) -> Words:
    _, smallest = union_find(graph, list(range(graph.n_edges)))
    return np.append(smallest, np.zeros(2 * graph.n_edges, np.int64))


def _flat(protocol: Protocol) -> list[Protocol]:
    """Return the stages of a phase, those of one doubling among them."""
    found: list[Protocol] = []
    for stage in every_stage(protocol):
        found += _flat(stage.bodies[0]) if isinstance(stage, Repeat) else [stage]
    return found


def _sizes(stage: Beside, cluster: Cluster, number: int) -> dict[str, int]:
    """Return d, r, L and q of a look-up."""
    stages = list(every_stage(stage.parts[0]))
    (sort,) = (one for one in stages if isinstance(one, Columnsort))
    (scan,) = (one for one in stages if isinstance(one, Scan))
    plan, tree = sort.plan(cluster), scan.tree(cluster)
    sizes = (plan.depth, plan.rows, tree.levels, tree.others)
    return {f"{name}{number}": size for name, size in zip("drLq", sizes, strict=True)}


def _bounds(protocol: Protocol, cluster: Cluster, diameter_guess: int = 0) -> tuple[Bound, ...]:
    """Sorts 1 (neighbours), 2 (doubling), 3 (new labels), and 4 and 5 of the labels at the end.

    V vertices and E edges per machine; H = ceil(2 m / P), F = ceil(n (b^2 - 1) / P) and A =
    ceil(2 n / P) sorted records; t phases of k doublings with balls of b; j doublings of parents;
    depth d, columns r, levels L, and q children of machine 0 elsewhere. A converge-cast of C levels
    has nodes of at most a children.
    """
    shape, phases = shape_and_phases(protocol)
    n, m = shape.n_vertices, shape.n_edges
    casts = plan_tree(cluster.n_machines, max_arity=cluster.memory_words)
    assert casts is not None
    values = dict.fromkeys(NAMES.split(), 0) | {
        "B": cluster.block_words,
        "P": cluster.n_machines,
        "n": n,
        "V": share(n, cluster),
        "E": share(m, cluster),
        "H": share(2 * m, cluster),
        "A": share(2 * n, cluster),
        "t": phases,
        "j": doublings(phases),
        "C": casts.levels,
        "a": max((casts.children(level) for level in range(1, casts.levels + 1)), default=0),
    }
    flag = (Wait("live", ("left",)),)
    if doublings(phases):
        values |= sort_sizes(4, (n, 2), flag, cluster)
    values |= sort_sizes(5, (n, 1), flag, cluster)
    for repeat in every_stage(protocol):
        if isinstance(repeat, Repeat):
            values |= _sizes_of_a_phase(repeat.bodies[0], n, cluster)
    block, machines, n_, V, edges, halves, places, asks, t, j, k, b, up, a, *rest = sympy.symbols(
        NAMES, integer=True
    )
    d, r, levels, q = (rest[5 * at : 5 * at + 5] for at in range(4))
    runs, doubles, jumps = (sympy.Integer(int(values[name] > 0)) for name in "tkj")
    sent, received, held = [block], [2 * edges], []
    both, waits = V + 2 * edges, V + 3 * edges
    for at, is_there, made, lying, element, arriving, beside in (
        (0, runs, 2 * edges, halves, 4, (b - 1) * V, waits),
        (1, doubles, (b**2 - 1) * V, places, 2, b * (b - 1) * V, waits),
        (2, runs, both, both, 2, 2 * edges, V),
    ):
        sent += [
            is_there * (3 * Most(made, r[at], lying) + beside),
            is_there * (3 * lying + element * (1 + q[at]) + beside),
        ]
        received += [
            is_there * 3 * Most(r[at], lying),
            is_there * element * q[at],
            is_there * 2 * arriving,
        ]
        held.append(is_there * (2 * arriving + beside))
    sent += [
        a + V,
        jumps * (3 * Most(2 * V, r[3], asks) + 1),
        jumps * (3 * asks + 2 * (1 + q[3]) + 1),
        3 * Most(V, r[4]) + 1,
        3 * V + 2 * (1 + q[4]) + 1,
    ]
    received += [
        a,
        jumps * Most(3 * Most(r[3], asks), 2 * q[3]),
        Most(3 * Most(r[4], V), 2 * q[4]),
        2 * sympy.Min(block, n_),
    ]
    held += [2 * edges, 2 * sympy.Min(block, n_) + 1]
    one, two, three, four, five = (2 + 4 ** d[at] + 2 * levels[at] for at in range(5))
    formulas = {
        "rounds": 1 + t * (one + k * two + three) + 2 * up + j * four + five,
        "local_memory": Most(*sent, *held),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": machines,
    }
    return bounds_table(formulas, values, SOURCE)


def _sizes_of_a_phase(body: Protocol, n: int, cluster: Cluster) -> dict[str, int]:
    """Return b, k, F and the sizes of the sorts of a phase."""
    assert isinstance(body, Stages)
    doubling = sum(len(one.bodies) for one in body.stages if isinstance(one, Repeat))
    stages = _flat(body)
    (near,) = (stage for stage in stages if isinstance(stage, SendNeighbours))
    b = near.most + 1
    values = {"k": doubling, "b": b, "F": ceil_div(n * (b * b - 1), cluster.n_machines)}
    sorts = [stage for stage in stages if isinstance(stage, Beside)]
    for number, stage in zip((1, 2, 3) if doubling else (1, 3), sorts, strict=True):
        values |= _sizes(stage, cluster, number)
    return values


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
    protocol=_protocol,
    bounds=_bounds,
    gamma="1/2",
    is_randomised=True,
)
