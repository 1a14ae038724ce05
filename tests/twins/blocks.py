"""Blocks of words to records and back as plain functions of one machine; twins of whole sequences.

A table of twins maps the type of a stage to the function that makes its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mpc_sim.cluster import Cluster
from mpc_sim.compose import Parallel, Stages, parallel, sequence
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel
from mpc_sim.stages.blocks import PAD, NumberWords, Rows, WriteInOrder
from mpc_sim.stages.scan import Scan
from twins.broadcast import Left, local_twin, n_output
from twins.scan import scan_twin

Twins = Mapping[type[Protocol], Callable[[Any], Protocol]]


def twin_of(protocol: Protocol, *tables: Twins) -> Protocol:
    """Return the protocol with every stage replaced by its twin.

    Raises
    ------
    LookupError
        If a stage has no twin in the tables.

    Examples
    --------
    >>> twin_of(NumberWords(), BLOCKS).shape
    NumberWords()
    """
    if isinstance(protocol, Stages):
        return sequence(*(twin_of(stage, *tables) for stage in protocol.stages))
    if isinstance(protocol, Parallel):
        return parallel(*(twin_of(part, *tables) for part in protocol.parts))
    for table in tables:
        if type(protocol) in table:
            return table[type(protocol)](protocol)
    raise LookupError(f"no twin for {type(protocol).__name__}")


@dataclass(frozen=True)
class WaitingTwin(Twin):
    """A twin that may end before another part of a parallel composition.

    Examples
    --------
    >>> from mpc_sim.compose import Carry
    >>> twin = WaitingTwin(Carry("word", ("word",)), lambda round, memory: None, lambda memory: {})
    >>> twin.leaves(Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2))[0].name
    'word'
    """

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.shape.leaves(cluster)


def number_words(memory: Memory) -> Left:
    """Number the input words from 0.

    Examples
    --------
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> number_words(Memory(1, cluster, {"input": [(7,), (8,)]}))["records"][1]
    [(7, 2), (8, 3)]
    """
    first = memory.machine * memory.cluster.block_words
    rows: list[Row] = [(word, first + at) for at, (word,) in enumerate(memory["input"])]
    return {"records": (("word", "index"), rows)}


def rows_twin(stage: Rows) -> Twin:
    """Return the twin of ``Rows``.

    Examples
    --------
    >>> rows_twin(Rows(("key", "value"))).shape.fields
    ('key', 'value')
    """
    width = len(stage.fields)

    def step(round: int, memory: Memory) -> None:
        first = memory.machine * memory.cluster.block_words
        for index, (word,) in enumerate(memory["input"], start=first):
            if index < stage.rows(memory.cluster) * width:
                memory.send("word", index // width // stage.held(memory.cluster), word)

    def finish(memory: Memory) -> Left:
        words = [word for (word,) in memory["word" if "word" in memory.records else "input"]]
        whole = [tuple(words[at : at + width]) for at in range(0, len(words), width)]
        return {"records": (stage.fields, [row for row in whole if len(row) == width])}

    return per_machine(stage, step, finish)


def write_in_order_twin(stage: WriteInOrder) -> Twin:
    """Return the twin of ``WriteInOrder``.

    Examples
    --------
    >>> write_in_order_twin(WriteInOrder(("word",), NumberWords())).shape.fields
    ('word',)
    """

    def step(round: int, memory: Memory) -> None:
        for *words, position in memory["placed"]:
            for at, word in enumerate(words, start=position * len(words)):
                memory.send("word", at // memory.cluster.block_words, word)

    def finish(memory: Memory) -> Left:
        words = memory["word"]
        pads: list[Row] = [(PAD,)] * (n_output(memory) - len(words))
        return {"output": (("word",), words + pads)}

    return per_machine(stage, step, finish)


BLOCKS: Twins = {
    NumberWords: lambda stage: local_twin(stage, number_words),
    Rows: rows_twin,
    WriteInOrder: write_in_order_twin,
    Scan: scan_twin,
}
