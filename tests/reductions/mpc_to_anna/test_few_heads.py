"""Several tokens per machine: few heads or one, the same words, as narrow as is claimed.

k messages of w words, s words of memory, c channels, g tokens per machine: 1 + ceil(k / g) heads,
one if g > k, and there s + c + (k + 1) (w + 1) + 2 numbers per token.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import oracles
from anna_model import SparseAnswer, SparseHeads, check_rowwise, definition_forward
from cases.compiled_protocols import input_rows, rows_after_each_layer, same
from cases.hashed_ids import Forced, mechanism_of
from cases.per_machine import PerMachine, first_words, gossips
from cases.protocols import MANY_ROUNDS, PROTOCOLS
from mpc_sim import Channel, Cluster, MPCError, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.randomness import random_words
from reductions.attention_to_mpc.round_trip import fit_compiled_to_mpc
from reductions.certify.measured import measured_layers
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.codes import CodeDomainError, CodeOverload, SyndromeCode
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.hashed_ids import FarCollision
from reductions.mpc_to_anna.head_assignment import PermutedSlots, SpreadHeads
from reductions.mpc_to_anna.messages import WordMessages
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.precision import run_on_bits
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.sending import SourceIds
from reductions.mpc_to_anna.token_groups import TokenGroups, TokenRule
from reductions.registry import solver

# --- every pattern, every g ---

MACHINES, MESSAGES = 5, 6


def edges(pattern: str, seed: int) -> list[list[int]]:
    """Receivers of every machine in the order of emission, at most k both ways."""
    rng = np.random.default_rng([seed, len(pattern)])
    out: list[list[int]] = [[] for _ in range(MACHINES)]
    heard = [0] * MACHINES
    for _ in range(4 * MACHINES * MESSAGES):
        source, to = (int(x) for x in rng.integers(0, MACHINES, 2))
        if pattern == "hub":
            to = 0
        if pattern == "one pair":
            source, to = 1, 3
        if pattern == "few receivers":
            to = to % 2
        if source != to and len(out[source]) < MESSAGES and heard[to] < MESSAGES:
            out[source].append(to)
            heard[to] += 1
    return out


def a_pattern(pattern: str, seed: int) -> tuple[Protocol, Cluster]:
    """Two rounds along the edges; what is sent, and which messages are dropped, depends on data."""
    of_round = [edges(pattern, seed), edges(pattern, seed + 50)]
    n, block = 2 * MACHINES, 2

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        mine = sum(sum(row) for rows in memory.values() for row in rows) + machine
        sent: list[oracles.Emission] = [("own", machine, (mine % 64,))] * (mine % 3 > 0)
        for e, to in enumerate(of_round[round][machine]):
            if (mine + e) % 4:
                sent.append(("x", to, (e, (mine * (e + 1)) % 61)))
        return sent

    def answer(machine: int, memory: oracles.Memory) -> list[int]:
        flat = [word for rows in memory.values() for row in rows for word in row]
        total = sum((i + 1) * word for i, word in enumerate(flat))  # the order counts
        return [total % 64, len(flat)]

    channels = (Channel("x", ("e", "y"), MESSAGES, MESSAGES), Channel("own", ("w",), 1, local=True))
    protocol = PerMachine((channels, channels), act, answer)
    return protocol, Cluster(n, 2 * MESSAGES + 1, MACHINES, block, word_bits=6)


PATTERNS = ("hub", "one pair", "few receivers", "any")


@pytest.mark.parametrize("attention", ["ema", "anna"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_number_of_tokens(pattern: str, attention: str) -> None:
    for seed in range(3):
        protocol, cluster = a_pattern(pattern, seed)
        words = np.random.default_rng(seed).integers(0, 64, cluster.n_words)
        expected = Simulation(protocol, cluster, words).run().tolist()
        for g in range(1, MESSAGES + 2):
            options = CompilerOptions(attention=attention, tokens_per_machine=g)
            transformer = compile_protocol(protocol, cluster, **options.keywords)
            assert transformer.run(words).tolist() == expected, (seed, g)
            built = transformer.resources()
            assert built.layers == 3
            assert built.heads == (1 if g > MESSAGES else 1 + ceil(MESSAGES / g))
            assert built.context_length == max(cluster.n_words, MACHINES * g)
            measured = measured_layers(transformer)
            for bound in layer_bounds(protocol, cluster, options):
                assert bound.check(measured[bound.quantity]).status == "PASS", bound


@pytest.mark.parametrize("attention", ["ema", "anna"])
@pytest.mark.parametrize("g", [1, 2, 4])
def test_drawn_orders_keep_the_order_of_emission(g: int, attention: str) -> None:
    """With one token, too: a turn brings the last messages of a machine before the first."""
    for seed in range(8):
        protocol, cluster = a_pattern("one pair", seed)
        words = np.random.default_rng(seed).integers(0, 64, cluster.n_words)
        expected = Simulation(protocol, cluster, words).run().tolist()
        options = CompilerOptions(
            head_order="spread", attention=attention, tokens_per_machine=g, seed=seed
        )
        transformer = compile_protocol(protocol, cluster, **options.keywords)
        assert transformer.run(words).tolist() == expected, seed


@pytest.mark.parametrize("code", ["disjunct", "repetition"])
@pytest.mark.parametrize("tokens", [2, "all", "balanced"])
def test_every_code(code: str, tokens: int | str) -> None:
    for pattern in PATTERNS:
        protocol, cluster = a_pattern(pattern, 7)
        words = np.arange(cluster.n_words)
        expected = Simulation(protocol, cluster, words).run().tolist()
        for attention in ("ema", "anna"):
            options = CompilerOptions(code, attention=attention, tokens_per_machine=tokens)
            transformer = compile_protocol(protocol, cluster, **options.keywords)
            assert transformer.run(words).tolist() == expected


@settings(max_examples=60)
@given(case=gossips(), tokens=st.sampled_from([1, 2, 3, 7, *TokenRule]))
def test_any_protocol(
    case: tuple[PerMachine, oracles.Gossip, Cluster, list[int]], tokens: int | str
) -> None:
    protocol, _, cluster, words = case
    try:
        expected = Simulation(protocol, cluster, words).run().tolist()
    except MPCError:
        return
    transformer = compile_protocol(protocol, cluster, tokens_per_machine=tokens)
    assert transformer.run(words).tolist() == expected


@pytest.mark.parametrize("fan_out", ["0", "1/3"])
@pytest.mark.parametrize("tokens", [1, 3, "all"])
def test_bounded_fan_out(fan_out: str, tokens: int | str) -> None:
    words = np.arange(48) * 7 % 48
    algorithm = solver("columnsort")
    protocol, cluster = algorithm.protocol_for(words), algorithm.cluster(words)
    options = CompilerOptions(fan_out=fan_out, tokens_per_machine=tokens)
    transformer = compile_protocol(protocol, cluster, **options.keywords)
    assert transformer.run(words).tolist() == sorted(words.tolist())
    measured = measured_layers(transformer)
    for bound in layer_bounds(protocol, cluster, options):
        assert bound.check(measured[bound.quantity]).status == "PASS", bound


@pytest.mark.parametrize("tokens", ["all", "balanced"])
@pytest.mark.parametrize("attention", ["ema", "anna"])
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in MANY_ROUNDS)) for name in PROTOCOLS],
)
def test_few_heads_for_every_algorithm(name: str, attention: str, tokens: str) -> None:
    algorithm = solver(name)
    instance = algorithm.instance(12, 1)
    protocol, cluster = algorithm.protocol_for(instance), algorithm.cluster(instance)
    words = algorithm.words(instance)
    options = CompilerOptions(attention=attention, tokens_per_machine=tokens)
    transformer = compile_protocol(protocol, cluster, **options.keywords)
    expected = Simulation(protocol, cluster, words).run()
    assert np.array_equal(transformer.run(words), expected)
    measured = measured_layers(transformer)
    for bound in layer_bounds(protocol, cluster, options):
        assert bound.check(measured[bound.quantity]).status == "PASS", bound
    rounds = range(protocol.n_rounds(cluster))
    channels = max((len(protocol.channels(t, cluster)) for t in rounds), default=1)
    if tokens == "all":
        assert measured["heads"] == 1
    if tokens == "all" and attention == "ema":
        assert measured["token_width"] <= 3 * cluster.memory_words + channels + 8


# --- shared rows are the rows of tokens ---


@settings(max_examples=40)
@given(seed=st.integers(0, 99), pattern=st.sampled_from(PATTERNS), g=st.integers(1, MESSAGES + 1))
def test_shared_rows_are_expanded_rows(seed: int, pattern: str, g: int) -> None:
    protocol, cluster = a_pattern(pattern, seed)
    transformer = compile_protocol(protocol, cluster, tokens_per_machine=g)
    words = np.random.default_rng(seed).integers(0, 64, cluster.n_words)
    after = rows_after_each_layer(transformer, words)
    assert len(after[1].values) <= MACHINES
    for index, layer in enumerate(transformer.layers):
        apart = after[index].apart()
        assert len(apart.values) == len(apart.position)
        for one, other in zip(
            layer.blocks(after[index], 2**20), layer.blocks(apart, 2**20), strict=True
        ):
            both = [block.dense(-1.0, -2.0) for block in (one, other)]  # type: ignore[union-attr]
            for name in "QKV":
                assert np.array_equal(*(getattr(dense, name) for dense in both))


@pytest.mark.parametrize("g", [1, 2, 4, MESSAGES, MESSAGES + 1])
def test_every_layer_is_its_definition_and_rowwise(g: int) -> None:
    protocol, cluster = a_pattern("any", 3)
    transformer = compile_protocol(protocol, cluster, tokens_per_machine=g)
    words = list(range(cluster.n_words))
    after = rows_after_each_layer(transformer, words)
    slow = definition_forward(transformer, input_rows(transformer, words), MACHINES, MACHINES + 1)
    assert all(same(a, b) for a, b in zip(after[1:], slow, strict=True))
    for index, layer in enumerate(transformer.layers):
        check_rowwise(layer, after[index], np.random.default_rng(index), name=str(index))


# --- the sources of messages where ids are hashed ---


def two_receivers(a: int, b: int, most: int = 3) -> tuple[Protocol, Cluster]:
    """Machine 0 sends a to machine 1 and b to machine 3, in one head."""
    act: oracles.Act = lambda r, i, m: [("x", 1, (a,)), ("x", 3, (b,))] * (i == 0)  # noqa: E731
    protocol = PerMachine(((Channel("x", ("word",), 3, most),),), act, lambda i, m: [0])
    return protocol, Cluster(4, 4, 4, 1, word_bits=6)


def heard_in_one_bucket(a: int, b: int, most: int) -> list[tuple[int, int]] | None:
    """What machines 1 and 3 hear in a coded head if their ids share a bucket; None if it raises."""
    protocol, cluster = two_receivers(a, b, most)
    transformer = compile_protocol(protocol, cluster, attention="anna", tokens_per_machine=2)
    mechanism = mechanism_of(transformer)
    forced = Forced(mechanism.codewords, mechanism.family, mechanism.hashes, 0, (1, 3))
    layer = replace(transformer.layers[1], mechanism=forced, is_last=False)  # type: ignore[type-var]
    assert isinstance(layer, RouteLayer)
    rows = rows_after_each_layer(transformer, [0] * 4)[1]
    heard: list[tuple[int, int]] = []
    for block in layer.blocks(rows, 2**20):
        if layer.is_coded(block):
            answer = forced.answer(block)
            assert isinstance(answer, SparseAnswer)
            try:
                found = layer.received(block, answer).heard
            except CodeOverload:
                return None
            heard += zip(found.machine.tolist(), found.words[:, 0].tolist(), strict=True)
    return sorted(heard)


def test_two_messages_of_one_machine_never_merge_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By (machine, turn) both have one source, and some sums are codewords that nobody sent."""
    cases = [(a, b) for a in range(0, 64, 3) for b in range(1, 64, 7)]
    for a, b in cases:
        assert heard_in_one_bucket(a, b, 3) == [(1, a), (3, b)]  # both fit the code
        assert heard_in_one_bucket(a, b, 1) is None
    by_turns = property(lambda layer: SourceIds(4, 4 * layer.tokens, False, 0))
    monkeypatch.setattr(RouteLayer, "sources", by_turns)
    found = [(a, b, heard_in_one_bucket(a, b, 1)) for a, b in cases]
    silent = [(a, b) for a, b, heard in found if heard is not None]
    print(f"{len(silent)} of {len(cases)} clashes decode without an error")
    assert silent
    assert all(heard != [(1, a), (3, b)] for a, b, heard in found)


