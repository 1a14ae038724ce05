"""Sample sort as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.sample_sort import CountWords, Rank, ScanCounts, Split, Wait, sample_sort
from mpc_sim.algorithms.splitting import CERTAIN
from mpc_sim.algorithms.twins.blocks import BLOCKS, Twins, WaitingTwin, twin_of
from mpc_sim.algorithms.twins.broadcast import Left, local_twin
from mpc_sim.algorithms.twins.scan import scan_twin
from mpc_sim.per_machine import Memory, PerMachine, Row, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words


def split_twin(stage: Split) -> PerMachine:
    """Return the twin of the splitting.

    Examples
    --------
    >>> split_twin(Split(seed=3)).shape
    Split(seed=3, inverse_failure=None)
    """

    def draw(round: int, memory: Memory) -> list[int]:
        """Return 32 random bits a record."""
        words = random_words(stage.seed, round, [memory.machine], len(memory["records"]))
        return [int(word) >> 32 for word in words[0]]

    def step(round: int, memory: Memory) -> None:
        plan, here = stage.plan(memory.cluster), memory.machine
        if not plan.levels:
            for record in memory["records"]:
                memory.send("records", 0, *record)
            return
        number, inner = plan.locate(round)
        level = plan.levels[number]
        first = here - here % level.machines if number else 0
        leader = first + level.span - 1
        if inner == 1 + level.broadcast_rounds:
            within = level.machines // level.fan_out
            for record, bits in zip(memory["records"], draw(round, memory), strict=True):
                bucket = sum(splitter <= record for splitter in memory["splitter"])
                to = first + bucket * within + bits * within // CERTAIN
                memory.send("records", to, *record)
            return
        for record in memory["records"]:
            memory.keep("records", *record)
        if inner == 0:
            for record, bits in zip(memory["records"], draw(round, memory), strict=True):
                if bits < level.rate:
                    memory.send("sample", leader, *record)
            return
        splitters = chosen(memory["sample"], level.fan_out) if inner == 1 else memory["splitter"]
        for splitter in splitters:
            for ahead in range(level.arity):
                to = here - ahead * level.arity ** (inner - 1)
                if to >= first:
                    memory.send("splitter", to, *splitter)

    def finish(memory: Memory) -> Left:
        rows: list[Row] = [(word,) for word, _ in sorted(memory["records"])]
        return {"sorted": (("word",), rows)}

    return per_machine(stage, step, finish)


def chosen(samples: list[Row], fan_out: int) -> list[Row]:
    """Return the splitters among the samples of a group.

    Examples
    --------
    >>> chosen([(9, 0), (1, 1), (5, 2), (3, 3), (7, 4), (8, 5)], 3)
    [(5, 2), (8, 5)]
    """
    ordered = sorted(samples)
    if not ordered:
        return []
    return [ordered[part * len(ordered) // fan_out] for part in range(1, fan_out)]


def count_words(memory: Memory) -> Left:
    """Count the sorted words of the machine.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> count_words(Memory(0, cluster, {"sorted": [(5,), (7,)]}))["count"]
    (('count',), [(2,)])
    """
    words = memory["sorted"]
    return {
        "sorted": (("word",), words),
        "count": (("count",), [(len(words),)] if words else []),
    }


def rank(memory: Memory) -> Left:
    """Give every sorted word its rank.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> rank(Memory(1, cluster, {"sorted": [(5,), (7,)], "before": [(2,)]}))["placed"][1]
    [(5, 2), (7, 3)]
    """
    rows: list[Row] = []
    for word in memory["sorted"]:
        rows.append((*word, memory["before"][0][0] + len(rows)))
    return {"placed": (("word", "position"), rows)}


def wait_twin(stage: Wait) -> PerMachine:
    """Return the twin of ``Wait``, for one channel.

    Examples
    --------
    >>> wait_twin(Wait(Split(3))).shape.stage.seed
    3
    """

    def step(round: int, memory: Memory) -> None:
        raise IndexError(f"round {round} of 0")

    def finish(memory: Memory) -> Left:
        left = stage.leaves(memory.cluster)[0]
        return {left.name: (left.fields, memory[left.name])}

    return WaitingTwin(stage, step, finish)


SPLITTING: Twins = {
    Split: split_twin,
    CountWords: lambda stage: local_twin(stage, count_words),
    ScanCounts: scan_twin,
    Wait: wait_twin,
    Rank: lambda stage: local_twin(stage, rank),
}


def sample_sort_twin(seed: int = 0) -> Protocol:
    """Return the twin of ``sample_sort(seed)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=4, memory_words=16, n_machines=2, block_words=2)
    >>> Simulation(sample_sort_twin(3), cluster, [3, 1, 2, 1]).run().tolist()
    [1, 1, 2, 3]
    """
    return twin_of(sample_sort(seed), SPLITTING, BLOCKS)
