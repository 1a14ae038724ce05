"""Bounded fan-out: the same output, few partners, loads that hold as often as they say."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import oracles
from cases.fan_out import Permute, algorithm, checked_run, hops
from cases.per_machine import PerMachine, first_words, gossips, keep_all
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    MPCError,
    Protocol,
    Records,
    ShapeError,
    Simulation,
    fit_cluster,
    parallel,
    sequence,
)
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.cluster import failure_word
from mpc_sim.compose import Carry
from mpc_sim.stages.columnsort import columnsort
from reductions.mpc_to_anna.fan_out import (
    bounded_fan_out,
    fan_out_cluster,
    partners_of_exponent,
    run_with_partners,
)
from reductions.mpc_to_anna.fan_out.digits import Digits, plan_digits
from reductions.mpc_to_anna.fan_out.loads import WordLoad, excess, tail_exponent


def hops_of_the_lemma(n_machines: int, partners: int) -> int:
    """ceil(log P / log d), which counts digits of base d and needs d >= 2."""
    return oracles.least(lambda length: partners**length >= n_machines)


# --- digits ---


def states(digits: Digits, hop: int) -> set[tuple[int, int, int, int]]:
    """(source, waypoint, destination, where the record is before a hop), all of them."""
    n, middle = digits.n_machines, digits.n_waypoints
    source, by, to = np.indices((n, middle, n)).reshape(3, -1)
    here = source
    for earlier in range(hop):
        here = digits.next(earlier, here, by, to)
    return set(zip(source.tolist(), by.tolist(), to.tolist(), here.tolist(), strict=True))


@settings(max_examples=30)
@given(st.integers(1, 24), st.integers(1, 7))
def test_hops_lead_by_the_waypoint_and_meet_few_machines(n_machines: int, partners: int) -> None:
    digits = plan_digits(n_machines, partners)
    length = hops(n_machines, partners)
    assert digits.n_hops == length
    assert all(here == by for _, by, _, here in states(digits, length))
    assert all(here == to for _, _, to, here in states(digits, 2 * length))
    for hop in range(2 * length):
        before, after = states(digits, hop), states(digits, hop + 1)
        place = {row[:3]: row[3] for row in after}
        assert 0 <= min(place.values()) <= max(place.values()) < n_machines
        pairs = {(row[3], place[row[:3]]) for row in before}
        for machine in range(n_machines):
            assert sum(source == machine != to for source, to in pairs) <= partners
            assert sum(source != machine == to for source, to in pairs) <= partners


@settings(max_examples=30)
@given(st.integers(1, 24), st.integers(1, 7))
def test_the_mean_load_is_at_most_what_is_said(n_machines: int, partners: int) -> None:
    """Sources, or destinations, of what can be on a machine, and the waypoints of each of them."""
    digits = plan_digits(n_machines, partners)
    for hop in range(2 * digits.n_hops - 1):
        found: dict[int, dict[int, set[int]]] = {}
        side = 0 if hop < digits.n_hops else 2
        for row in states(digits, hop + 1):
            found.setdefault(row[3], {}).setdefault(row[side], set()).add(row[1])
        ends, waypoints = digits.reach(hop)
        for by_end in found.values():
            assert len(by_end) <= ends
            assert sum(map(len, by_end.values())) <= ends * waypoints
        assert max(map(len, found.values())) * 2 >= ends
        # kappa = ceil(P / B) / c is the unevenness, and it is at most 2
        uneven = Fraction(ends * waypoints, digits.n_waypoints)
        assert uneven <= Fraction(digits.top, digits.full) <= 2


@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_digits_of_many_machines(n_machines: int, partners: int) -> None:
    digits = plan_digits(n_machines, partners)
    assert digits.n_hops == hops(n_machines, partners)
    assert max([digits.top, *digits.radices]) <= partners + 1
    assert digits.n_waypoints <= n_machines <= digits.top * digits.columns


def test_a_power_of_the_base_is_even_and_never_slower_than_the_lemma() -> None:
    for base, length in ((2, 10), (4, 5), (10, 3), (32, 2)):
        digits = plan_digits(base**length, base - 1)
        assert digits.radices == (base,) * (length - 1)
        assert digits.top == digits.full == base
    for n_machines, partners in product(range(2, 200), range(2, 20)):
        lemma = hops_of_the_lemma(n_machines, partners)
        assert plan_digits(n_machines, partners).n_hops <= lemma


def test_partners_of_an_exponent() -> None:
    for n, (p, q) in product((1, 2, 63, 64, 65, 1000), ((0, 1), (1, 6), (1, 3), (2, 5), (1, 1))):
        cluster = Cluster(n, n + 1, 2, n)
        most = partners_of_exponent(cluster, Fraction(p, q))
        assert most**q <= n**p < (most + 1) ** q
    with pytest.raises(ShapeError, match="rho = -1: choose it at least 0"):
        partners_of_exponent(cluster, -1)


# --- the tail bound ---


@pytest.mark.parametrize("tail", [1, 5, 12])
@pytest.mark.parametrize(("trials", "chance"), [(40, "1/2"), (200, "1/20"), (900, "1/3")])
def test_the_tail_is_as_thin_as_it_says(tail: int, trials: int, chance: str) -> None:
    """Exact tails of the binomial; the canary is half the excess."""
    p = Fraction(chance)
    mean = math.ceil(trials * p)

    def beyond(least: int) -> float:
        counts = range(least, trials + 1)
        return float(sum(math.comb(trials, i) * p**i * (1 - p) ** (trials - i) for i in counts))

    assert beyond(mean + excess(mean, tail)) <= math.exp(-tail)
    assert tail == 1 or beyond(mean + excess(mean, tail) // 2) > math.exp(-tail)


def test_the_excess_satisfies_its_inequality() -> None:
    for mean, tail in product(range(60), range(1, 40)):
        x = excess(mean, tail)
        assert 3 * x * x - 2 * tail * x - 6 * tail * mean >= 0


def test_the_tail_counts_every_event_and_the_failure() -> None:
    assert tail_exponent(100, 50) == math.ceil(math.log(5000))
    assert tail_exponent(1, 1) == tail_exponent(0, 1) == 1


def test_loads_of_few_records_are_certain() -> None:
    """7 machines with 5 words each; or what is likely, where that is less."""
    assert WordLoad(most=5, ends=7, widest=1, mean=100, tail=9).value == 35
    assert WordLoad(most=500, ends=7, widest=2, mean=4, tail=9).value == 2 * (4 + excess(4, 9))


# --- the house's algorithms ---


ALGORITHMS = {
    "columnsort": 200,
    "k-hop": 48,
    "prefix-sum": 100,
    "broadcast": 100,
    "sample-sort": 60,
    "equi-join": 24,
    "list-ranking": 40,
    "three-sum": 24,
    "triangle-count": 16,
    "matrix-product": 12,
}


@pytest.mark.parametrize("partners", [1, 3])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_of_the_house(name: str, partners: int) -> None:
    one = algorithm(name)
    given_input = one.instance(ALGORITHMS[name], 1)
    cluster = one.cluster(given_input)
    protocol = one.protocol_for(given_input)
    bounded = bounded_fan_out(protocol, cluster, partners=partners, seed=5)
    run = checked_run(bounded, one.words(given_input))
    assert one.n_wrong(given_input, run.output) == 0


def test_connectivity_of_a_graph() -> None:
    one = algorithm("connectivity")
    graph = one.instance(8, 1)
    bounded = bounded_fan_out(one.protocol_for(graph), one.cluster(graph), partners=2)
    assert one.n_wrong(graph, checked_run(bounded, one.words(graph)).output) == 0


@pytest.mark.parametrize("gamma", ["1/4", "1/2"])
@pytest.mark.parametrize("partners", [1, 2, 6])
def test_machines_without_input(gamma: str, partners: int) -> None:
    words = np.random.default_rng(0).integers(0, 4, 64)
    cluster = fit_cluster(k_hop(3), 64, "2/3", gamma, largest_word=4)
    assert cluster.n_machines > cluster.n_input_machines
    run = checked_run(bounded_fan_out(k_hop(3), cluster, partners=partners), words)
    assert run.output.tolist() == oracles.k_hop(words.tolist(), 3)


class Fails(Permute):
    """Puts out failure words, and may send more records than there are words."""

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), cluster.memory_words),)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        failed = Records.of(inbox["w"].machine, word=failure_word(cluster))
        return Inbox(inbox.machines, {"output": failed})


def test_a_failure_word_is_that_of_the_cluster_inside() -> None:
    bounded = bounded_fan_out(Fails((1, 2, 3, 0)), Cluster(4, 200, 4, 1), partners=1)
    assert bounded.inner.word_bits == 3
    assert fan_out_cluster(bounded).word_bits == 8
    assert checked_run(bounded, [0, 1, 2, 3]).output.tolist() == [7] * 4


# --- any protocol ---


@pytest.mark.parametrize("partners", [1, 3])
def test_an_inbox_is_sorted_by_source_and_then_emission(partners: int) -> None:
    """Machines 1 to 3 send machine 0 two words each; it puts out the first six in order."""
    act: oracles.Act = lambda r, i, m: [("x", 0, (2 * i,)), ("x", 0, (2 * i + 1,))] * (i > 0)  # noqa: E731
    protocol = PerMachine(
        ((Channel("x", ("word",), 2),),), act, lambda i, m: (first_words(i, m) or [0] * 6)[:6]
    )
    cluster = Cluster(24, 12, 4, 6, word_bits=5)
    bounded = bounded_fan_out(protocol, cluster, partners=partners, seed=2)
    run = run_with_partners(bounded, fan_out_cluster(bounded), [0] * 24)
    assert run.output[:6].tolist() == [2, 3, 4, 5, 6, 7]


@given(gossips(), st.integers(1, 4), st.integers(0, 99))
def test_any_protocol_gives_what_it_gives_alone(
    case: tuple[PerMachine, oracles.Gossip, Cluster, list[int]], partners: int, seed: int
) -> None:
    """Several channels, rounds without any, records of no words, overfull machines: all of it."""
    protocol, _, cluster, words = case
    try:
        bounded = bounded_fan_out(
            protocol, cluster, partners=partners, seed=seed, inverse_failure=10**9
        )
        Simulation(protocol, cluster, words).run()
    except MPCError:
        with pytest.raises(MPCError):
            run_with_partners(bounded, fan_out_cluster(bounded), words)
    else:
        checked_run(bounded, words)


def test_the_order_of_an_inbox_is_kept() -> None:
    """Every machine sees (source, emission) in order: kept records lie between the others."""
    channel = Channel("w", ("word",), 24)

    def scatter(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        return [("w", (7 * i) % 6, (100 * machine + i,)) for i in range(12)]

    def answer(machine: int, memory: oracles.Memory) -> list[int]:
        return [oracles.mix(*first_words(machine, memory)) % 1024]

    protocol = PerMachine(((channel,),), scatter, answer)
    cluster = Cluster(6, 24, 6, 1, largest_word=1023)
    run = checked_run(bounded_fan_out(protocol, cluster, partners=1), [0] * 6)
    in_order = [[100 * source + i for source in range(6) for i in (m, m + 6)] for m in range(6)]
    assert run.output.tolist() == [oracles.mix(*words) % 1024 for words in in_order]


W = Channel("w", ("word",), 8)


@pytest.mark.parametrize(
    ("protocol", "cluster", "words"),
    [
        (PerMachine((), keep_all), Cluster(5, 4, 3, 2), [3, 1, 4, 1, 5]),
        (PerMachine((), keep_all), Cluster(1, 2, 1, 1), [1]),
        (PerMachine(((W,), (W,)), keep_all), Cluster(3, 8, 1, 3), [1, 2, 3]),
        (PerMachine(((), ()), lambda *_: [], lambda i, m: [i]), Cluster(3, 8, 3, 1), [1, 2, 3]),
        (
            PerMachine(((Channel("w", ("word",), 8, local=True),),), keep_all),
            Cluster(6, 8, 5, 2),
            [1, 2, 3, 4, 5, 6],
        ),
        (columnsort(), Cluster(1, 8, 1, 1), [1]),
    ],
    ids=["no rounds", "one word", "one machine", "no channels", "only local", "sort of one"],
)
def test_the_smallest_cases(protocol: Protocol, cluster: Cluster, words: list[int]) -> None:
    bounded = bounded_fan_out(protocol, cluster, partners=2)
    run = checked_run(bounded, words)
    if not protocol.n_rounds(cluster):
        assert bounded.n_rounds(cluster) == 0
        assert fan_out_cluster(bounded).memory_words == cluster.memory_words
        assert run.sent_partners == 0


def test_it_composes() -> None:
    """In a sequence, beside another part, and around itself."""
    words = np.random.default_rng(3).permutation(64)
    cluster = Cluster(64, 64, 8, 8)
    once = bounded_fan_out(columnsort(), cluster, partners=3)
    twice = bounded_fan_out(once, fan_out_cluster(once), partners=1)
    assert twice.n_rounds(cluster) == once.n_rounds(cluster) * 2 * 3
    checked_run(twice, words)

    again = PerMachine((), keep_all, lambda i, memory: [row[0] for row in memory["output"]])
    wide = fan_out_cluster(once)
    assert Simulation(sequence(once, again), wide, words).run().tolist() == list(range(64))
    beside = parallel(once, Carry("input", ("word",)))
    wide = replace(wide, memory_words=2 * once.memory_words)
    assert Simulation(beside, wide, words).run().tolist() == list(range(64))
