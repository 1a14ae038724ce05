"""Look up by key: every asker learns the b smallest values that are filed under a key.

Axes: records (key, asker, value), names from 1 on. Asker 0 files a value under a key, any other one
asks for the key. A key may have any number of records of both kinds: one sort brings them
together, entries first, and a scan copies the b smallest values of the run along it. Nothing is
gathered but b values a record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.algorithms.columnsort import Columnsort
from mpc_sim.algorithms.first_of_run import FIELDS as TRIPLE
from mpc_sim.algorithms.loads import check_declared_loads
from mpc_sim.algorithms.operations import Keyed, Operation
from mpc_sim.algorithms.waiting import REMEDY, ScanBeside, Wait, beside, share
from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, Sequence, sequence
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words

Items = tuple[tuple[int, int], ...]
"""Pairs (k, c): k items lie evenly on all machines and make at most c records each."""


def held(items: Items, cluster: Cluster) -> int:
    """Return the most records of a machine.

    Examples
    --------
    >>> held(((10, 2), (4, 1)), Cluster(n_words=10, memory_words=20, n_machines=4, block_words=3))
    7
    """
    return sum(each * share(number, cluster) for number, each in items)


def list_fields(prefix: str, width: int) -> tuple[str, ...]:
    """Return the names of the words of a list.

    Examples
    --------
    >>> list_fields("w", 2)
    ('w0', 'w1')
    """
    return tuple(f"{prefix}{place}" for place in range(width))


@dataclass(frozen=True)
class Smallest(Operation):
    """The b smallest of some words, each once, in order; 0 fills a list up.

    Examples
    --------
    >>> Smallest(3).combine(np.array([[2, 5, 0]]), np.array([[1, 2, 7]])).tolist()
    [[1, 2, 5]]
    """

    width: int

    @property
    def words(self) -> int:
        return self.width

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,) * self.width

    def combine(self, left: Words, right: Words) -> Words:
        none = np.iinfo(np.int64).max
        both = np.concatenate([left, right], axis=1)
        both[both == 0] = none
        both.sort(axis=1)
        both[:, 1:][both[:, 1:] == both[:, :-1]] = none
        both.sort(axis=1)
        met: Words = both[:, : self.width]
        return np.where(met == none, 0, met)


@dataclass(frozen=True)
class SortItems(Columnsort):
    """Columnsort of the records that items make, and so lies the result.

    Examples
    --------
    >>> cluster = Cluster(n_words=64, memory_words=64, n_machines=4, block_words=16)
    >>> SortItems(("key", "asker"), items=((10, 2),)).leaves(cluster)[0].per_machine
    6
    """

    items: Items = ()

    def _held(self, cluster: Cluster) -> int:
        return held(self.items, cluster)

    def _out(self, cluster: Cluster) -> int:
        return held(self.items, cluster)

    def _n_slots(self, cluster: Cluster) -> int:
        return held(self.items, cluster) * cluster.n_machines


@dataclass(frozen=True)
class ScanItems(ScanBeside):
    """A scan of the sorted records of items."""

    items: Items = ()

    def _n_slots(self, cluster: Cluster) -> int:
        return held(self.items, cluster) * cluster.n_machines


@dataclass(frozen=True)
class Widen(LocalStage):
    """Make every sorted record carry a list: of its value alone, empty where it asks."""

    width: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        lists = {name: np.zeros(len(records), np.int64) for name in list_fields("w", self.width)}
        lists["w0"] = records["value"]
        wide = Records.of(records.machine, key=records["key"], tag=records["tag"], **lists)
        return Inbox(inbox.machines, {**inbox.records, "records": wide})


@dataclass(frozen=True)
class SendLists(Protocol):
    """Send the list of every asker to where it lives; what waits stays.

    Parameters
    ----------
    width : int
    asked : Items
        What is sorted.
    home : (k, c)
        Asker x, of k c, lives on machine (x - 1) // (c ceil(k / P)).
    arriving : int
        The most lists that one of the k homes is sent.
    waits : tuple of Wait
    """

    width: int
    asked: Items
    home: tuple[int, int]
    arriving: int
    waits: tuple[Wait, ...]

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "lists home"

    def check(self, cluster: Cluster) -> None:
        check_declared_loads(self, cluster, REMEDY)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        most = self.arriving * share(self.home[0], cluster)
        fields = ("asker", *list_fields("r", self.width))
        return (
            Channel("answer", fields, held(self.asked, cluster), most),
            *(left for wait in self.waits for left in wait.leaves(cluster)),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records = inbox["records"]
        asks = records.take(records["tag"] > 0)
        number, each = self.home
        outbox = Outbox()
        outbox.send(
            "answer",
            source=asks.machine,
            to=(asks["tag"] - 1) // (each * share(number, cluster)),
            asker=asks["tag"],
            **{name: asks[name] for name in list_fields("r", self.width)},
        )
        for wait in self.waits:
            waiting = inbox[wait.channel]
            outbox.keep(wait.channel, waiting.machine, **waiting.columns)
        return outbox


def look_up(
    width: int, asked: Items, home: tuple[int, int], arriving: int, waits: tuple[Wait, ...]
) -> Sequence:
    """Return the stages that answer the askers in ``records``; lists arrive in ``answer``.

    Parameters
    ----------
    width : int
        b.
    asked : Items
        What makes the records.
    home, arriving
        As for ``SendLists``.
    waits : tuple of Wait

    Returns
    -------
    Sequence
        2 + 4^d + 2 L rounds, exactly. With R records a machine, b + 3 words each in the scan.

    Examples
    --------
    >>> cluster = Cluster(n_words=64, memory_words=64, n_machines=4, block_words=16)
    >>> look_up(2, ((8, 3),), (8, 1), 1, ()).n_rounds(cluster)
    8
    """
    wide = list_fields("w", width)
    scan = ScanItems(
        Keyed(Smallest(width)),
        ("key", "tag", *wide),
        ("key", *wide),
        ("run", *list_fields("r", width)),
        spread=True,
        waits=waits,
        items=asked,
    )
    return sequence(
        beside(sequence(SortItems(TRIPLE, items=asked), Widen(width), scan), waits),
        SendLists(width, asked, home, arriving, waits),
    )
