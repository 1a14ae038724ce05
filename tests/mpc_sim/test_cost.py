"""Costs: they compose as protocols do, hold in every run, and a cost one too small is caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cases.protocols import PROTOCOLS
from mpc_sim import Channel, Cluster, Inbox, Records, Simulation, parallel, sequence
from mpc_sim.algorithms.prefix_sum import PrefixOut
from mpc_sim.compose import Carry
from mpc_sim.cost import Cost, declared
from mpc_sim.errors import UnknownChannel
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.columnsort import Columnsort, Rename
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.operations import Addition
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.scan import Scan
from reductions.registry import solver

CLUSTER = Cluster(n_words=60, memory_words=12, n_machines=15, block_words=4, word_bits=16)
SORT = Columnsort(("word",))
OTHERWISE = {
    ("boolean-circuit", "sent"),
    ("maximal-independent-set", "sent"),
    ("maximal-matching", "received"),
    ("maximal-matching", "sent"),
    ("minimum-spanning-forest-filtering", "received"),
    ("minimum-spanning-forest-filtering", "sent"),
    ("sample-sort", "sent"),
    ("three-sum", "received"),
}
"""Where they differ: ``Carry`` declares all of memory; others are cruder, or tighter."""
UP, DOWN = ConvergeCast(Addition(), ("word",)), Broadcast(("word",))


def over(cost: Cost, sim: Simulation) -> list[str]:
    """What a run took that its cost does not say; the input lies there before any round."""
    ledger, cluster = sim.ledger, sim.cluster
    wrong = ["rounds"] if ledger.n_rounds != cost.rounds else []
    limits = {
        "held": (ledger.max_held_words, max(cost.held, cluster.block_words)),
        "sent": (ledger.max_sent_words, cost.sent),
        "received": (ledger.max_received_words, cost.received),
        "machines": (ledger.machines_used, max(cost.machines, cluster.n_input_machines)),
    }
    return wrong + [name for name, (taken, most) in limits.items() if taken > most]


@pytest.mark.parametrize("n", [1, 7, 40, 64])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_costs_hold_and_are_those_of_the_closed_form(name: str, n: int) -> None:
    algorithm = solver(name)
    given = algorithm.instance(max(n, 3) if "cycle" in name else n, 1)
    protocol, cluster = algorithm.protocol_for(given), algorithm.cluster(given)
    sim = Simulation(protocol, cluster, algorithm.words(given))
    sim.run()
    cost = protocol.cost(cluster)
    assert over(cost, sim) == []
    closed = {bound.quantity: bound.value for bound in algorithm.bounds_of(cluster, given)}
    assert closed["rounds"] == cost.rounds == protocol.n_rounds(cluster)
    for load in ("sent", "received") if n > 1 else ():
        assert (name, load) in OTHERWISE or closed[f"{load}_words"] == getattr(cost, load)


@pytest.mark.parametrize("quantity", ["rounds", "held", "sent", "received", "machines"])
def test_canary_a_stage_whose_cost_is_one_too_small(quantity: str) -> None:
    class TooCheap(Scan):
        def cost(self, cluster: Cluster) -> Cost:
            cost = super().cost(cluster)
            return replace(cost, **{quantity: getattr(cost, quantity) - 1})

        def joint_limit(self, round: int, cluster: Cluster) -> int:
            return cluster.memory_words

    words, fields = np.arange(60), (("word",), ("word",), ("prefix",))
    cluster = replace(CLUSTER, n_machines=20)
    for kind, wrong in ((Scan, []), (TooCheap, [quantity])):
        scan = kind(Addition(), *fields, n_slots=80)
        protocol = sequence(Rename("input", "records"), scan, PrefixOut())
        sim = Simulation(protocol, cluster, words)
        sim.run()
        assert over(protocol.cost(cluster), sim) == wrong


def test_a_sequence_adds_rounds_and_keeps_the_largest_load() -> None:
    sort, up, down = (stage.cost(CLUSTER) for stage in (SORT, UP, DOWN))
    cost = sequence(SORT, sequence(UP, DOWN, name="tree")).cost(CLUSTER)
    assert cost.rounds == sort.rounds + up.rounds + down.rounds
    assert cost.sent == max(sort.sent, up.sent, down.sent)
    assert cost.machines == max(sort.machines, up.machines)
    assert sequence(SORT, SORT).cost(CLUSTER)["sort_depth"] == 2 * sort["sort_depth"]
    assert cost["sort_depth"] == sort["sort_depth"]
    assert cost["none"] == ()


def test_a_parallel_composition_adds_loads_and_charges_what_waits() -> None:
    up, sort = UP.cost(CLUSTER), SORT.cost(CLUSTER)
    cost = parallel(UP, SORT).cost(CLUSTER)
    assert up.rounds < cost.rounds == sort.rounds
    assert cost.held == min(up.held + sort.held, CLUSTER.memory_words)
    assert cost["sort_rows"] == sort["sort_rows"]
    fields = ("a", "b", "c")
    assert parallel(UP, Carry("kept", fields)).cost(CLUSTER).sent == 12
    assert parallel(Carry("kept", fields)).cost(CLUSTER) == Cost()


def test_a_repetition_takes_its_body_many_times() -> None:
    body = sequence(UP, DOWN)
    cost, once = Repeat((body,) * 3).cost(CLUSTER), body.cost(CLUSTER)
    assert cost == replace(once, rounds=3 * once.rounds, numbers={"repeats": (3,), **once.numbers})


def test_without_a_closed_form_a_cost_is_what_is_declared() -> None:
    moved = Channel("moved", ("a", "b"), per_machine=2, per_receiver=3)
    kept = Channel("kept", ("a",), per_machine=5, local=True)
    assert declared((moved, kept), 100, 7) == Cost(1, held=15, sent=9, received=6, machines=7)
    assert declared((moved, kept), 8, 7) == Cost(1, held=8, sent=8, received=6, machines=7)
    anything = replace(moved, per_receiver=None)
    assert declared((anything,), 100, 7) == Cost(1, held=100, sent=4, received=100, machines=7)


def test_parallel_parts_leave_channels_of_different_names() -> None:
    inbox = Inbox.of([0, 1], input=Records.of([0, 1], word=[5, 6]))
    twice = parallel(Carry("input", ("word",)), Carry("input", ("word",)))
    with pytest.raises(UnknownChannel, match="two parallel parts leave a channel 'input'"):
        twice.finish(inbox, CLUSTER)
    assert set(parallel(Carry("input", ("word",))).finish(inbox, CLUSTER)) == {"input"}
