"""What the algorithms by contraction have in common: bounds, hard graphs, an oracle.

Symbols: N words in blocks of B on P machines; a graph of n vertices and m edges of w words, V and E
of them per machine; t phases. The sorts are number 1 in a phase (H half-edges per machine
afterwards), 2 in a doubling (A records) and 3 for the names: depth d, columns of r records, and a
scan of L levels whose machine 0 has q children on other machines. A converge-cast of C levels has
nodes of at most a children. Tags, x words per machine, wait where a forest is put out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.least_depths import least_tree, share
from reductions.problems.sort_and_scan import Most, bounds_table, sizes, symbols_of, values_of

Further = Callable[[GraphShape, Cluster], tuple[dict[str, int], dict[str, sympy.Expr]]]
SOURCE = (
    "this project; random mates: "
    "Reif, Harvard TR-08-85; sorts and scans: Leighton 1985, arXiv 1101.1902"
)


SYMBOLS = {
    "n": "vertices",
    "m": "edges",
    "w": "words of an edge",
    "V": "vertices of a machine",
    "E": "edges of a machine",
    "H": "half-edges of a machine",
    "A": "records of a doubling on a machine",
    "t": "phases",
    "j": "doublings, ceil(log2 t)",
    "x": "tags that wait on a machine",
    "C": "levels of the converge-cast",
    "a": "children in the converge-cast",
}


def contraction_values(
    shape: GraphShape, cluster: Cluster, *, words: int = 1, phases: int | None = None
) -> dict[str, int]:
    """Return what the symbols stand for, but for those of the sorts.

    ``words`` are those of an element of the converge-cast; ``phases`` are by default the least t
    with min(n, 2 m) (3/4)^t / 2 <= 1/N: a live label joins another with probability 1/4.
    """
    n, m, tree = shape.n_vertices, shape.n_edges, least_tree(cluster, words, everywhere=True)
    t = least_phases(shape) if phases is None else phases
    values = values_of(cluster, n=n, m=m, w=shape.edge_words, C=tree.levels, a=tree.children(1))
    shares = {"V": n, "E": m, "H": 2 * m, "A": 2 * n}
    values |= {symbol: share(items, cluster) for symbol, items in shares.items()}
    return values | {"P": cluster.n_machines, "t": t, "j": max(t - 1, 0).bit_length()}


def least_phases(shape: GraphShape) -> int:
    """Return the least t with min(n, 2 m) (3/4)^t / 2 <= 1/N; none without an edge."""
    live, phases = min(shape.n_vertices, 2 * shape.n_edges), 0
    while live * shape.n_words * Fraction(3, 4) ** phases > 2:
        phases += 1
    return phases


def sort_values(
    cluster: Cluster, number: int, items: int, waiting: int, element: int = 2
) -> dict[str, int]:
    """Return d, r, L and q of a sort by key of records of three words, and of the scan over it."""
    found = sizes(cluster, max(1, items), sort=3, scan=(3, element), waiting=waiting)
    return {f"{symbol}{number}": found[symbol] for symbol in "drLq"}


def label_bounds(
    shape: GraphShape,
    cluster: Cluster,
    *,
    has_tags: bool,
    more: Further | None = None,
) -> tuple[Bound, ...]:
    """Return the bounds on a contraction that ends with component labels.

    Parameters
    ----------
    more : callable, optional
        (shape, cluster) -> sizes and terms by quantity of further stages.
    """
    s = symbols_of("B P n m w V E H A t j x C a d1 d2 d3 r1 r2 r3 L1 L2 L3 q1 q2 q3")
    values = dict.fromkeys(vars(s), 0) | contraction_values(shape, cluster)
    n, m, tags = shape.n_vertices, shape.n_edges, values["E"] if has_tags else 0
    values |= sort_values(cluster, 3, n, 1 + tags)
    if values["j"]:
        values |= sort_values(cluster, 2, 2 * n, 1 + tags)
    if values["t"]:
        values |= sort_values(cluster, 1, 2 * m, values["V"] + tags)
    values["x"] = tags
    in_phase, in_jump = (sympy.Integer(int(values[name] > 0)) for name in "tj")
    sent = [
        Most(s.B, s.w * s.E),
        in_phase * (3 * Most(2 * s.E, s.r1, s.H) + s.V + s.x),
        in_phase * (3 * s.H + 2 * (1 + s.q1) + s.V + s.x),
        in_phase * (4 * s.H + s.V + int(has_tags) * (s.H + s.E)),
        s.a + s.V + s.x,
        in_jump * (3 * Most(2 * s.V, s.r2, s.A) + 1 + s.x),
        in_jump * (3 * s.A + 2 * (1 + s.q2) + 1 + s.x),
        in_jump * (2 * s.A + 1 + s.x),
        3 * Most(s.V, s.r3) + 1 + s.x,
        3 * s.V + 2 * (1 + s.q3) + 1 + s.x,
        2 * s.V + 1 + s.w * s.x,
    ]
    received = [
        s.w * s.E,
        in_phase * 3 * Most(s.r1, s.H),
        in_phase * (2 * s.V + 4 * s.E + s.x),
        2 * Most(s.q1, s.q2, s.q3),
        s.a,
        in_jump * 3 * Most(s.r2, s.A),
        3 * Most(s.r3, s.V),
        2 * sympy.Min(s.B, s.n) + int(has_tags) * sympy.Min(s.B, s.w * s.m),
    ]
    held = [
        in_phase * (3 * s.V + 4 * s.E + 2 * s.x),
        2 * sympy.Min(s.B, s.n) + 1 + int(has_tags) * sympy.Min(s.B, s.w * s.m),
    ]
    extra_values, extra = more(shape, cluster) if more else ({}, {})
    formulas = {
        "rounds": 1
        + s.t * (2 + 4**s.d1 + 2 * s.L1)
        + 2 * s.C
        + s.j * (2 + 4**s.d2 + 2 * s.L2)
        + 2
        + 4**s.d3
        + 2 * s.L3
        + extra.get("rounds", 0),
        "local_memory": Most(*sent, *held, extra.get("words", sympy.Integer(0))),
        "sent_words": Most(*sent, extra.get("words", sympy.Integer(0))),
        "received_words": Most(*received, extra.get("received", sympy.Integer(0))),
        "machines": s.P,
    }
    return bounds_table(formulas, values | extra_values, SOURCE)


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