def test_what_another_machine_keeps_is_refused() -> None:
    """In one head too: the codeword of what is kept says whose it is."""
    protocol, cluster = two_receivers(5, 6)
    transformer = compile_protocol(protocol, cluster, attention="anna", tokens_per_machine="all")
    mechanism = mechanism_of(transformer)
    forced = Forced(mechanism.codewords, mechanism.family, mechanism.hashes, 0, (0, 3))
    rows = rows_after_each_layer(transformer, list(range(cluster.n_words)))[1]
    layer = replace(transformer.layers[1], mechanism=forced)  # type: ignore[type-var]
    (block,) = layer.blocks(rows, 2**20)
    answer = forced.answer(block)
    assert isinstance(block, SparseHeads)
    with pytest.raises(FarCollision, match="share a bucket"):
        layer.combine(rows).absorb(block, answer)


# --- mixed widths ---


def mixed(s: int) -> tuple[Protocol, Cluster]:
    """Machine 0 sends s / 2 records of one word and one of s / 2 words to machine 1."""
    names = tuple(f"f{i}" for i in range(s // 2))

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        if machine:
            return []
        short: list[oracles.Emission] = [("short", 1, (i,)) for i in range(s // 2)]
        return [*short, ("long", 1, tuple(range(s // 2, s)))]

    channels = (Channel("short", ("x",), s // 2, s // 2), Channel("long", names, 1, 1))
    answer = lambda i, m: [sum(first_words(i, m)) % 64, len(m.get("long", []))]  # noqa: E731
    return PerMachine((channels,), act, answer), Cluster(6, s, 3, 2, word_bits=6)


def test_records_of_very_different_widths_travel_word_by_word() -> None:
    s = 64
    protocol, cluster = mixed(s)
    words = list(range(6))
    expected = Simulation(protocol, cluster, words).run().tolist()
    transformer = compile_protocol(protocol, cluster, tokens_per_machine="all")
    assert transformer.run(words).tolist() == expected
    route = transformer.layers[1]
    assert isinstance(route, RouteLayer)
    assert isinstance(route.messages, WordMessages)
    assert route.code is not None
    assert (route.code.n_words, route.code.word_bits) == (1, 7)  # the tag is in the residue
    assert isinstance(route.code, SyndromeCode)
    assert route.code.prime > 2 * 2**6
    assert transformer.resources().token_width <= 3 * s + 2 + 4
    whole = compile_protocol(protocol, cluster, code="disjunct", tokens_per_machine="all")
    assert whole.run(words).tolist() == expected
    options = CompilerOptions(tokens_per_machine="all")
    measured = measured_layers(transformer)
    for bound in layer_bounds(protocol, cluster, options):
        assert bound.check(measured[bound.quantity]).status == "PASS", bound


# --- balanced ---


def capacity_by_the_bound(g: int, k: int, P: int, failure: float) -> int:
    """The least b with P H exp(-(c ln(c / g) - c + g)) <= delta for c = b + 1."""
    rare = lambda c: exp(-(c * log(c / g) - c + g))  # noqa: E731
    return next(b for b in range(g, k + 1) if b == k or P * ceil(k / g) * rare(b + 1) <= failure)


@pytest.mark.parametrize(("k", "P", "g"), [(64, 100, 7), (256, 300, 10), (1000, 80, 16)])
def test_capacity_is_the_least_of_the_bound(k: int, P: int, g: int) -> None:
    made = SpreadHeads.of_round(k, k, TokenGroups(P, g), failure=Fraction(1, 100), seed=0, round=0)
    assert isinstance(made, PermutedSlots)
    assert made.capacity == min(capacity_by_the_bound(g, k, P, 0.01), (P - 1) * g)
    assert made.failure <= Fraction(1, 100)
    stated = SpreadHeads.most_met(k, TokenGroups(P, g), 50, Fraction(1, 2))  # the same per round
    assert stated == made.capacity


def test_every_slot_is_used_once() -> None:
    slots = PermutedSlots(6, 9, 40, 3, 1, tokens=7, most=42)
    source, emission = np.divmod(np.arange(40 * 42), 42)
    slot = slots.slot(source, emission)
    assert (np.sort(slot.reshape(40, 42), axis=1) == np.arange(42)).all()
    assert slots.emission(source, slot).tolist() == emission.tolist()


def test_slots_are_independent_of_what_a_protocol_draws() -> None:
    """A protocol of the same seed draws (seed, round, machine) too: 1 in 42 agrees, by chance."""
    slots = PermutedSlots(6, 9, 400, 3, 7, tokens=7, most=42)
    slot = slots.slot(*np.divmod(np.arange(400 * 42), 42)).reshape(400, 42)
    own = np.argsort(random_words(3, 7, np.arange(400), 42), axis=1, kind="stable")
    assert abs(np.count_nonzero(slot == own) - 400) < 5 * sqrt(400)


@pytest.mark.parametrize("n_seeds", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_overloads_of_a_hostile_pattern_are_within_the_bound(n_seeds: int) -> None:
    """All k messages of a machine go to one other: those of one sender may meet as well."""
    k, P, g, capacity = 60, 40, 6, 16
    heads = PermutedSlots(10, capacity, P, 0, 0, tokens=g, most=k)
    source, place = np.divmod(np.arange(P * k), k)
    to = (source + 1 + place // 20) % P  # from three senders, twenty messages each
    failures = 0
    for seed in range(n_seeds):
        head = replace(heads, seed=seed).head(source, place)
        failures += int(np.bincount(to * 10 + head).max()) > capacity
    bound = float(heads.failure)
    assert 0 < bound < 1
    assert failures <= n_seeds * bound + 4 * sqrt(n_seeds * bound)


def test_a_turn_in_place_of_a_permutation_overloads() -> None:
    """Canary: neighbours in the order of emission would stay together in one head."""
    g, n_heads = 6, 10
    slot = (np.arange(20) + 3) % (g * n_heads)
    assert np.bincount(slot // g).max() == g


def test_balanced_takes_log_n_tokens_and_spreads() -> None:
    cluster = fit_cluster(k_hop(4), 1024, "2/3", largest_word=4)
    transformer = compile_protocol(k_hop(4), cluster, tokens_per_machine="balanced", seed=1)
    words = np.random.default_rng(0).integers(0, 4, 1024)
    assert transformer.run(words).tolist() == oracles.k_hop(words.tolist(), 4)
    assert 0 < transformer.failure <= 1 / 100
    drawn = [
        layer.assignment
        for layer in transformer.layers[1:]
        if isinstance(layer, RouteLayer) and isinstance(layer.assignment, PermutedSlots)
    ]
    assert {one.tokens for one in drawn} == {10}
    assert max(one.capacity for one in drawn) < 50
    assert transformer.resources().token_width < 5 * cluster.memory_words


# --- the figures, the way back, what is refused ---


def shapes_of_k_hop(tokens: int | str) -> tuple[int, int]:
    cluster = fit_cluster(k_hop(16), 1024, "2/3", largest_word=4)
    found = compile_protocol(k_hop(16), cluster, tokens_per_machine=tokens).resources()
    assert found.context_length <= 21 * 129
    return found.heads, found.token_width


def test_the_figures_of_k_hop() -> None:
    assert shapes_of_k_hop(1)[0] == 129
    assert shapes_of_k_hop("free") == (4, 1136)
    assert shapes_of_k_hop(128) == (2, 547)
    assert shapes_of_k_hop("all") == (1, 547)


@pytest.mark.parametrize("tokens", [2, "all"])
def test_there_and_back(tokens: int | str) -> None:
    protocol, cluster = a_pattern("few receivers", 2)
    compiled = compile_protocol(protocol, cluster, tokens_per_machine=tokens)
    words = np.arange(cluster.n_words)
    back = fit_compiled_to_mpc(compiled)
    found = back.run(input_rows(compiled, words)).dense()[: cluster.n_words, 0]
    assert found.tolist() == compiled.run(words).tolist()


@pytest.mark.parametrize("tokens", [3, "all"])
def test_the_bits_that_are_declared_are_enough(tokens: int | str) -> None:
    protocol, cluster = a_pattern("hub", 4)
    compiled = compile_protocol(protocol, cluster, tokens_per_machine=tokens)
    words = np.arange(cluster.n_words) * 6 % 64
    declared = compiled.resources().precision_bits
    assert run_on_bits(compiled, words, declared).tolist() == compiled.run(words).tolist()


@pytest.mark.parametrize("given", ["0", "-1", 0, "some", "1.5", True], ids=repr)
def test_numbers_of_tokens_that_are_none_are_refused(given: object) -> None:
    with pytest.raises(CodeDomainError, match="use a number from 1, or free, all, balanced"):
        CompilerOptions(tokens_per_machine=given)  # type: ignore[arg-type]


def test_more_messages_than_an_average_holds_are_refused_at_construction() -> None:
    """b (b + 2) p < 2^52: b = 1,448 is too much for words of 31 bits, b = 1,446 is not."""

    def with_messages(k: int, tokens: int | str) -> CompiledProtocol:
        channels = (Channel("x", ("word",), k, k),)
        protocol = PerMachine((channels,), lambda r, i, m: [])
        cluster = Cluster(4, 2000, 4, 1, word_bits=31)
        return compile_protocol(protocol, cluster, tokens_per_machine=tokens)

    assert with_messages(1445, "all").resources().heads == 1
    with pytest.raises(CodeDomainError, match="fewer tokens per machine let fewer messages meet"):
        with_messages(1448, "all")
    assert with_messages(1448, 400).resources().heads == 5
