"""Spread heads: one-to-one, as narrow as the bound allows, and no more overloads than it states.

The bound from the statement: a message is in each of k heads with probability 1/k, independently of
other machines, so b + 1 of at most k messages meet somewhere with probability at most P k / (b+1)!.
"""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from math import comb, factorial, log, sqrt

import numpy as np
import pytest
from hypothesis import given

import oracles
from cases.compiled_protocols import input_rows
from cases.per_machine import PerMachine, first_words, gossips
from mpc_sim import Channel, Cluster, MPCError, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.randomness import random_below, random_words
from mpc_sim.stages.columnsort import columnsort
from reductions.certify.run import How, certify
from reductions.mpc_to_anna.bounds import meeting_bound
from reductions.mpc_to_anna.codes import CODE_NAMES, CodeDomainError, CodeOverload, SyndromeCode
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.head_assignment import HEAD_NAMES, EmissionOrder, SpreadHeads
from reductions.mpc_to_anna.meetings import MeetingCounter
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.token_groups import TokenGroups
from reductions.problems.columnsort import COLUMNSORT


def routes(transformer: CompiledProtocol) -> list[RouteLayer]:
    return [layer for layer in transformer.layers if isinstance(layer, RouteLayer)]


def run_some_seed(protocol: Protocol, cluster: Cluster, words: list[int], code: str) -> list[int]:
    for seed in range(4):
        transformer = compile_protocol(
            protocol, cluster, code=code, head_order="spread", tokens_per_machine=1, seed=seed
        )
        try:
            return transformer.run(words).tolist()
        except CodeOverload:
            continue
    raise AssertionError("four overloads at a failure probability of 1/100")


# --- one-to-one ---


@pytest.mark.parametrize("k", [1, 2, 7, 64])
def test_every_machine_uses_every_head_once(k: int) -> None:
    heads = SpreadHeads(k, k, 50, seed=3, round=1)
    source, emission = np.divmod(np.arange(50 * k), k)
    head = heads.head(source, emission)
    assert heads.emission(source, head).tolist() == emission.tolist()
    assert (np.sort(head.reshape(50, k), axis=1) == np.arange(k)).all()


def test_heads_are_uniform_and_depend_on_seed_round_and_machine() -> None:
    source = np.arange(6400)
    turns = {
        (seed, round): SpreadHeads(16, 1, 6400, seed, round).head(source, np.zeros_like(source))
        for seed, round in [(0, 0), (0, 1), (1, 0)]
    }
    for turn in turns.values():
        counts = np.bincount(turn, minlength=16)
        assert ((counts - 400) ** 2 / 400).sum() < 50  # 15 degrees: above it once in 90,000
    for left, right in [((0, 0), (0, 1)), ((0, 0), (1, 0))]:
        agree = np.count_nonzero(turns[left] == turns[right])
        assert abs(agree - 400) < 5 * sqrt(400)


def test_turns_are_independent_of_what_a_protocol_draws() -> None:
    """A protocol of the same seed draws (seed, round, machine) too: 1 in 16 agrees, by chance."""
    source = np.arange(6400)
    for seed, round in ((0, 0), (3, 7)):
        turn = SpreadHeads(16, 1, 6400, seed, round).head(source, np.zeros_like(source))
        own = random_below(16, random_words(seed, round, source, 1)[:, 0])
        assert abs(np.count_nonzero(turn == own) - 400) < 5 * sqrt(400)


# --- the same output ---


@pytest.mark.parametrize("code", CODE_NAMES)
@pytest.mark.parametrize("epsilon", ["1/2", "2/3"])
def test_output_is_that_of_the_oracle(code: str, epsilon: str) -> None:
    words = np.random.default_rng(1).integers(0, 3, 24).tolist()
    cluster = fit_cluster(k_hop(3), 24, epsilon, largest_word=3)
    assert run_some_seed(k_hop(3), cluster, words, code) == oracles.k_hop(words, 3)
    cluster = fit_cluster(columnsort(), 24, epsilon, largest_word=3)
    assert run_some_seed(columnsort(), cluster, words, code) == sorted(words)


@given(gossips())
def test_any_protocol(case: tuple[PerMachine, oracles.Gossip, Cluster, list[int]]) -> None:
    protocol, _, cluster, words = case
    try:
        expected = Simulation(protocol, cluster, words).run().tolist()
    except MPCError:
        return
    assert run_some_seed(protocol, cluster, words, "syndrome") == expected


