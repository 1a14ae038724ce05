"""List ranking as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.list_ranking import (
    Jump,
    LastJump,
    Link,
    OneNode,
    jumps,
    nodes_per_machine,
)
from mpc_sim.compose import sequence
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from twins.broadcast import Left, local_twin, n_output

FIELDS = ("hop", "inverse", "dist")


def numbered(memory: Memory) -> list[tuple[int, int, int, int]]:
    """Return (index, hop, inverse, dist) of the nodes that live on the machine.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=16, n_machines=2, block_words=2)
    >>> numbered(Memory(1, cluster, {"node": [(3, 2, 4), (3, 2, 0)]}))
    [(2, 3, 2, 4), (3, 3, 2, 0)]
    """
    first = memory.machine * nodes_per_machine(memory.cluster)
    nodes = enumerate(memory["node"], start=first)
    return [(index, hop, inverse, dist) for index, (hop, inverse, dist) in nodes]


def link_twin() -> Twin:
    """Return the twin of ``Link``.

    Examples
    --------
    >>> link_twin().shape
    Link()
    """

    def step(round: int, memory: Memory) -> None:
        cluster, size = memory.cluster, nodes_per_machine(memory.cluster)
        n, first = cluster.n_words, memory.machine * cluster.block_words
        for index, (word,) in enumerate(memory["input"], start=first):
            hop = index if word == n else min(word, n)
            memory.send("own", index // size, hop)
            if hop not in (index, n):
                memory.send("predecessor", hop // size, hop, index)

    def finish(memory: Memory) -> Left:
        n = memory.cluster.n_words
        rows: list[Row] = []
        first = memory.machine * nodes_per_machine(memory.cluster)
        for index, (hop,) in enumerate(memory["own"], start=first):
            before = [inverse for to, inverse in memory["predecessor"] if to == index]
            inverse = index if not before else before[0] if len(before) == 1 else n
            rows.append((hop, inverse, 0 if hop == index else n))
        return {"node": (FIELDS, rows)}

    return per_machine(Link(), step, finish)


def jump_twin(bit: int) -> Twin:
    """Return the twin of ``Jump(bit)``.

    Examples
    --------
    >>> jump_twin(3).shape
    Jump(bit=3)
    """

    def step(round: int, memory: Memory) -> None:
        n, size = memory.cluster.n_words, nodes_per_machine(memory.cluster)
        for index, hop, inverse, dist in numbered(memory):
            memory.keep("own", dist, int(inverse == n))
            if inverse in (index, n) or hop == n:
                continue
            if hop == index:
                memory.send("forward", inverse // size, inverse, inverse, dist)
                continue
            if hop != inverse:
                memory.send("forward", inverse // size, inverse, hop, 0)
            memory.send("backward", hop // size, hop, inverse)

    def finish(memory: Memory) -> Left:
        n = memory.cluster.n_words
        ahead = {index: (hop, dist) for index, hop, dist in memory["forward"]}
        behind = {row[0]: row[1] for row in memory["backward"]}
        rows: list[Row] = []
        first = memory.machine * nodes_per_machine(memory.cluster)
        for index, (dist, is_merged) in enumerate(memory["own"], start=first):
            hop = index if dist < n else n
            if index in ahead:
                hop, heard = ahead[index]
                dist = heard + 2**bit if hop == index else dist
            rows.append((hop, n if is_merged else behind.get(index, index), dist))
        return {"node": (FIELDS, rows)}

    return per_machine(Jump(bit), step, finish)


def last_jump_twin(bit: int) -> Twin:
    """Return the twin of ``LastJump(bit)``.

    Examples
    --------
    >>> last_jump_twin(3).shape
    LastJump(bit=3)
    """

    def step(round: int, memory: Memory) -> None:
        n, block = memory.cluster.n_words, memory.cluster.block_words
        ended = [node for node in numbered(memory) if node[1] == node[0]]
        for index, _, _, dist in ended:
            memory.send("answer", index // block, index, dist)
        for index, _, inverse, dist in ended:
            if inverse not in (index, n):
                memory.send("answer", inverse // block, inverse, dist + 2**bit)

    def finish(memory: Memory) -> Left:
        answers = {row[0]: row[1] for row in memory["answer"]}
        first, n = memory.machine * memory.cluster.block_words, memory.cluster.n_words
        rows: list[Row] = [(answers.get(first + at, n),) for at in range(n_output(memory))]
        return {"output": (("word",), rows)}

    return per_machine(LastJump(bit), step, finish)


def list_ranking_twin(n_words: int) -> Protocol:
    """Return the twin of ``list_ranking(n_words)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=4, memory_words=16, n_machines=4, block_words=2)
    >>> Simulation(list_ranking_twin(4), cluster, [3, 0, 2, 2]).run().tolist()
    [2, 3, 0, 1]
    """
    last = jumps(n_words) - 1
    if last < 0:
        return local_twin(
            OneNode(),
            lambda memory: {"output": (("word",), [(int(w > 1),) for (w,) in memory["input"]])},
        )
    return sequence(link_twin(), *[jump_twin(bit) for bit in range(last)], last_jump_twin(last))
