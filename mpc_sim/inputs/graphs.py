"""Simple undirected graphs as inputs: n vertices, m edges, and N = n + 2m words, or n + 3m."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mpc_sim.errors import InputError
from mpc_sim.records import Words

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class GraphShape:
    """What a protocol may know of a graph before it sees it.

    Parameters
    ----------
    n_vertices, n_edges : int
    is_weighted : bool
    """

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
        n, at least 1; vertices are 0 .. n - 1.
    edges : int64[m, 2]
        No loop, no repeated edge (in either direction).
    weights : int64[m], optional
        Not negative.
    names : tuple of str, optional
        What the vertices are called outside.

    Raises
    ------
    InputError
        If there is no vertex, an end is no vertex, an edge is a loop or repeated, a weight is
        negative or the lengths differ. ``Graph.of`` cleans instead.
    """

    n_vertices: int
    edges: Words
    weights: Words | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        edges = np.array(self.edges, np.int64).reshape(-1, 2)
        if self.n_vertices < 1:
            raise InputError("the graph has no vertex; give at least one")
        if edges.size and not (edges.min() >= 0 and edges.max() < self.n_vertices):
            raise InputError(
                f"edges join vertices {edges.min()} .. {edges.max()}; "
                f"vertices are 0 .. {self.n_vertices - 1}"
            )
        codes = edges.min(axis=1) * self.n_vertices + edges.max(axis=1)
        if np.any(edges[:, 0] == edges[:, 1]) or len(np.unique(codes)) < len(codes):
            raise InputError("an edge is a loop or repeated; Graph.of leaves such edges out")
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)
        if self.weights is not None:
            weights = np.array(self.weights, np.int64)
            if weights.shape != (len(edges),) or (weights.size and weights.min() < 0):
                raise InputError("give one weight per edge, an integer of at least 0")
            weights.setflags(write=False)
            object.__setattr__(self, "weights", weights)
        if self.names is not None and len(self.names) != self.n_vertices:
            raise InputError(f"{len(self.names)} names for {self.n_vertices} vertices")

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
        """
        listed = np.asarray(edges, np.int64).reshape(-1, 2)
        heavy = None if weights is None else np.asarray(weights, np.int64)
        low, high = listed.min(axis=1), listed.max(axis=1)
        rank = np.zeros(len(listed), np.int64) if heavy is None else heavy
        order = np.lexsort([np.arange(len(listed)), rank, high, low])
        is_first = np.ones(len(order), bool)
        is_first[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
        chosen = np.sort(order[is_first & (low != high)[order]])
        return cls(
            n_vertices,
            listed[chosen],
            None if heavy is None else heavy[chosen],
            None if names is None else tuple(names),
        )

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
        weight : str, optional
            The edge attribute that holds integer weights; 1 where it is missing.
        """
        number = {name: at for at, name in enumerate(graph.nodes)}
        edges = [(number[a], number[b]) for a, b in graph.edges()]
        weights = None
        if weight is not None:
            weights = [value for _, _, value in graph.edges.data(weight, default=1)]
            if any(value != int(value) for value in weights):
                raise InputError(f"attribute {weight!r}: weights are integers; scale and round")
        return cls.of(len(number), edges, weights, map(str, number))

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
