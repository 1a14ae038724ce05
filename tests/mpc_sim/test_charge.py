"""The mode `charge`: an overfull sending costs deliveries; receiving and memory always raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.charge import deliveries
from mpc_sim.errors import InputError, MemoryExceeded, SendExceeded, ShapeError
from mpc_sim.kept_rounds import KeptRounds
from mpc_sim.stages.columnsort import columnsort

S = 24
CLUSTER = Cluster(n_words=32, memory_words=S, n_machines=16, block_words=2)
WORDS = list(range(32))
MODES: tuple[Literal["strict", "charge"], ...] = ("strict", "charge")


@dataclass(frozen=True)
class Extra(Protocol):
    """A mutation of another protocol: in one round one machine also sends `words` words."""

    inner: Protocol
    at: int
    machine: int
    words: int
    to: int | None = None  # None: to all other machines in turn
    pieces: int = 1  # channels that the words are spread over
    name: str = "extra"

    def n_rounds(self, cluster: Cluster) -> int:
        return self.inner.n_rounds(cluster)

    def label(self, round: int, cluster: Cluster) -> str:
        return self.inner.label(round, cluster)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return self.inner.finish(inbox, cluster)

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.memory_words

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        channels = self.inner.channels(round, cluster)
        if round != self.at:
            return channels
        most = -(-self.words // self.pieces)
        names = (f"{self.name} {i}" for i in range(self.pieces))
        return (*channels, *(Channel(name, ("word",), most) for name in names))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = self.inner.step(round, inbox, cluster)
        if round == self.at:
            others = [m for m in range(cluster.n_machines) if m != self.machine]
            for i in range(self.words):
                to = others[i % len(others)] if self.to is None else self.to
                name = f"{self.name} {i % self.pieces}"
                outbox.send(name, source=self.machine, to=to, word=1)
        return outbox


@dataclass(frozen=True)
class Stay(Protocol):
    """Every machine keeps its words for some rounds."""

    rounds: int = 3

    def n_rounds(self, cluster: Cluster) -> int:
        return self.rounds

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("own", ("word",), cluster.block_words, local=True),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, words = Outbox(), inbox["own" if round else "input"]
        outbox.keep("own", words.machine, word=words["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": inbox["own"]})


def sending(words: int, *, pieces: int = 1) -> Extra:
    """A machine that sends `words` words in round 1, the two that it keeps included."""
    return Extra(Stay(), at=1, machine=5, words=words - CLUSTER.block_words, pieces=pieces)


# --- what a round costs ---


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (2, 0),
        (S - 1, 0),
        (S, 0),
        (S + 1, 1),
        (2 * S, 1),
        (2 * S + 1, 2),
        (3 * S, 2),
        (3 * S + 1, 3),
    ],
)
def test_an_overfull_sending_costs_its_deliveries(words: int, extra: int) -> None:
    sim = Simulation(sending(words), CLUSTER, WORDS, mode="charge")
    assert sim.run().tolist() == WORDS
    assert sim.ledger.n_rounds == 3 + extra
    assert sim.ledger.n_protocol_rounds == 3
    assert sim.ledger.n_logical_rounds == 1
    assert [row.n_deliveries for row in sim.ledger.rounds] == [1, 1 + extra, 1]
    assert sim.ledger.max_sent_words == words
    assert sim.ledger.used_share.max() == max(words, 2) / S


def test_the_worst_machine_counts_not_the_sum() -> None:
    both = Extra(sending(S + 1), at=1, machine=9, words=2 * S - 2, name="more")
    sim = Simulation(both, CLUSTER, WORDS, mode="charge")
    sim.run()
    assert [row.n_deliveries for row in sim.ledger.rounds] == [1, 2, 1]


def test_canary_strict_refuses_what_charge_counts() -> None:
    pieces = 4  # every channel alone fits s, the sum does not
    assert Simulation(sending(S, pieces=pieces), CLUSTER, WORDS).run().tolist() == WORDS
    sim = Simulation(sending(S + 1, pieces=pieces), CLUSTER, WORDS)
    with pytest.raises(SendExceeded, match=r"round 1 \(Stay\): machine 5 would send 25 words") as e:
        sim.run()
    assert (e.value.machine, e.value.words, e.value.limit, sim.round) == (5, S + 1, S, 1)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.integers(2, 60))
def test_deliveries_by_definition(sent: list[int], s: int) -> None:
    cluster = Cluster(n_words=1, memory_words=s, n_machines=len(sent), block_words=1)
    needed = 1
    while any(words > needed * s for words in sent):
        needed += 1
    assert deliveries(np.array(sent), cluster) == needed


@pytest.mark.parametrize("round", [0, 4, 5, 6, 9])
@pytest.mark.parametrize("deliveries", [2, 3])
def test_a_mutation_of_k_hop_costs_exactly_that(round: int, deliveries: int) -> None:
    protocol = k_hop(9)
    cluster = fit_cluster(protocol, 1024, "2/3")
    words = np.random.default_rng(round).integers(0, 4, 1024)
    plain = Simulation(protocol, cluster, words)
    output = plain.run()
    sent = int(plain.ledger.sent[round, 3])
    for total, cost in (
        ((deliveries - 1) * cluster.memory_words, deliveries - 1),
        ((deliveries - 1) * cluster.memory_words + 1, deliveries),
    ):
        mutated = Extra(protocol, round, 3, total - sent)
        sim = Simulation(mutated, cluster, words, mode="charge")
        assert np.array_equal(sim.run(), output)
        assert sim.ledger.n_rounds == plain.ledger.n_rounds + cost - 1


# --- what is never charged away ---


def filling(words: int) -> Extra:
    """Machine 7 keeps 2 words in round 2 and receives the others from machines 5 and 6."""
    half = Extra(Stay(), at=2, machine=6, words=10, to=7, name="half")
    return Extra(half, at=2, machine=5, words=words - 12, to=7)


@pytest.mark.parametrize("mode", MODES)
def test_memory_of_one_word_too_many_raises(mode: Literal["strict", "charge"]) -> None:
    assert Simulation(filling(S), CLUSTER, WORDS, mode=mode).run().tolist() == WORDS
    sim = Simulation(filling(S + 1), CLUSTER, WORDS, mode=mode)
    with pytest.raises(MemoryExceeded, match="machine 7 would hold 25 words") as e:
        sim.run()
    assert (e.value.machine, e.value.words, e.value.limit, e.value.round) == (7, S + 1, S, 2)
    assert (sim.round, sim.ledger.n_rounds) == (2, 2)


def test_keeping_one_word_too_many_raises_in_charge_as_well() -> None:
    full = Extra(Stay(), at=2, machine=7, words=S - 2, to=7)
    assert Simulation(full, CLUSTER, WORDS, mode="charge").run().tolist() == WORDS
    over = Extra(Stay(), at=2, machine=7, words=S - 1, to=7)
    with pytest.raises(MemoryExceeded, match="machine 7 would hold 25 words"):
        Simulation(over, CLUSTER, WORDS, mode="charge").run()
    with pytest.raises(SendExceeded, match="machine 7 would send 25 words"):
        Simulation(over, CLUSTER, WORDS).run()


def test_receiving_raises_though_its_senders_are_charged() -> None:
    over = Extra(sending(2 * S), at=1, machine=6, words=S, to=8, name="more")
    sim = Simulation(over, CLUSTER, WORDS, mode="charge")
    with pytest.raises(MemoryExceeded, match="machine 8 would hold"):
        sim.run()


def test_a_channel_may_declare_more_than_s_only_when_it_is_charged() -> None:
    wide = sending(2 * S)
    with pytest.raises(ShapeError, match=r"round 1 \(Stay\): channel 'extra 0' declares 46 words"):
        Simulation(wide, CLUSTER, WORDS)
    Simulation(wide, CLUSTER, WORDS, mode="charge")
    with pytest.raises(ShapeError, match="declares 46 words"):
        fit_cluster(wide, 32, "1/4", memory_factor=1, machine_factor=1)


@dataclass(frozen=True)
class Hoard(Stay):
    """Declares to keep more than s."""

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("own", ("word",), cluster.memory_words + 1, local=True),)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_kept_is_declared_within_s(mode: Literal["strict", "charge"]) -> None:
    with pytest.raises(ShapeError, match="declares 25 words per machine; local memory is 24"):
        Simulation(Hoard(), CLUSTER, WORDS, mode=mode)


def test_the_algorithms_own_rules_hold_in_both_modes() -> None:
    small = Cluster(n_words=64, memory_words=7, n_machines=10, block_words=7)
    for mode in MODES:
        with pytest.raises(ShapeError, match="columnsort of 64 records"):
            Simulation(columnsort(), small, list(range(64)), mode=mode)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(InputError, match="mode = 'lax': choose one of 'strict', 'charge'"):
        Simulation(Stay(), CLUSTER, WORDS, mode="lax")  # type: ignore[arg-type]


# --- the two modes agree where nothing is overfull ---


@given(st.integers(1, 60), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_modes_agree_on_a_legal_run(n: int, k: int, seed: int) -> None:
    protocol = k_hop(k)
    cluster = fit_cluster(protocol, n, "2/3", largest_word=5)
    words = np.random.default_rng(seed).integers(0, 4, n)
    runs = [Simulation(protocol, cluster, words, mode=mode) for mode in MODES]
    strict, charged = (sim.run() for sim in runs)
    assert np.array_equal(strict, charged)
    assert not runs[0].ledger.diff(runs[1].ledger)


# --- back and goto, with any budget, in both modes ---


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keep_bytes", [0, 20_000, 60_000, 2**28])
def test_back_and_goto_return_to_the_same_state(
    mode: Literal["strict", "charge"], keep_bytes: int
) -> None:
    protocol: Protocol = k_hop(21)
    cluster = fit_cluster(protocol, 256, "2/3")
    if mode == "charge":
        protocol = Extra(protocol, at=3, machine=1, words=2 * cluster.memory_words)
    words = np.random.default_rng(1).integers(0, 3, 256)
    forward = Simulation(protocol, cluster, words, mode=mode)
    states = [forward.inbox, *(forward.inbox for _ in forward)]
    assert (forward.ledger.n_rounds > forward.n_rounds) == (mode == "charge")

    sim = Simulation(protocol, cluster, words, mode=mode, keep_bytes=keep_bytes)
    rng = np.random.default_rng(2)
    walk = [sim.n_rounds, *rng.integers(0, sim.n_rounds + 1, 25).tolist()]
    for target in walk:
        sim.goto(target)
        if target and rng.random() < 0.3:
            sim.back()
            target -= 1
        assert sim.round == target == sim.ledger.n_protocol_rounds
        assert 0 <= sim._kept.n_bytes <= keep_bytes
        assert_same(sim.inbox, states[target])
    sim.goto(sim.n_rounds)
    assert not sim.ledger.diff(forward.ledger)


class Counted(KeptRounds):
    """Notes the rounds that were gone back to."""

    def rewind(self, round: int) -> tuple[int, Inbox]:
        found = super().rewind(round)
        self.found = found[0]
        return found


@pytest.mark.parametrize(("budget", "found"), [(0, 0), (3 * 32, 0), (10 * 32, 8), (2**20, 8)])
def test_a_larger_budget_replays_less(budget: int, found: int) -> None:
    sim = Simulation(Stay(12), Cluster(2, 4, 1, 2), [1, 2])  # 32 bytes a round
    sim._kept = kept = Counted(sim.inbox, budget)
    sim.run()
    assert kept.n_bytes == min(budget, 12 * 32)
    sim.goto(8)
    assert (kept.found, sim.round) == (found, 8)


def assert_same(inbox: Inbox, other: Inbox) -> None:
    assert list(inbox) == list(other)
    for name in inbox:
        assert np.array_equal(inbox[name].machine, other[name].machine)
        assert inbox[name].fields == other[name].fields
        for field in inbox[name].fields:
            assert np.array_equal(inbox[name][field], other[name][field])
