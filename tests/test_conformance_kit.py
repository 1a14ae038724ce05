"""The conformance kit accepts protocols and rejects, by name, what is none.

Every wrong protocol stands beside its corrected twin, which passes the same checks.
"""

from __future__ import annotations

import pickle
import random
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from numpy.typing import NDArray

import reductions.testing.compiled_side as compiled_side
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    InputError,
    Outbox,
    Protocol,
    Records,
    ShapeError,
    fit_cluster,
    random_words,
)
from mpc_sim.algorithms.columnsort import columnsort
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.algorithms.operations import Addition
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.cluster import failure_word
from mpc_sim.errors import ChannelExceeded, MemoryExceeded, SendExceeded, WordOverflow
from mpc_sim.randomness import random_below
from reductions.algorithms.algorithm import GraphAlgorithm
from reductions.bounds import Bound
from reductions.codes import CodeOverload
from reductions.registry import ENTRIES
from reductions.tasks.k_hop import k_hop_oracle
from reductions.testing import (
    CHECKS,
    NotConforming,
    assert_conforms,
    cases,
    clusters,
    word_inputs,
    words,
)

pytest_plugins = ["reductions.testing", "pytester"]

ROOT = Path(__file__).resolve().parents[1]
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

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        if round == 0:
            return super().channels(round, cluster)
        return tuple(Channel(name, ("word",), self.declared, self.received) for name in "xy")

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
        Sends(declared=9), Sends(declared=8), "shape", "declares 9 words a machine; local memory"
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


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_protocol_is_named_and_its_twin_passes(name: str) -> None:
    wrong = WRONG[name]
    assert_conforms(wrong.twin, WORDS, cluster=CLUSTER)
    STATE.clear()
    with pytest.raises(NotConforming, match=rf"^{wrong.check}: .*{wrong.says}") as caught:
        assert_conforms(wrong.protocol, WORDS, cluster=CLUSTER)
    assert caught.value.check == wrong.check
    if wrong.round is not None:
        assert caught.value.round == wrong.round


# --- checks that need more than one wrong step ---


def test_state_that_shows_late_is_found_however_late_that_is() -> None:
    """Calls of the checks, of the simulation, of a later repetition and of the second run."""
    assert_conforms(TiresAfter(10**6), WORDS, cluster=CLUSTER, codes=())
    n_calls = STATE["calls"]
    found = set()
    for calls in range(1, n_calls):
        STATE.clear()
        with pytest.raises(NotConforming) as caught:
            assert_conforms(TiresAfter(calls), WORDS, cluster=CLUSTER, codes=())
        found.add(caught.value.check)
    assert n_calls > 10
    assert found == {"hidden state", "locality", "order", "seed"}


def test_a_second_run_must_give_the_same() -> None:
    """The last call of all is that of the second run."""
    assert_conforms(TiresAfter(10**6), WORDS, cluster=CLUSTER, codes=())
    last = STATE["calls"] - 1
    STATE.clear()
    with pytest.raises(NotConforming, match=r"^seed: in a second run word 0 is \d instead of \d"):
        assert_conforms(TiresAfter(last), WORDS, cluster=CLUSTER, codes=())


def test_text_that_hashes_otherwise_in_a_new_process() -> None:
    assert_conforms(ChecksumsText(), WORDS, cluster=CLUSTER, codes=(), new_process=True)
    assert_conforms(HashesText(), WORDS, cluster=CLUSTER, codes=())
    with pytest.raises(NotConforming, match=r"^new process: word \d+ is .* hash\(\) of a string"):
        assert_conforms(HashesText(), WORDS, cluster=CLUSTER, codes=(), new_process=True)


def test_a_protocol_of_a_notebook_does_not_run_in_a_new_process() -> None:
    namespace: dict[str, Any] = {"Shift": Shift, "__name__": "a notebook"}
    exec("class Here(Shift): pass", namespace)
    assert_conforms(namespace["Here"](), WORDS, cluster=CLUSTER, codes=())
    with pytest.raises(NotConforming, match=r"^new process: it does not run there: .*Here"):
        assert_conforms(namespace["Here"](), WORDS, cluster=CLUSTER, codes=(), new_process=True)


def test_a_class_inside_a_function_does_not_pickle() -> None:
    class Inside(Shift):
        pass

    with pytest.raises(NotConforming, match=r"^pickling: Inside does not pickle .*Inside"):
        assert_conforms(Inside(), WORDS, cluster=CLUSTER)