def test_a_pickled_transformer_is_the_same() -> None:
    cluster = fit_cluster(k_hop(2), 30, "2/3", largest_word=3)
    words = np.arange(30) % 3
    transformer = compile_protocol(
        k_hop(2), cluster, head_order="spread", tokens_per_machine=1, seed=5
    )
    again = pickle.loads(pickle.dumps(transformer))
    assert again.run(words).tolist() == transformer.run(words).tolist()
    assert again.failure == transformer.failure


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget_bytes", [1, 2**28])
def test_messages_arrive_in_the_order_of_emission(seed: int, budget_bytes: int) -> None:
    """However they were turned, and also where a block is one head."""
    act: oracles.Act = lambda r, i, m: [("x", 0, (w,)) for w in range(1, 6)] * (i > 0)  # noqa: E731
    protocol = PerMachine(
        ((Channel("x", ("word",), 5),),), act, lambda i, m: (first_words(i, m) or [0] * 6)[:6]
    )
    cluster = Cluster(18, 10, 3, 6, word_bits=5)
    transformer = compile_protocol(protocol, cluster, head_order="spread", seed=seed)
    rows = input_rows(transformer, [0] * 18)
    found = transformer.forward(rows, budget_bytes=budget_bytes).values[:6, 0]
    assert found.tolist() == [1, 2, 3, 4, 5, 1]


# --- the width ---


@pytest.mark.parametrize("n", [64, 1024, 16384])
@pytest.mark.parametrize("failure", ["1/10", "1/1000"])
def test_capacity_is_the_least_of_the_bound(n: int, failure: str) -> None:
    cluster = fit_cluster(k_hop(4), n, "2/3", largest_word=4)
    transformer = compile_protocol(
        k_hop(4), cluster, head_order="spread", tokens_per_machine=1, failure=failure
    )
    rounds, P = len(transformer.layers) - 1, cluster.n_machines
    share = Fraction(failure) / rounds
    assert transformer.failure <= Fraction(failure)
    for layer in routes(transformer):
        if layer.assignment is None:
            continue
        assert isinstance(layer.assignment, SpreadHeads)
        k, b = layer.assignment.n_heads, layer.assignment.capacity
        most = rounds * P * k / Fraction(failure)
        printed = next(b for b in range(1, k + 99) if most <= factorial(b))
        assert b <= min(printed, k, P - 1)
        assert layer.assignment.failure <= share
        if b > 1:
            fewer = replace(layer.assignment, capacity=b - 1)
            assert fewer.failure > share
            assert fewer.failure >= Fraction(P * k * comb(k, b), k**b)
        assert layer.code is not None
        assert layer.code.capacity == b
        assert layer.heads[1].count == k
        if isinstance(layer.code, SyndromeCode):
            assert layer.heads[1].value_width == b * (layer.code.n_numbers + 1) + 2


@pytest.mark.parametrize(("K", "P", "rounds"), [(64, 4096, 50), (16, 100, 3), (512, 10**5, 400)])
def test_the_stated_capacity_covers_that_of_every_round(K: int, P: int, rounds: int) -> None:
    """The least b with (b + 1)! >= 2 R P K / delta, which no round of share delta / R exceeds."""
    delta = Fraction(1, 100)
    groups = TokenGroups(P)
    stated = SpreadHeads.most_met(K, groups, rounds, delta)
    assert factorial(stated) < 2 * rounds * P * K / delta <= factorial(stated + 1)
    heads = SpreadHeads.of_round(K, K, groups, failure=delta / rounds, seed=0, round=0)
    assert heads.capacity <= stated <= heads.capacity + 2


def test_the_width_grows_like_log_over_log_log() -> None:
    """b log b <= 2 log(R P k / delta) from n = 2^8 to 2^20, where b = min(k, P) grows 16-fold."""
    narrow, wide = [], []
    for power in (8, 12, 16, 20):
        cluster = fit_cluster(k_hop(4), 2**power, "2/3", largest_word=4)
        spread = routes(
            compile_protocol(k_hop(4), cluster, head_order="spread", tokens_per_machine=1)
        )
        order = routes(compile_protocol(k_hop(4), cluster, tokens_per_machine=1))
        heads = max(layer.n_messages for layer in spread)
        capacity = max(layer.code.capacity for layer in spread if layer.code)
        most = log(100 * len(spread) * cluster.n_machines * heads)
        assert capacity * log(capacity) <= 2 * most
        narrow.append(capacity)
        wide.append(max(layer.code.capacity for layer in order if layer.code))
    assert wide[-1] >= 8 * wide[0]
    assert narrow[-1] <= 2 * narrow[0]


# --- overload ---


def transpose(P: int) -> tuple[PerMachine, Cluster]:
    """Machine i sends its h-th word to machine h: in the order of emission P messages meet."""
    act: oracles.Act = lambda r, i, m: [("x", h, (i,)) for h in range(P)]  # noqa: E731
    protocol = PerMachine(((Channel("x", ("word",), P),),), act, lambda i, m: first_words(i, m)[:1])
    return protocol, Cluster(P, P, P, 1, largest_word=P)


@pytest.mark.parametrize("P", [16, pytest.param(32, marks=pytest.mark.slow)])
def test_a_hundred_seeds_of_the_worst_pattern(P: int) -> None:
    """Either the output is right or the run raises, and it raises no oftener than is stated."""
    protocol, cluster = transpose(P)
    raised, runs, bound = 0, 100, Fraction(0)
    for seed in range(runs):
        transformer = compile_protocol(
            protocol, cluster, head_order="spread", tokens_per_machine=1, failure="1/4", seed=seed
        )
        bound = transformer.failure
        try:
            assert transformer.run([0] * P).tolist() == [0] * P
        except CodeOverload:
            raised += 1
    assert 0 < bound <= Fraction(1, 4)
    assert raised <= runs * bound + 4 * sqrt(runs * bound)


