"""The fan-out reduction: bad patterns, refusals, counts of partners, bounds, a transformer."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import oracles
from cases.fan_out import Permute, algorithm, checked_run
from cases.per_machine import PerMachine, keep_all
from mpc_sim import (
    Channel,
    Cluster,
    InputError,
    MPCError,
    ShapeError,
    Simulation,
    assert_local,
    fit_cluster,
)
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import ChannelExceeded, MemoryExceeded, SendExceeded
from mpc_sim.records import Words
from mpc_sim.stages.columnsort import columnsort
from reductions.bounds import Bound
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.fan_out import (
    BoundedFanOut,
    FanOutOverload,
    bounded_fan_out,
    fan_out_bounds,
    fan_out_cluster,
    most_partners,
    run_with_partners,
)

# --- bad patterns ---


class OnePhase(BoundedFanOut):
    """Plain routing by digits: every machine is the waypoint of what it sends."""

    def waypoint(self, number: int, index: int, source: Words, emission: Words) -> Words:
        return source


class Undeclared(BoundedFanOut):
    """No limit but the memory."""

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return tuple(
            one if one.local else replace(one, per_machine=10**4, per_receiver=None)
            for one in super().channels(round, cluster)
        )


class UndeclaredOnePhase(OnePhase, Undeclared):
    pass


class Quarter(BoundedFanOut):
    """Declares a quarter of the loads on the way."""

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        hop = self.locate(round)[1]
        if hop == 2 * self.digits.n_hops - 1:
            return super().channels(round, cluster)
        return tuple(
            one if one.local else replace(one, per_receiver=(one.per_receiver or 0) // 4)
            for one in super().channels(round, cluster)
        )


def digit_patterns(base: int, length: int) -> Mapping[str, tuple[int, ...]]:
    """Permutations of machines by their digits."""
    ids = np.arange(base**length)
    digits = [ids // base**place % base for place in range(length)]

    def number(order: list[int]) -> tuple[int, ...]:
        return tuple(sum(digits[p] * base**i for i, p in enumerate(order)).tolist())

    half = length // 2
    return {
        "reversal": number(list(range(length))[::-1]),
        "transposition": number([*range(half, length), *range(half)]),
    }


def permutation(pattern: str, base: int = 4, length: int = 4, block: int = 32) -> BoundedFanOut:
    protocol = Permute(digit_patterns(base, length)[pattern])
    cluster = Cluster(base**length * block, block, base**length, block)
    return bounded_fan_out(protocol, cluster, partners=base - 1)


def as_kind(kind: type[BoundedFanOut], bounded: BoundedFanOut) -> BoundedFanOut:
    """The same fields in another class."""
    b = bounded
    return kind(b.protocol, b.inner, b.partners, b.seed, b.inverse_failure)


@pytest.mark.parametrize("pattern", ["reversal", "transposition"])
def test_a_bad_pattern_congests_in_one_phase_and_not_in_two(pattern: str) -> None:
    bounded = permutation(pattern)
    words = np.arange(bounded.inner.n_words)
    run = checked_run(bounded, words)
    assert (run.sent_partners, run.received_partners) == (3, 3)

    plain = as_kind(OnePhase, bounded)
    roomy = replace(fan_out_cluster(bounded), memory_words=10**6)
    with pytest.raises(FanOutOverload, match="too many records meet on their way; try another"):
        run_with_partners(plain, roomy, words)

    loads = []
    for kind in (UndeclaredOnePhase, Undeclared):
        free = run_with_partners(as_kind(kind, bounded), roomy, words)
        assert free.output.tolist() == run.output.tolist()
        loads.append(free.ledger.max_held_words)
    congested, spread = loads
    # 16 machines with 32 records of 4 words meet; one of them keeps its own, of 1 word
    assert congested == 15 * 32 * 4 + 32
    assert spread * 4 < congested


def test_an_overload_is_an_error_that_names_its_cause() -> None:
    bounded = as_kind(Quarter, permutation("reversal"))
    wide, words = fan_out_cluster(bounded), np.arange(bounded.inner.n_words)
    with pytest.raises(ChannelExceeded):
        Simulation(bounded, wide, words).run()
    with pytest.raises(FanOutOverload) as caught:
        run_with_partners(bounded, wide, words)
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == (
        f"round 0 (Permute / to waypoints 1/4): machine {error.machine} receives {error.records} "
        f"records on channel 'moving/w'; it declares {error.limit}: "
        "too many records meet on their way; try another seed"
    )


@pytest.mark.slow
def test_overloads_are_as_rare_as_stated() -> None:
    """200 seeds at delta = 1/4: at most 50 on average; 5 standard deviations are 5 sqrt(37.5).

    The canary are loads cut to a quarter, which every seed breaks.
    """
    pattern = permutation("transposition", base=2, length=6, block=12)
    words, n_overloads, n_cut = np.arange(pattern.inner.n_words), 0, 0
    for seed in range(200):
        bounded = replace(pattern, seed=seed, inverse_failure=4)
        cluster = fan_out_cluster(bounded)
        try:
            Simulation(bounded, cluster, words, keep_bytes=0).run()
        except ChannelExceeded:
            n_overloads += 1
        try:
            Simulation(as_kind(Quarter, bounded), cluster, words, keep_bytes=0).step()
        except ChannelExceeded:
            n_cut += 1
    assert n_overloads <= 50 + 5 * math.sqrt(200 / 4 * 3 / 4)
    assert n_cut == 200


def test_waypoints_are_spread_evenly_and_every_record_has_its_own() -> None:
    """12 counts of mean m = 4000: none is 6 sqrt(m) off, but with probability 12 * 2e-9."""
    channels = Channel("a", ("x",), 100), Channel("b", ("x",), 300, 400)
    protocol = PerMachine((channels,) * 2, lambda *_: [])
    bounded = bounded_fan_out(protocol, Cluster(12, 800, 12, 1), partners=2, seed=1)
    drawn = []
    for number, index in product((0, 1), (0, 1)):
        most = channels[index].per_machine
        source, emission = np.repeat(np.arange(12), most), np.tile(np.arange(most), 12)
        drawn.append(bounded.waypoint(number, index, source, emission))
        again = bounded.waypoint(number, index, source[::-1], emission[::-1])
        assert (again[::-1] == drawn[-1]).all()
    assert bounded.digits.n_waypoints == 12
    counts = np.bincount(np.concatenate(drawn), minlength=12)
    mean = 12 * 800 / 12
    assert np.abs(counts - mean).max() <= 6 * math.sqrt(mean)
    agree = [float(np.mean(a[:1200] == b[:1200])) for a, b in ((drawn[0], drawn[2]), drawn[2:])]
    assert max(agree) <= 1 / 12 + 6 * math.sqrt(1 / 12 / 1200)


# --- locality, seeds, files ---


@pytest.mark.parametrize("partners", [1, 3])
def test_it_is_local(partners: int) -> None:
    words = np.random.default_rng(4).integers(0, 4, 40)
    cluster = fit_cluster(k_hop(2), 40, "2/3", "1/4", largest_word=4)
    bounded = bounded_fan_out(k_hop(2), cluster, partners=partners)
    assert_local(bounded, fan_out_cluster(bounded), words)


def test_the_same_seed_gives_the_same_ledger(tmp_path: Path) -> None:
    pattern = permutation("reversal", base=2, length=5, block=8)
    words, cluster = np.arange(pattern.inner.n_words), fan_out_cluster(pattern)

    def loads(seed: int) -> list[list[int]]:
        sim = Simulation(replace(pattern, seed=seed), cluster, words)
        sim.run()
        return [[*row.sent.tolist(), *row.held.tolist()] for row in sim.ledger.rounds]

    assert loads(7) == loads(7) != loads(8)

    sim = Simulation(pattern, cluster, words)
    sim.goto(3)
    sim.save(tmp_path / "run.npz")
    resumed = Simulation.resume(tmp_path / "run.npz", pickle.loads(pickle.dumps(pattern)))
    assert resumed.run().tolist() == sim.run().tolist()


# --- what is refused ---


def test_a_cluster_that_is_too_small_is_refused() -> None:
    bounded = bounded_fan_out(columnsort(), Cluster(64, 64, 8, 8), partners=3)
    wide = fan_out_cluster(bounded)
    short = replace(wide, memory_words=wide.memory_words - 1)
    message = f"needs memory_words = {wide.memory_words}, this cluster has {short.memory_words}"
    with pytest.raises(ShapeError, match=message):
        Simulation(bounded, short, np.arange(64))
    with pytest.raises(ShapeError, match="made for n_machines = 8, this cluster has 9"):
        Simulation(bounded, replace(wide, n_machines=9), np.arange(64))
    many = PerMachine(((Channel("w", ("word",), 200),),), keep_all)
    bounded = bounded_fan_out(many, Cluster(4, 200, 4, 1), partners=3)
    with pytest.raises(ShapeError, match="needs word_bits = 8"):
        Simulation(bounded, replace(fan_out_cluster(bounded), word_bits=7), [1, 2, 3, 4])


def test_bad_parameters_are_refused() -> None:
    cluster = Cluster(64, 64, 8, 8)
    with pytest.raises(ShapeError, match="partners = 0: a machine has at least one partner"):
        bounded_fan_out(columnsort(), cluster, partners=0)
    with pytest.raises(InputError, match="seed = -1"):
        bounded_fan_out(columnsort(), cluster, partners=1, seed=-1)
    with pytest.raises(InputError, match="inverse_failure = 0"):
        bounded_fan_out(columnsort(), cluster, partners=1, inverse_failure=0)
    with pytest.raises(ShapeError):
        bounded_fan_out(columnsort(), Cluster(4096, 64, 64, 64), partners=1)
    bounded = bounded_fan_out(columnsort(), cluster, partners=1)
    for round in (-1, bounded.n_rounds(cluster)):
        with pytest.raises(IndexError):
            bounded.locate(round)


def towards(to: int, *counts: int) -> oracles.Act:
    """Every machine sends ``counts`` records on channels a, b to a machine ``to`` ahead."""

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        ahead = (machine + to) % 4 if to else 0
        return [
            (name, ahead, (i,)) for name, n in zip("ab", counts, strict=False) for i in range(n)
        ]

    return act


@pytest.mark.parametrize(
    ("error", "most", "act"),
    [
        (ChannelExceeded, (3, None), towards(1, 4)),
        (ChannelExceeded, (8, 5), towards(0, 2)),
        (SendExceeded, (8, None), towards(1, 5, 5)),
        (MemoryExceeded, (8, None), towards(0, 3)),
    ],
    ids=["sends", "receives", "all it sends", "all it receives"],
)
def test_the_limits_of_the_protocol_inside_still_hold(
    error: type[MPCError], most: tuple[int, int | None], act: oracles.Act
) -> None:
    """What the plain run refuses is refused, though the cluster outside is larger."""
    protocol = PerMachine((tuple(Channel(name, ("word",), *most) for name in "ab"),), act)
    cluster = Cluster(4, 8, 4, 1, word_bits=4)
    with pytest.raises(error):
        Simulation(protocol, cluster, [0] * 4).run()
    bounded = bounded_fan_out(protocol, cluster, partners=1)
    with pytest.raises((error, FanOutOverload)):
        run_with_partners(bounded, fan_out_cluster(bounded), [0] * 4)


def test_the_memory_of_the_protocol_inside_is_a_limit() -> None:
    """No channel is overfull, but three of them together are, on one machine inside."""
    channels = tuple(Channel(name, ("word",), 8, 8) for name in "ab")
    protocol = PerMachine((channels,), towards(0, 2, 1))
    bounded = bounded_fan_out(protocol, Cluster(4, 8, 4, 1), partners=1)
    message = "inside: machine 0 would hold 12 words; its local memory is 8"
    with pytest.raises(MemoryExceeded, match=message):
        run_with_partners(bounded, fan_out_cluster(bounded), [0] * 4)


# --- the count of partners ---


def test_partners_are_counted_as_a_plain_loop_counts_them() -> None:
    words = np.random.default_rng(6).integers(0, 4, 60)
    cluster = fit_cluster(k_hop(2), 60, "2/3", largest_word=4)
    sim = Simulation(k_hop(2), cluster, words)
    while not sim.finished:
        traffic = sim.peek()
        to: dict[int, set[int]] = {i: set() for i in range(cluster.n_machines)}
        of: dict[int, set[int]] = {i: set() for i in range(cluster.n_machines)}
        for part in traffic.messages:
            for source, target in zip(part.source.tolist(), part.to.tolist(), strict=True):
                if source != target:
                    to[source].add(target)
                    of[target].add(source)
        found = max(map(len, to.values())), max(map(len, of.values()))
        assert most_partners(traffic) == found
        sim.step()


def test_canary_a_star_has_many_partners() -> None:
    """Without the reduction the root of a star talks to everyone, and the bound is broken."""
    channel = Channel("w", ("word",), 15)

    def star(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        return [("w", to, (to,)) for to in range(16)][1:] if machine == 0 else []

    protocol = PerMachine(((channel,),), star, lambda i, memory: [i])
    cluster = Cluster(16, 16, 16, 1)
    plain = run_with_partners(protocol, cluster, [0] * 16)
    assert (plain.sent_partners, plain.received_partners) == (15, 1)
    bounded = bounded_fan_out(protocol, cluster, partners=3)
    run = checked_run(bounded, [0] * 16)
    assert 0 < run.sent_partners <= 3
    partners = next(b for b in fan_out_bounds(bounded) if b.quantity == "sent_partners")
    assert partners.check(plain.sent_partners).status == "FAIL"


# --- bounds ---


GRID = [
    ("columnsort", 4096, "2/3", 2),
    ("columnsort", 32768, "2/3", 3),
    ("k-hop", 4096, "2/3", 5),
    ("prefix-sum", 16384, "1/2", 3),
    ("prefix-sum", 16384, "1/2", 11),
    ("sample-sort", 16384, "1/2", 4),
]


def grid_rows(name: str, n: int, epsilon: str, partners: int) -> dict[str, float]:
    """Slack of every row of a run on the grid."""
    one = algorithm(name)
    words = one.instance(n, 0)
    cluster = one.cluster(words, epsilon)
    bounded = bounded_fan_out(one.protocol_for(words), cluster, partners=partners)
    run = checked_run(bounded, words)
    checks = [bound.check(run.measured[bound.quantity]) for bound in fan_out_bounds(bounded)]
    for check in checks:
        print(name, n, partners, check.name, check.measured, check.bound, check.slack)
    rows = {check.name: check.slack or 0.0 for check in checks}
    return rows | {"scarcity": n / fan_out_cluster(bounded).memory_words}


def test_measured_loads_are_within_their_bounds_and_not_far_off() -> None:
    rows = [grid_rows(*point) for point in GRID]
    assert max(row["scarcity"] for row in rows) >= 8
    assert {row["rounds"] for row in rows} == {1.0}
    for quantity in ("sent_partners", "received_partners"):
        assert min(row[quantity] for row in rows) == 1
    for quantity in ("local_memory", "sent_words", "received_words"):
        assert min(row[quantity] for row in rows) <= 2.5


def test_canary_a_bound_too_small_by_one_fails() -> None:
    bounded = permutation("reversal", base=2, length=4, block=4)
    run = checked_run(bounded, np.arange(bounded.inner.n_words))
    for bound in fan_out_bounds(bounded):
        below = run.measured[bound.quantity] - 1
        too_small = Bound(
            bound.quantity, below + 0 * bound.expression, bound.values, bound.kind, ""
        )
        assert too_small.check(run.measured[bound.quantity]).status == "FAIL"


@pytest.mark.slow
def test_the_declared_shape_is_what_the_words_say() -> None:
    """No channel declares more words than the cluster has, whatever P, d and the channels are."""
    rng = np.random.default_rng(8)
    for _ in range(60):
        memory = int(rng.integers(4, 200))
        channels = tuple(
            Channel(name, tuple("xyz"[:width]), int(rng.integers(0, memory)) // max(1, width))
            for name, width in zip("abc", rng.integers(0, 4, 3).tolist(), strict=True)
        )
        n_machines = int(rng.integers(1, 40))
        cluster = Cluster(n_machines, memory, n_machines, 1)
        protocol = PerMachine((channels,), lambda *_: [], lambda i, memory: [0])
        bounded = bounded_fan_out(protocol, cluster, partners=int(rng.integers(1, 6)))
        checked_run(bounded, [0] * n_machines)


# --- to a transformer ---


def test_a_bounded_protocol_compiles() -> None:
    cluster = Cluster(12, 12, 4, 3, largest_word=15)
    words = [5, 1, 15, 4, 1, 0, 3, 9, 9, 2, 7, 14]
    protocol = Permute((2, 3, 1, 0))
    bounded = bounded_fan_out(protocol, cluster, partners=1, seed=2)
    wide = fan_out_cluster(bounded)
    transformer = compile_protocol(bounded, wide)
    assert len(transformer.layers) == bounded.n_rounds(wide) + 1
    assert transformer.run(words).tolist() == Simulation(protocol, cluster, words).run().tolist()


def test_a_bounded_sort_compiles() -> None:
    words = [5, 1, 4, 1, 0, 3, 2, 7]
    cluster = Cluster(8, 16, 4, 2)
    bounded = bounded_fan_out(columnsort(), cluster, partners=1)
    transformer = compile_protocol(bounded, fan_out_cluster(bounded))
    assert transformer.run(words).tolist() == sorted(words)
