"""Removing duplicates as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.remove_duplicates import OffsetWords, PlaceEnds, remove_duplicates
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.runs import EndRuns, SortRows
from twins.blocks import BLOCKS, Twins, twin_of
from twins.broadcast import Left, local_twin
from twins.columnsort import SORTING, columnsort_stage_twin


def offset_words(memory: Memory) -> Left:
    """Count the input words from 1.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> offset_words(Memory(0, cluster, {"input": [(5,), (0,)]}))["records"][1]
    [(6,), (1,)]
    """
    return {"records": (("word",), [(word + 1,) for (word,) in memory["input"]])}


def end_runs_twin(stage: EndRuns) -> Twin:
    """Return the twin of ``EndRuns``.

    Examples
    --------
    >>> end_runs_twin(EndRuns(("word",))).shape.fields
    ('word',)
    """

    def step(round: int, memory: Memory) -> None:
        records = memory["records"]
        for record in records:
            memory.keep("records", *record)
        if records and memory.machine > 0:
            memory.send("next", memory.machine - 1, records[0][0])

    def finish(memory: Memory) -> Left:
        keys = [record[0] for record in memory["records"]] + [key for (key,) in memory["next"]]
        rows: list[Row] = [
            (*record, int(at + 1 == len(keys) or keys[at + 1] != record[0]))
            for at, record in enumerate(memory["records"])
        ]
        return {"records": ((*stage.fields, "last"), rows)}

    return per_machine(stage, step, finish)


def place_ends_twin(stage: PlaceEnds) -> Twin:
    """Return the twin of ``PlaceEnds``, for records that end with last, .., fields[1:], runs.

    Examples
    --------
    >>> place_ends_twin(PlaceEnds(("word",))).shape.fields
    ('word',)
    """
    is_pair = len(stage.fields) == 2

    def finish(memory: Memory) -> Left:
        rows: list[Row] = []
        for record in memory["records"]:
            if is_pair:
                key, _, last, _, total, runs = record
                words: Row = (key, total)
            else:
                word, last, runs = record
                words = (word,)
            if last:
                rows.append((*words, runs - 1))
        return {"placed": ((*stage.fields, "position"), rows)}

    return local_twin(stage, finish)


RUNS: Twins = {
    OffsetWords: lambda stage: local_twin(stage, offset_words),
    SortRows: columnsort_stage_twin,
    EndRuns: end_runs_twin,
    PlaceEnds: place_ends_twin,
}


def remove_duplicates_twin() -> Protocol:
    """Return the twin of ``remove_duplicates()``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> cluster = fit_cluster(remove_duplicates(), 6, "2/3", largest_word=10)
    >>> Simulation(remove_duplicates_twin(), cluster, [5, 1, 9, 1, 0, 5]).run().tolist()
    [1, 2, 6, 10, 0, 0]
    """
    return twin_of(remove_duplicates(), RUNS, BLOCKS, SORTING)
