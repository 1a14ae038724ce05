"""The loop of the model: what is delivered, what can be looked at, and how to go back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import oracles
from cases.per_machine import PerMachine, first_words, gossips, keep_all, memories, state
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    MPCError,
    Outbox,
    Records,
    Simulation,
    fit_cluster,
    sequence,
)
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import (
    ChannelExceeded,
    MemoryExceeded,
    RoundBudgetExceeded,
    SendExceeded,
    ShapeError,
    UnknownChannel,
    UnknownMachine,
)
from mpc_sim.local_step import Memory, no_output_map

# --- delivery ---


@given(gossips())
def test_a_run_is_that_of_the_model(
    case: tuple[PerMachine, oracles.Gossip, Cluster, list[int]],
) -> None:
    protocol, twin, cluster, words = case
    sim = Simulation(protocol, cluster, words)
    memory = oracles.load(words, cluster.block_words, cluster.n_machines)
    assert memories(sim.inbox) == dict(enumerate(memory))
    held = [max(len(m["input"]) for m in memory)]
    for number, channels in enumerate(twin.rounds):
        names, s = [channel[0] for channel in channels], cluster.memory_words
        try:
            expected = oracles.deliver(number, twin.act, memory, names, s)
        except oracles.Overfull as fault:
            kinds = {"sent": (SendExceeded, ChannelExceeded), "held": MemoryExceeded}
            with pytest.raises(kinds[fault.what]) as caught:
                sim.step()
            assert (caught.value.round, sim.round) == (number, number)
            return
        memory = expected.memories
        loads = sim.step()
        assert memories(sim.inbox) == dict(enumerate(memory))
        assert loads.sent.tolist() == expected.sent
        assert loads.received.tolist() == expected.received
        assert loads.held.tolist() == expected.held
        held.append(max(expected.held))
    answers = [w for i, m in enumerate(memory) for w in twin.answer(i, m, cluster.block_words)]
    assert sim.output().tolist() == answers[: cluster.n_words]
    assert sim.ledger.max_held_words == max(held)


def test_an_inbox_is_sorted_by_source_and_emission() -> None:
    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        return [("x", 1, (10 * machine + i,)) for i in (3, 1, 2)] + [("y", 1, (machine,))]

    rounds = ((Channel("x", ("word",), 3), Channel("y", ("word",), 1)),)
    cluster = Cluster(3, 12, 3, 1, word_bits=6)
    sim = Simulation(PerMachine(rounds, act), cluster, [0, 0, 0])
    part = sim.peek()
    emitted = PerMachine(rounds, act).step(0, sim.inbox, cluster).rows("x")[0]
    assert emitted.tolist() == [2, 1, 0] * 3  # canary: the sources come unsorted
    assert part.messages[0].source.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    sim.step()
    assert sim.machine(1)["x"] == ((3,), (1,), (2,), (13,), (11,), (12,), (23,), (21,), (22,))
    assert sim.machine(1)["y"] == ((0,), (1,), (2,))
    assert sim.machine(0)["x"] == ()


def test_nothing_but_the_inbox_survives_a_round() -> None:
    rounds: tuple[tuple[Channel, ...], ...] = ((),)
    sim = Simulation(
        PerMachine(rounds, lambda *_: [], lambda i, m: [len(m)]), Cluster(2, 2, 2, 1), [1, 1]
    )
    assert sim.machine(0)["input"] == ((1,),)
    assert sim.run().tolist() == [0, 0]
    assert sim.machine(0).words == 0


# --- looking, going back ---


def some_run(keep_bytes: int = 2**28) -> Simulation:
    words = [3, 1, 2, 1, 3, 3, 0, 1, 2, 2, 0, 3]
    cluster = fit_cluster(k_hop(3), 12, "1/2", largest_word=4)
    return Simulation(k_hop(3), cluster, words, keep_bytes=keep_bytes)


def test_peek_changes_nothing_and_predicts_the_loads() -> None:
    sim = some_run()
    while not sim.finished:
        before = state(sim)
        traffic = sim.peek()
        assert repr(sim.peek()) == repr(traffic)
        assert f"round {sim.round} (" in repr(traffic)
        assert state(sim) == before
        loads = sim.step()
        assert loads.label == traffic.label
        assert loads.n_messages == traffic.n_messages
        for name in ("sent", "received", "held"):
            assert (getattr(loads, name) == getattr(traffic, name)).all()
    with pytest.raises(RoundBudgetExceeded):
        sim.peek()


@given(
    moves=st.lists(st.integers(-1, 10), max_size=12),
    keep_bytes=st.sampled_from([0, 500, 2000, 2**28]),
)
def test_every_walk_sees_the_states_of_one_straight_run(moves: list[int], keep_bytes: int) -> None:
    straight = some_run()
    states = [state(straight)] + [state(straight) for _ in straight]
    end = straight.n_rounds
    assert (len(states), straight.finished) == (end + 1, True)
    sim = some_run(keep_bytes)
    for move in moves:
        if move == -1 and sim.round:
            sim.back()
        elif move >= 0:
            sim.goto(min(move, end))
        assert state(sim) == states[sim.round]
    sim.goto(end)
    assert state(sim) == states[end]
    assert (sim.output() == straight.output()).all()


def test_iteration_and_run_give_the_ledger_of_steps() -> None:
    seen: list[tuple[int, int]] = []
    stepped, iterated, run = some_run(), some_run(), some_run()
    end = run.n_rounds
    loads = [stepped.step() for _ in range(end)]
    assert [load.label for load in iterated] == [load.label for load in loads]
    output = run.run(progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, end) for i in range(1, end + 1)]
    assert state(stepped) == state(iterated) == state(run)
    assert (output == stepped.output()).all()
    assert (run.run() == output).all()  # nothing is left to run


def test_no_round_beyond_the_last() -> None:
    sim = some_run()
    end = sim.n_rounds
    for action in (sim.back, lambda: sim.goto(-1), lambda: sim.goto(end + 1), sim.output):
        with pytest.raises(RoundBudgetExceeded):
            action()
    sim.run()
    done = state(sim)
    with pytest.raises(RoundBudgetExceeded) as caught:
        sim.step()
    assert (caught.value.round, caught.value.limit) == (end, end)
    assert state(sim) == done


def test_a_machine_is_shown_with_its_fields() -> None:
    rounds = ((Channel("pair", ("left", "right"), 1), Channel("sign", (), 1)),)
    act: oracles.Act = lambda r, i, m: [("pair", 1 - i, (i, 3)), ("sign", i, ())]  # noqa: E731
    sim = Simulation(PerMachine(rounds, act), Cluster(2, 4, 2, 1), [3, 2])
    assert str(sim.machine(0)) == "machine 0 before round 0: 1 of 4 words\n  input(word): (3)"
    sim.step()
    view = sim.machine(0)
    assert (view["pair"], view["sign"], view.words) == (((1, 3),), ((),), 3)
    assert view.fields == {"pair": ("left", "right"), "sign": ()}
    shown = "machine 0 before round 1: 3 of 4 words\n  pair(left, right): (1, 3)\n  sign(): ()"
    assert str(view) == shown
    for unknown in (-1, 2):
        with pytest.raises(UnknownMachine):
            sim.machine(unknown)


class Renames(PerMachine):
    """Hands on its last channel as the output, the very arrays."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": inbox[next(iter(inbox))]})


