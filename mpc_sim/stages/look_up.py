"""Look up by key: every asker learns the value that is filed under a key.

Axes: records (key, asker, value), keys from 1 on. Asker 0 files a value, which is not 0, under a
key, at most one; any other one asks for the key, and any number may. One sort brings them together,
the entry first, and a scan copies its value along: nothing is gathered. An asker of a key without
an entry learns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.compose import Stages, sequence
from mpc_sim.integers import ceil_div
from mpc_sim.records import Channel, Inbox, Outbox
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.first_of_run import ELEMENT, FIELDS, First, value_of_run
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Keyed
from mpc_sim.stages.waiting import ScanBeside, Wait, beside, share

Items = tuple[tuple[int, int], ...]
"""Pairs (k, c): k items lie evenly on all machines and make at most c records each."""


def held(items: Items, cluster: Cluster) -> int:
    """Return the most records that a machine makes."""
    return sum(each * share(number, cluster) for number, each in items)


def slots(items: Items, cluster: Cluster) -> int:
    """Return the slots that are sorted: items of several kinds leave gaps on the last machines."""
    if len(items) == 1:
        ((number, each),) = items
        return each * max(1, number)
    return held(items, cluster) * cluster.n_machines


def spread(items: Items, cluster: Cluster) -> int:
    """Return the sorted records of a machine."""
    return ceil_div(slots(items, cluster), cluster.n_machines)


@dataclass(frozen=True)
class SortItems(Columnsort):
    """Columnsort of the records that items make; the result lies evenly on all machines."""

    items: Items = ()

    def _held(self, cluster: Cluster) -> int:
        return held(self.items, cluster)

    def _out(self, cluster: Cluster) -> int:
        return spread(self.items, cluster)

    def _n_slots(self, cluster: Cluster) -> int:
        return slots(self.items, cluster)


@dataclass(frozen=True)
class ScanItems(ScanBeside):
    """A scan of the sorted records of items."""

    items: Items = ()

    def _n_slots(self, cluster: Cluster) -> int:
        return slots(self.items, cluster)


@dataclass(frozen=True)
class SendAnswers(OneRound):
    """Send every asker the value of its key, if there is one; what waits stays.

    Parameters
    ----------
    asked : Items
        What is sorted.
    home : (k, c)
        Asker x, of k c, lives on machine (x - 1) // (c ceil(k / P)).
    arriving : int
        The most answers that one of the k homes is sent.
    """

    asked: Items
    home: tuple[int, int]
    arriving: int
    waits: tuple[Wait, ...]

    def label(self, round: int, cluster: Cluster) -> str:
        return "answers home"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        most = self.arriving * share(self.home[0], cluster)
        return (
            Channel("answer", ("asker", "value"), spread(self.asked, cluster), most),
            *(left for wait in self.waits for left in wait.leaves(cluster)),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records = inbox["records"]
        _, value = value_of_run(records)
        answered = (records["tag"] > 0) & (value > 0)
        asker = records["tag"][answered]
        number, each = self.home
        outbox = Outbox()
        outbox.send(
            "answer",
            source=records.machine[answered],
            to=(asker - 1) // (each * share(number, cluster)),
            asker=asker,
            value=value[answered],
        )
        for wait in self.waits:
            waiting = inbox[wait.channel]
            outbox.keep(wait.channel, waiting.machine, **waiting.columns)
        return outbox


def look_up(asked: Items, home: tuple[int, int], arriving: int, waits: tuple[Wait, ...]) -> Stages:
    """Return the stages that answer the askers in ``records``; values arrive in ``answer``.

    Parameters
    ----------
    asked : Items
        What makes the records.
    home, arriving
        As for ``SendAnswers``.

    Returns
    -------
    Stages
        2 + 4^d + 2 L rounds, exactly; records of 3 words.
    """
    scan = ScanItems(
        Keyed(First()),
        FIELDS,
        ELEMENT,
        ("run", "first"),
        inclusive=False,
        spread=True,
        waits=waits,
        items=asked,
    )
    return sequence(
        beside(sequence(SortItems(FIELDS, items=asked), scan), waits),
        SendAnswers(asked, home, arriving, waits),
    )
