"""Protocols that cheat, each in its own way, and what a certificate must say of them.

All claim to sort, or to count, in two rounds in which every machine keeps its words: without a
message. They are certified by name, as a user would, so they are attributes of this module.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol, Records

ROUNDS = 2


@dataclass(frozen=True)
class Keeps(Protocol):
    """Honest: every machine keeps its words."""

    def n_rounds(self, cluster: Cluster) -> int:
        return ROUNDS

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), cluster.block_words, 0),)

    def label(self, round: int, cluster: Cluster) -> str:
        return ("remember", "recall")[round]

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        words = inbox["w" if round else "input"]
        told = self.recall(words, inbox, cluster) if round else words["word"]
        if not round:
            self.remember(words, inbox, cluster)
        outbox.keep("w", machine=words.machine, word=np.asarray(told) % cluster.word_limit)
        return outbox

    def remember(self, words: Records, inbox: Inbox, cluster: Cluster) -> None:
        """In round 0: put aside what only the own memory may hold."""

    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        """In round 1: the words that go on."""
        return words["word"]

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": self.put_out(inbox["w"], cluster)})

    def put_out(self, words: Records, cluster: Cluster) -> Records:
        return words


# --- state outside of the inbox ---


@dataclass(frozen=True)
class Sorts(Keeps):
    """Sort without a message, through a place that all machines reach."""

    def remember(self, words: Records, inbox: Inbox, cluster: Cluster) -> None:
        self.put(np.sort(words["word"]), cluster)

    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        place = words.machine * cluster.block_words + words.rank
        return np.asarray(self.get(cluster))[place]

    def put(self, told: Any, cluster: Cluster) -> None: ...

    def get(self, cluster: Cluster) -> Any: ...


STORE: dict[str, Any] = {}
SEEN: list[Any] = []


class ModuleDict(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        STORE["words"] = told

    def get(self, cluster: Cluster) -> Any:
        return STORE["words"]


class ModuleList(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        SEEN.append(told)

    def get(self, cluster: Cluster) -> Any:
        return SEEN[-1]


class FirstCallOnly(Sorts):
    """Filled by the first call that has all machines, and read instead of the inbox for ever."""

    def remember(self, words: Records, inbox: Inbox, cluster: Cluster) -> None:
        if len(inbox.machines) == cluster.n_machines:
            STORE.setdefault("first", np.sort(words["word"]))

    def get(self, cluster: Cluster) -> Any:
        return STORE.get("first", np.zeros(cluster.n_words, np.int64))


class ClassAttribute(Sorts):
    held: ClassVar[Any] = None

    def put(self, told: Any, cluster: Cluster) -> None:
        type(self).held = told

    def get(self, cluster: Cluster) -> Any:
        return type(self).held


@dataclass(frozen=True)
class InstanceAttribute(Sorts):
    held: Any = field(default=None, compare=False)

    def put(self, told: Any, cluster: Cluster) -> None:
        object.__setattr__(self, "held", told)

    def get(self, cluster: Cluster) -> Any:
        return self.held


@dataclass(frozen=True)
class InstanceList(Sorts):
    held: list[Any] = field(default_factory=list, compare=False)

    def put(self, told: Any, cluster: Cluster) -> None:
        self.held.append(told)

    def get(self, cluster: Cluster) -> Any:
        return self.held[-1]


def _closure() -> tuple[Callable[..., None], Callable[..., Any]]:
    held = None

    def put(self: Any, told: Any, cluster: Cluster) -> None:
        nonlocal held
        held = told

    def get(self: Any, cluster: Cluster) -> Any:
        return held

    return put, get


class Closure(Sorts):
    put, get = _closure()  # type: ignore[assignment]


def _box(held: list[Any] = []) -> list[Any]:  # noqa: B006  the fault that is meant
    return held


class DefaultArgument(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        _box().append(told)

    def get(self, cluster: Cluster) -> Any:
        return _box()[-1]


@lru_cache
def _cached(n_words: int) -> list[Any]:
    return []


class Cache(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        _cached(cluster.n_words).append(told)

    def get(self, cluster: Cluster) -> Any:
        return _cached(cluster.n_words)[-1]


class Environment(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        os.environ["ANNA_TOLD"] = " ".join(map(str, told))

    def get(self, cluster: Cluster) -> Any:
        return [int(word) for word in os.environ["ANNA_TOLD"].split()]


class InTheCluster(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        object.__setattr__(cluster, "told", told)

    def get(self, cluster: Cluster) -> Any:
        return cluster.told  # type: ignore[attr-defined]


class ThreadName(Sorts):
    """A thread that waits, and holds what it was given."""

    def put(self, told: Any, cluster: Cluster) -> None:
        waiting = threading.Thread(target=threading.Event().wait, args=(1,), daemon=True)
        waiting.name = "told " + " ".join(map(str, told))
        waiting.start()

    def get(self, cluster: Cluster) -> Any:
        names = [thread.name for thread in threading.enumerate()]
        return [int(word) for word in next(n for n in names if n[:5] == "told ").split()[1:]]


class PythonGenerator(Sorts):
    def put(self, told: Any, cluster: Cluster) -> None:
        version, state, gauss = random.getstate()
        random.setstate((version, (*map(int, told), *state[len(told) :]), gauss))

    def get(self, cluster: Cluster) -> Any:
        return random.getstate()[1][: cluster.n_words]


class NumpyGenerator(Keeps):
    """Every machine draws from one stream."""

    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.random.randint(0, 9, len(words))  # noqa: NPY002


class CountsCalls(Keeps):
    calls: ClassVar[list[int]] = []

    def remember(self, words: Records, inbox: Inbox, cluster: Cluster) -> None:
        self.calls.append(1)

    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.full(len(words), len(self.calls))


class ProcessId(Keeps):
    """No cheat: it shows that an isolated run is one."""

    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.full(len(words), os.getpid())


# --- the batch ---


class BatchSize(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.full(len(words), len(inbox.machines))


class BatchOrder(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.arange(len(words))


class FirstRow(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.full(len(words), words["word"][0])


class ReversedColumn(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return words["word"][::-1]


class SortsAcross(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.sort(words["word"])


class LargestOfAll(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.full(len(words), words["word"].max())


# --- the output map ---


class OutputSorts(Keeps):
    """No round at all: the output map moves the words."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 0

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        moved = Records.of(words.machine, word=np.sort(words["word"]))
        return Inbox(inbox.machines, {"output": moved})


