"""Stages that run in what is left of the local memory, while something waits beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol, ShapeError
from mpc_sim.compose import Carry


@dataclass(frozen=True)
class Beside(Protocol):
    """A protocol that plans with s - ``words`` of the local memory.

    What takes the other words runs in parallel to it, and is charged by itself.
    """

    inner: Protocol
    words: int

    def n_rounds(self, cluster: Cluster) -> int:
        return self.inner.n_rounds(_rest(cluster, self.words))

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return self.inner.channels(round, _rest(cluster, self.words))

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        return self.inner.joint_limit(round, _rest(cluster, self.words))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        return self.inner.step(round, inbox, _rest(cluster, self.words))

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return self.inner.finish(inbox, _rest(cluster, self.words))

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.inner.leaves(_rest(cluster, self.words))

    def label(self, round: int, cluster: Cluster) -> str:
        return self.inner.label(round, _rest(cluster, self.words))

    def check(self, cluster: Cluster) -> None:
        self.inner.check(_rest(cluster, self.words))


@lru_cache(maxsize=1024)
def _rest(cluster: Cluster, words: int) -> Cluster:
    """Return the cluster without the words that wait."""
    left = cluster.memory_words - words
    if left < max(2, cluster.block_words):
        raise ShapeError(
            f"{words} words wait on a machine of s = {cluster.memory_words}; the {left} that are "
            "left are too few: raise memory_words",
            memory_words=cluster.memory_words,
            words=words,
        )
    return replace(cluster, memory_words=left)


@dataclass(frozen=True)
class CarryRecords(Carry):
    """Carry a channel of at most ``most`` records per machine along."""

    most: int

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel(self.channel, self.fields, self.most, local=True),)