@pytest.mark.parametrize("heads", ["emission", "spread"])
def test_messages_that_meet_are_counted(heads: str) -> None:
    """In the order of emission all P messages to a machine meet; spread, those of one head do."""
    protocol, cluster = transpose(16)
    transformer = compile_protocol(protocol, cluster, head_order=heads, seed=3)
    layer = transformer.layers[1]
    assert isinstance(layer, RouteLayer)
    assert layer.assignment is not None
    meet = Counter[tuple[int, int]]()
    for source in range(16):
        others = [to for to in range(16) if to != source]
        for place, to in enumerate(others):
            head = layer.assignment.head(np.array([source]), np.array([place]))
            meet[int(head[0]), to] += 1
    counter = MeetingCounter()
    transformer.run([0] * 16, trace=counter)
    assert counter.most == max(meet.values()) > 1
    bound = meeting_bound(protocol, cluster, CompilerOptions(head_order=heads))
    assert bound.check(counter.most).status == "PASS"
    assert bound.kind == ("whp" if heads == "spread" else "upper")


def test_a_certificate_shows_what_meets_in_spread_heads() -> None:
    words = COLUMNSORT.instance(200, 0)
    for fan_out in (None, "1/5"):
        options = CompilerOptions(head_order="spread", tokens_per_machine=1, fan_out=fan_out)
        certificate = certify(COLUMNSORT, words, How(options=options))
        row = certificate["met_messages"]
        built = compile_protocol(columnsort(), COLUMNSORT.cluster(words), **options.keywords)
        codes = [one.code for one in built.layers[1:] if isinstance(one, RouteLayer) and one.code]
        assert row.status == "PASS"
        assert row.measured is not None
        assert 0 < row.measured <= max(code.capacity for code in codes) <= row.bound


@pytest.mark.parametrize(("k", "P", "capacity"), [(16, 16, 5), (64, 64, 7), (64, 500, 8)])
def test_measured_overloads_are_within_the_bound(k: int, P: int, capacity: int) -> None:
    """k messages to every machine, from k machines, over 300 seeds; the bound is below 1 here."""
    failures, runs = 0, 300
    heads = SpreadHeads(k, capacity, P, 0, 0)
    assert 0 < heads.failure < 1
    to, step = np.divmod(np.arange(P * k), k)
    source = (to + step) % P
    rng = np.random.default_rng(0)
    place = np.stack([rng.permutation(k) for _ in range(P)])[source, step]
    for seed in range(runs):
        head = replace(heads, seed=seed).head(source, place)
        failures += int(np.bincount(to * k + head).max()) > capacity
    bound = float(heads.failure)
    assert failures <= runs * bound + 4 * sqrt(runs * bound)
    assert failures > 0  # the bound is about what happens


def test_canary_unspread_heads_overload_always() -> None:
    """The pattern above in the order of emission: all k messages meet."""
    order = EmissionOrder(64, 7)
    source = np.arange(64)
    met = Counter(order.head(source, np.zeros_like(source)).tolist())
    assert max(met.values()) == 64


def test_canary_a_capacity_too_small_raises() -> None:
    protocol, cluster = transpose(32)
    transformer = compile_protocol(
        protocol, cluster, head_order="spread", tokens_per_machine=1, failure="1/100"
    )
    (layer,) = routes(transformer)
    assert transformer.run([0] * 32).tolist() == [0] * 32
    object.__setattr__(layer, "code", replace(layer.code, capacity=1))  # type: ignore[type-var]
    with pytest.raises(CodeOverload):
        transformer.run([0] * 32)


# --- bad input ---


def test_unknown_heads_are_refused() -> None:
    cluster = fit_cluster(k_hop(1), 9, "2/3", largest_word=3)
    with pytest.raises(
        CodeDomainError, match="head order 'random' is unknown; use one of emission"
    ):
        compile_protocol(k_hop(1), cluster, head_order="random")
    assert HEAD_NAMES == ("emission", "spread")


@pytest.mark.parametrize("failure", ["0", "1", "-1/2", "often", "1/0"])
def test_a_failure_that_is_no_probability_is_refused(failure: str) -> None:
    cluster = fit_cluster(k_hop(1), 9, "2/3", largest_word=3)
    with pytest.raises(CodeDomainError, match="choose it strictly between 0 and 1"):
        compile_protocol(
            k_hop(1), cluster, head_order="spread", tokens_per_machine=1, failure=failure
        )


def test_the_deterministic_compilation_never_fails() -> None:
    cluster = fit_cluster(k_hop(1), 9, "2/3", largest_word=3)
    assert compile_protocol(k_hop(1), cluster).failure == 0
    drawn = compile_protocol(k_hop(1), cluster, code="repetition")
    codes = [layer.code.failure for layer in routes(drawn) if layer.code]
    assert drawn.failure == sum(codes) > 0
