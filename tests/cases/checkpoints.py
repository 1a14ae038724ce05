"""Runs that are saved and resumed, and protocols that hold what has an identity, or has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.records import Words


def start(k: int = 5, n: int = 48, seed: int = 0) -> Simulation:
    words = np.random.default_rng(seed).integers(0, 4, n)
    return Simulation(k_hop(k), fit_cluster(k_hop(k), n, "2/3", largest_word=5), words)


def last_hops(words: Words) -> list[int]:
    """k-hop for k >= n by definition: every chain of hops has come to rest after n of them."""
    latest: dict[int, int] = {}
    rest = [0]
    for i, word in enumerate(words.tolist(), 1):
        hop = latest.get(word, 0)
        rest.append(i if hop == i else rest[hop])
        latest[word] = i + 1
    return [int(words[i - 1]) + 1 if i else 0 for i in rest[1:]]


@dataclass(frozen=True)
class FanOut(Protocol):
    """Every machine tells every other its first word: P words sent; sums come out."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 2

    def label(self, round: int, cluster: Cluster) -> str:
        return ("tell", "rest")[round]

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        if round:
            return (Channel("sum", ("word",), 1, local=True),)
        return (Channel("told", ("word", "copy"), cluster.n_machines),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        if round:
            told = inbox["told"]
            sums = np.bincount(told.machine, told["word"], cluster.n_machines).astype(np.int64)
            outbox.keep("sum", inbox.machines, word=sums[inbox.machines])
            return outbox
        words = inbox["input"]
        for machine in range(3):
            outbox.send("told", source=words.machine, to=machine, word=words["word"], copy=0)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        sums = inbox["sum"]
        return Inbox(inbox.machines, {"output": sums.take(sums.machine < cluster.n_words)})


class Plain(FanOut):
    def __init__(self, **named: Any) -> None:
        self.__dict__.update(named)


def captured(k: int) -> Callable[[], int]:
    def inner() -> int:
        return k

    return inner


@dataclass(frozen=True)
class Cached:
    size: int
    cache: dict[str, int] = field(default_factory=dict, compare=False)
