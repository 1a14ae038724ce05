"""Reduction by key as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.reduce_by_key import PAIR, OffsetKeys, reduce_by_key
from mpc_sim.local_step import Memory
from mpc_sim.protocol import Protocol
from mpc_sim.stages.operations import Operation
from twins.blocks import BLOCKS, Twins, twin_of
from twins.broadcast import Left, local_twin
from twins.columnsort import SORTING
from twins.remove_duplicates import RUNS


def offset_keys(memory: Memory) -> Left:
    """Count keys from 1.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> offset_keys(Memory(0, cluster, {"records": [(5, 9)]}))["records"][1]
    [(6, 9)]
    """
    return {"records": (PAIR, [(key + 1, value) for key, value in memory["records"]])}


REDUCING: Twins = {OffsetKeys: lambda stage: local_twin(stage, offset_keys)}


def reduce_by_key_twin(n_words: int, operation: Operation | None = None) -> Protocol:
    """Return the twin of ``reduce_by_key(n_words, operation)``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> cluster = fit_cluster(reduce_by_key(6), 6, "2/3", largest_word=10)
    >>> Simulation(reduce_by_key_twin(6), cluster, [5, 1, 0, 9, 5, 2]).run().tolist()
    [1, 9, 6, 3, 0, 0]
    """
    return twin_of(reduce_by_key(n_words, operation), REDUCING, RUNS, BLOCKS, SORTING)
