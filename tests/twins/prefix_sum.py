"""Prefix sums as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.prefix_sum import PrefixOut
from mpc_sim.compose import fewest_rounds, sequence
from mpc_sim.local_step import Memory
from mpc_sim.protocol import Protocol
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.converge_cast import of_one_word
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.scan import Scan, ScanAtOnce
from twins.broadcast import Left, local_twin
from twins.scan import scan_at_once_twin, scan_twin


def prefix_out(memory: Memory) -> Left:
    """Put out the prefix of every record.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> prefix_out(Memory(0, cluster, {"records": [(5, 5), (1, 6)]}))
    {'output': (('word',), [(5,), (6,)])}
    """
    return {"output": (("word",), [(prefix,) for _, prefix in memory["records"]])}


def prefix_sum_twin(operation: Operation) -> Protocol:
    """Return the twin of ``prefix_sum(operation)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> from mpc_sim.stages.operations import Addition
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2, word_bits=4)
    >>> Simulation(prefix_sum_twin(Addition()), cluster, [5, 1, 4, 1]).run().tolist()
    [5, 6, 10, 11]
    """
    fields = (("word",), ("word",), ("prefix",))
    return sequence(
        Rename("input", "records"),
        fewest_rounds(
            scan_twin(Scan(of_one_word(operation), *fields)),
            scan_at_once_twin(ScanAtOnce(operation, *fields)),
        ),
        local_twin(PrefixOut(), prefix_out),
    )
