"""Protocols from a plain function of one machine, random ones too, and the state of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from hypothesis import strategies as st

import oracles
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    Outbox,
    Protocol,
    Records,
    Simulation,
)

Answer = Callable[[int, oracles.Memory], list[int]]


def memories(inbox: Inbox) -> dict[int, oracles.Memory]:
    """The memory of every machine of a batch, as the oracles write it."""
    out: dict[int, oracles.Memory] = {int(i): {name: [] for name in inbox} for i in inbox.machines}
    for name in inbox:
        records = inbox[name]
        columns = [records[field].tolist() for field in records.fields]
        rows = zip(*columns, strict=True) if columns else [()] * len(records)
        for machine, row in zip(records.machine.tolist(), rows, strict=True):
            out[machine][name].append(row)
    return out


def first_words(machine: int, memory: oracles.Memory) -> list[int]:
    return [row[0] for rows in memory.values() for row in rows]


def keep_all(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
    return [("w", machine, (word,)) for word in first_words(machine, memory)]


@dataclass(frozen=True)
class PerMachine(Protocol):
    """One function of (round, machine, memory) for all machines; their messages are interleaved."""

    rounds: tuple[tuple[Channel, ...], ...]
    act: oracles.Act
    answer: Answer = first_words
    name: str = "test"

    def n_rounds(self, cluster: Cluster) -> int:
        return len(self.rounds)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return self.rounds[round]

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.memory_words

    def label(self, round: int, cluster: Cluster) -> str:
        return self.name

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        fields = {channel.name: channel.fields for channel in self.rounds[round]}
        queues = [
            [(machine, *emission) for emission in self.act(round, machine, memory)]
            for machine, memory in memories(inbox).items()
        ]
        for wave in zip_longest(*reversed(queues)):
            for source, channel, to, words in filter(None, wave):
                named = zip(fields.get(channel, ("unknown",)), words, strict=True)
                outbox.send(channel, source=source, to=to, **dict(named))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        answers = [(i, word) for i, m in memories(inbox).items() for word in self.answer(i, m)]
        owner, words = ([row[column] for row in answers] for column in (0, 1))
        return Inbox(inbox.machines, {"output": Records.of(owner, word=words)})


@st.composite
def gossips(draw: st.DrawFn) -> tuple[PerMachine, oracles.Gossip, Cluster, list[int]]:
    """A random protocol, its plain twin, a cluster that may be too small for it, an input."""
    block = draw(st.integers(1, 3))
    n = draw(st.integers(1, 12))
    n_machines = -(-n // block) + draw(st.integers(0, 3))
    s = draw(st.sampled_from([40, 40, 40, 12, 6]))
    largest = draw(st.sampled_from([1, 100, 2**12]))
    cluster = Cluster(n, s, n_machines, block, largest_word=largest)
    channel = st.tuples(st.sampled_from("cab"), st.integers(0, 3), st.booleans())
    channels = st.lists(channel, max_size=3, unique_by=lambda c: c[0]).map(tuple)
    rounds = draw(st.lists(channels, max_size=3).map(tuple))
    twin = oracles.Gossip(draw(st.integers(0, 99)), rounds, n_machines, cluster.word_bits)
    declared = tuple(
        tuple(
            Channel(name, tuple("xyz"[:width]), s // max(1, width), local=local)
            for name, width, local in round
        )
        for round in rounds
    )

    def answer(machine: int, memory: oracles.Memory) -> list[int]:
        return twin.answer(machine, memory, max(0, min(block, n - machine * block)))

    words = draw(st.lists(st.integers(0, cluster.word_limit - 1), min_size=n, max_size=n))
    return PerMachine(declared, twin.act, answer), twin, cluster, words


def state(sim: Simulation) -> tuple[object, ...]:
    loads = [
        (row.label, row.n_messages, row.sent.tolist(), row.received.tolist(), row.held.tolist())
        for row in sim.ledger.rounds
    ]
    views = [str(sim.machine(i)) for i in range(sim.cluster.n_machines)]
    return sim.round, views, str(sim.ledger), loads, sim.ledger.input_held.tolist()
