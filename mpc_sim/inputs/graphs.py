"""Simple undirected graphs as inputs: n vertices, m edges, and N = n + 2m words, or n + 3m."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpc_sim.errors import InputError
from mpc_sim.records import Words
from mpc_sim.strict_arrays import shown, whole_array

if TYPE_CHECKING:
    import networkx as nx

MOST_VERTICES, MOST_WEIGHT = 2**31, 2**62 - 2
"""A word has at most 62 bits, and the largest is left to runs that fail and say so."""


@dataclass(frozen=True)
class GraphShape:
    """What a protocol may know of a graph before it sees it."""

    n_vertices: int
    n_edges: int
    is_weighted: bool = False

    @property
    def edge_words(self) -> int:
        """Words of an edge: both ends, and the weight."""
        return 3 if self.is_weighted else 2

    @property
    def n_words(self) -> int:
        """N: one word per vertex, and the words of the edges."""
        return self.n_vertices + self.edge_words * self.n_edges


@dataclass(frozen=True, eq=False)
class Graph:
    """A simple undirected graph, with weights or without.

    Parameters
    ----------
    n_vertices : int
        n, 1 .. 2^31; vertices are 0 .. n - 1.
    edges : int64[m, 2]
        No loop, no repeated edge (in either direction).
    weights : int64[m], optional
        In 0 .. 2^62 - 2.
    names : sequence of n str, optional
        What the vertices are called outside.

    Raises
    ------
    InputError
        If there is no vertex, an end is no vertex, an edge is a loop or repeated, a weight is out
        of range, a number is no integer or the lengths differ. ``Graph.of`` cleans instead.
    """

    n_vertices: int
    edges: Words
    weights: Words | None = None
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        n = vertex_count(self.n_vertices)
        edges = np.array(whole_array(self.edges, "edges", (None, 2), 0, n - 1))
        weights = _weights(self.weights, len(edges))
        if len(simple(n, edges)) < len(edges):
            raise InputError("an edge is a loop or repeated; Graph.of leaves such edges out")
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)
        if weights is not None:
            weights = weights.copy()
            weights.setflags(write=False)
            object.__setattr__(self, "weights", weights)
        if self.names is not None and len(self.names) != n:
            raise InputError(f"{len(self.names)} names for {n} vertices")

    @classmethod
    def of(
        cls,
        n_vertices: int,
        edges: ArrayLike,
        weights: ArrayLike | None = None,
        names: Iterable[str] | None = None,
    ) -> Graph:
        """Return the graph without the loops and repetitions of a list of edges.

        The first of several equal edges stays; with weights, the first of the lightest.

        Parameters
        ----------
        n_vertices : int
            n, 1 .. 2^31.
        edges : int[l, 2]
            Ends in 0 .. n - 1; integers, nothing is rounded.
        weights : int[l], optional
            In 0 .. 2^62 - 2, one for every edge of the list.
        names : iterable of n str, optional

        Raises
        ------
        InputError
            Another shape, other numbers than integers, or a value out of range.
        """
        listed = whole_array(edges, "edges", (None, 2), 0, vertex_count(n_vertices) - 1)
        heavy = _weights(weights, len(listed))
        chosen = simple(n_vertices, listed, heavy)
        if names is not None and not isinstance(names, Sequence):
            names = tuple(names)
        listed = listed[chosen]
        return cls(n_vertices, listed, None if heavy is None else heavy[chosen], names)

    @property
    def n_edges(self) -> int:
        """How many edges, m."""
        return len(self.edges)

    @property
    def shape(self) -> GraphShape:
        """What a protocol may know beforehand."""
        return GraphShape(self.n_vertices, self.n_edges, self.weights is not None)

    @property
    def words(self) -> Words:
        """int64[N]: the vertices 0 .. n - 1, then of every edge both ends, and its weight."""
        rows = self.edges if self.weights is None else np.c_[self.edges, self.weights]
        return np.concatenate([np.arange(self.n_vertices), rows.ravel()])

    @classmethod
    def from_networkx(cls, graph: nx.Graph, weight: str | None = None) -> Graph:
        """Number the vertices of a networkx graph in its order; directions are dropped.

        Parameters
        ----------
        graph : networkx.Graph
            Of a MultiGraph or a DiGraph one edge stays between two vertices, the first of the
            lightest; loops are dropped.
        weight : str, optional
            The edge attribute that holds weights, whole numbers in 0 .. 2^62 - 2 (1.0 is one); 1
            where an edge has no such attribute.

        Raises
        ------
        InputError
            A weight is none, no edge has such an attribute, or two vertices have one name as text.
        """
        number = {vertex: at for at, vertex in enumerate(graph.nodes)}
        names = tuple(map(str, number))
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"several vertices are called {twice!r} as text; rename them")
        edges = [(number[a], number[b]) for a, b in graph.edges()]
        if weight is None:
            return cls.of(len(number), edges, names=names)
        rows = list(graph.edges(data=True))
        if rows and not any(weight in data for _, _, data in rows):
            known = sorted({str(name) for _, _, data in rows for name in data})
            raise InputError(
                f"no edge has the attribute {weight!r}; edges have {', '.join(known) or 'none'}"
            )
        weights = [
            _weight(data.get(weight, 1), f"edge {a!r} - {b!r}, attribute {weight!r}")
            for a, b, data in rows
        ]
        return cls.of(len(number), edges, weights, names)

    def to_networkx(self) -> nx.Graph:
        """Return the networkx graph on 0 .. n - 1, with ``weight`` where there is one."""
        import networkx

        graph: nx.Graph[Any] = networkx.Graph()
        graph.add_nodes_from(range(self.n_vertices))
        if self.weights is None:
            graph.add_edges_from(self.edges.tolist())
        else:
            rows = zip(*self.edges.T.tolist(), self.weights.tolist(), strict=True)
            graph.add_weighted_edges_from(rows)
        return graph


def vertex_count(n: object) -> int:
    """Return n if there may be a graph of so many vertices.

    Raises
    ------
    InputError
    """
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or not 1 <= n <= MOST_VERTICES:
        if n == 0:
            raise InputError("the graph has no vertex; give at least one")
        raise InputError(f"n_vertices = {n!r}: give a whole number in 1 .. 2^31")
    return int(n)


def simple(n: int, edges: NDArray[Any], weights: Words | None = None) -> Words:
    """Return which edges of a list stay, in its order: no loop, of equal ones the lightest."""
    codes = edges.min(axis=1).astype(np.int64)
    codes *= n
    codes += edges.max(axis=1)
    codes[edges[:, 0] == edges[:, 1]] = -1
    bits = len(codes).bit_length()
    if weights is None and (n * n + 1).bit_length() + bits < 64:
        # code and place in one word: NumPy sorts words many times as fast as it orders them
        packed = np.sort((codes + 1 << bits) | np.arange(len(codes)))
        order, codes = packed & (1 << bits) - 1, (packed >> bits) - 1
    else:
        keys = [codes] if weights is None else [weights, codes]
        order = np.lexsort(keys)
        codes = codes[order]
    stays = codes >= 0
    stays[1:] &= codes[1:] != codes[:-1]
    kept = np.zeros(len(codes), bool)
    kept[order[stays]] = True
    return np.flatnonzero(kept)


def _weights(weights: ArrayLike | None, m: int) -> Words | None:
    return None if weights is None else whole_array(weights, "weights", (m,), 0, MOST_WEIGHT)


def _weight(value: Any, where: str) -> int:
    """Return a weight that is a whole number, whatever its type."""
    try:
        number = int(value)
        if number == value and not isinstance(value, str) and 0 <= number <= MOST_WEIGHT:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(
        f"{where}: {value!r} is no whole number in 0 .. {shown(MOST_WEIGHT)}; scale and round it"
    )