def test_a_wrong_output_is_told_from_the_oracle() -> None:
    def oracle(words: Integers) -> Integers:
        return np.roll(words, 2)

    assert_conforms(Shift(), WORDS, cluster=CLUSTER, oracle=oracle)
    with pytest.raises(NotConforming) as caught:
        assert_conforms(AddsRound(), WORDS, cluster=CLUSTER, oracle=oracle)
    assert str(caught.value) == (
        "oracle: by the oracle word 0 is 6 instead of 5, and 12 of 12 words differ; "
        "input of 12 words [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8] on P = 6 machines, s = 8"
    )


def test_a_violation_of_the_model_is_the_cause() -> None:
    kinds = {
        "sends s + 1 words": SendExceeded,
        "makes a machine hold more than s words": MemoryExceeded,
        "sends a word that is too long": WordOverflow,
        "sends more records than declared": ChannelExceeded,
    }
    for name, kind in kinds.items():
        with pytest.raises(NotConforming) as caught:
            assert_conforms(WRONG[name].protocol, WORDS, cluster=CLUSTER)
        assert type(caught.value.__cause__) is kind


def test_a_randomised_protocol_may_fail_but_not_always() -> None:
    inputs = [WORDS[:6] * 2, [1] * 12, [9] * 12]

    def oracle(words: Integers) -> Integers:
        return np.roll(np.where(words == 9, failure_word(CLUSTER), words), 2)

    assert_conforms(FailsOnNine(), inputs, cluster=CLUSTER, oracle=oracle, codes=())
    plain: Any = lambda words: np.roll(words, 2)  # noqa: E731
    options = {"cluster": CLUSTER, "oracle": plain, "codes": ()}
    assert_conforms(FailsOnNine(), inputs[1:], may_fail=True, **options)
    with pytest.raises(NotConforming, match=r"^oracle: by the oracle word 0 is 1023 instead of 9"):
        assert_conforms(FailsOnNine(), inputs[1:], **options)
    with pytest.raises(NotConforming, match=r"^oracle: by the oracle word \d+ is 1023 instead"):
        assert_conforms(FailsOnNine(), inputs, may_fail=True, **options)  # half an answer
    with pytest.raises(NotConforming, match=r"^oracle: the failure word came out on all 1 inputs"):
        assert_conforms(FailsOnNine(), inputs[2:], may_fail=True, **options)


# --- the compiled side ---


def test_words_that_no_code_carries() -> None:
    long = replace(CLUSTER, word_bits=60)
    assert_conforms(Shift(), WORDS, cluster=long, codes=())
    fault = r"^compilation: it does not compile by the disjunct code: ShapeError: word_bits = 60"
    with pytest.raises(NotConforming, match=fault):
        assert_conforms(Shift(), WORDS, cluster=long, codes=("disjunct",))
    with pytest.raises(NotConforming, match=r"^compilation: .*'hamming' is unknown"):
        assert_conforms(Shift(), WORDS, cluster=CLUSTER, codes=("hamming",))


class Spoiled:
    """A transformer with something wrong about it."""

    def __init__(self, honest: Any, add: int = 0, layers: int = 0, heads: int = 0) -> None:
        self.honest, self.add, self.layers, self.heads = honest, add, layers, heads

    def run(self, words: Integers) -> Integers:
        output: Integers = self.honest.run(words)
        return output + self.add * (np.arange(len(output)) == 7)

    def resources(self) -> Any:
        found = self.honest.resources()
        return replace(found, layers=found.layers + self.layers, heads=found.heads + self.heads)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        ({"add": 1}, "transformer: compiled by the disjunct code .* word 7 is 10 instead of 9"),
        ({"layers": 1}, r"bounds: layers: measured 4, exact bound 3 = R \+ 1 with R = 2"),
        ({"layers": -1}, "bounds: layers: measured 2, exact bound 3"),
        ({"heads": 1}, r"bounds: heads: measured 4, upper bound 3 = k \+ 1 with k = 2 \(Theorem"),
    ],
)
def test_a_spoiled_transformer_is_named(
    spoil: dict[str, int], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = compiled_side.compile_protocol

    def compile_protocol(*args: Any, code: str, **options: Any) -> Any:
        transformer = honest(*args, code=code, **options)
        return Spoiled(transformer, **spoil) if code == "disjunct" else transformer

    # Channel w declares 2 records, and 8 may arrive: k is 2 only if receivers are declared too.
    protocol = Receives()
    monkeypatch.setattr(compiled_side, "compile_protocol", compile_protocol)
    assert_conforms(protocol, WORDS, cluster=CLUSTER, codes=("syndrome", "repetition"))
    with pytest.raises(NotConforming, match=f"^{fault}") as caught:
        assert_conforms(protocol, WORDS, cluster=CLUSTER)
    assert caught.value.details["code"] == "disjunct"


@dataclass(frozen=True)
class Receives(Shift):
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 2, 2),)


