"""Compiled protocols run by hashing: the bits of exact match, and a far collision never silent."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import acos, ceil, log, pi

import numpy as np
import pytest
from hypothesis import given

import oracles
from anna_model import EVERY_HEAD, ExactMatch, SparseAnswer, SparseHeads
from anna_model.lsh import CrossPolytope, Family, Hyperplane, PStable
from cases.hashed_ids import a_k_hop, a_sort, forced, mechanism_of, to_the_next
from cases.per_machine import PerMachine, gossips
from mpc_sim import Channel, Cluster, MPCError, ShapeError, Simulation
from reductions.mpc_to_anna.codes import CODE_NAMES, CodeOverload
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.hashed_ids import FarCollision, HashedIds
from reductions.mpc_to_anna.id_codewords import IdCodewords
from reductions.problems.connectivity import CONNECTIVITY

FAMILIES: list[Family] = [Hyperplane(), CrossPolytope("gaussian"), PStable(1.0)]


# --- the same output ---


@pytest.mark.parametrize("code", CODE_NAMES)
@pytest.mark.parametrize("heads", ["emission", "spread"])
@pytest.mark.parametrize("seed", range(3))
def test_output_is_that_of_the_oracle(code: str, heads: str, seed: int) -> None:
    protocol, cluster, words = a_k_hop(30, 3, seed)
    for attempt in range(4):
        transformer = compile_protocol(
            protocol,
            cluster,
            code=code,
            head_order=heads,
            attention="anna",
            seed=seed + 100 * attempt,
        )
        try:
            output = transformer.run(words).tolist()
        except CodeOverload:
            continue
        assert output == oracles.k_hop(words, 3)
        return
    pytest.fail("four overloads")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_any_family(family: Family) -> None:
    protocol, cluster, words = a_sort(64)
    transformer = compile_protocol(protocol, cluster, attention="anna", family=family)
    assert transformer.run(words).tolist() == sorted(words)


@given(gossips())
def test_any_protocol(case: tuple[PerMachine, oracles.Gossip, Cluster, list[int]]) -> None:
    protocol, _, cluster, words = case
    try:
        expected = Simulation(protocol, cluster, words).run().tolist()
    except MPCError:
        return
    assert compile_protocol(protocol, cluster, attention="anna").run(words).tolist() == expected


@pytest.mark.parametrize("task", ["k-hop", "sort"])
@pytest.mark.slow
def test_a_hundred_seeds(task: str) -> None:
    """eta is below 0.1 / T for each, so that a single failure in a hundred is a fault."""
    for seed in range(100):
        protocol, cluster, words = a_k_hop(64, 4, seed) if task == "k-hop" else a_sort(64, seed)
        transformer = compile_protocol(protocol, cluster, attention="anna", seed=seed)
        expected = oracles.k_hop(words, 4) if task == "k-hop" else sorted(words)
        assert transformer.failure * transformer.n_tokens < Fraction(1, 10)
        assert transformer.run(words).tolist() == expected


@pytest.mark.slow
def test_a_hundred_seeds_of_connectivity() -> None:
    """Hundreds of layers share one function, so that eta is for all of them at once."""
    for seed in range(100):
        graph = CONNECTIVITY.instance(16, seed)
        protocol, cluster = CONNECTIVITY.protocol_for(graph), CONNECTIVITY.cluster(graph)
        transformer = compile_protocol(protocol, cluster, attention="anna", seed=seed)
        assert transformer.failure * transformer.n_tokens < Fraction(1, 10)
        output = transformer.run(graph.words)
        assert output.tolist() == Simulation(protocol, cluster, graph.words).run().tolist()
        assert CONNECTIVITY.has_failed(output, cluster) or CONNECTIVITY.n_wrong(graph, output) == 0


def test_a_pickled_transformer_is_the_same() -> None:
    protocol, cluster, words = a_k_hop(30, 2)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    again = pickle.loads(pickle.dumps(transformer))
    assert again.run(words).tolist() == transformer.run(words).tolist()


# --- parameters ---


@pytest.mark.parametrize(("n_machines", "n_tokens"), [(1, 1), (8, 64), (254, 300), (255, 4096)])
def test_hashes_are_those_of_the_theorem(n_machines: int, n_tokens: int) -> None:
    """z = ceil(log_{1/p2}(10 T^3)), p2 = 1 - theta / pi at the least angle of two ids."""
    mechanism = HashedIds.fit(n_machines, n_tokens)
    p2 = 1 - acos(mechanism.codewords.largest_cosine) / pi
    assert mechanism.hashes == ceil(log(10 * (n_tokens + 2) ** 3) / log(1 / p2))
    assert mechanism.failure < Fraction(1, 10 * n_tokens)
    n_ids = n_machines + 2
    assert mechanism.failure >= Fraction(n_ids * (n_ids - 1), 2) * Fraction(p2) ** mechanism.hashes


def test_that_two_ids_meet_is_part_of_the_failure() -> None:
    """Nothing else is drawn here, and all layers share one function: it counts once."""
    protocol, cluster, _ = a_sort(64)
    hashed = compile_protocol(protocol, cluster, attention="anna")
    assert hashed.failure == mechanism_of(hashed).failure > 0
    drawn = compile_protocol(protocol, cluster, attention="anna", code="repetition")
    overloads = sum(layer.failure for layer in drawn.layers[1:])  # type: ignore[attr-defined]
    assert drawn.failure == mechanism_of(drawn).failure + overloads
    assert overloads > 0


def test_resources_are_read_off_the_object() -> None:
    protocol, cluster, _ = a_k_hop(64, 4)
    plain = compile_protocol(protocol, cluster)
    hashed = compile_protocol(protocol, cluster, attention="anna")
    before, after = plain.resources(), hashed.resources()
    assert (after.layers, after.heads, after.context_length) == (
        before.layers, before.heads, before.context_length,
    )  # fmt: skip
    assert (before.tables, after.tables) == (0, 1)
    assert after.query_width == mechanism_of(hashed).codewords.width == 16
    for left, right in zip(plain.layers[1:], hashed.layers[1:], strict=True):
        if len(left.heads) > 1:  # one word more a message: b coordinates for a number more
            code, longer = left.code, right.code  # type: ignore[attr-defined]
            assert longer.n_words == code.n_words + 1
            more = code.capacity * (longer.n_numbers - code.n_numbers)
            assert right.heads[1].value_width == left.heads[1].value_width + more


def test_attention_that_is_unknown_is_refused() -> None:
    protocol, cluster, _ = a_sort(9)
    with pytest.raises(ShapeError, match="attention 'softmax' is unknown; use ema or anna"):
        compile_protocol(protocol, cluster, attention="softmax")


# --- the definition ---


def blocks_of(transformer: CompiledProtocol, words: list[int]) -> list[SparseHeads]:
    from anna_model import Rows

    trace: list = []
    column = np.array(words, np.float64)[:, None]
    transformer.forward(Rows(transformer.n_tokens, np.arange(len(words)), column), trace=trace)
    return [block for _, block, _ in trace]


@pytest.mark.parametrize("hashes", [2, 5, 40])
def test_answers_are_those_of_anna_on_codewords(hashes: int) -> None:
    """Head by head on every block of a run, few hashes so that far ids meet."""
    protocol, cluster, words = a_k_hop(12, 2)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    mechanism = replace(mechanism_of(transformer), hashes=hashes)
    vectors = mechanism.codewords.vectors
    n_far = 0
    for block in blocks_of(transformer, words):
        answer = mechanism.answer(block)
        assert isinstance(answer, SparseAnswer)
        found = answer.dense(block)
        dense = block.dense(float(mechanism.null), float(mechanism.null + 1))
        for head in range(block.n_heads):
            _, K, V = block.keys_of(head)
            Q = dense.Q[head]
            asks = Q[:, 0] <= mechanism.null
            values, unmatched = mechanism.anna.apply(
                vectors(Q[:, 0].astype(int)), vectors(K[:, 0].astype(int)), V
            )
            assert np.array_equal(found.unmatched[head][asks], unmatched[asks])
            assert np.array_equal(found.values[head][asks], values[asks])
        exact = ExactMatch().answer(block)
        assert isinstance(exact, SparseAnswer)
        n_far += mechanism.far_pairs(block)
        if mechanism.far_pairs(block) == 0:
            assert np.array_equal(found.values, exact.dense(block).values)
    assert (n_far > 0) == (hashes < 40)


def test_weights_and_apply_agree() -> None:
    mechanism = HashedIds(IdCodewords(20), Hyperplane(), 3, 0)
    rng = np.random.default_rng(0)
    Q, K = rng.integers(0, 20, (9, 1)), rng.integers(0, 20, (15, 1))
    V = rng.integers(0, 9, (15, 4)).astype(float)
    values, unmatched = mechanism.apply(Q, K, V)
    weights = mechanism.weights(Q, K)
    assert values == pytest.approx(weights @ V)
    assert np.array_equal(unmatched, ~weights.any(axis=1))


def test_far_pairs_against_a_double_loop() -> None:
    protocol, cluster, words = a_k_hop(12, 2)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    mechanism = replace(mechanism_of(transformer), hashes=3)
    buckets = mechanism.buckets.tolist()
    for block in blocks_of(transformer, words):
        asked, keys = block.Q[:, 0].astype(int).tolist(), block.K[:, 0].astype(int).tolist()
        pairs = [(i, j) for i, j in product(asked, keys) if i != j and buckets[i] == buckets[j]]
        assert mechanism.far_pairs(block) == len(pairs)


# --- too few hashes ---


def test_a_quarter_of_the_hashes_fails_and_never_silently() -> None:
    protocol, cluster, words = a_k_hop(64, 4)
    expected, seen = oracles.k_hop(words, 4), Counter[str]()
    quarter = mechanism_of(compile_protocol(protocol, cluster, attention="anna")).hashes // 4
    for seed in range(25):
        transformer = compile_protocol(
            protocol, cluster, attention="anna", hashes=quarter, seed=seed
        )
        buckets = mechanism_of(transformer).buckets
        apart = len(np.unique(buckets[: cluster.n_machines])) == cluster.n_machines
        try:
            assert transformer.run(words).tolist() == expected
            seen["right"] += 1
        except FarCollision:
            seen["far"] += 1
            assert not apart or mechanism_of(transformer).null_is_heard
        except CodeOverload:
            seen["overload"] += 1
            assert mechanism_of(transformer).null_is_heard
    assert seen["right"] > 0
    assert seen["far"] > 0


@pytest.mark.parametrize("code", CODE_NAMES)
def test_messages_to_null_are_heard_and_dropped(code: str) -> None:
    """N = P, so only coded heads have the key NULL: all that is heard is corrected."""
    protocol, cluster = to_the_next(6)
    transformer = compile_protocol(protocol, cluster, attention="anna", code=code)
    changed = forced(transformer, (mechanism_of(transformer).null, 1))
    expected = Simulation(protocol, cluster, [0] * 6).run().tolist()
    assert changed.run([0] * 6).tolist() == expected
    far = [mechanism_of(changed).far_pairs(block) for block in blocks_of(changed, [0] * 6)]
    assert far[:2] == [0, 0]
    assert sum(far) > 0
    layer = changed.layers[1]
    object.__setattr__(layer, "code", replace(layer.code, capacity=1))  # type: ignore[attr-defined]
    with pytest.raises(CodeOverload):  # canary: with room for its own message only
        changed.run([0] * 6)


@pytest.mark.parametrize("pair", [(0, 1), (2, 5)])
def test_two_machines_in_one_bucket_raise(pair: tuple[int, int]) -> None:
    protocol, cluster = to_the_next(6)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    with pytest.raises(FarCollision, match="share a bucket of") as caught:
        forced(transformer, pair).run([0] * 6)
    assert caught.value.pairs == 2
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(("n", "n_machines"), [(4, 9), (12, 4)])
def test_null_in_a_head_without_a_code_raises(n: int, n_machines: int) -> None:
    """More tokens than words: in the init layer; more than machines: in the self head."""
    protocol = PerMachine(((Channel("x", ("word",), 3),),), lambda r, i, m: [])
    cluster = Cluster(n, 8, n_machines, 3, largest_word=20)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    with pytest.raises(FarCollision):
        forced(transformer, (mechanism_of(transformer).null, 0)).run([0] * n)


def test_nobody_may_meet_anyone() -> None:
    protocol, cluster, words = a_k_hop(20, 2)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    nobody = mechanism_of(transformer).null + 1
    assert forced(transformer, (nobody, 0)).run(words).tolist() == oracles.k_hop(words, 2)


def test_every_token_is_a_source_of_hashed_codes() -> None:
    """Tokens without a message send one to NULL, those that stand for no machine too."""
    protocol, cluster, _ = a_sort(64)
    assert cluster.n_machines < 64
    for attention, sources in (("ema", cluster.n_machines), ("anna", 64)):
        compiled = compile_protocol(protocol, cluster, attention=attention, tokens_per_machine=1)
        codes = [
            layer.code.n_sources  # type: ignore[attr-defined]
            for layer in compiled.layers[1:]
            if layer.code is not None  # type: ignore[attr-defined]
        ]
        assert set(codes) == {sources}


def test_null_is_heard_by_any_machine() -> None:
    protocol, cluster = to_the_next(6)
    transformer = compile_protocol(protocol, cluster, attention="anna")
    null = mechanism_of(transformer).null
    assert not mechanism_of(transformer).null_is_heard
    for machine in range(6):
        assert mechanism_of(forced(transformer, (null, machine))).null_is_heard
    assert not mechanism_of(forced(transformer, (null, null + 1))).null_is_heard


def test_what_two_ids_share_is_no_less_than_the_fold() -> None:
    """A bucket id has 63 bits, however many hashes it is made of."""
    assert HashedIds(IdCodewords(20), Hyperplane(), 5000, 0).shares >= Fraction(1, 2**63)


def test_one_far_pair_is_refused() -> None:
    mechanism = HashedIds(IdCodewords(20), Hyperplane(), 2, 0)
    buckets = mechanism.buckets.tolist()
    first, other = next((i, j) for i in range(20) for j in range(i) if buckets[i] == buckets[j])

    def block(key: int) -> SparseHeads:
        zero = np.zeros(1, np.int64)
        asks, K = np.array([[float(first)]]), np.array([[float(key)]])
        return SparseHeads(0, 1, zero, np.array([EVERY_HEAD]), zero, asks, zero, zero, K, K)

    mechanism.refuse_far_pairs(block(first))
    with pytest.raises(FarCollision, match="1 pair of an id and another shares a bucket of 2"):
        mechanism.refuse_far_pairs(block(other))
