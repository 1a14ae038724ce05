"""Multi-search as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.multi_search import NONE, AnswerQueries, MarkKeys, multi_search, n_keys
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from twins.blocks import BLOCKS, Twins, twin_of
from twins.broadcast import Left, local_twin, n_output
from twins.columnsort import SORTING


def mark_keys(memory: Memory) -> Left:
    """Keep of every record its index, and its word + 1 if it is a key.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> mark_keys(Memory(0, cluster, {"records": [(5, 1), (6, 2)]}))["records"][1]
    [(1, 6), (2, 0)]
    """
    keys = n_keys(memory.cluster.n_words)
    rows: list[Row] = [
        (index, word + 1 if index < keys else NONE) for word, index in memory["records"]
    ]
    return {"records": (("index", "key"), rows)}


def answer_queries_twin(stage: AnswerQueries) -> Twin:
    """Return the twin of ``AnswerQueries``.

    Examples
    --------
    >>> answer_queries_twin(AnswerQueries()).shape
    AnswerQueries()
    """

    def step(round: int, memory: Memory) -> None:
        for index, key, found in memory["records"]:
            if key == NONE and found != NONE:
                memory.send("answer", index // memory.cluster.block_words, index, found)

    def finish(memory: Memory) -> Left:
        found = {row[0]: row[1] for row in memory["answer"]}
        first = memory.machine * memory.cluster.block_words
        words: list[Row] = [
            (found.get(index, NONE),) for index in range(first, first + n_output(memory))
        ]
        return {"output": (("word",), words)}

    return per_machine(stage, step, finish)


SEARCHING: Twins = {
    MarkKeys: lambda stage: local_twin(stage, mark_keys),
    AnswerQueries: answer_queries_twin,
}


def multi_search_twin() -> Protocol:
    """Return the twin of ``multi_search()``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> cluster = fit_cluster(multi_search(), 6, "2/3", largest_word=10)
    >>> Simulation(multi_search_twin(), cluster, [5, 1, 9, 0, 5, 8]).run().tolist()
    [0, 0, 0, 0, 6, 6]
    """
    return twin_of(multi_search(), SEARCHING, BLOCKS, SORTING)