class Overloaded:
    """A transformer whose code fails on this draw."""

    def run(self, words: Integers) -> Integers:
        raise CodeOverload(17, 4, "it has more")


def test_a_code_that_was_drawn_badly_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = compiled_side.compile_protocol
    bad: set[int] = set()

    def compile_protocol(*args: Any, seed: int, **options: Any) -> Any:
        return Overloaded() if seed in bad else honest(*args, seed=seed, **options)

    monkeypatch.setattr(compiled_side, "compile_protocol", compile_protocol)
    bad.update({5, 6, 7})
    assert_conforms(Shift(), WORDS, cluster=CLUSTER, codes=("repetition",), seed=5)
    bad.add(8)
    with pytest.raises(NotConforming, match=r"^transformer: .* with 4 seeds: row 17 is no average"):
        assert_conforms(Shift(), WORDS, cluster=CLUSTER, codes=("repetition",), seed=5)


def bound(quantity: str, value: int, kind: Any = "upper") -> Bound:
    return Bound(quantity, sympy.Symbol("x"), {"x": value}, kind, "a test")


def test_bounds_of_ones_own() -> None:
    held = bound("local_memory", 2, "exact")
    assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=[held, bound("rounds", 2, "exact")])
    assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=lambda c: [bound("machines", 6)])
    fault = r"^bounds: local_memory: measured 2, upper bound 1 = x with x = 1 \(a test\); input of"
    low = bound("local_memory", 1)
    for codes in ((), ("syndrome",)):
        with pytest.raises(NotConforming, match=fault):
            assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=[low], codes=codes)
    with pytest.raises(NotConforming, match=r"^bounds: nothing measures 'energy'; measured are ro"):
        assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=[bound("energy", 1)])


# --- the library conforms ---


@pytest.mark.parametrize(
    ("protocol", "oracle", "grid"),
    [
        (columnsort(), sorted, {}),
        (k_hop(3), lambda words: k_hop_oracle(words, 3), {}),
        (k_hop(0), lambda words: words + 1, {}),
        (prefix_sum(Addition()), np.cumsum, {"word_bits": 8}),
    ],
    ids=["columnsort", "three hops", "no hop", "prefix sum"],
)
def test_the_library_conforms_on_what_hypothesis_draws(
    protocol: Protocol, oracle: Any, grid: dict[str, Any]
) -> None:
    assert_conforms(protocol, cases(protocol, **grid), oracle=oracle)


FAST = (
    "broadcast",
    "converge_cast",
    "aggregate",
    "prefix_sum",
    "columnsort",
    "sample_sort",
    "multi_search",
    "remove_duplicates",
    "reduce_by_key",
    "list_ranking",
    "k_hop",
    "three_sum",
    "maximal_matching",
)
ALGORITHMS = [entry.name for entry in ENTRIES if entry.family == "algorithm"]
SLOW = [name for name in ALGORITHMS if name not in FAST]


def check_algorithm(name: str, n: int, codes: tuple[str, ...]) -> None:
    (entry,) = (one for one in ENTRIES if (one.family, one.name) == ("algorithm", name))
    algorithm = entry.load()
    given = algorithm.instance(n, 0)
    verified = isinstance(algorithm, GraphAlgorithm) and algorithm.n_wrong_of is not None
    assert_conforms(
        algorithm.protocol_for(given),
        [(algorithm.cluster(given), algorithm.words(given))],
        oracle=None if verified else lambda words: algorithm.oracle(given),
        bounds=lambda cluster: algorithm.bounds_of(cluster, given),
        codes=codes,
    )


@pytest.mark.parametrize("name", FAST)
def test_an_algorithm_conforms(name: str) -> None:
    assert name in ALGORITHMS
    check_algorithm(name, 12, ("syndrome",))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_an_algorithm_of_many_rounds_conforms(name: str) -> None:
    check_algorithm(name, 12, ("syndrome",))


# --- what is drawn ---


