"""The equi-join as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.equi_join import SORTED, WEIGHED, Complement, MarkRight, Reverse, equi_join
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.blocks import PAD
from mpc_sim.stages.join_output import (
    LEFT,
    RIGHT,
    CopyAlong,
    Place,
    WritePairs,
    n_places,
    per_machine as held_by,
)
from twins.blocks import BLOCKS, Twins, WaitingTwin, twin_of
from twins.broadcast import Left, local_twin, n_output
from twins.columnsort import SORTING
from twins.remove_duplicates import RUNS
from twins.scan import scan_twin


def complement(memory: Memory) -> Left:
    """Drop empty rows and complement the others.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=6, memory_words=6, n_machines=2, block_words=3, word_bits=4)
    >>> complement(Memory(0, cluster, {"records": [(1, 5, 3), (0, 9, 9)]}))["records"][1]
    [(10, 1, 12)]
    """
    top = memory.cluster.word_limit - 1
    rows: list[Row] = [
        (top - key, 2 - relation, top - value)
        for relation, key, value in memory["records"]
        if relation in (1, 2)
    ]
    return {"records": (SORTED, rows)}


def mark_right(memory: Memory) -> Left:
    """Say of every row whether it belongs to the right relation.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=6, memory_words=6, n_machines=2, block_words=3)
    >>> mark_right(Memory(0, cluster, {"records": [(5, 1, 3)]}))["records"][1]
    [(5, 1, 3, 0)]
    """
    rows: list[Row] = [(*row, 1 - row[1]) for row in memory["records"]]
    return {"records": ((*SORTED, "is_right"), rows)}


def reverse_twin(stage: Reverse) -> Twin:
    """Return the twin of ``Reverse``.

    Examples
    --------
    >>> reverse_twin(Reverse()).shape
    Reverse()
    """

    def step(round: int, memory: Memory) -> None:
        used = -(-max(1, n_places(memory.cluster.n_words)) // held_by(memory.cluster))
        for key, is_left, value, _, _, behind in reversed(memory["records"]):
            memory.send("records", used - 1 - memory.machine, key, is_left, value, behind)

    def finish(memory: Memory) -> Left:
        limit = memory.cluster.word_limit
        rows: list[Row] = [
            (limit - key, is_left, 1 - is_left, is_left * behind, limit - value, behind)
            for key, is_left, value, behind in memory["records"]
        ]
        return {"records": (WEIGHED, rows)}

    return per_machine(stage, step, finish)


def place_twin(stage: Place) -> Twin:
    """Return the twin of ``Place``.

    Examples
    --------
    >>> place_twin(Place()).shape
    Place()
    """

    def step(round: int, memory: Memory) -> None:
        held, room = held_by(memory.cluster), n_places(memory.cluster.n_words)
        for row in memory["records"]:
            key, is_left, _, pairs, value, behind, run, lefts, rights, before = row
            if before <= room < before + pairs:
                memory.send("failure", 0)
            if before > room:
                continue
            if is_left:
                if pairs and before + pairs <= room:
                    memory.send("left", before // held, before + 1, key, value, pairs)
            elif run == key and lefts:
                step = rights + behind
                offset = before - lefts * step
                start = offset + rights * lefts
                memory.send("right", start // held, start + 1, value, offset + rights, step, lefts)

    def finish(memory: Memory) -> Left:
        pieces: list[Row] = [(0, *piece) for piece in memory["left"]]
        if memory["failure"]:
            pieces = [(1, 0, 0, 0, 0)]
        return {"left": (LEFT, pieces), "right": (RIGHT, memory["right"])}

    return per_machine(stage, step, finish)


def copy_along_twin(stage: CopyAlong) -> Twin:
    """Return the twin of ``CopyAlong``.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Last
    >>> copy_along_twin(CopyAlong(Last(5), RIGHT, RIGHT, RIGHT, "right")).shape.channel
    'right'
    """
    scan = scan_twin(stage)

    def finish(memory: Memory) -> Left:
        return {
            stage.channel: (stage.fields, memory[stage.channel]),
            f"before {stage.channel}": scan.finish_of_machine(memory)["before"],
        }

    return WaitingTwin(stage, scan.step_of_machine, finish)


def write_pairs_twin(stage: WritePairs) -> Twin:
    """Return the twin of ``WritePairs``.

    Examples
    --------
    >>> write_pairs_twin(WritePairs()).shape
    WritePairs()
    """

    def step(round: int, memory: Memory) -> None:
        cluster = memory.cluster
        held, block, no_row = held_by(cluster), cluster.block_words, cluster.word_limit - 1
        if not memory["before left"]:
            return
        left, right = memory["before left"][0], memory["before right"][0]
        failed = any(piece[0] for piece in (left, *memory["left"]))
        left_at = {piece[1]: piece for piece in memory["left"]}
        right_at = {piece[0]: piece for piece in memory["right"]}
        first = memory.machine * held
        for place in range(first, min(first + held, n_places(cluster.n_words))):
            left, right = left_at.get(place + 1, left), right_at.get(place + 1, right)
            if failed:
                for at in (3 * place, 3 * place + 1):
                    memory.send("left", at // block, no_row)
                memory.send("right", (3 * place + 2) // block, place, no_row)
                continue
            _, start, key, value, places = left
            if place + 1 - start < places:
                memory.send("left", 3 * place // block, key)
                memory.send("left", (3 * place + 1) // block, value)
            start, value, target, step, seats = right
            if place + 1 - start < seats:
                target += (place + 1 - start) * step
                memory.send("right", (3 * target + 2) // block, target, value)

    def finish(memory: Memory) -> Left:
        first = memory.machine * memory.cluster.block_words
        rights = {3 * place + 2: word for place, word in memory["right"]}
        lefts = iter(memory["left"])
        words: list[Row] = []
        for index in range(first, first + n_output(memory)):
            if index % 3 == 2:
                words.append((rights.get(index, PAD),))
            else:
                words.append(next(lefts, (PAD,)))
        return {"output": (("word",), words)}

    return per_machine(stage, step, finish)


JOINING: Twins = {
    Complement: lambda stage: local_twin(stage, complement),
    MarkRight: lambda stage: local_twin(stage, mark_right),
    Reverse: reverse_twin,
    Place: place_twin,
    CopyAlong: copy_along_twin,
    WritePairs: write_pairs_twin,
}


def equi_join_twin(n_words: int) -> Protocol:
    """Return the twin of ``equi_join(n_words)``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> rows = [1, 7, 5, 2, 7, 8, 2, 7, 9, 1, 4, 4, 0, 0, 0]
    >>> cluster = fit_cluster(equi_join(15), 15, "2/3", largest_word=11)
    >>> Simulation(equi_join_twin(15), cluster, rows).run().tolist()
    [8, 6, 9, 8, 6, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    return twin_of(equi_join(n_words), JOINING, RUNS, BLOCKS, SORTING)
