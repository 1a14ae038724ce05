"""What the algorithms by contraction have in common: bounds, hard graphs, an oracle.

Symbols: N words in blocks of B on P machines; a graph of n vertices and m edges of w words, V and E
of them per machine; t phases. The sorts are number 1 in a phase (H half-edges per machine
afterwards), 2 in a doubling (A records) and 3 for the names: depth d, columns of r records, and a
scan of L levels whose machine 0 has q children on other machines. A converge-cast of C levels has
nodes of at most a children. Tags, x words per machine, wait where a forest is put out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.compose import Stages
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.component_labels import doublings
from mpc_sim.stages.contraction import waiting
from mpc_sim.stages.edges_home import EdgesHome
from mpc_sim.stages.first_of_run import first_of_run
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.scan import Scan
from mpc_sim.stages.tree import plan_tree
from mpc_sim.stages.waiting import Wait, share
from reductions.bounds import Bound
from reductions.problems.sort_and_scan import Most, bounds_table

SOURCE = "random mates: Reif, Harvard TR-08-85; sorts and scans: Leighton 1985, arXiv 1101.1902"


def every_stage(protocol: Protocol) -> Iterator[Protocol]:
    """Go through all stages of a protocol, named sequences taken apart."""
    for stage in protocol.stages if isinstance(protocol, Stages) else (protocol,):
        if isinstance(stage, Stages):
            yield from every_stage(stage)
        else:
            yield stage


def shape_and_phases(protocol: Protocol) -> tuple[GraphShape, int]:
    """Return the shape of the graph and the phases of a protocol."""
    stages = list(every_stage(protocol))
    (home,) = (stage for stage in stages if isinstance(stage, EdgesHome))
    phases = sum(len(stage.bodies) for stage in stages if isinstance(stage, Repeat))
    return home.shape, phases


def sort_sizes(
    number: int, items: tuple[int, int], waits: tuple[Wait, ...], cluster: Cluster
) -> dict[str, int]:
    """Return d, r, L and q of one of the sorts by key, which is of ``items`` (k, per item)."""
    stages = first_of_run(*items, waits).parts[0]
    assert isinstance(stages, Stages)
    sort, scan = stages.stages
    assert isinstance(sort, Columnsort)
    assert isinstance(scan, Scan)
    plan, tree = sort.plan(cluster), scan.tree(cluster)
    sizes = (plan.depth, plan.rows, tree.levels, tree.others)
    return {f"{name}{number}": size for name, size in zip("drLq", sizes, strict=True)}


def label_bounds(
    protocol: Protocol,
    cluster: Cluster,
    *,
    has_tags: bool,
    more: Callable[[Cluster, GraphShape], tuple[dict[str, int], dict[str, sympy.Expr]]]
    | None = None,
) -> tuple[Bound, ...]:
    """Return the bounds on a contraction that ends with component labels.

    Parameters
    ----------
    has_tags : bool
    more : callable, optional
        (Cluster, GraphShape) -> sizes and terms by quantity of further stages.
    """
    shape, phases = shape_and_phases(protocol)
    n, m = shape.n_vertices, shape.n_edges
    told = waiting(shape, has_tags)[1:]
    tree = plan_tree(cluster.n_machines, max_arity=cluster.memory_words)
    assert tree is not None
    values = {
        "N": cluster.n_words,
        "B": cluster.block_words,
        "P": cluster.n_machines,
        "n": n,
        "m": m,
        "w": shape.edge_words,
        "V": share(n, cluster),
        "E": share(m, cluster),
        "H": share(2 * m, cluster),
        "A": share(2 * n, cluster),
        "t": phases,
        "j": doublings(phases),
        "x": share(m, cluster) if has_tags else 0,
        "C": tree.levels,
        "a": max((tree.children(level) for level in range(1, tree.levels + 1)), default=0),
    }
    flag = (Wait("live", ("left",)), *told)
    values |= sort_sizes(1, (m, 2), waiting(shape, has_tags), cluster) if phases else _absent(1)
    values |= sort_sizes(2, (n, 2), flag, cluster) if doublings(phases) else _absent(2)
    values |= sort_sizes(3, (n, 1), flag, cluster)
    names = "B P n m w V E H A t j x C a d1 d2 d3 r1 r2 r3 L1 L2 L3 q1 q2 q3"
    block, machines, n_, m_, w, V, edges, halves, asks, t, j, x, casts, a, *sorts = sympy.symbols(
        names, integer=True
    )
    d1, d2, d3, r1, r2, r3, levels1, levels2, levels3, q1, q2, q3 = sorts
    in_phase = sympy.Integer(int(phases > 0))
    in_jump = sympy.Integer(int(doublings(phases) > 0))
    sent = [
        Most(block, w * edges),
        in_phase * (3 * Most(2 * edges, r1, halves) + V + x),
        in_phase * (3 * halves + 2 * (1 + q1) + V + x),
        in_phase * (4 * halves + V + int(has_tags) * (halves + edges)),
        a + V + x,
        in_jump * (3 * Most(2 * V, r2, asks) + 1 + x),
        in_jump * (3 * asks + 2 * (1 + q2) + 1 + x),
        in_jump * (2 * asks + 1 + x),
        3 * Most(V, r3) + 1 + x,
        3 * V + 2 * (1 + q3) + 1 + x,
        2 * V + 1 + w * x,
    ]
    received = [
        w * edges,
        in_phase * 3 * Most(r1, halves),
        in_phase * (2 * V + 4 * edges + x),
        2 * Most(q1, q2, q3),
        a,
        in_jump * 3 * Most(r2, asks),
        3 * Most(r3, V),
        2 * sympy.Min(block, n_) + int(has_tags) * sympy.Min(block, w * m_),
    ]
    held = [
        in_phase * (3 * V + 4 * edges + 2 * x),
        2 * sympy.Min(block, n_) + 1 + int(has_tags) * sympy.Min(block, w * m_),
    ]
    extra_values, extra = more(cluster, shape) if more else ({}, {})
    formulas = {
        "rounds": 1
        + t * (2 + 4**d1 + 2 * levels1)
        + 2 * casts
        + j * (2 + 4**d2 + 2 * levels2)
        + 2
        + 4**d3
        + 2 * levels3
        + extra.get("rounds", 0),
        "local_memory": Most(*sent, *held, extra.get("words", sympy.Integer(0))),
        "sent_words": Most(*sent, extra.get("words", sympy.Integer(0))),
        "received_words": Most(*received, extra.get("received", sympy.Integer(0))),
        "machines": machines,
    }
    return bounds_table(formulas, values | extra_values, SOURCE)


def _absent(number: int) -> dict[str, int]:
    return {f"{name}{number}": 0 for name in "drLq"}


def largest_word(graph: Graph) -> int:
    """Return 2 N + 1, or the largest weight + 1: orders and tags, and room for the failure word."""
    words = graph.words
    return max(2 * len(words), int(words.max())) + 1


def union_find(graph: Graph, order: list[int]) -> tuple[list[int], Words]:
    """Return which edges join two components, tried in an order, and the smallest vertices."""
    above = list(range(graph.n_vertices))

    def root(vertex: int) -> int:
        while above[vertex] != vertex:
            above[vertex] = above[above[vertex]]
            vertex = above[vertex]
        return vertex

    edges, chosen = graph.edges.tolist(), []
    for edge in order:
        low, high = sorted(root(end) for end in edges[edge])
        if low != high:
            above[high] = low
            chosen.append(edge)
    return chosen, np.array([root(vertex) for vertex in range(graph.n_vertices)])


def random_graph(n: int, seed: int) -> Graph:
    """Return a graph of n vertices and up to n edges: one large component and many small ones."""
    return Graph.of(n, np.random.default_rng(seed).integers(0, n, (n, 2)))


def _power_law(n: int) -> Graph:
    """Every vertex is joined to the end of an earlier edge: degrees fall off as a power."""
    rng, ends = np.random.default_rng(0), [0]
    edges = []
    for vertex in range(1, n):
        edges.append((vertex, ends[int(rng.integers(len(ends)))]))
        ends += edges[-1]
    return Graph.of(n, edges)


def _blocks(n: int) -> Graph:
    """Complete graphs on 8 vertices."""
    vertex = np.arange(n)
    pairs = [np.stack([vertex, vertex // 8 * 8 + k], axis=1) for k in range(8)]
    edges = np.concatenate(pairs)
    return Graph.of(n, edges[edges[:, 1] < n])


HARD_GRAPHS: Mapping[str, Callable[[int], Graph]] = {
    "empty": lambda n: Graph.of(n, []),
    "star": lambda n: Graph.of(n, [(n - 1, v) for v in range(n - 1)]),
    "path": lambda n: Graph.of(n, [(v, v + 1) for v in range(n - 1)]),
    "cycle": lambda n: Graph.of(n, [(v, (v + 1) % n) for v in range(n)]),
    "two cycles": lambda n: Graph.of(n, [(v, (v + 2) % n) for v in range(n - n % 2)]),
    "blocks": _blocks,
    "power law": _power_law,
}
