"""The limits of the model, one word below and one word beyond; and what routing does to messages.

Every protocol here is quiet in round 0 and does in round 1 what a test is about.
"""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st

import oracles
from cases.per_machine import PerMachine, keep_all, state
from mpc_sim import Channel, Cluster, Inbox, MPCError, Outbox, Records, Simulation
from mpc_sim.errors import (
    ChannelExceeded,
    MemoryExceeded,
    SendExceeded,
    ShapeError,
    UnknownChannel,
    UnknownMachine,
    WordOverflow,
)
from mpc_sim.routing import collect

S = 4
CLUSTER = Cluster(n_words=6, memory_words=S, n_machines=6, block_words=1)  # words 0 .. 7
QUIET = (Channel("w", ("word",), 1),)
LOUD = (
    Channel("a", ("word",), S),
    Channel("b", ("word",), S),
    Channel("pair", ("left", "right"), S // 2),
    Channel("sign", (), S),
    Channel("own", ("word",), S, local=True),
    Channel("few", ("word",), 2, 3),
)


def burst(messages: dict[int, list[oracles.Emission]]) -> PerMachine:
    """In round 1 these machines emit these messages and the others nothing."""

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        return messages.get(machine, []) if round else keep_all(round, machine, memory)

    return PerMachine((QUIET, LOUD), act, lambda i, memory: [0], name="burst")


def simulate(messages: dict[int, list[oracles.Emission]]) -> Simulation:
    return Simulation(burst(messages), CLUSTER, [1] * 6)


def words(channel: str, to: int, count: int) -> list[oracles.Emission]:
    width = {channel.name: len(channel.fields) for channel in LOUD}[channel]
    return [(channel, to, (1,) * width)] * count


AT_THE_LIMIT = {
    "send": {2: words("a", 0, 3) + words("b", 1, 1)},
    "send pairs": {2: words("pair", 0, 2)},
    "send signs": {2: words("sign", 0, 4)},
    "keep": {2: words("a", 2, 4)},
    "keep and send": {2: words("own", 2, 2) + words("a", 3, 2)},
    "receive": {1: words("a", 0, 2), 2: words("b", 0, 1), 3: words("a", 0, 1)},
    "receive pairs": {1: words("pair", 0, 1), 2: words("pair", 0, 1)},
    "hold": {0: words("own", 0, 1), 1: words("a", 0, 2), 2: words("sign", 0, 1)},
    "few": {1: words("few", 0, 2), 2: words("few", 0, 1), 0: words("few", 0, 1)},
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_exactly_s_words_pass(name: str) -> None:
    sim = simulate(AT_THE_LIMIT[name])
    sim.run()
    loads = sim.ledger.rounds[1]
    assert max(loads.sent.max(), loads.held.max()) == S
    assert max(sim.ledger.max_sent_words, sim.ledger.max_held_words) == S


BEYOND = {
    "send": (
        {2: words("a", 0, 2) + words("b", 1, 2) + words("a", 3, 1)},
        SendExceeded,
        "machine 2 would send 5 words; local memory is 4; "
        "largest: 2 to machine 0, 2 to machine 1, 1 to machine 3",
        {"machine": 2, "words": 5, "limit": 4, "contributors": {0: 2, 1: 2, 3: 1}},
    ),
    "send a sign": (
        {2: words("pair", 0, 2) + words("sign", 4, 1)},
        SendExceeded,
        "machine 2 would send 5 words; local memory is 4; largest: 4 to machine 0, 1 to machine 4",
        {"machine": 2, "words": 5, "limit": 4, "contributors": {0: 4, 4: 1}},
    ),
    "keep": (
        {2: words("own", 2, 4) + words("a", 2, 1)},
        SendExceeded,
        "machine 2 would send 5 words; local memory is 4; largest: 5 to machine 2",
        {"machine": 2, "words": 5, "limit": 4, "contributors": {2: 5}},
    ),
    "keep and send": (
        {2: words("own", 2, 4) + words("a", 3, 1)},
        SendExceeded,
        "machine 2 would send 5 words; local memory is 4; largest: 4 to machine 2, 1 to machine 3",
        {"machine": 2, "words": 5, "limit": 4, "contributors": {2: 4, 3: 1}},
    ),
    "receive": (
        {i: words("ab"[i % 2], 0, n) for i, n in [(1, 1), (2, 1), (3, 2), (5, 1)]},
        MemoryExceeded,
        "machine 0 would receive 5 words; local memory is 4; "
        "largest: 2 from machine 3, 1 from machine 1, 1 from machine 2",
        {"machine": 0, "words": 5, "limit": 4, "contributors": {3: 2, 1: 1, 2: 1}},
    ),
    "receive pairs": (
        {i: words("pair", 5, 1) for i in (0, 2, 4)},
        MemoryExceeded,
        "machine 5 would receive 6 words; local memory is 4; "
        "largest: 2 from machine 0, 2 from machine 2, 2 from machine 4",
        {"machine": 5, "words": 6, "limit": 4, "contributors": {0: 2, 2: 2, 4: 2}},
    ),
    "hold": (
        {0: words("own", 0, 1), 1: words("a", 0, 4)},
        MemoryExceeded,
        "machine 0 would hold 5 words; local memory is 4; "
        "largest: 4 from machine 1, 1 from machine 0",
        {"machine": 0, "words": 5, "limit": 4, "contributors": {1: 4, 0: 1}},
    ),
    "more records than declared": (
        {3: words("few", 0, 2) + words("few", 1, 1)},
        ChannelExceeded,
        "machine 3 sends 3 records on channel 'few'; it declares 2",
        {"machine": 3, "channel": "few", "records": 3, "limit": 2},
    ),
    "more kept records than declared": (
        {3: words("few", 3, 3)},
        ChannelExceeded,
        "machine 3 sends 3 records on channel 'few'; it declares 2",
        {"machine": 3, "channel": "few", "records": 3, "limit": 2},
    ),
    "more receivings than declared": (
        {1: words("few", 0, 2), 2: words("few", 0, 2)},
        ChannelExceeded,
        "machine 0 receives 4 records on channel 'few'; it declares 3",
        {"machine": 0, "channel": "few", "records": 4, "limit": 3},
    ),
    "a local record sent": (
        {4: [*words("own", 4, 1), *words("own", 5, 1)]},
        ChannelExceeded,
        "machine 4 sends to machine 5 on channel 'own', which is declared local",
        {"machine": 4, "channel": "own"},
    ),
    "a word too large": (
        {1: [("pair", 0, (7, 0)), ("pair", 1, (0, 8))]},
        WordOverflow,
        "machine 1 sends 8 in field 'right' of channel 'pair'; words lie in 0 .. 2**3 - 1",
        {"machine": 1, "channel": "pair", "word": 8},
    ),
    "a kept word below 0": (
        {1: [("own", 1, (-1,))]},
        WordOverflow,
        "machine 1 sends -1 in field 'word' of channel 'own'; words lie in 0 .. 2**3 - 1",
        {"machine": 1, "channel": "own", "word": -1},
    ),
    "to machine P": (
        {1: words("a", 6, 1)},
        UnknownMachine,
        "channel 'a': a message goes to machine 6; machines are 0 .. 5",
        {"machine": 6, "channel": "a"},
    ),
    "to machine -1": (
        {1: words("a", -1, 1)},
        UnknownMachine,
        "channel 'a': a message goes to machine -1; machines are 0 .. 5",
        {"machine": -1, "channel": "a"},
    ),
    "on an undeclared channel": (
        {1: [("w", 0, (1,))]},
        UnknownChannel,
        "channel 'w' is not declared; declared are a, b, pair, sign, own, few",
        {"channel": "w"},
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_one_too_many_raises_and_can_be_inspected(name: str) -> None:
    messages, kind, text, details = BEYOND[name]
    sim = simulate(messages)
    sim.step()
    before = state(sim)
    for _ in range(2):  # again, from the same state
        with pytest.raises(MPCError) as caught:
            sim.step()
        error = caught.value
        assert type(error) is kind
        assert str(error) == f"round 1 (burst): {text}"
        assert error.details == {"round": 1, "label": "burst"} | details
        assert all(getattr(error, key) == value for key, value in details.items())
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.details) == (kind, str(error), error.details)
        assert state(sim) == before
        assert sim.machine(1)["w"] == ((1,),)
    with pytest.raises(kind):
        sim.run()
    assert state(sim) == before
    sim.back()
    assert sim.round == 0
    assert sim.step().sent.tolist() == [1] * 6


@pytest.mark.parametrize("word", [0, 7])
def test_words_at_the_ends_of_their_range_pass(word: int) -> None:
    sim = simulate({1: [("a", 0, (word,)), ("own", 1, (word,))]})
    sim.run()
    assert (sim.machine(0)["a"], sim.machine(1)["own"]) == (((word,),), ((word,),))


def test_wide_words_at_the_ends_of_their_range() -> None:
    cluster = Cluster(1, 2, 1, 1, word_bits=62)
    top = 2**62 - 1
    protocol = PerMachine((QUIET,), keep_all)
    assert Simulation(protocol, cluster, [top]).run().tolist() == [top]
    loud = PerMachine((QUIET,), lambda r, i, m: [("w", 0, (top + 1,))])
    with pytest.raises(WordOverflow):
        Simulation(loud, cluster, [top]).run()


def test_the_words_limits_are_not_checked_by_peek() -> None:
    sim = simulate(BEYOND["hold"][0])
    sim.step()
    assert sim.peek().held.tolist() == [5, 0, 0, 0, 0, 0]
    assert sim.peek().received.tolist() == [4, 0, 0, 0, 0, 0]
    assert sim.peek().sent.tolist() == [1, 4, 0, 0, 0, 0]


def test_a_channel_beyond_local_memory_is_refused_before_the_run() -> None:
    wide = Channel("wide", ("x", "y"), 3)
    with pytest.raises(ShapeError, match=r"round 0 .*'wide' declares 6 words .* memory is 4"):
        Simulation(PerMachine(((wide,),), lambda *_: []), CLUSTER, [1] * 6)


# --- what an outbox takes ---


def test_two_channels_of_one_name_are_refused() -> None:
    twice = (*LOUD, Channel("a", ("other",), 1))
    with pytest.raises(ShapeError, match="two channels have one name"):
        collect(Outbox(), twice, np.arange(6), CLUSTER, round=0, label="test")


def test_a_channel_takes_its_declared_fields_only() -> None:
    for columns in ({"left": [1]}, {"left": [1], "right": [1], "middle": [1]}, {"word": [1]}):
        outbox = Outbox()
        outbox.send("pair", source=[0], to=[1], **columns)  # type: ignore[arg-type]
        with pytest.raises(UnknownChannel, match="'pair' has the fields left, right"):
            collect(outbox, LOUD, np.arange(6), CLUSTER, round=0, label="test")


@pytest.mark.parametrize("bad", [[1.0], [True], np.array([2**63], np.uint64), ["1"]], ids=repr)
@pytest.mark.parametrize("where", ["source", "to", "word"])
def test_what_is_no_integer_is_refused(bad: object, where: str) -> None:
    with pytest.raises(TypeError, match=where):
        Outbox().send("a", **{"source": [0], "to": [0], "word": [1], where: bad})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Records.of([0], word=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("where", ["source", "to", "word"])
def test_columns_of_different_lengths_are_refused(where: str, length: int) -> None:
    columns = {"source": [0, 1, 2], "to": [0, 1, 2], "word": [0, 1, 2], where: [0] * length}
    with pytest.raises(ValueError, match="different lengths"):
        Outbox().send("a", **columns)  # type: ignore[arg-type]


def test_scalars_are_repeated() -> None:
    outbox = Outbox()
    outbox.send("a", source=[0, 1], to=3, word=7)
    outbox.send("a", source=2, to=3, word=7)
    source, to, columns = outbox.rows("a")
    assert (source.tolist(), to.tolist()) == ([0, 1, 2], [3, 3, 3])
    assert columns["word"].tolist() == [7, 7, 7]


@pytest.mark.parametrize("source", [-1, 6, 2])
def test_a_source_outside_the_batch_is_refused(source: int) -> None:
    outbox = Outbox()
    outbox.send("a", source=[source], to=[0], word=[1])
    with pytest.raises(UnknownMachine, match=f"comes from machine {source};"):
        collect(outbox, LOUD, np.array([1, 3]), CLUSTER, round=0, label="test")


# --- properties ---

MESSAGE = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 7))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "sign"]), MESSAGE), max_size=30), st.data())
def test_routing_loses_and_invents_nothing_and_keeps_the_order(
    messages: list[tuple[str, tuple[int, int, int]]], data: st.DataObject
) -> None:
    outbox = Outbox()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(messages)), max_size=3)))
    for low, high in zip([0, *cuts], [*cuts, len(messages)], strict=True):
        for name in ("a", "b", "sign"):
            part = [m for channel, m in messages[low:high] if channel == name]
            source, to, word = ([m[i] for m in part] for i in range(3))
            outbox.send(name, source=source, to=to, **({} if name == "sign" else {"word": word}))
    traffic = collect(outbox, LOUD, np.arange(6), CLUSTER, round=0, label="test")
    inbox = traffic.deliver()
    assert inbox.machines.tolist() == list(range(6))
    assert set(inbox) == {channel.name for channel in LOUD}
    for name in ("a", "b"):
        records = inbox[name]
        arrived = list(zip(records.machine.tolist(), records["word"].tolist(), strict=True))
        sent = [(to, word) for channel, (_, to, word) in messages if channel == name]
        assert Counter(arrived) == Counter(sent)
        for machine in range(6):  # a stable sort by source is the canonical order
            mine = [m for channel, m in messages if (channel, m[1]) == (name, machine)]
            expected = [word for _, _, word in sorted(mine, key=lambda m: m[0])]
            assert [word for to, word in arrived if to == machine] == expected
    signs = Counter(inbox["sign"].machine.tolist())
    assert signs == Counter(m[1] for channel, m in messages if channel == "sign")
    assert traffic.sent.sum() == traffic.held.sum() == len(messages)
    assert traffic.n_messages == sum(m[0] != m[1] for _, m in messages)
    assert (inbox.held_words(6) == traffic.held).all()


@given(
    owners=st.lists(st.integers(0, 5), max_size=12).map(sorted),
    batch=st.lists(st.integers(0, 5), unique=True),
)
def test_a_restricted_inbox_holds_the_same_memories(owners: list[int], batch: list[int]) -> None:
    records = Records.of(owners, word=np.arange(len(owners)))
    whole = Inbox.of(range(6), x=records)
    part = whole.restrict(batch)
    pairs = list(zip(owners, range(len(owners)), strict=True))
    expected = [(machine, word) for machine in batch for owner, word in pairs if owner == machine]
    assert part.machines.tolist() == batch
    found = zip(part["x"].machine.tolist(), part["x"]["word"].tolist(), strict=True)
    assert list(found) == expected
    again = whole.restrict([3, 0, 5, 1, 4, 2]).restrict(batch)
    assert again["x"].machine.tolist() == part["x"].machine.tolist()
    assert again["x"]["word"].tolist() == part["x"]["word"].tolist()