@pytest.mark.parametrize("n_rounds", [0, 1])
def test_the_output_is_no_window_into_the_simulation(n_rounds: int) -> None:
    rounds = ((Channel("w", ("word",), 1),),) * n_rounds
    sim = Simulation(Renames(rounds, keep_all), Cluster(2, 2, 2, 1), [1, 2])
    output = sim.run()
    try:
        output[:] = 0
    except ValueError:
        return  # read-only is as good
    assert sim.output().tolist() == [1, 2]
    assert sim.ledger.n_rounds == n_rounds


@pytest.mark.parametrize("at", [0, 1])
def test_a_step_cannot_write_into_its_inbox(at: int) -> None:
    class Scribbler(PerMachine):
        def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
            if round == at:
                inbox[next(iter(inbox))]["word"][:] = 0
            return super().step(round, inbox, cluster)

    rounds = ((Channel("w", ("word",), 1),),) * 2
    sim = Simulation(Scribbler(rounds, keep_all), Cluster(2, 2, 2, 1), [1, 2])
    sim.goto(at)
    before = state(sim)
    with pytest.raises(ValueError, match="read-only"):
        sim.peek()
    assert state(sim) == before


# --- sequences ---


class Doubles(PerMachine):
    """Doubles its words in ``finish``."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        (records,) = (inbox[channel] for channel in inbox)
        doubled = Records.of(records.machine, word=2 * records["word"])
        return Inbox(inbox.machines, {"output": doubled})


def stage(name: str, n_rounds: int) -> PerMachine:
    """Adds 1 to every word in every round, then doubles."""

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        return [("w", machine, (word + 1,)) for word in first_words(machine, memory)]

    return Doubles(((Channel("w", ("word",), 1),),) * n_rounds, act, name=name)


@pytest.mark.parametrize(
    "lengths", [(0,), (2,), (0, 0), (0, 2), (2, 0), (1, 0, 2), (0, 0, 1, 0, 0, 2, 0, 0)], ids=str
)
def test_a_sequence_finishes_every_stage_once_and_in_order(lengths: tuple[int, ...]) -> None:
    cluster = Cluster(1, 2, 1, 1, word_bits=40)
    protocol = sequence(*[stage(f"stage {i}", n) for i, n in enumerate(lengths)])
    word = 5
    for length in lengths:
        word = 2 * (word + length)
    sim = Simulation(protocol, cluster, [5])
    assert sim.n_rounds == sum(lengths)
    assert sim.run().tolist() == [word]
    labels = [f"stage {i}" for i, n in enumerate(lengths) for _ in range(n)]
    assert [row.label for row in sim.ledger.rounds] == labels
    sim.goto(0)
    assert sim.run().tolist() == [word]


def test_a_sequence_is_flat_and_not_empty() -> None:
    a, b, c = (stage(name, 1) for name in "abc")
    assert sequence(a, sequence(b, c)).stages == sequence(sequence(a, b), c).stages == (a, b, c)
    with pytest.raises(ValueError, match="at least one stage"):
        sequence()


def test_a_sequence_checks_every_stage() -> None:
    wide = PerMachine(((Channel("x", ("a", "b", "c"), 1),),), lambda *_: [])
    with pytest.raises(ShapeError, match="channel 'x' declares 3 words"):
        Simulation(sequence(stage("a", 1), wide), Cluster(1, 2, 1, 1), [0])
    assert issubclass(ShapeError, MPCError)


def test_the_ledger_says_when_memory_is_not_scarce() -> None:
    scarce, plenty = Cluster(8, 7, 4, 2), Cluster(8, 8, 4, 2)
    idle = PerMachine((), lambda *_: [])
    assert "shows nothing" not in str(Simulation(idle, scarce, np.zeros(8, int)).ledger)
    assert "shows nothing" in str(Simulation(idle, plenty, np.zeros(8, int)).ledger)


def test_no_output_map_is_guessed() -> None:
    cluster = Cluster(n_words=2, memory_words=4, n_machines=2, block_words=1)
    with pytest.raises(UnknownChannel, match="pass finish=, a function of one machine"):
        no_output_map(Memory(0, cluster, {}))
