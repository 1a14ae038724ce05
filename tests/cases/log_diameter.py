"""Small clusters and comparisons for the components in log-diameter rounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cases.contraction import smallest_vertices
from mpc_sim import Cluster
from mpc_sim.inputs.graphs import Graph

Words = NDArray[np.int64]


def roomy(n_words: int, n_machines: int = 3) -> Cluster:
    """Return a few machines with room for all: a run takes milliseconds."""
    return Cluster(
        n_words=n_words,
        memory_words=12000,
        n_machines=n_machines,
        block_words=-(-n_words // n_machines),
        word_bits=16,
    )


def compare(graph: Graph, output: Words) -> None:
    """Compare labels with networkx."""
    assert output[: graph.n_vertices].tolist() == smallest_vertices(graph).tolist()
    assert not output[graph.n_vertices :].any()
