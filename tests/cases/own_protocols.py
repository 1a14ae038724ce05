"""Protocols of a user's own: a right one by ``PerMachine``, one on columns, faults in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpc_sim import Channel, Cluster, Inbox, Memory, Outbox, PerMachine, Protocol, Records


@dataclass(frozen=True)
class Keeps(PerMachine):
    """Every machine keeps its words and puts them out."""

    add: int = 0
    of: Callable[[int], int] | None = None

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), cluster.block_words, local=True),)

    def step(self, round: int, memory: Memory) -> None:  # type: ignore[override]
        for (word,) in memory["input"]:
            memory.keep("w", word)

    def output(self, memory: Memory) -> list[int]:
        return [word + self.add for (word,) in memory["w"]]


class Divides(Keeps):
    def step(self, round: int, memory: Memory) -> None:  # type: ignore[override]
        memory.keep("w", 1 // (1 - memory.machine))


class SendsHalf(Keeps):
    def step(self, round: int, memory: Memory) -> None:  # type: ignore[override]
        memory.keep("w", 0.5)  # type: ignore[arg-type]


class PutsNothingOut(Keeps):
    def output(self, memory: Memory) -> Any:
        pass


class Columns(Protocol):
    """The same on columns."""

    def n_rounds(self, cluster: Cluster) -> Any:
        return 1

    def channels(self, round: int, cluster: Cluster) -> Any:
        return (Channel("w", ("word",), cluster.block_words, local=True),)

    def words(self, words: Any) -> Any:
        return words

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Any:
        given, outbox = inbox["input"], Outbox()
        outbox.keep("w", given.machine, word=self.words(given["word"]))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Any:
        return Inbox(inbox.machines, {"output": inbox["w"]})


class ReturnsNothing(Columns):
    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Any:
        super().step(round, inbox, cluster)


def words_are(change: Callable[[Any], Any]) -> Columns:
    """The columns, with other words."""

    class Words(Columns):
        def words(self, words: Any) -> Any:
            return change(words)

    return Words()


def leaves(change: Callable[[Records], Any]) -> Columns:
    """The columns, with another output channel."""

    class Leaves(Columns):
        def finish(self, inbox: Inbox, cluster: Cluster) -> Any:
            return Inbox(inbox.machines, {"output": change(inbox["w"])})

    return Leaves()


def of_shape(n_rounds: Any = 1, channels: Any = ()) -> Columns:
    """The columns, with other rounds or channels."""

    class Shape(Columns):
        def n_rounds(self, cluster: Cluster) -> Any:
            return n_rounds

        def channels(self, round: int, cluster: Cluster) -> Any:
            return channels

    return Shape()


def changed(records: Records, machine: Any = None, word: Any = None) -> Records:
    """Records with another column, as they are made by hand."""
    owner = records.machine if machine is None else np.asarray(machine)
    return Records(("word",), owner, {"word": records["word"] if word is None else word})
