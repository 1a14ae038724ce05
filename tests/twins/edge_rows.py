"""Loading and marking of edges as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.stages.edge_rows import LoadEdges, MarkEdges, edge_fields, shuffled
from twins.broadcast import Left, n_output


def load_edges_twin(stage: LoadEdges) -> Twin:
    """Return the twin of ``LoadEdges``.

    Examples
    --------
    >>> from mpc_sim.inputs.graphs import GraphShape
    >>> load_edges_twin(LoadEdges(GraphShape(3, 2))).shape.seed is None
    True
    """
    shape, width = stage.shape, stage.shape.edge_words

    def machine_of(edge: int, memory: Memory) -> int:
        seat = edge if stage.seed is None else int(shuffled(shape.n_edges, stage.seed)[edge])
        return seat // stage.held(memory.cluster)

    def step(round: int, memory: Memory) -> None:
        first = memory.machine * memory.cluster.block_words
        for place, (word,) in enumerate(memory["input"], start=first):
            if place >= shape.n_vertices:
                edge = (place - shape.n_vertices) // width
                memory.send("word", machine_of(edge, memory), word)

    def finish(memory: Memory) -> Left:
        words = [word for (word,) in memory["word"]]
        own = [at for at in range(shape.n_edges) if machine_of(at, memory) == memory.machine]
        rows: list[Row] = [
            (index, *words[rank * width : (rank + 1) * width]) for rank, index in enumerate(own)
        ]
        return {"edges": (edge_fields(shape), rows)}

    return per_machine(stage, step, finish)


def mark_edges_twin(stage: MarkEdges) -> Twin:
    """Return the twin of ``MarkEdges``.

    Examples
    --------
    >>> from mpc_sim.inputs.graphs import GraphShape
    >>> mark_edges_twin(MarkEdges(GraphShape(3, 2), 1)).shape.most
    1
    """
    shape, width = stage.shape, stage.shape.edge_words

    def step(round: int, memory: Memory) -> None:
        for row in memory["listed"]:
            for word in range(width):
                place = shape.n_vertices + width * row[0] + word
                memory.send("place", place // memory.cluster.block_words, place)
        for _ in memory.records.get("alarm", []):
            memory.keep("alarm")

    def finish(memory: Memory) -> Left:
        first = memory.machine * memory.cluster.block_words
        marked = {place - first for (place,) in memory["place"]}
        rows: list[Row] = [(int(at in marked),) for at in range(n_output(memory))]
        if memory["alarm"]:
            rows = [(memory.cluster.word_limit - 1,)] * len(rows)
        return {"output": (("word",), rows)}

    return per_machine(stage, step, finish)
