"""Aggregate as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.compose import fewest_rounds, sequence
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.butterfly import Butterfly
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.converge_cast import ConvergeCast, of_one_word
from mpc_sim.stages.operations import Operation
from twins.broadcast import broadcast_stage_twin, fill_block, local_twin
from twins.butterfly import butterfly_twin
from twins.converge_cast import converge_cast_stage_twin


def aggregate_twin(operation: Operation) -> Protocol:
    """Return the twin of ``aggregate(operation)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> from mpc_sim.stages.operations import Addition
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> Simulation(aggregate_twin(Addition(2)), cluster, [1, 0, 1, 1]).run().tolist()
    [1, 1, 1, 1]
    """
    trees = sequence(
        converge_cast_stage_twin(ConvergeCast(of_one_word(operation), ("word",)), ("word",)),
        broadcast_stage_twin(Broadcast(("word",))),
    )
    return sequence(
        Rename("input", "records"),
        fewest_rounds(trees, butterfly_twin(Butterfly(operation, ("word",)))),
        local_twin(FillBlocks(), fill_block),
    )
