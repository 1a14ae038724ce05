"""The output of a join: places for its rows, seats for their right values, evenly on all machines.

C = floor(N / 3) places are all that the output has; T = ceil(max(C, 1) / P) lie on a machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.columns import rank_in_group
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.blocks import PAD
from mpc_sim.stages.elements import batch_slots
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.scan import Scan

ROW = ("relation", "key", "value")
LEFT = ("failed", "start", "key", "value", "places")
RIGHT = ("start", "value", "first", "step", "seats")


def n_places(n_words: int) -> int:
    """Return C, the output rows that N words have room for."""
    return n_words // len(ROW)


def per_machine(cluster: Cluster) -> int:
    """Return T = ceil(max(C, 1) / P): sorted rows, and later places and seats, of a machine."""
    return ceil_div(max(1, n_places(cluster.n_words)), cluster.n_machines)


@dataclass(frozen=True)
class Place(OneRound):
    """Send every row that meets another to the first place, or seat, that it covers.

    It reads rows with what the rows before them combine to: ``lefts`` and ``rights`` of the key
    ``run``, and ``before``, the pairs of all left rows, or C + 1 for more than C. The one left row
    that covers place C, one beyond the last, sends a failure to machine 0. Starts count
    from 1, so that 0 is no piece.
    """

    def label(self, round: int, cluster: Cluster) -> str:
        return "place"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        held = per_machine(cluster)
        return (
            Channel("left", LEFT[1:], held, held),
            Channel("right", RIGHT, held, held),
            Channel("failure", (), 1, 1),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        rows, held, room = inbox["records"], per_machine(cluster), n_places(cluster.n_words)
        before, end = rows["before"], rows["before"] + rows["pairs"]
        outbox = Outbox()
        fails = rows.machine[(before <= room) & (end > room)]
        outbox.send("failure", source=fails, to=np.zeros_like(fails))
        left, start = _part(rows, (rows["pairs"] > 0) & (end <= room), before)
        outbox.send(
            "left",
            source=left.machine,
            to=start // held,
            start=start + 1,
            key=left["key"],
            value=left["value"],
            places=left["pairs"],
        )
        begun = rows["run"] == rows["key"]
        seats, rank = rows["lefts"] * begun, rows["rights"] * begun
        step = rank + rows["behind"]
        offset = before - seats * step
        meets = (rows["is_right"] == 1) & (seats > 0) & (before <= room)
        right, start = _part(rows, meets, offset + rank * seats)
        outbox.send(
            "right",
            source=right.machine,
            to=start // held,
            start=start + 1,
            value=right["value"],
            first=(offset + rank)[meets],
            step=step[meets],
            seats=seats[meets],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        left, failure = inbox["left"], inbox["failure"]
        if len(failure):
            left = left.take(left.machine != 0)
        pieces = Records.of(
            np.concatenate([failure.machine, left.machine]),
            failed=np.repeat([1, 0], [len(failure), len(left)]),
            **{name: np.append(np.zeros(len(failure), np.int64), left[name]) for name in LEFT[1:]},
        )
        return Inbox(inbox.machines, {"left": pieces, "right": inbox["right"]})


def _part(rows: Records, chosen: NDArray[np.bool_], start: Words) -> tuple[Records, Words]:
    return rows.take(chosen), start[chosen]


@dataclass(frozen=True)
class CopyAlong(Scan):
    """A scan in one half of local memory that sends every machine the last piece before it.

    It leaves its pieces as they were, and channel ``before left`` or ``before right``.
    """

    def beside_words(self, cluster: Cluster) -> int:
        return cluster.memory_words - cluster.memory_words // 2

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        after = super().finish(inbox, cluster)
        kept, before = inbox[self.channel], after["before"]
        return Inbox(inbox.machines, {self.channel: kept, f"before {self.channel}": before})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        pieces, before = super().leaves(cluster)
        return (
            replace(pieces, fields=self.fields),
            replace(before, name=f"before {self.channel}"),
        )


@dataclass(frozen=True)
class WritePairs(OneRound):
    """Every place writes its key and left value, every seat the right value of a place.

    The first two words of all output rows arrive in order; a right value comes with its place.
    """

    def label(self, round: int, cluster: Cluster) -> str:
        return "write pairs"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        held, block = per_machine(cluster), cluster.block_words
        return (
            Channel("left", ("word",), 2 * held, block - block // 3),
            Channel("right", ("place", "word"), held, ceil_div(block, 3)),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        failed = np.zeros(cluster.n_machines, bool)
        for pieces in (inbox["before left"], inbox["left"]):
            failed[pieces.machine[pieces["failed"] == 1]] = True
        outbox, no_row = Outbox(), cluster.word_limit - 1
        left = cover(inbox["left"], inbox["before left"], cluster)
        fails, place = failed[left.machine], left["place"]
        written = np.flatnonzero(fails | (place - left["start"] + 1 < left["places"]))
        words = np.stack([left["key"], left["value"]], axis=1)
        words[fails] = no_row
        to = (3 * place[written, None] + np.arange(2)) // cluster.block_words
        source = np.repeat(left.machine[written], 2)
        outbox.send("left", source=source, to=to.ravel(), word=words[written].ravel())
        right = cover(inbox["right"], inbox["before right"], cluster)
        fails, ahead = failed[right.machine], right["place"] - right["start"] + 1
        place = np.where(fails, right["place"], right["first"] + ahead * right["step"])
        word = np.where(fails, no_row, right["value"])
        sent = np.flatnonzero(fails | (ahead < right["seats"]))
        outbox.send(
            "right",
            source=right.machine[sent],
            to=(3 * place[sent] + 2) // cluster.block_words,
            place=place[sent],
            word=word[sent],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        left, right = inbox["left"], inbox["right"]
        owner, start = output_places(inbox.machines, cluster)
        word = np.full(len(owner), PAD, np.int64)
        is_left = (owner * cluster.block_words + rank_in_group(owner)) % 3 < 2
        slots = np.flatnonzero(is_left)
        lefts_before = np.append(0, np.cumsum(is_left))
        word[slots[lefts_before[start[left.machine]] + left.rank]] = left["word"]
        within = (3 * right["place"] + 2) % cluster.block_words
        word[start[right.machine] + within] = right["word"]
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


def cover(pieces: Records, before: Records, cluster: Cluster) -> Records:
    """Return the places of every machine, each with the fields of the last piece that starts there.

    Parameters
    ----------
    pieces : Records
        With ``start``, which counts places from 1 and grows; 0 is no piece.
    before : Records
        One on each machine that has places: the last piece of the machines before.
    """
    held, room = per_machine(cluster), n_places(cluster.n_words)
    pieces = pieces.take(pieces["start"] > 0)
    slot = batch_slots(before.machine, cluster)
    last = np.zeros((len(before), held), np.int64)
    last[:, 0] = np.arange(len(before))
    row = slot[pieces.machine]
    last[row, pieces["start"] - 1 - pieces.machine * held] = len(before) + np.arange(len(pieces))
    chosen = np.maximum.accumulate(last, axis=1).ravel()
    place = (before.machine[:, None] * held + np.arange(held)).ravel()
    columns = {name: np.append(before[name], pieces[name])[chosen] for name in pieces.fields}
    covered = Records.of(np.repeat(before.machine, held), place=place, **columns)
    return covered.take(place < room)
