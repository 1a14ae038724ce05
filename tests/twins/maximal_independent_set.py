"""Half-edges and the maximal independent set as plain functions of one machine."""

from __future__ import annotations

from itertools import groupby

from mpc_sim.algorithms.maximal_independent_set import (
    HIT,
    JOINED,
    LEFT,
    UNDECIDED,
    Agree,
    AllOrNothing,
    Tell,
    WriteVertices,
    maximal_independent_set,
)
from mpc_sim.cluster import failure_word
from mpc_sim.compose import Carry
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.half_edges import ALIVE, HALF, MarkHeads, Meet, slots_per_machine
from twins.blocks import BLOCKS, Twins, twin_of
from twins.broadcast import Left, broadcast_stage_twin, local_twin, n_output
from twins.columnsort import SORTING
from twins.converge_cast import converge_cast_stage_twin


def mark_heads_twin(stage: MarkHeads) -> Twin:
    """Return the twin of ``MarkHeads``.

    Examples
    --------
    >>> mark_heads_twin(MarkHeads(GraphShape(4, 3))).shape.shape.n_edges
    3
    """

    def finish(memory: Memory) -> Left:
        first = memory.machine * slots_per_machine(memory.cluster)
        rows: list[Row] = [
            (word, index, slot + 1 if index < stage.shape.n_vertices else 0)
            for slot, (word, index) in enumerate(memory["records"], start=first)
        ]
        return {"records": (("word", "index", "head"), rows)}

    return local_twin(stage, finish)