def test_inputs_of_every_kind_are_drawn() -> None:
    drawn: list[list[int]] = []

    @settings(max_examples=300, derandomize=True, database=None)
    @given(word_inputs(8, 20))
    def collect(one: list[int]) -> None:
        assert 1 <= len(one) <= 8
        assert set(one) <= set(range(21))
        drawn.append(one)

    collect()
    long = [one for one in drawn if len(one) >= 4]
    kinds: dict[str, Callable[[list[int]], bool]] = {
        "sorted": lambda one: one == sorted(one) and len(set(one)) > 2,
        "reversed": lambda one: one == sorted(one, reverse=True) and len(set(one)) > 2,
        "all equal": lambda one: len(set(one)) == 1,
        "none twice": lambda one: len(set(one)) == len(one),
        "extremes": lambda one: set(one) == {0, 20},
        "two words": lambda one: set(one) == {0, 1},
        "an outlier": lambda one: sorted(map(one.count, set(one)))[:-1] == [1] and max(one) > 1,
    }
    assert [kind for kind, test in kinds.items() if not any(map(test, long))] == []
    assert any(len(one) == 1 for one in drawn)


@given(words(CLUSTER), words(CLUSTER, 0), word_inputs(3, 1, min_size=3))
@settings(max_examples=20)
def test_inputs_fit_their_cluster(one: list[int], zeros: list[int], three: list[int]) -> None:
    assert len(one) == 12
    assert set(one) <= set(range(13))
    assert zeros == [0] * 12
    assert len(three) == 3


def test_clusters_are_those_of_the_grid_that_fit() -> None:
    drawn: set[Cluster] = set()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(clusters(columnsort(), sizes=(4, 9), epsilons=("1/2", "2/3"), gammas=("0", "1/4")))
    def collect(cluster: Cluster) -> None:
        drawn.add(cluster)

    collect()
    assert drawn == {
        fit_cluster(columnsort(), n, epsilon, gamma, largest_word=16)
        for n in (4, 9)
        for epsilon in ("1/2", "2/3")
        for gamma in ("0", "1/4")
    }
    assert {cluster.word_limit for cluster in drawn} == {32}  # 15, 16 and the failure word fit


def test_grids_and_inputs_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"declares 1000000 words a machine"):
        clusters(Sends(declared=10**6))
    with pytest.raises(ShapeError, match="the grid of clusters has no point"):
        clusters(columnsort(), sizes=())
    for wrong in ((0, 3, 1), (3, -1, 1), (3, 1, 4)):
        with pytest.raises(InputError, match=r"give 1 <= min_size <= max_size and largest_word"):
            word_inputs(wrong[0], wrong[1], min_size=wrong[2])


def test_hidden_state_is_named_where_hypothesis_would_call_it_flaky() -> None:
    """What fails once and never again is the fault that was seen, not a FlakyFailure."""
    strategy = word_inputs(12, min_size=12)
    with pytest.raises(NotConforming, match=r"^seed|^hidden state|^locality|^order"):
        assert_conforms(TiresOnce(), strategy, cluster=CLUSTER, codes=())
    assert_conforms(Shift(), strategy, cluster=CLUSTER, codes=())


class TiresOnce(Shift):
    def told(self, inbox: Inbox, cluster: Cluster) -> Integers:
        STATE["calls"] = STATE.get("calls", 0) + 1
        return inbox["w"]["word"] + (STATE["calls"] == 20)


# --- what is given ---


def test_one_input_or_several_or_with_clusters() -> None:
    both = [[2, 1], [3, 1, 2, 0]]
    seen: list[int] = []

    def oracle(words: Integers) -> Integers:
        seen.append(len(words))
        return np.sort(words)

    assert_conforms(columnsort(), both, oracle=oracle, codes=())
    assert_conforms(columnsort(), (np.array(one) for one in both), oracle=oracle, codes=())
    assert_conforms(columnsort(), np.array([3, 1, 2]), oracle=oracle, codes=())
    pairs = [(fit_cluster(columnsort(), 4, "1/2", largest_word=3), both[1])]
    assert_conforms(columnsort(), pairs, oracle=oracle, codes=())
    fitted: Any = lambda words: fit_cluster(columnsort(), len(words), "1/2", largest_word=9)  # noqa: E731
    assert_conforms(columnsort(), both, cluster=fitted, oracle=oracle, codes=())
    assert seen == [2, 4, 2, 4, 3, 4, 2, 4]


def test_inputs_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no input was given, so nothing was checked"):
        assert_conforms(columnsort(), [])
    with pytest.raises(InputError, match="this cluster takes 12 integer words"):
        assert_conforms(Shift(), [1, 2], cluster=CLUSTER)
    with pytest.raises(WordOverflow, match="input words lie in"):
        assert_conforms(Shift(), [5000] * 12, cluster=CLUSTER)
    with pytest.raises(NotConforming, match=r"^shape: it fits no cluster of 12 words"):
        assert_conforms(Sends(declared=10**6), WORDS)


