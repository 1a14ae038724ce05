"""3-SUM as plain functions of one machine."""

from __future__ import annotations

from functools import lru_cache

from mpc_sim.algorithms.three_sum import BOUND, CopyBlocks, TellBoundaries, n_lines
from mpc_sim.cluster import Cluster
from mpc_sim.compose import sequence
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.columnsort import Columnsort, Rename
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.operations import Maximum
from twins.broadcast import (
    Left,
    broadcast_stage_twin,
    fill_block,
    local_twin,
)
from twins.columnsort import columnsort_stage_twin, rename_twin
from twins.converge_cast import converge_cast_stage_twin

Triple = tuple[int, int, int]


@lru_cache(maxsize=64)
def triples_of(bound: tuple[Row, ...], target: int) -> dict[int, Triple]:
    """Return line -> the triple of blocks that a machine looks at, from all boundaries.

    Examples
    --------
    >>> triples_of(((0, 4), (5, 9)), 17)
    {0: (1, 1, 1), 1: (0, 0, 1), 2: (0, 1, 1)}
    """
    m, found, line = len(bound), {}, 0
    for middle in range(m):
        for last in range(middle, m):
            for first in range(m - last):
                blocks = (first, first + middle, first + last)
                if sum(bound[block][1] for block in blocks) >= target:
                    if sum(bound[block][0] for block in blocks) <= target:
                        found[line] = blocks
                    break
            line += 1
    return found


@lru_cache(maxsize=64)
def receivers_of(bound: tuple[Row, ...], target: int) -> list[list[int]]:
    """Return for every block the machines that need it.

    Examples
    --------
    >>> receivers_of(((0, 4), (5, 9)), 17)
    [[1, 2], [0, 1, 2]]
    """
    triples = triples_of(bound, target)
    return [[at for at in triples if block in triples[at]] for block in range(len(bound))]


def groups_of(members: list[int], cluster: Cluster) -> list[list[int]]:
    """Cut a list into groups of B.

    Examples
    --------
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> groups_of([1, 4, 5], cluster)
    [[1, 4], [5]]
    """
    size = cluster.block_words
    return [members[at : at + size] for at in range(0, len(members), size)]


def boundaries_twin() -> Twin:
    """Return the twin of ``TellBoundaries``.

    Examples
    --------
    >>> boundaries_twin().shape
    TellBoundaries()
    """

    def step(round: int, memory: Memory) -> None:
        for row in memory["records"]:
            memory.keep("records", *row)
        groups = groups_of(list(range(n_lines(memory.cluster))), memory.cluster)
        if round == 0 and memory["records"]:
            pair = memory["records"][0][0], memory["records"][-1][0]
            for group in groups:
                memory.send("bound", group[memory.machine % len(group)], *pair)
        if round == 1:
            for told in memory["bound"]:
                for to in groups[memory.machine // memory.cluster.block_words]:
                    memory.send("bound", to, *told)

    def finish(memory: Memory) -> Left:
        return {
            "records": (("word",), memory["records"]),
            "bound": (BOUND, sorted(memory["bound"])),
        }

    return per_machine(TellBoundaries(), step, finish)


def blocks_twin(stage: CopyBlocks) -> Twin:
    """Return the twin of ``CopyBlocks``.

    Examples
    --------
    >>> blocks_twin(CopyBlocks(3, True)).shape
    CopyBlocks(target=3, distinct=True)
    """

    def pieces_of(round: int, memory: Memory) -> list[tuple[int, int]]:
        """Return (place, word) of what the machine holds before a round, by place."""
        cluster, width = memory.cluster, memory.cluster.block_words
        if round == 0:
            first = memory.machine * width
            return [(first + at, word) for at, (word,) in enumerate(memory["records"])]
        arriving: list[tuple[int, int]] = []
        for block, needing in enumerate(receivers_of(tuple(memory["bound"]), stage.target)):
            if memory.machine not in needing:
                continue
            group = next(g for g in groups_of(needing, cluster) if memory.machine in g)
            for at in range(min(width, cluster.n_words - block * width)):
                dealt, told = needing[at % len(needing)], group[at % len(group)]
                if round == 1 and dealt == memory.machine:
                    arriving.append((block, block * width + at))
                elif round == 2 and told == memory.machine:
                    arriving.append((dealt, block * width + at))
                elif round == 3:
                    arriving.append((told, block * width + at))
        places = [place for _, place in sorted(arriving)]
        return sorted(zip(places, (row[0] for row in memory["piece"]), strict=True))

    def step(round: int, memory: Memory) -> None:
        cluster, bound = memory.cluster, tuple(memory["bound"])
        width = cluster.block_words
        for pair in bound:
            memory.keep("bound", *pair)
        receivers = receivers_of(bound, stage.target)
        for place, word in pieces_of(round, memory):
            needing, at = receivers[place // width], place % width
            groups = groups_of(needing, cluster)
            if round == 0:
                told = [needing[at % len(needing)]] if needing else []
            elif round == 1:
                told = [group[at % len(group)] for group in groups]
            else:
                told = next(group for group in groups if memory.machine in group)
            for to in told:
                memory.send("piece", to, word)

    def finish(memory: Memory) -> Left:
        triple = triples_of(tuple(memory["bound"]), stage.target).get(memory.machine)
        if triple is None:
            return {"found": (("word",), [])}
        width, gap = memory.cluster.block_words, int(stage.distinct)
        pieces = pieces_of(3, memory)
        parts = [[row for row in pieces if row[0] // width == block] for block in triple]
        is_found = any(
            a + b + c == stage.target and q >= p + gap and r >= q + gap
            for p, a in parts[0]
            for q, b in parts[1]
            for r, c in parts[2]
        )
        return {"found": (("word",), [(1,)] if is_found else [])}

    return per_machine(stage, step, finish)


def three_sum_twin(offset: int = 0, distinct: bool = True) -> Protocol:
    """Return the twin of ``three_sum(offset, distinct)``.

    Examples
    --------
    >>> from mpc_sim import Simulation
    >>> cluster = Cluster(n_words=4, memory_words=48, n_machines=8, block_words=2)
    >>> Simulation(three_sum_twin(5), cluster, [1, 2, 5, 9]).run().tolist()
    [1, 1, 1, 1]
    """
    converge = ConvergeCast(Maximum(), ("word",), channel="found", everywhere=True)
    return sequence(
        rename_twin(Rename("input", "records")),
        columnsort_stage_twin(Columnsort(("word",))),
        boundaries_twin(),
        blocks_twin(CopyBlocks(3 * offset, distinct)),
        converge_cast_stage_twin(converge, ("word",)),
        broadcast_stage_twin(Broadcast(("word",))),
        local_twin(FillBlocks(), fill_block),
    )
