"""Converge-cast as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.compose import sequence
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.converge_cast import ConvergeCast, ResultFirst, of_one_word
from mpc_sim.stages.operations import Operation
from twins.broadcast import Left, local_twin, n_output
from twins.scan import combine


def converge_cast_stage_twin(stage: ConvergeCast, fields: tuple[str, ...]) -> Twin:
    """Return the twin of the tree; ``fields`` are those of the records.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> stage = ConvergeCast(Addition(), ("word",))
    >>> converge_cast_stage_twin(stage, ("word",)).shape.channel
    'records'
    """

    def met(memory: Memory, is_first: bool) -> Row:
        if is_first:
            places = [fields.index(name) for name in stage.operand]
            elements = [tuple(row[at] for at in places) for row in memory[stage.channel]]
        else:
            elements = memory["total"]
        total = stage.operation.identity
        for element in elements:
            total = combine(stage.operation, total, element)
        return total

    def step(round: int, memory: Memory) -> None:
        tree, here = stage.tree(memory.cluster), memory.machine
        if here < tree.n_leaves and here % tree.arity**round == 0:
            above = tree.arity ** (round + 1)
            memory.send("total", here // above * above, *met(memory, round == 0))

    def finish(memory: Memory) -> Left:
        is_first = stage.n_rounds(memory.cluster) == 0
        result = [met(memory, is_first)] if memory.machine == 0 else []
        return {"word": (stage.operand, result)}

    return per_machine(stage, step, finish)


def result_first(memory: Memory) -> Left:
    """Put the word of machine 0 out as word 0, and 0 in every other place.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> result_first(Memory(0, cluster, {"word": [(7,)]}))
    {'output': (('word',), [(7,), (0,)])}
    """
    rows: list[Row] = [(0,)] * n_output(memory)
    if memory.machine == 0:
        rows[0] = memory["word"][0]
    return {"output": (("word",), rows)}


def converge_cast_twin(operation: Operation) -> Protocol:
    """Return the twin of ``converge_cast(operation)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> from mpc_sim.stages.operations import Maximum
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2, word_bits=3)
    >>> Simulation(converge_cast_twin(Maximum()), cluster, [2, 1, 5, 1]).run().tolist()
    [5, 0, 0, 0]
    """
    return sequence(
        Rename("input", "records"),
        converge_cast_stage_twin(ConvergeCast(of_one_word(operation), ("word",)), ("word",)),
        local_twin(ResultFirst(), result_first),
    )