def meet_twin(stage: Meet) -> Twin:
    """Return the twin of ``Meet``.

    Examples
    --------
    >>> meet_twin(Meet(GraphShape(4, 3))).shape.shape.n_vertices
    4
    """
    n = stage.shape.n_vertices

    def step(round: int, memory: Memory) -> None:
        slots = slots_per_machine(memory.cluster)
        for record in memory["records"]:
            memory.keep("records", *record[:2])
        if round:
            for (head,) in memory["leader"]:
                memory.keep("leader", head)
            ends = sorted(memory["end"])
            for (_, slot, _), (_, reverse, other) in zip(ends[::2], ends[1::2], strict=True):
                here = next(vertex for _, at, vertex in ends if at == slot)
                memory.send("reverse", slot // slots, slot, reverse, other)
                memory.send("reverse", reverse // slots, reverse, slot, here)
            return
        if memory["records"] and memory["records"][0][2] == 0:
            memory.keep("leader", (memory["before"][0][0] - 1) // slots)
        first = memory.machine * slots
        for slot, (word, index, *_) in enumerate(memory["records"], start=first):
            if index >= n:
                edge = (index - n) // 2
                memory.send("end", edge // stage.edges_held(memory.cluster), edge, slot, word)

    def finish(memory: Memory) -> Left:
        first = memory.machine * slots_per_machine(memory.cluster)
        told = {slot: (other, reverse, ALIVE) for slot, reverse, other in memory["reverse"]}
        rows: list[Row] = [
            (word, *told.get(slot, (word, slot, 0)))
            for slot, (word, _) in enumerate(memory["records"], start=first)
        ]
        return {"half": (HALF, rows), "leader": (("head",), memory["leader"])}

    return per_machine(stage, step, finish)


def stars(memory: Memory) -> list[list[Row]]:
    """Return the half-edges of the machine, grouped by their vertex.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> [len(star) for star in stars(Memory(0, cluster, {"half": [(1, 1, 0, 0), (1, 2, 3, 1)]}))]
    [2]
    """
    return [list(star) for _, star in groupby(memory["half"], key=lambda row: row[0])]


def agree_twin(stage: Agree) -> Twin:
    """Return the twin of ``Agree``.

    Examples
    --------
    >>> agree_twin(Agree(GraphShape(4, 3), "hit", 0, 0)).shape.question
    'hit'
    """

    def priority(vertex: int) -> tuple[int, int]:
        return int(random_words(stage.seed, stage.phase, [vertex], 1)[0, 0]), vertex

    def says_yes(star: list[Row]) -> bool:
        if stage.question == "hit":
            return any(state & HIT for *_, state in star)
        alive = [(vertex, other) for vertex, other, _, state in star if state & ALIVE]
        return any(priority(other) > priority(vertex) for vertex, other in alive)

    def step(round: int, memory: Memory) -> None:
        for row in memory["half"]:
            memory.keep("half", *row)
        for (head,) in memory["leader"]:
            memory.keep("leader", head)
        if round == 0:
            for (head,) in memory["leader"]:
                memory.send("vote", head, int(says_yes(stars(memory)[0])))
        elif memory["vote"]:
            votes = [bit for (bit,) in memory["vote"]]
            verdict = int(any(votes) or says_yes(stars(memory)[-1]))
            memory.keep("own verdict", verdict)
            for after in range(1, len(votes) + 1):
                memory.send("verdict", memory.machine + after, verdict)

    def finish(memory: Memory) -> Left:
        runs = stars(memory)
        yes = [says_yes(star) for star in runs]
        for (bit,) in memory["verdict"]:
            yes[0] = yes[0] or bool(bit)
        for (bit,) in memory["own verdict"]:
            yes[-1] = yes[-1] or bool(bit)
        rows: list[Row] = []
        for star, answer in zip(runs, yes, strict=True):
            for *row, state in star:
                state &= ~HIT
                if not state & (JOINED | LEFT) and answer == (stage.question == "hit"):
                    state |= LEFT if answer else JOINED
                rows.append((*row, state))
        return {"half": (HALF, rows), "leader": (("head",), memory["leader"])}

    return per_machine(stage, step, finish)


def tell_twin(stage: Tell) -> Twin:
    """Return the twin of ``Tell``.

    Examples
    --------
    >>> tell_twin(Tell(GraphShape(4, 3), JOINED, 0)).shape.phase
    0
    """

    def step(round: int, memory: Memory) -> None:
        for vertex, other, reverse, state in memory["half"]:
            if state & ALIVE and state & stage.news:
                memory.send("news", reverse // slots_per_machine(memory.cluster), reverse)
                state &= ~ALIVE
            memory.keep("half", vertex, other, reverse, state)
        for (head,) in memory["leader"]:
            memory.keep("leader", head)

    def finish(memory: Memory) -> Left:
        heard = {slot for (slot,) in memory["news"]}
        hit = HIT if stage.news == JOINED else 0
        first = memory.machine * slots_per_machine(memory.cluster)
        rows: list[Row] = [
            (*row, state & ~ALIVE | hit if slot in heard else state)
            for slot, (*row, state) in enumerate(memory["half"], start=first)
        ]
        return {"half": (HALF, rows), "leader": (("head",), memory["leader"])}

    return per_machine(stage, step, finish)


def write_vertices_twin(stage: WriteVertices) -> Twin:
    """Return the twin of ``WriteVertices``.

    Examples
    --------
    >>> write_vertices_twin(WriteVertices(GraphShape(4, 3))).shape.shape.n_edges
    3
    """

    def step(round: int, memory: Memory) -> None:
        first = memory.machine * slots_per_machine(memory.cluster)
        for slot, (vertex, _, reverse, state) in enumerate(memory["half"], start=first):
            if slot == reverse:
                word = 1 if state & JOINED else 0 if state & LEFT else UNDECIDED
                memory.send("answer", vertex // memory.cluster.block_words, word)

    def finish(memory: Memory) -> Left:
        words = memory["answer"] + [(0,)] * (n_output(memory) - len(memory["answer"]))
        failed: list[Row] = [(int(word == UNDECIDED),) for (word,) in words]
        return {"answer": (("word",), words), "vote": (("failed",), failed)}

    return per_machine(stage, step, finish)


def all_or_nothing(memory: Memory) -> Left:
    """Put the answers out, or the failure word.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2, word_bits=5)
    >>> all_or_nothing(Memory(0, cluster, {"answer": [(1,), (2,)], "word": [(1,)]}))["output"][1]
    [(31,), (31,)]
    """
    failed = any(bit for (bit,) in memory["word"])
    words: list[Row] = [
        (failure_word(memory.cluster) if failed else word,) for (word,) in memory["answer"]
    ]
    return {"output": (("word",), words)}


INDEPENDENT_SET: Twins = {
    MarkHeads: mark_heads_twin,
    Meet: meet_twin,
    Agree: agree_twin,
    Tell: tell_twin,
    WriteVertices: write_vertices_twin,
    ConvergeCast: lambda stage: converge_cast_stage_twin(stage, ("failed",)),
    Broadcast: broadcast_stage_twin,
    Carry: lambda stage: stage,
    AllOrNothing: lambda stage: local_twin(stage, all_or_nothing),
}


def maximal_independent_set_twin(shape: GraphShape, seed: int = 0) -> Protocol:
    """Return the twin of ``maximal_independent_set(shape, seed)``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.inputs.graph_instances import path
    >>> graph = path(3)
    >>> protocol = maximal_independent_set_twin(graph.shape)
    >>> cluster = fit_cluster(protocol, graph.shape.n_words, "2/3", largest_word=15)
    >>> output = Simulation(protocol, cluster, graph.words).run().tolist()
    >>> output in ([1, 0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0])
    True
    """
    return twin_of(maximal_independent_set(shape, seed), INDEPENDENT_SET, BLOCKS, SORTING)
