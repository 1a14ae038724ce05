"""Who sends how many words to whom in one round, for tables and pictures.

Axes: P machines, G groups of neighbouring machines.
"""

from __future__ import annotations

import numpy as np

from mpc_sim.inspect.trace import Flow
from mpc_sim.records import Words
from mpc_sim.routing import Traffic


def message_matrix(traffic: Traffic, most_groups: int = 256) -> tuple[Words, int]:
    """Return the words that go from every group of machines to every other.

    Parameters
    ----------
    traffic : Traffic
        What ``Simulation.peek`` returns.
    most_groups : int
        At least 1. Groups are single machines where P is at most this, else of
        ceil(P / most_groups) neighbours.

    Returns
    -------
    matrix : int64[G, G]
        Entry [a, b]: words that the machines of group a send to those of group b; what machines
        keep is on the diagonal. Rows add up to what is sent, columns to what is held.
    size : int
        Machines in a group; the last may have fewer.

    Raises
    ------
    ValueError
        ``most_groups`` is below 1.
    """
    if most_groups < 1:
        raise ValueError(f"most_groups is {most_groups}; one group is the least")
    size = -(-traffic.cluster.n_machines // most_groups)
    n_groups = -(-traffic.cluster.n_machines // size)
    matrix = np.zeros((n_groups, n_groups), np.int64)
    flow = Flow.of(traffic)
    np.add.at(matrix, (flow.source // size, flow.to // size), flow.words)
    return matrix, size