class OutputRolls(Keeps):
    def put_out(self, words: Records, cluster: Cluster) -> Records:
        return Records.of(words.machine, word=np.roll(words["word"], cluster.block_words))


class OutputRecalls(ModuleDict):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return words["word"]

    def put_out(self, words: Records, cluster: Cluster) -> Records:
        place = words.machine * cluster.block_words + words.rank
        return Records.of(words.machine, word=STORE["words"][place])


# --- the shape ---


class MoreChannels(Keeps):
    """A channel for every call so far."""

    calls: ClassVar[list[int]] = []

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        self.calls.append(1)
        own = super().channels(round, cluster)
        return (*own, Channel(f"more {len(self.calls) // 4 % 2}", ("word",), 0, 0))


@dataclass(frozen=True)
class Rounds(Keeps):
    """As many rounds as the largest word that it saw."""

    seen: ClassVar[list[int]] = []

    def n_rounds(self, cluster: Cluster) -> int:
        return 1 + len(self.seen)

    def label(self, round: int, cluster: Cluster) -> str:
        return "keep"

    def remember(self, words: Records, inbox: Inbox, cluster: Cluster) -> None:
        if not self.seen:
            self.seen.append(1)


# --- ownership ---


class KeepsForOthers(Keeps):
    """Emit the rows of every machine whatever the batch is."""

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, own = super().step(round, inbox, cluster), np.arange(cluster.n_machines)
        if round and len(inbox.machines) < cluster.n_machines:
            missing = np.setdiff1d(own, inbox.machines)
            outbox.keep("w", machine=missing, word=0)
        return outbox


class SendsForOthers(Keeps):
    """Send in the name of machine 0."""

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 2 * cluster.block_words, cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        words = inbox["w" if round else "input"]
        source = np.where(words.machine == words.machine.max(), words.machine.min(), words.machine)
        outbox.send("w", source=source, to=words.machine, word=words["word"])
        return outbox


class KeepsOutside(Keeps):
    """Keep words on a machine that does not exist."""

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = super().step(round, inbox, cluster)
        outbox.keep("w", machine=cluster.n_machines, word=0)
        return outbox


# --- what is no word, or no protocol ---


class Floats(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return words["word"] / 2


class NotANumber(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.where(words.machine == 1, np.nan, words["word"])


class TwoRows(Keeps):
    def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
        return np.stack([words["word"], words["word"]])


class Flags(Keeps):
    def put_out(self, words: Records, cluster: Cluster) -> Records:
        return Records.of(words.machine, word=words["word"] > 3)


class TooShort(Keeps):
    def put_out(self, words: Records, cluster: Cluster) -> Records:
        return words.take(np.arange(len(words) - 1))


class TooLong(Keeps):
    def put_out(self, words: Records, cluster: Cluster) -> Records:
        return words.take(np.minimum(np.arange(len(words) + 1), len(words) - 1))


class NoOutbox(Keeps):
    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        super().step(round, inbox, cluster)
        return None  # type: ignore[return-value]


class ListOfChannels(Keeps):
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return list(super().channels(round, cluster))  # type: ignore[return-value]


REFUSED = {
    KeepsOutside: r"round 0 \(remember\): .* machine 3; machines are 0 .. 2",
    Floats: r"round 1 \(recall\): ColumnError: word, of machine 0 .* has dtype float64",
    NotANumber: r"round 1 \(recall\): ColumnError: word, of machine 0 .* has dtype float64",
    TwoRows: r"round 1 \(recall\): ColumnError: word, of machine 0 .* has the shape \(2, 16\)",
    Flags: r"machine 0",
    TooShort: r"machine 2 holds \d output words, not \d",
    TooLong: r"machine 2 holds \d output words, not \d",
    NoOutbox: r"round 0 \(remember\): the step of NoOutbox returns None",
    ListOfChannels: r"round 0: channels of ListOfChannels are",
}
"""What does not come so far as a certificate, and what is said."""

KINDS = {
    "hidden state": (
        *(ModuleDict, ModuleList, FirstCallOnly, ClassAttribute, InstanceAttribute, InstanceList),
        *(Closure, DefaultArgument, Cache, Environment, InTheCluster, ThreadName),
        *(CountsCalls, OutputRecalls),
    ),
    "no function": (PythonGenerator, NumpyGenerator, ProcessId),
    "locality": (
        *(BatchSize, BatchOrder, FirstRow, ReversedColumn, SortsAcross, LargestOfAll),
        *(OutputSorts, OutputRolls, SendsForOthers),
    ),
    "shape": (MoreChannels, Rounds),
    "ownership": (KeepsForOthers,),
}
"""Cheats by the kind that a certificate names."""
