"""Connected components in rounds that follow log D: bounds, oracle and hard inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.columnsort import Columnsort
from mpc_sim.algorithms.component_labels import doublings
from mpc_sim.algorithms.connectivity_log_diameter import connectivity_log_diameter
from mpc_sim.algorithms.look_up import SendLists
from mpc_sim.algorithms.repeat import Repeat
from mpc_sim.algorithms.scan import Scan
from mpc_sim.algorithms.tree import plan_tree
from mpc_sim.algorithms.waiting import Beside, Wait, share
from mpc_sim.compose import Sequence
from mpc_sim.graph_instances import karate_club
from mpc_sim.graphs import Graph, GraphShape
from reductions.algorithms.algorithm import GraphAlgorithm, Words
from reductions.algorithms.contraction import (
    HARD_GRAPHS,
    every_stage,
    largest_word,
    random_graph,
    shape_and_phases,
    sort_sizes,
    union_find,
)
from reductions.algorithms.sort_and_scan import Most, bounds_table
from reductions.bounds import Bound

SOURCE = "capped balls: Andoni et al., FOCS 2018; sorts and scans: Leighton 1985, arXiv 1101.1902"
NAMES = "B P n m V E A t j k b C a d1 d2 d3 d4 d5 r1 r2 r3 r4 r5 L1 L2 L3 L4 L5 q1 q2 q3 q4 q5"


def largest_diameter(graph: Graph) -> int:
    """Return the largest diameter of a component, at least 1, by breadth-first searches.

    Examples
    --------
    >>> largest_diameter(Graph.of(5, [(0, 1), (1, 2)]))
    2
    """
    neighbours: list[list[int]] = [[] for _ in range(graph.n_vertices)]
    for one, other in graph.edges.tolist():
        neighbours[one].append(other)
        neighbours[other].append(one)
    farthest = 1
    for start in range(graph.n_vertices):
        seen, frontier, distance = {start}, [start], 0
        while frontier:
            reached = {other for vertex in frontier for other in neighbours[vertex]} - seen
            seen |= reached
            frontier = list(reached)
            distance += bool(frontier)
        farthest = max(farthest, distance)
    return farthest


@dataclass(frozen=True, eq=False)
class DiameterAlgorithm(GraphAlgorithm):
    """A graph algorithm whose protocol is told a bound on the diameter, which the graph promises.

    Parameters
    ----------
    told : callable
        (GraphShape, D) -> Protocol.
    diameter_of : callable
        Graph -> D.

    Examples
    --------
    >>> from mpc_sim.graph_instances import path
    >>> CONNECTIVITY_LOG_DIAMETER.diameter_of(path(7))
    6
    """

    told: Callable[[GraphShape, int], Protocol] = connectivity_log_diameter
    diameter_of: Callable[[Graph], int] = largest_diameter

    def protocol_for(self, given: Graph) -> Protocol:
        """Return the protocol for graphs of this shape and diameter."""
        return self.told(given.shape, self.diameter_of(given))


def _for_any_diameter(shape: GraphShape) -> Protocol:
    return connectivity_log_diameter(shape, max(1, shape.n_vertices - 1))


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


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Look-ups 1 (neighbours), 2 (doubling), 3 (new labels), and the sorts 4 and 5 of labels.

    V vertices and E edges a machine, A = ceil(2 n / P); t phases of k doublings with balls of b; j
    doublings of parents; depth d, columns r, levels L, and q children of machine 0 elsewhere.
    """
    shape, phases = shape_and_phases(protocol)
    n, m = shape.n_vertices, shape.n_edges
    casts = plan_tree(cluster.n_machines, max_arity=cluster.memory_words)
    assert casts is not None
    values = dict.fromkeys(NAMES.split(), 0) | {
        "B": cluster.block_words,
        "P": cluster.n_machines,
        "n": n,
        "m": m,
        "V": share(n, cluster),
        "E": share(m, cluster),
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
            body = repeat.bodies[0]
            assert isinstance(body, Sequence)
            values["k"] = sum(len(one.bodies) for one in body.stages if isinstance(one, Repeat))
            stages = _flat(body)
            values["b"] = max(one.width for one in stages if isinstance(one, SendLists))
            numbers = (1, 2, 3) if values["k"] else (1, 3)
            sorts = [one for one in stages if isinstance(one, Beside)]
            for number, one in zip(numbers, sorts, strict=True):
                values |= _sizes(one, cluster, number)
    block, machines, n_, _, vertices, edges, asks, t, j, k, b, up, a, *rest = sympy.symbols(
        NAMES, integer=True
    )
    d, r, levels, q = (rest[5 * at : 5 * at + 5] for at in range(4))
    runs, doubles, jumps = (sympy.Integer(int(values[name] > 0)) for name in "tkj")
    sent, received, held = [block], [2 * edges], []
    both = vertices + 2 * edges
    for at, is_there, records, width, arriving, waits in (
        (0, runs, both, b, vertices, vertices + 3 * edges),
        (1, doubles, 2 * b * vertices, b, b * vertices, vertices + 3 * edges),
        (2, runs, both, sympy.Integer(1), 2 * edges, vertices),
    ):
        sent += [
            is_there * (3 * Most(records, r[at]) + waits),
            is_there * ((2 + width) * records + (1 + width) * (1 + q[at]) + waits),
        ]
        received += [
            is_there * 3 * Most(records, r[at]),
            is_there * (1 + width) * Most(arriving, q[at]),
        ]
        held.append(is_there * ((1 + width) * arriving + waits))
    sent += [
        a + vertices,
        jumps * (3 * Most(2 * vertices, r[3], asks) + 1),
        jumps * (3 * asks + 2 * (1 + q[3]) + 1),
        3 * Most(vertices, r[4]) + 1,
        3 * vertices + 2 * (1 + q[4]) + 1,
    ]
    received += [
        a,
        jumps * Most(3 * Most(r[3], asks), 2 * q[3]),
        Most(3 * Most(r[4], vertices), 2 * q[4]),
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


CONNECTIVITY_LOG_DIAMETER = DiameterAlgorithm(
    name="connectivity_log_diameter",
    statement=(
        "a graph of a known diameter D; out: the smallest vertex of the component of every vertex, "
        "0 for edges"
    ),
    regime=(
        "gamma = 1/2, epsilon >= 1/2: O(1 / gamma) phases of log2 D sorts; fails with probability "
        "at most 1/N"
    ),
    source=SOURCE,
    constants=(
        "balls of b <= 1.42 N^(1/4) labels: 2 b records of b + 2 words of a vertex are about "
        "4 N^(1/2) words of a scan, so c_s = 8 at epsilon = 1/2; c_s = 16 saves rounds of sorts"
    ),
    protocol=_for_any_diameter,
    instance=random_graph,
    hard={**HARD_GRAPHS, "karate club": lambda n: karate_club()},
    oracle=_oracle,
    bounds=_bounds,
    largest_word=largest_word,
    gamma="1/2",
    is_randomised=True,
)
