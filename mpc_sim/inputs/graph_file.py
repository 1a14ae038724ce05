"""A graph in a file beside the checkpoint of a run: edges, weights and the names of the vertices.

A checkpoint holds the words of its input and nothing of what they mean.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mpc_sim.errors import CheckpointError
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words
from mpc_sim.saving import archive

FILE = archive.FileKind("graph", 1, CheckpointError)


def save_graph(graph: Graph, path: str | Path) -> None:
    """Write a graph, whole or not at all.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    names = None if graph.names is None else list(graph.names)
    header = {"n_vertices": graph.n_vertices, "names": names}
    arrays = {"edges": graph.edges}
    if graph.weights is not None:
        arrays["weights"] = graph.weights
    archive.write(path, FILE, header, arrays)


def load_graph(path: str | Path, words: Words) -> Graph:
    """Read the graph whose words are the input of a run.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged or foreign, or the graph is not that of the words.
    """
    header, arrays = archive.read(path, FILE)
    with archive.reading(path, FILE):
        names = header["names"]
        if names is not None and not all(isinstance(name, str) for name in names):
            raise ValueError("the names are no text")
        graph = Graph(
            header["n_vertices"],
            arrays["edges"],
            arrays.get("weights"),
            None if names is None else tuple(names),
        )
    if graph.shape.n_words != len(words) or not np.array_equal(graph.words, words):
        raise CheckpointError(
            f"{path} holds another graph than the run: bring the files of one folder together, "
            "or start anew",
            path=str(path),
        )
    return graph
