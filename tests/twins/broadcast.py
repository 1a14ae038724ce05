"""Broadcast as plain functions of one machine."""

from __future__ import annotations

from collections.abc import Mapping

from mpc_sim.compose import LocalStage, sequence
from mpc_sim.local_step import Finish, Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast, FillBlocks, FirstWord

Left = Mapping[str, tuple[tuple[str, ...], list[Row]]]


def local_twin(stage: LocalStage, finish: Finish) -> Twin:
    """Return the twin of a stage without rounds.

    Examples
    --------
    >>> local_twin(FirstWord(), first_word).shape
    FirstWord()
    """

    def step(round: int, memory: Memory) -> None:
        raise IndexError(f"round {round} of 0")

    return per_machine(stage, step, finish)


def n_output(memory: Memory) -> int:
    """Return how many output words the machine holds.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> n_output(Memory(1, Cluster(n_words=5, memory_words=4, n_machines=3, block_words=3), {}))
    2
    """
    cluster = memory.cluster
    rest = cluster.n_words - memory.machine * cluster.block_words
    return max(0, min(rest, cluster.block_words))


def first_word(memory: Memory) -> Left:
    """Take up word 0 of the input, on machine 0.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> first_word(Memory(0, cluster, {"input": [(7,), (8,)]}))
    {'word': (('word',), [(7,)])}
    """
    return {"word": (("word",), memory["input"][:1] if memory.machine == 0 else [])}


def fill_block(memory: Memory) -> Left:
    """Put the word that the machine knows into all its output words.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> fill_block(Memory(1, cluster, {"word": [(7,)]}))
    {'output': (('word',), [(7,), (7,)])}
    """
    return {"output": (("word",), memory["word"] * n_output(memory))}


def broadcast_stage_twin(stage: Broadcast) -> Twin:
    """Return the twin of the tree.

    Examples
    --------
    >>> broadcast_stage_twin(Broadcast(("word",))).shape.channel
    'word'
    """

    def step(round: int, memory: Memory) -> None:
        tree = stage.tree(memory.cluster)
        apart = tree.arity ** (tree.levels - round - 1)
        for record in memory[stage.channel]:
            for child in range(tree.arity):
                to = memory.machine + child * apart
                if to < tree.n_leaves:
                    memory.send(stage.channel, to, *record)

    def finish(memory: Memory) -> Left:
        return {stage.channel: (stage.fields, memory[stage.channel])}

    return per_machine(stage, step, finish)


def broadcast_twin() -> Protocol:
    """Return the twin of ``broadcast()``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> Simulation(broadcast_twin(), cluster, [5, 1, 4, 1]).run().tolist()
    [5, 5, 5, 5]
    """
    return sequence(
        local_twin(FirstWord(), first_word),
        broadcast_stage_twin(Broadcast(("word",))),
        local_twin(FillBlocks(), fill_block),
    )
