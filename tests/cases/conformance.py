"""Protocols of one's own, right and deliberately wrong, for the tests of the conformance kit."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from cases.protocols import PROTOCOLS
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    Outbox,
    Protocol,
    Records,
    random_words,
)
from mpc_sim.cluster import failure_word
from mpc_sim.randomness import random_below
from reductions.bounds import Bound
from reductions.mpc_to_anna.codes import CodeOverload
from reductions.registry import solver
from reductions.testing import (
    assert_conforms,
)
from repository import ROOT

CLUSTER = Cluster(n_words=12, memory_words=8, n_machines=6, block_words=2, word_bits=10)
WORDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
Integers = NDArray[np.int64]

STATE: dict[str, int] = {}
"""What wrong protocols keep outside the inbox."""


@pytest.fixture(autouse=True)
def no_state() -> Iterator[None]:
    STATE.clear()
    yield
    STATE.clear()


# --- a protocol, and what can be wrong with it ---


@dataclass(frozen=True)
class Shift(Protocol):
    """Keep the words in round 0; in round 1 send them on to the next machine."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 2

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), cluster.block_words),)

    def label(self, round: int, cluster: Cluster) -> str:
        return ("keep", "tell")[round]

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        if round == 0:
            held = inbox["input"]
            outbox.keep("w", held.machine, word=self.kept(inbox, cluster))
            return outbox
        held = inbox["w"]
        to = (held.machine + 1) % cluster.n_machines
        outbox.send("w", source=held.machine, to=to, word=self.told(inbox, cluster))
        return outbox

    def kept(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["input"]["word"]

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"]

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": inbox["w"]})


class TellsLargestOfAll(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return np.full(len(inbox["w"]), inbox["w"]["word"].max(initial=0))


class TellsItsLargest(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held, largest = inbox["w"], np.zeros(cluster.n_machines, np.int64)
        np.maximum.at(largest, held.machine, held["word"])
        return largest[held.machine]


class TellsItsNeighbours(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return np.roll(inbox["w"]["word"], 1)


class TellsItsOwnReversed(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held = inbox["w"]
        order = np.lexsort((-held.rank, held.machine))
        by_machine = np.argsort(np.argsort(held.machine, kind="stable"), kind="stable")
        return held["word"][order][by_machine]


class ReadsRowFive(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] + 0 * inbox["w"]["word"][11]


class ReadsRowZero(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held = inbox["w"]
        return held["word"] + 0 * held["word"][np.flatnonzero(held.rank == 0)].sum()


class ActsForEverybody(Shift):
    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, everybody = Outbox(), np.arange(cluster.n_machines)
        for _ in range(2):
            outbox.keep("w", everybody, word=1)
        return outbox


class ActsForTheBatch(Shift):
    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        for _ in range(2):
            outbox.keep("w", inbox.machines, word=1)
        return outbox


class SumsByPlace(Shift):
    """``np.unique`` gives the machines in increasing order, whatever their order in the batch."""

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held = inbox["w"]
        _, count = np.unique(held.machine, return_counts=True)
        return np.repeat(np.add.reduceat(held["word"], np.cumsum(count) - count), count)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        if round == 0:
            return super().step(round, inbox, cluster)
        outbox, held = Outbox(), inbox["w"]
        sender = np.sort(held.machine)
        to = (sender + 1) % cluster.n_machines
        outbox.send("w", source=sender, to=to, word=self.told(inbox, cluster))
        return outbox


class SumsById(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held, total = inbox["w"], np.zeros(cluster.n_machines, np.int64)
        np.add.at(total, held.machine, held["word"])
        return total[held.machine]


class CountsInAttribute(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        self.__dict__["calls"] = self.__dict__.get("calls", 0) + 1
        return inbox["w"]["word"] + self.__dict__["calls"]


class CountsInGlobal(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["calls"] = STATE.get("calls", 0) + 1
        return inbox["w"]["word"] + STATE["calls"]


class AddsRound(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] + 1


class RemembersAttribute(Shift):
    """The words that a machine had in round 0, in an attribute: the second run looks like it."""

    def kept(self, inbox: Inbox, cluster: Cluster) -> Integers:
        self.__dict__.setdefault("first", inbox["input"]["word"].copy())
        return inbox["input"]["word"]

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] + ("first" in self.__dict__)


class RemembersInGlobal(Shift):
    """Round 0 acts otherwise once round 1 has run."""

    def kept(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["input"]["word"] + STATE.get("told", 0)

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["told"] = 1
        return inbox["w"]["word"]


class KeepsInInbox(Shift):
    def kept(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["input"]["word"] + 1


@dataclass(frozen=True)
class TiresAfter(Shift):
    """Emits other rows from some call on, however late that is."""

    calls: int = 0

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["calls"] = STATE.get("calls", 0) + 1
        return inbox["w"]["word"] + (STATE["calls"] > self.calls)


class RemembersTheFirstBatch(Shift):
    """What it adds to a word is fixed by the first step that has all machines."""

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        words = inbox["w"]["word"]
        if len(inbox.machines) == cluster.n_machines:
            STATE.setdefault("largest", int(words.max()))
        return words + STATE.get("largest", 0)


class WritesIntoInbox(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held = inbox["w"]["word"]
        held.flags.writeable = True
        held += 1
        return held


class WritesIntoCopy(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held = inbox["w"]["word"].copy()
        held += 1
        return held


class AddsChannelToInbox(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        inbox.records["late"] = inbox["w"]  # type: ignore[index]
        return inbox["w"]["word"]


class SortsMachines(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        inbox.machines[:] = inbox.machines[::-1].copy()
        return inbox["w"]["word"]


class DrawsFromNumPy(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return np.random.randint(0, 1000, len(inbox["w"]))  # noqa: NPY002


class DrawsFromPython(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return np.array([random.randrange(1000) for _ in range(len(inbox["w"]))], np.int64)


class DrawsFromSystem(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return np.random.default_rng().integers(0, 1000, len(inbox["w"]))


@dataclass(frozen=True)
class DrawsFromOneStream(Shift):
    seed: int = 7

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return np.random.default_rng(self.seed).integers(0, 1000, len(inbox["w"]))


@dataclass(frozen=True)
class DrawsByMachine(Shift):
    seed: int = 7

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        held = inbox["w"]
        drawn = random_words(self.seed, 1, held.machine, cluster.block_words)
        return random_below(1000, drawn[np.arange(len(held)), held.rank])


@dataclass(frozen=True)
class Sends(Shift):
    """In round 1 send so many records a machine, of so many declared on each of two channels."""

    records: int = 8
    declared: int = 8
    received: int | None = None
    channel: str = "x"
    word: int = 1
    everybody_to_0: bool = False
    says_joint: bool = True

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        if round == 0:
            return super().channels(round, cluster)
        return tuple(Channel(name, ("word",), self.declared, self.received) for name in "xy")

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        return cluster.memory_words if self.says_joint else None

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        if round == 0:
            return super().step(round, inbox, cluster)
        outbox = Outbox()
        source = inbox.machines[inbox.machines == 1] if not self.everybody_to_0 else inbox.machines
        for index in range(self.records):
            to = np.zeros_like(source) if self.everybody_to_0 else source * 0 + index % 6
            channel = self.channel if index else "y"
            outbox.send(channel, source=source, to=to, word=np.full(len(source), self.word))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        owner = np.repeat(inbox.machines, cluster.block_words)
        return Inbox(inbox.machines, {"output": Records.of(owner, word=0)})


@dataclass(frozen=True)
class HoldsBeyond(Sends):
    """All machines send a word to machine 0, which says how much it may hold."""

    records: int = 1
    everybody_to_0: bool = True
    limit: int = 5

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        return self.limit if round else None


class ForgetsReturn(Shift):
    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = super().step(round, inbox, cluster)
        return None if round else outbox  # type: ignore[return-value]


class ShapeOfData(Shift):
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 2 + round * STATE.get("largest", 0)),)

    def kept(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["largest"] = 2 + int(inbox["input"]["word"].max(initial=0)) % 2
        return inbox["input"]["word"]


@dataclass(frozen=True)
class ShapeOfField(Shift):
    largest: int = 2

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 2 + round * self.largest),)


class RoundsOfData(Shift):
    def n_rounds(self, cluster: Cluster) -> int:
        return 2 + STATE.get("more", 0)

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["more"] = 1
        return inbox["w"]["word"]


class ChannelsAsList(Shift):
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return [Channel("w", ("word",), 2)]  # type: ignore[return-value]


class TwoChannelsOfOneName(Shift):
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 2),) * 2


class HalfARound(Shift):
    def n_rounds(self, cluster: Cluster) -> int:
        return 2.5  # type: ignore[return-value]


def plus_one(word: Integers) -> Integers:
    return word + 1


@dataclass(frozen=True)
class Maps(Shift):
    map: Callable[[Integers], Integers] = plus_one

    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return self.map(inbox["w"]["word"])


@dataclass(frozen=True)
class HasList(Shift):
    steps: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class HasTuple(Shift):
    steps: tuple[int, ...] = ()


class HasAttributes(Protocol):
    def __init__(self, shift: int) -> None:
        self.shift = shift

    n_rounds, channels, step, finish = Shift.n_rounds, Shift.channels, Shift.step, Shift.finish
    kept, told = Shift.kept, Shift.told


class LosesAWord(Shift):
    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        held = inbox["w"]
        return Inbox(inbox.machines, {"output": held.take((held.rank == 0) | (held.machine != 3))})


class Raises(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] // np.array([1, 2])[:, None]


class HashesText(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] + hash("anna") % 512


class ChecksumsText(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] + zlib.crc32(b"anna") % 512


class FailsOnNine(Shift):
    """The failure word everywhere where a word is 9; every machine looks at its own."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        held = inbox["w"]
        nine = np.where(held["word"] == 9, failure_word(cluster), held["word"])
        return Inbox(inbox.machines, {"output": Records.of(held.machine, word=nine)})


@dataclass(frozen=True)
class Wrong:
    """A wrong protocol, its corrected twin, the check that rejects it, and what is said."""

    protocol: Protocol
    twin: Protocol
    check: str
    says: str
    round: int | None = None


OTHER_ROWS = r"round 1 \(tell\): machine \d, channel 'w': emits other rows"
WRONG = {
    "reads the largest word of all machines": Wrong(
        TellsLargestOfAll(),
        TellsItsLargest(),
        "locality",
        rf"{OTHER_ROWS} with \d of 6 machines; what a machine emits may depend on its own inbox",
        1,
    ),
    "reads the rows of its neighbour": Wrong(
        TellsItsNeighbours(),
        TellsItsOwnReversed(),
        "locality",
        rf"{OTHER_ROWS} with \d of 6 machines",
        1,
    ),
    "reads a row that not every batch has": Wrong(
        ReadsRowFive(),
        ReadsRowZero(),
        "locality",
        r"round 1 \(tell\): fails when it runs with 1 of 6 machines \(IndexError: index 11",
        1,
    ),
    "acts for machines that are not there": Wrong(
        ActsForEverybody(),
        ActsForTheBatch(),
        "locality",
        r"round 0 \(keep\): machine \d, channel 'w': emits rows for a machine that is not there",
        0,
    ),
    "draws from one stream for all machines": Wrong(
        DrawsFromOneStream(), DrawsByMachine(), "locality", OTHER_ROWS, 1
    ),
    "relies on the order of the machines": Wrong(
        SumsByPlace(),
        SumsById(),
        "order",
        r"round 1 \(tell\): .*with the machines listed in another order.*by id, not by their place",
        1,
    ),
    "counts its calls in an attribute": Wrong(
        CountsInAttribute(),
        AddsRound(),
        "hidden state",
        rf"{OTHER_ROWS} when it runs again on the same inbox: it keeps state outside the inbox",
        1,
    ),
    "counts its calls in a global": Wrong(
        CountsInGlobal(), AddsRound(), "hidden state", "when it runs again on the same inbox", 1
    ),
    "remembers in an attribute": Wrong(
        RemembersAttribute(),
        AddsRound(),
        "hidden state",
        "emits other rows than a copy of the protocol that has not run yet",
        1,
    ),
    "remembers in a global": Wrong(
        RemembersInGlobal(),
        KeepsInInbox(),
        "hidden state",
        r"round 0 \(keep\): .* after other rounds have run; what a machine needs later it keeps",
        0,
    ),
    "remembers the first whole batch": Wrong(
        RemembersTheFirstBatch(),
        TellsItsLargest(),
        "isolation",
        r"round 1 \(tell\): in isolation machine \d sends other rows on 'w': .* \(locality\)",
        1,
    ),
    "writes into its inbox": Wrong(
        WritesIntoInbox(),
        WritesIntoCopy(),
        "inbox",
        r"round 1 \(tell\): machine 0, channel 'w': writes into its inbox; copy a column",
        1,
    ),
    "adds a channel to its inbox": Wrong(
        AddsChannelToInbox(), Shift(), "inbox", "channel 'late': writes into its inbox", 1
    ),
    "sorts the list of machines": Wrong(
        SortsMachines(), Shift(), "inbox", "writes into the list of machines", 1
    ),
    "draws from NumPy's global generator": Wrong(
        DrawsFromNumPy(),
        DrawsByMachine(),
        "randomness",
        r"draws from a global random generator; use random_words\(seed, round, machines, count\)",
        1,
    ),
    "draws from Python's global generator": Wrong(
        DrawsFromPython(), DrawsByMachine(), "randomness", "draws from a global random generator", 1
    ),
    "draws from the system": Wrong(
        DrawsFromSystem(), DrawsByMachine(), "hidden state", "draws random words that are not keyed"
    ),
    "sends s + 1 words": Wrong(
        Sends(records=9),
        Sends(records=8),
        "limits",
        r"SendExceeded: round 1 \(tell\): machine 1 would send 9 words; local memory is 8",
        1,
    ),
    "makes a machine hold more than s words": Wrong(
        Sends(records=2, everybody_to_0=True),
        Sends(records=1, everybody_to_0=True),
        "limits",
        r"MemoryExceeded: round 1 \(tell\): machine 0 would hold 12 words; local memory is 8",
        1,
    ),
    "sends a word that is too long": Wrong(
        Sends(word=1024), Sends(word=1023), "limits", "WordOverflow: .* sends 1024 in field 'word'"
    ),
    "sends more records than declared": Wrong(
        Sends(records=5, declared=3),
        Sends(records=4, declared=3),
        "budget",
        r"ChannelExceeded: .* machine 1 sends 4 records on channel 'x'; it declares 3",
        1,
    ),
    "makes a machine receive more than declared": Wrong(
        Sends(records=1, everybody_to_0=True, received=4),
        Sends(records=1, everybody_to_0=True, received=5),
        "budget",
        r"ChannelExceeded: .* machine 0 receives 5 records on channel 'y'; it declares 4",
        1,
    ),
    "sends on a channel that is not declared": Wrong(
        Sends(channel="z"), Sends(channel="y"), "budget", "channel 'z' is not declared", 1
    ),
    "declares more than a machine can send": Wrong(
        Sends(declared=9), Sends(declared=8), "shape", "declares 9 words per machine; local memory"
    ),
    "may hold more than it has room for": Wrong(
        Sends(declared=5, says_joint=False),
        Sends(declared=4, records=5, says_joint=False),
        "shape",
        "may keep and receive 10 words by what its channels declare; local memory is 8; .* or "
        "define joint_limit",
    ),
    "holds more than it says": Wrong(
        HoldsBeyond(limit=5),
        HoldsBeyond(limit=6),
        "budget",
        "machine 0 would hold 6 words on all channels; the protocol declares a joint limit of 5",
        1,
    ),
    "forgets to return": Wrong(
        ForgetsReturn(), Shift(), "step", "ForgetsReturn returns None; return the Outbox", 1
    ),
    "declares channels that depend on the input": Wrong(
        ShapeOfData(),
        ShapeOfField(),
        "shape",
        r"after round 0 \(keep\) on this input round 1 declares w\(word\) x \d, before w\(word\) x "
        "2; the shape may depend on the cluster and the protocol's own fields only",
        1,
    ),
    "has rounds that depend on the input": Wrong(
        RoundsOfData(), Shift(), "shape", r"on this input it has 3 rounds, before 2; the shape may"
    ),
    "has half a round": Wrong(HalfARound(), Shift(), "shape", "n_rounds is 2.5; return an int"),
    "lists its channels": Wrong(ChannelsAsList(), Shift(), "shape", "return a tuple of Channel", 0),
    "has two channels of one name": Wrong(
        TwoChannelsOfOneName(), Shift(), "shape", "round 0: two channels have one name", 0
    ),
    "has a lambda for a field": Wrong(
        Maps(lambda word: word + 1), Maps(plus_one), "pickling", "Maps does not pickle .* no field"
    ),
    "has a list for a field": Wrong(
        HasList(), HasTuple(), "frozen", "HasList cannot be hashed .* use tuples instead of lists"
    ),
    "has attributes that can be set": Wrong(
        HasAttributes(1), Shift(), "frozen", "HasAttributes can be changed after it was made; make"
    ),
    "loses an output word": Wrong(
        LosesAWord(), Shift(), "output", "machine 3 holds 1 output words, not 2"
    ),
    "raises": Wrong(Raises(), Shift(), "step", r"round 1 \(tell\): raises \w+Error: ", 1),
}


class Spoiled:
    """A transformer with something wrong about it."""

    def __init__(self, honest: Any, add: int = 0, **more: int) -> None:
        self.honest, self.add, self.more = honest, add, more
        self.layers = honest.layers

    def run(self, words: Integers) -> Integers:
        output: Integers = self.honest.run(words)
        return output + self.add * (np.arange(len(output)) == 7)

    def resources(self) -> Any:
        found = self.honest.resources()
        spoiled = {name: getattr(found, name) + more for name, more in self.more.items()}
        return replace(found, **spoiled)


@dataclass(frozen=True)
class Receives(Shift):
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 2, 2),)


class Overloaded:
    """A transformer whose code fails on this draw."""

    def run(self, words: Integers) -> Integers:
        raise CodeOverload(17, 4, "it has more")


def bound(quantity: str, value: int, kind: Any = "upper") -> Bound:
    return Bound(quantity, sympy.Symbol("x"), {"x": value}, kind, "a test")


FAST = (
    "broadcast",
    "converge-cast",
    "aggregate",
    "prefix-sum",
    "columnsort",
    "sample-sort",
    "multi-search",
    "remove-duplicates",
    "reduce-by-key",
    "list-ranking",
    "k-hop",
    "three-sum",
    "maximal-matching",
)
ALGORITHMS = list(PROTOCOLS)
SLOW = [name for name in ALGORITHMS if name not in FAST]


def check_algorithm(name: str, n: int, codes: tuple[str, ...]) -> None:
    algorithm = solver(name)
    given = algorithm.instance(n, 0)
    verified = algorithm.problem.verifier is not None
    assert_conforms(
        algorithm.protocol_for(given),
        [(algorithm.cluster(given), algorithm.words(given))],
        oracle=None if verified else lambda words: algorithm.oracle(given),
        bounds=lambda cluster: algorithm.bounds_of(cluster, given),
        codes=codes,
    )


class TiresOnce(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["calls"] = STATE.get("calls", 0) + 1
        return inbox["w"]["word"] + (STATE["calls"] == 20)


FAILING = """
from mpc_sim.stages.columnsort import columnsort

def test_sorted_backwards(conforms):
    conforms(columnsort(), [3, 1, 2, 0], oracle=lambda words: sorted(words)[::-1])
"""


# --- the protocol of the README ---


def readme_files() -> dict[str, str]:
    """The files that the section shows; the first line of a block names its file."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, after = text.split("## Bring your own protocol\n")
    section, *_ = re.split(r"^## ", after, flags=re.MULTILINE)
    found = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(found) == section.count("```python")
    return dict(found)
