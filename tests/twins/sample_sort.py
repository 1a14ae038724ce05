"""Sample sort as plain functions of one machine."""

from __future__ import annotations

from collections.abc import Callable

from mpc_sim.algorithms.sample_sort import RankWords, Split, WriteOrFail, sample_sort
from mpc_sim.cluster import failure_word
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.stages.splitting import Level
from mpc_sim.stages.tally import Tally
from twins.blocks import BLOCKS, Twins, twin_of
from twins.broadcast import Left, n_output


def split_twin(stage: Split) -> Twin:
    """Return the twin of the splitting.

    Examples
    --------
    >>> split_twin(Split(seed=3)).shape
    Split(seed=3, inverse_failure=None)
    """

    def step(round: int, memory: Memory) -> None:
        plan, here = stage.plan(memory.cluster), memory.machine
        if not plan.levels:
            for record in memory["records"]:
                memory.send("records", 0, *record)
            return
        number, inner = plan.locate(round)
        level = plan.levels[number]
        depth = level.tree.levels
        first = min(here // level.machines, plan.n_machines // level.machines - 1) * level.machines
        to_leader = first + level.span - 1 - here
        records = memory["records"]
        if inner == 1 + 3 * depth:
            if memory["offset"]:
                deal(records, memory, first, level)
            return
        if inner == 1 + depth:
            records = sorted(records)
        for record in records:
            memory.keep("records", *record)
        if inner == 0:
            words = random_words(stage.seed, round, [first], level.samples)[0]
            for at, record in enumerate(records):
                slot = at * level.machines + here - first if number else record[1]
                stride, place = divmod(slot, level.stride)
                if int(words[stride]) >> 32 in drawing(place, level.stride):
                    memory.send("sample", here + to_leader, *record)
        elif inner <= depth:
            splitters = memory["splitter"] if inner > 1 else chosen(memory["sample"], level.fan_out)
            for splitter in splitters:
                for child in range(level.tree.arity):
                    apart = child * level.tree.arity ** (depth - inner)
                    if to_leader + apart < level.span:
                        memory.send("splitter", here - apart, *splitter)
        elif 0 <= to_leader < level.span:
            own = memory["own"][0] if inner > 1 + depth else counts(records, memory, level)
            tally = Tally(level.tree, level.fan_out)
            largest = (level.bucket,) * level.fan_out
            tally_step(tally, inner - 1 - depth, memory, own, to_leader, no_more_than(largest))

    def finish(memory: Memory) -> Left:
        rows: list[Row] = [(word,) for word, _ in sorted(memory["records"])]
        return {"sorted": (("word",), rows)}

    return per_machine(stage, step, finish)


def drawing(place: int, stride: int) -> range:
    """Return the 32-bit numbers that draw a place of a stride.

    Examples
    --------
    >>> drawing(0, 3), drawing(2, 3).stop == 2**32
    (range(0, 1431655766), True)
    """
    return range(-(-(place << 32) // stride), -(-((place + 1) << 32) // stride))


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


def counts(records: list[Row], memory: Memory, level: Level) -> Row:
    """Return how many records fall in each bucket.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=64, memory_words=96, n_machines=16, block_words=8)
    >>> level = Split(0).plan(cluster).levels[0]
    >>> memory = Memory(0, cluster, {"splitter": [(2, 0), (4, 0), (6, 0), (8, 0)]})
    >>> counts([(1, 3), (2, 0), (9, 1)], memory, level)
    (1, 1, 0, 0, 1)
    """
    found = [0] * level.fan_out
    for record in records:
        found[sum(splitter <= record for splitter in memory["splitter"])] += 1
    return tuple(found)


def deal(records: list[Row], memory: Memory, first: int, level: Level) -> None:
    """Send the records, which are in order, to the machines of their buckets.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=64, memory_words=96, n_machines=16, block_words=8)
    >>> level = Split(0).plan(cluster).levels[0]
    >>> memory = Memory(0, cluster, {"own": [(1, 0, 1, 0, 0)], "offset": [(0, 0, 0, 0, 0)]})
    >>> deal([(5, 0), (7, 1)], memory, 0, level)
    >>> memory.emitted
    [('records', 0, (5, 0)), ('records', 2, (7, 1))]
    """
    (own,), (offset,), waiting = memory["own"], memory["offset"], iter(records)
    for bucket, (count, before) in enumerate(zip(own, offset, strict=True)):
        for rank in range(before, before + count):
            to = first + bucket * level.within + rank % level.within
            memory.send("records", to, *next(waiting))


def added(rows: list[Row]) -> Row:
    """Add rows.

    Examples
    --------
    >>> added([(1, 2), (3, 4)])
    (4, 6)
    """
    return tuple(map(sum, zip(*rows, strict=True)))


def tally_step(
    tally: Tally,
    round: int,
    memory: Memory,
    own: Row,
    to_root: int,
    passes: Callable[[Row], bool],
) -> None:
    """Act as one machine of a tree in a round of a tally.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> from mpc_sim.stages.tree import Tree
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> memory = Memory(0, cluster, {})
    >>> tally_step(Tally(Tree(2, 2), 1), 0, memory, (7,), 1, lambda totals: True)
    >>> memory.emitted
    [('own', 0, (7,)), ('count', 1, (7,))]
    """
    tree = tally.tree
    top = min(round, 2 * tree.levels - round)
    met = [memory[f"level {level}"] for level in range(1, top)]
    if round:
        met.append(memory["count" if round <= tree.levels else f"level {top}"])
    memory.keep("own", *own)
    for level, rows in enumerate(met if round < tree.levels else met[:-1], start=1):
        for row in rows:
            memory.keep(f"level {level}", *row)
    total = added([own, *(row for rows in met for row in rows)])
    if round < tree.levels:
        apart = to_root % tree.arity ** (round + 1)
        if apart and to_root % tree.arity**round == 0:
            memory.send("count", memory.machine + apart, *total)
        return
    if round == tree.levels:
        told = [(0,) * tally.width] if to_root == 0 and passes(total) else []
    else:
        told = memory["offset"]
    for before in told:
        for at, row in enumerate(met[-1]):
            apart = (len(met[-1]) - at) * tree.arity ** (top - 1)
            memory.send("offset", memory.machine - apart, *before)
            before = added([before, row])
        memory.keep("offset", *before)


def no_more_than(largest: Row) -> Callable[[Row], bool]:
    """Return whether no number of a row is larger than the one of ``largest``.

    Examples
    --------
    >>> no_more_than((3, 3))((1, 3)), no_more_than((3, 3))((4, 0))
    (True, False)
    """
    return lambda totals: all(one <= most for one, most in zip(totals, largest, strict=True))


def rank_words_twin(stage: RankWords) -> Twin:
    """Return the twin of ``RankWords``.

    Examples
    --------
    >>> rank_words_twin(RankWords(Split(3))).shape.split.seed
    3
    """

    def step(round: int, memory: Memory) -> None:
        tally = stage.tally(memory.cluster)
        for row in memory["sorted"]:
            memory.keep("sorted", *row)
        to_root = tally.tree.n_leaves - 1 - memory.machine
        if to_root >= 0:
            own = memory["own"][0] if round else (len(memory["sorted"]),)
            whole = (memory.cluster.n_words,)
            tally_step(tally, round, memory, own, to_root, whole.__eq__)

    def finish(memory: Memory) -> Left:
        told = memory["offset"] if stage.n_rounds(memory.cluster) else [(0,)]
        rows: list[Row] = [
            (*row, start + at) for (start,) in told for at, row in enumerate(memory["sorted"])
        ]
        return {"placed": (("word", "position"), rows)}

    return per_machine(stage, step, finish)


def write_or_fail_twin(stage: WriteOrFail) -> Twin:
    """Return the twin of ``WriteOrFail``.

    Examples
    --------
    >>> write_or_fail_twin(WriteOrFail(("word",), Split(3))).shape.fields
    ('word',)
    """

    def step(round: int, memory: Memory) -> None:
        for word, position in memory["placed"]:
            memory.send("word", position // memory.cluster.block_words, word)

    def finish(memory: Memory) -> Left:
        failed: list[Row] = [(failure_word(memory.cluster),)] * n_output(memory)
        return {"output": (("word",), memory["word"] or failed)}

    return per_machine(stage, step, finish)


SPLITTING: Twins = {
    Split: split_twin,
    RankWords: rank_words_twin,
    WriteOrFail: write_or_fail_twin,
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
