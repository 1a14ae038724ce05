"""Graphs of the commands: from a file or by construction, kept beside a checkpoint, written out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mpc_sim.errors import InputError
from reductions.commands.files import read_lines
from reductions.commands.usage import UsageError

if TYPE_CHECKING:
    from mpc_sim.inputs.graphs import Graph
    from mpc_sim.records import Words
    from reductions.problems.algorithm import Algorithm, GraphAlgorithm

GRAPH = "graph.npz"
PROBE = 8


def takes_graphs(algorithm: Algorithm) -> bool:
    """Whether the input of an algorithm is a graph."""
    from reductions.problems.algorithm import GraphAlgorithm

    return isinstance(algorithm, GraphAlgorithm)


def takes_weights(algorithm: Algorithm) -> bool:
    """Whether a graph algorithm needs weights: its own instances have them."""
    graph: Graph = algorithm.instance(PROBE, 0)
    return graph.weights is not None


def read_graph(algorithm: Algorithm, name: str) -> tuple[Graph, list[str]]:
    """Read the edge list in a file; say in a remark if it has weights that are left out."""
    from mpc_sim.inputs.edge_list import read_edge_list
    from mpc_sim.inputs.graphs import Graph

    needed = takes_weights(algorithm)
    graph = read_edge_list(read_lines(name), name, True if needed else None)
    if graph.weights is None or needed:
        return graph, []
    remark = f"the third column of {name}, weights, is left out: {algorithm.name} takes none"
    return Graph(graph.n_vertices, graph.edges, names=graph.names), [remark]


def graph_of_diameter(algorithm: Algorithm, n: int, diameter: int, seed: int) -> Graph:
    """Return a caterpillar of n vertices with a diameter, in random order, weighted where needed.

    Raises
    ------
    InputError
        If there is none of that diameter.
    """
    from mpc_sim.inputs.graph_instances import caterpillar, shuffled, weighted

    graph = shuffled(caterpillar(n, diameter), seed=seed)
    return weighted(graph, seed=seed) if takes_weights(algorithm) else graph


def keep_graph(graph: Graph, folder: str | Path) -> None:
    """Write the graph of a run beside its checkpoint."""
    from mpc_sim.inputs.graph_file import save_graph

    save_graph(graph, Path(folder) / GRAPH)


def kept_graph(folder: str | Path, words: Words) -> Graph:
    """Read the graph of a run from beside its checkpoint, which holds its words."""
    from mpc_sim.inputs.graph_file import load_graph

    return load_graph(Path(folder) / GRAPH, words)


def output_lines(algorithm: GraphAlgorithm, graph: Graph, output: Words) -> str:
    """Write an output by the names of the vertices: ``name word``, and ``u v word`` for edges.

    What is said of vertices and of edges is the algorithm's to declare. Where a word is a vertex
    its name is written. An edge has several output words; their maximum is written.
    """
    from reductions.problems.algorithm import NOTHING, VERTEX

    if len(output) != graph.shape.n_words:
        raise InputError(f"{len(output)} output words for a graph of {graph.shape.n_words}")
    n = graph.n_vertices
    names = graph.names or tuple(map(str, range(n)))
    lines: list[str] = []
    words = output[:n].tolist()
    if algorithm.on_vertices == VERTEX:
        lines += [f"{name} {names[word]}" for name, word in zip(names, words, strict=True)]
    elif algorithm.on_vertices != NOTHING:
        lines += [f"{name} {word}" for name, word in zip(names, words, strict=True)]
    if algorithm.on_edges:
        flags = output[n:].reshape(-1, graph.shape.edge_words).max(axis=1, initial=0)
        pairs = zip(graph.edges.tolist(), flags.tolist(), strict=True)
        lines += [f"{names[u]} {names[v]} {word}" for (u, v), word in pairs]
    return "".join(f"{line}\n" for line in lines)


def refuse_wrong_input(algorithm: Algorithm, words: str | None, graph: str | None) -> None:
    """Refuse words for an algorithm on graphs, and a graph for one on words."""
    if takes_graphs(algorithm) and words is not None:
        raise UsageError(f"{algorithm.name} takes a graph: give --graph FILE instead of --input")
    if not takes_graphs(algorithm) and graph is not None:
        raise UsageError(f"{algorithm.name} takes words: give --input FILE instead of --graph")
