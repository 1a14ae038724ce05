"""Runs of equal keys in sorted records: rows to sort, and where every run ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.integers import ceil_div
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.elements import batch_slots, last_of_group
from mpc_sim.stages.loads import OneRound


@dataclass(frozen=True)
class SortRows(Columnsort):
    """Columnsort of rows as :class:`~mpc_sim.stages.blocks.Rows` leaves them."""

    def _held(self, cluster: Cluster) -> int:
        return ceil_div(cluster.block_words, len(self.fields))


@dataclass(frozen=True)
class EndRuns(OneRound):
    """Mark the last record of every run of equal keys: field ``last``, 1 or 0.

    It reads channel ``records``, sorted by the first field and laid out evenly, ceil(n_slots / P)
    per machine, without gaps. One round: every machine sends its first key to the one before it.

    Parameters
    ----------
    fields : tuple of str
        The key, and what waits.
    n_slots : int, optional
        The most records; N by default.
    """

    fields: tuple[str, ...]
    n_slots: int | None = None

    def held(self, cluster: Cluster) -> int:
        """Records of a machine: T."""
        n_slots = cluster.n_words if self.n_slots is None else self.n_slots
        return ceil_div(n_slots, cluster.n_machines)

    def label(self, round: int, cluster: Cluster) -> str:
        return "end runs"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (
            Channel("records", self.fields, self.held(cluster), local=True),
            Channel("next", (self.fields[0],), 1, 1),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, key = inbox["records"], self.fields[0]
        outbox = Outbox()
        outbox.keep("records", records.machine, **records.columns)
        first = records.take((records.rank == 0) & (records.machine > 0))
        outbox.send("next", source=first.machine, to=first.machine - 1, **{key: first[key]})
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records, received, key = inbox["records"], inbox["next"], self.fields[0]
        slot = batch_slots(inbox.machines, cluster)
        has_next, next_key = np.zeros((2, len(inbox.machines)), np.int64)
        has_next[slot[received.machine]] = 1
        next_key[slot[received.machine]] = received[key]
        at_end, owner = last_of_group(records.machine), slot[records.machine]
        changes = np.append(records[key][1:] != records[key][:-1], True)[: len(records)]
        changes_after = (has_next[owner] == 0) | (next_key[owner] != records[key])
        last = np.where(at_end, changes_after, changes).astype(np.int64)
        return Inbox(
            inbox.machines, {"records": Records.of(records.machine, **records.columns, last=last)}
        )