def test_a_fault_pickles_and_knows_its_checks() -> None:
    with pytest.raises(NotConforming) as caught:
        assert_conforms(WRONG["sends s + 1 words"].protocol, WORDS, cluster=CLUSTER)
    fault = caught.value
    again = pickle.loads(pickle.dumps(fault))
    assert (str(again), again.check, again.details) == (str(fault), fault.check, fault.details)
    assert (fault.round, fault.machine, fault.details["cluster"]) == (1, 1, CLUSTER)
    assert fault.details["words"] == WORDS
    with pytest.raises(ValueError, match="check 'mood' is none of frozen, pickling, shape"):
        NotConforming("mood", "is bad")


def test_every_check_has_a_protocol_that_fails_it() -> None:
    elsewhere = {"seed", "new process", "oracle", "compilation", "transformer", "bounds"}
    assert {wrong.check for wrong in WRONG.values()} | elsewhere == set(CHECKS)
    assert len(WRONG) == 33


def test_a_small_protocol_takes_less_than_five_seconds() -> None:
    assert_conforms(k_hop(3), [0, 1, 0])  # compiles kernels where they are not cached
    started = time.process_time()
    assert_conforms(k_hop(3), cases(k_hop(3)), oracle=lambda words: k_hop_oracle(words, 3))
    assert time.process_time() - started < 5


# --- without hypothesis, without pytest, and inside pytest ---


def test_explicit_inputs_need_neither_hypothesis_nor_pytest() -> None:
    code = """
import sys
sys.modules["hypothesis"] = sys.modules["pytest"] = None
from mpc_sim.algorithms.columnsort import columnsort
from reductions.testing import assert_conforms, word_inputs
assert_conforms(columnsort(), [3, 1, 2, 0], oracle=sorted, codes=())
try:
    word_inputs()
except ImportError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert run.stdout == (
        "strategies need hypothesis: install anna-mpc[test], or give assert_conforms explicit "
        "inputs, which need nothing\n"
    )


def test_the_fixture_passes_a_protocol(conforms: Callable[..., None]) -> None:
    conforms(columnsort(), [3, 1, 2, 0], oracle=sorted)


FAILING = """
from mpc_sim.algorithms.columnsort import columnsort

def test_sorted_backwards(conforms):
    conforms(columnsort(), [3, 1, 2, 0], oracle=lambda words: sorted(words)[::-1])
"""


def test_the_fixture_adds_the_failing_check_to_the_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_inprocess(
        "-p", "reductions.testing", "--junit-xml=report.xml", "-o", "junit_family=xunit1"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Captured conformance call*",
            "check   oracle: the output is the oracle's",
            "fault   by the oracle word 0 is 0 instead of 3, and 4 of 4 words differ; *",
            "words   [[]3, 1, 2, 0[]]",
        ]
    )
    junit = (pytester.path / "report.xml").read_text(encoding="utf-8")
    assert '<property name="conformance" value="oracle"' in junit


# --- the protocol of the README ---


def readme_files() -> dict[str, str]:
    """The files that the section shows; the first line of a block names its file."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, after = text.split("## Bring your own protocol\n")
    section, *_ = re.split(r"^## ", after, flags=re.MULTILINE)
    found = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len(found) == section.count("```python")
    return dict(found)


def test_the_readme_takes_a_protocol_of_twenty_lines_through_the_kit(
    pytester: pytest.Pytester,
) -> None:
    files = readme_files()
    assert list(files) == ["largest.py", "test_largest.py"]
    start = files["largest.py"].index("class Largest")
    assert len(re.findall(r"^.*\S", files["largest.py"][start:], re.MULTILINE)) == 20
    for name, source in files.items():
        (pytester.path / name).write_text(source, encoding="utf-8")
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


def test_canary_a_wrong_protocol_of_the_readme_is_rejected(pytester: pytest.Pytester) -> None:
    files = readme_files()
    spoiled = files["largest.py"].replace("word=largest[source]", "word=largest.max()")
    assert spoiled != files["largest.py"]
    (pytester.path / "largest.py").write_text(spoiled, encoding="utf-8")
    (pytester.path / "test_largest.py").write_text(files["test_largest.py"], encoding="utf-8")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Captured conformance call*", "check   locality: *"])
