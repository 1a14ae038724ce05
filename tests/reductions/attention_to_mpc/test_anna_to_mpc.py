"""Theorem 4.2: transformers of exact-match and ANNA heads as protocols, bit for bit."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from fractions import Fraction
from operator import mul
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer, gpt2
from anna_model.fixed_point.affine import ExactAffine
from anna_model.fixed_point.attention import (
    FixedPointLayer,
    Precision,
    fixed_point,
    mean_of_steps,
    require_exact_sums,
    steps_on,
)
from anna_model.fixed_point.grid import Grid, GridOverflow
from anna_model.gpt2_on_grid import on_grid
from anna_model.lsh import Hyperplane
from anna_model.mechanisms.softmax import Softmax
from anna_model.rowwise_check import check_rowwise
from cases.anna_to_mpc import (
    GRID,
    MECHANISMS,
    STEPS,
    Mixed,
    all_values,
    assert_same_bits,
    every_mechanism,
    exact_match_oracle,
    executed,
    measured,
    no_key,
    own_key,
    random_rows,
    random_transformer,
    residual,
    same_key,
    slacks,
)
from cases.gpt2_weights import drawn, safetensors
from mpc_sim import InputError, MPCError, ShapeError, Simulation, assert_local, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.stages.columnsort import columnsort
from reductions import compile_protocol
from reductions.attention_to_mpc import anna_to_mpc, fold
from reductions.attention_to_mpc.anna_bounds import bounds, theorem_bounds
from reductions.attention_to_mpc.plan import LayerPlan, LayerShape
from reductions.attention_to_mpc.round_trip import compiled_to_mpc, row_widths
from reductions.attention_to_mpc.sums import SumsOfRuns
from reductions.constructions.match2 import match2_transformer
from reductions.problems.definitions import match2_oracle, random_numbers

# --- the same bits ---


@every_mechanism
@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (1, 3), (2, 2), (3, 1), (4, 3)])
def test_random_transformers(name: str, n_layers: int, n_heads: int) -> None:
    transformer = random_transformer(MECHANISMS[name], 50, n_layers, n_heads, seed=n_layers)
    rows = random_rows(50)
    expected = transformer.forward(rows)
    assert len(np.unique(expected.dense())) > 20
    for memory_words in (160 * n_heads, 700 * n_heads):
        protocol = executed(transformer, memory_words)
        sim = protocol.simulation(rows)
        assert_same_bits(protocol.rows(sim.run()), expected)
        slacks(bounds(protocol), sim)
        slacks(theorem_bounds(protocol), sim)


@pytest.mark.slow
@given(
    name=st.sampled_from(sorted(MECHANISMS)),
    n_tokens=st.integers(1, 40),
    n_layers=st.integers(1, 4),
    n_heads=st.integers(1, 3),
    memory=st.sampled_from([170, 233, 600, 5000]),
    modulus=st.sampled_from([1, 2, 7, 1000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_any_shape(
    name: str, n_tokens: int, n_layers: int, n_heads: int, memory: int, modulus: int, seed: int
) -> None:
    """Modulus 1 puts all keys and queries in one bucket; 1000 leaves most queries without any."""
    transformer = random_transformer(
        MECHANISMS[name], n_tokens, n_layers, n_heads, seed=seed, modulus=modulus
    )
    rows = random_rows(n_tokens, seed=seed)
    protocol = executed(transformer, memory * n_heads)
    sim = protocol.simulation(rows)
    assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
    slacks(bounds(protocol), sim)


@pytest.mark.parametrize("mechanism", [ExactMatch(), Anna(Hyperplane(), 1, 6, seed=0)])
@pytest.mark.parametrize("n_tokens", [1, 2, 64, 301])
def test_hard_buckets(mechanism: Mechanism, n_tokens: int) -> None:
    """One key repeated N times and asked by all; a bucket a token; half without a bucket."""
    heads = tuple(
        HeadMaps(query, key, all_values, 1, 3)
        for query, key in (
            (same_key, same_key),
            (own_key, own_key),
            (no_key, own_key),
            (same_key, no_key),
        )
    )
    transformer = fixed_point(Transformer((RowwiseLayer(mechanism, heads),), n_tokens), GRID)
    rows = random_rows(n_tokens)
    protocol = executed(transformer, 500)
    sim = protocol.simulation(rows)
    assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
    slacks(bounds(protocol), sim)


def test_against_fractions() -> None:
    """Whole rows averaged over tokens of one residue, against two loops."""
    n_tokens = 45
    rows = random_rows(n_tokens, seed=5)
    steps = np.rint(rows.dense() * STEPS).astype(int).tolist()
    head = HeadMaps(
        lambda position, rows: np.rint(rows[:, :1] * STEPS) % 5 / STEPS,
        lambda position, rows: position[:, None] % 7 / STEPS,
        all_values,
        1,
        3,
    )
    transformer = fixed_point(Transformer((RowwiseLayer(ExactMatch(), (head,)),), n_tokens), GRID)
    found = executed(transformer, 150).run(rows).dense()
    expected = exact_match_oracle(steps, lambda i, row: (row[0] % 5,), lambda j, row: (j % 7,))
    np.testing.assert_array_equal(np.rint(found * STEPS), expected)


@pytest.mark.parametrize("n", [1, 2, 32, 256])
def test_match2(n: int) -> None:
    numbers = random_numbers(n, n + 5, seed=n)
    transformer = match2_transformer(n, n + 5)
    protocol = anna_to_mpc(transformer, Precision.of(Grid(10, 0)), 64, input_width=1)
    rows = Rows.from_dense(numbers[:, None].astype(float))
    found = protocol.run(rows).dense()[:, 0]
    np.testing.assert_array_equal(found, match2_oracle(numbers, n + 5))
    assert 4 * protocol.cluster.memory_words <= n or n < 256


@pytest.mark.parametrize("k", [1, 5])
def test_k_hop_there_and_back(k: int) -> None:
    """The compiled k-hop protocol of 64 letters becomes a protocol again: the same words."""
    words = np.random.default_rng(k).integers(0, 4, 64)
    cluster = fit_cluster(k_hop(k), 64, "2/3", largest_word=4)
    compiled = compile_protocol(k_hop(k), cluster, tokens_per_machine=1)
    back = compiled_to_mpc(compiled, memory_words=12_000)
    rows = Rows(compiled.n_tokens, np.arange(64), words[:, None].astype(float))
    sim = back.simulation(rows)
    found = back.rows(sim.run()).values[:, 0].astype(int)
    np.testing.assert_array_equal(found, Simulation(k_hop(k), cluster, words).run())
    slacks(bounds(back), sim)
    assert back.cluster.n_machines > 8
    # Every layer of the way back is one round of the protocol, or the first gathering of input.
    assert len(back.plan.layers) == k_hop(k).n_rounds(cluster) + 1


@pytest.mark.parametrize("buckets", ["sorted", "hashed"])
def test_gpt2_on_a_grid(tmp_path: Path, buckets: Any) -> None:
    """A GPT-2-style model whose causal softmax is replaced by ANNA.

    Weights and activations are rounded so that products of matrices are exact, hence the same for
    any subset of rows.
    """
    (tmp_path / "w.safetensors").write_bytes(safetensors(drawn()))
    anna = Anna(Hyperplane(), hashes=2, tables=3, seed=5, causal=True)
    model = gpt2.load(tmp_path / "w.safetensors", {"n_head": 3, "n_layer": 2}, anna, output="tied")
    grid = Grid(bits=24, fraction_bits=10)
    model = on_grid(model, Grid(bits=16, fraction_bits=10), grid)
    tokens = [3, 1, 4, 1, 5, 9, 2, 6]
    transformer = fixed_point(model.transformer(len(tokens)), grid)
    rows = model.embed(tokens)
    for layer in transformer.layers:
        check_rowwise(layer, rows, np.random.default_rng(0))
    memory_words = 600 if buckets == "sorted" else 1000
    protocol = anna_to_mpc(
        transformer, Precision.of(grid), memory_words, input_width=12, buckets=buckets
    )
    sim = protocol.simulation(rows)
    assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
    slacks(bounds(protocol), sim)
    assert protocol.cluster.n_machines > (2 if buckets == "sorted" else 1)
    with pytest.warns(gpt2.UnmatchedQueries):
        rows, logits = model.hidden(tokens), model.logits(tokens)
    hidden = [[Fraction(x) for x in row] for row in grid.round(rows).tolist()]
    weight = [
        [Fraction(round(float(x) * 2**10), 2**10) for x in row] for row in drawn()["wte.weight"]
    ]
    for row, found in zip(hidden, logits.tolist(), strict=True):
        assert [sum(map(mul, row, one)) for one in weight] == list(map(Fraction, found))


def test_products_on_a_grid_are_exact() -> None:
    """Against integers of any size; rows alone, in a batch, and in another order: the same bits."""
    rng = np.random.default_rng(0)
    weights, activations = Grid(14, 9), Grid(22, 8)
    weight, bias = rng.standard_normal((48, 5)), rng.standard_normal(5)
    exact = ExactAffine(weight, bias, weights, activations)
    rows = rng.standard_normal((30, 48)) * 50
    found = exact.map(rows)
    w, x = weights.integers(weight), activations.integers(rows)
    b = [round(Fraction(float(one)) * 2**17) for one in bias]
    for i in range(30):
        for j in range(5):
            total = sum(int(x[i, k]) * int(w[k, j]) for k in range(48)) + b[j]
            assert Fraction(float(found[i, j])) == Fraction(total, 2**17)
        assert exact.map(rows[i : i + 1]).tobytes() == found[i : i + 1].tobytes()
    with pytest.raises(GridOverflow, match=r"may reach 2\^53 steps; take fewer bits"):
        ExactAffine(weight, bias, weights, Grid(40, 8))
    with pytest.raises(GridOverflow, match="ends at"):
        ExactAffine(weight * 100, bias, weights, activations)
    with pytest.raises(GridOverflow, match="ends at"):
        exact.map(rows * 1e6)


@pytest.mark.parametrize("mechanism", [ExactMatch(), Anna(Hyperplane(), 2, 2, seed=0)])
def test_transformer_to_protocol_to_transformer(mechanism: Mechanism) -> None:
    """Composed: a transformer of one layer more than the protocol has rounds, the same bits."""
    grid = Grid(8, 3)
    heads = (HeadMaps(Mixed((1,), 1, 3), Mixed((2,), 1, 3), Mixed((3,), 1, 9), 1, 1),)
    transformer = fixed_point(Transformer((RowwiseLayer(mechanism, heads),), 6), grid)
    protocol = anna_to_mpc(transformer, Precision.of(grid), 44, input_width=1)
    compiled = compile_protocol(protocol.protocol, protocol.cluster)
    rows = random_rows(6, 1)
    found = protocol.rows(compiled.run(protocol.words(rows)))
    assert_same_bits(found, transformer.forward(rows))
    rounds = bounds(protocol)[0].value
    resources = compiled.resources()
    assert resources.layers == rounds + 1
    s, P = protocol.cluster.memory_words, protocol.cluster.n_machines
    assert resources.heads <= s + 1  # Theorem 4.1: a head a message, and the self head
    assert resources.head_width <= max(2 * s + 2, s + 8)
    assert P > 1


# --- rules ---


@every_mechanism
def test_locality(name: str) -> None:
    transformer = random_transformer(MECHANISMS[name], 9, 2, 2, seed=0)
    protocol = executed(transformer, 150)
    assert protocol.cluster.n_machines > 3
    assert_local(protocol.protocol, protocol.cluster, protocol.words(random_rows(9)))


def test_locality_of_the_way_back() -> None:
    """Sparse blocks, query classes and unlisted rows; the output map of all words is left out."""
    words = np.array([5, 1, 4, 1, 0, 3, 2, 2])
    cluster = fit_cluster(columnsort(), 8, "2/3")
    compiled = compile_protocol(columnsort(), cluster, tokens_per_machine=1)
    routing = Transformer(compiled.layers[:-1], compiled.n_tokens)
    back = anna_to_mpc(
        routing,
        compiled_to_mpc(compiled, memory_words=450).precision,
        450,
        input_width=1,
        row_widths=row_widths(compiled)[:-1],
    )
    rows = Rows(compiled.n_tokens, np.arange(8), words[:, None].astype(float))
    assert back.cluster.n_machines > 3
    assert_local(back.protocol, back.cluster, back.words(rows))
    expected = routing.forward(rows)
    found = back.run(rows)
    np.testing.assert_array_equal(found.position, expected.position)
    width = expected.values.shape[1]
    np.testing.assert_array_equal(found.values[:, :width], expected.values)
    assert not found.values[:, width:].any()


def test_halves_round_to_even_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that rounds halves up differs from the transformer on means of two."""
    heads = (HeadMaps(same_key, same_key, all_values, 1, 1),)
    transformer = fixed_point(Transformer((RowwiseLayer(ExactMatch(), heads),), 2), Grid(8, 0))
    rows = Rows.from_dense(np.array([[2.0], [3.0]]))
    protocol = anna_to_mpc(transformer, Precision.of(Grid(8, 0)), 60, input_width=1)
    assert transformer.forward(rows).dense()[0, 0] == 2
    assert_same_bits(protocol.run(rows), transformer.forward(rows))
    monkeypatch.setattr(
        fold,
        "mean_of_steps",
        lambda total, count, grid: np.floor(total / count[:, None] + 0.5),
    )
    assert protocol.run(rows).dense()[0, 0] == 3


def test_sums_are_divided_once() -> None:
    """A sum of shares, v_1/n + v_2/n + ..., is another number than the quotient of the sum."""
    total, count, grid = np.array([[49]]), np.array([49]), Grid(20, 0)
    assert mean_of_steps(total, count, grid)[0, 0] == 1.0
    assert sum([1 / 49] * 49) != 1.0


@pytest.mark.parametrize(("tables", "bits"), [(1, 48), (2, 47), (16, 44)])
def test_sums_beyond_2_53_are_refused(tables: int, bits: int) -> None:
    mechanism = Anna(Hyperplane(), 1, tables, seed=0) if tables > 1 else ExactMatch()
    transformer = random_transformer(mechanism, 64, 1, 1, seed=0)
    small = Precision(GRID, GRID, Grid(bits, 3))
    anna_to_mpc(transformer, small, 900, input_width=3)
    require_exact_sums(Grid(bits, 3), 64, tables)
    large = Precision(GRID, GRID, Grid(bits + 1, 3))
    with pytest.raises(GridOverflow, match=f"give values at most {bits} bits"):
        anna_to_mpc(transformer, large, 900, input_width=3)


def test_words_hold_every_sum() -> None:
    """word_bits >= value bits + ceil(log2(l N))."""
    transformer = random_transformer(Anna(Hyperplane(), 1, 16, seed=0), 64, 1, 1, seed=0)
    protocol = anna_to_mpc(transformer, Precision.of(GRID), 900, input_width=3)
    assert protocol.cluster.word_bits >= GRID.bits + 10
    wide = Precision(Grid(53, 3), GRID, GRID)
    assert anna_to_mpc(transformer, wide, 900, input_width=3).cluster.word_bits >= 53


def test_numbers_between_the_steps_are_refused() -> None:
    transformer = Transformer(
        tuple(layer.inner for layer in random_transformer(ExactMatch(), 4, 1, 1, seed=0).layers), 4
    )
    protocol = executed(transformer, 300)
    rows = Rows.from_dense(np.full((4, 3), 0.3))
    with pytest.raises(GridOverflow, match=r"rows: 0\.3 is no multiple of the step 0\.125"):
        protocol.run(rows)
    with pytest.raises(GridOverflow, match="values: the number at"):
        steps_on(GRID, [5000.0], "values")


def test_refusals() -> None:
    softmax = random_transformer(Softmax(), 4, 1, 1, seed=0)
    with pytest.raises(InputError, match="exact match and ANNA, not Softmax"):
        executed(softmax, 300)
    transformer = random_transformer(ExactMatch(), 64, 1, 1, seed=0)
    with pytest.raises(ShapeError, match="do not hold one token, which may take 17"):
        executed(transformer, 16)
    with pytest.raises(ShapeError, match="raise memory_words"):
        executed(transformer, 30)
    with pytest.raises(ShapeError, match="copies for 5 tables need 2"):
        executed(random_transformer(MECHANISMS["hyperplane"], 4, 1, 1, seed=0), 20)
    with pytest.raises(InputError, match="no protocol"):
        executed(Transformer((), 4), 300)
    with pytest.raises(InputError, match="give a width of at least 1"):
        anna_to_mpc(transformer, Precision.of(GRID), 300, input_width=3, row_widths=(4, 4))
    narrow = anna_to_mpc(transformer, Precision.of(GRID), 300, input_width=3, row_widths=(2,))
    with pytest.raises(InputError, match="rows of 4 numbers where 2 were declared"):
        narrow.run(random_rows(64))
    mixed = RowwiseLayer(ExactMatch(), transformer.layers[0].inner.head_maps, residual)

    class Either(RowwiseLayer):
        def mechanism_for(self, block: object) -> Mechanism:
            return ExactMatch(causal=block.first_head > 0)  # type: ignore[attr-defined]

    both = Either(ExactMatch(), mixed.head_maps * 2, residual)
    with pytest.raises(InputError, match="make them alike"):
        executed(Transformer((both,), 64), 300)
    wide = Precision(Grid(53, 3), Grid(53, 3), Grid(53, 3))
    with pytest.raises(MPCError, match="at most 62 are supported"):
        anna_to_mpc(
            random_transformer(Anna(Hyperplane(), 1, 64, seed=0), 4096, 1, 1, seed=0),
            wide,
            9000,
            input_width=3,
            row_widths=(4,),
        )


def test_heads_of_different_widths_and_mechanisms() -> None:
    """One layer, three mechanisms: a head that has fewer tables is asked in those only."""
    mechanisms = (ExactMatch(), Anna(Hyperplane(), 2, 5, seed=0), Anna(Hyperplane(), 2, 3, seed=9))

    class Various(RowwiseLayer):
        def mechanism_for(self, block: object) -> Mechanism:
            return mechanisms[block.first_head]  # type: ignore[attr-defined]

        @property
        def n_tables(self) -> int:
            return 5

    widths = ((1, 3), (4, 1), (2, 2))
    heads = tuple(
        HeadMaps(
            Mixed((h, 0), width, 3), Mixed((h, 1), width, 3), Mixed((h, 2), value_width, 99),
            width, value_width,
        )
        for h, (width, value_width) in enumerate(widths)
    )  # fmt: skip
    transformer = fixed_point(Transformer((Various(ExactMatch(), heads),), 33), GRID)
    rows = random_rows(33)
    assert_same_bits(executed(transformer, 600).run(rows), transformer.forward(rows))


def test_fixed_point_layers_pickle_and_say_what_they_are() -> None:
    transformer = random_transformer(MECHANISMS["hyperplane"], 5, 1, 2, seed=0)
    (layer,) = pickle.loads(pickle.dumps(transformer)).layers
    assert isinstance(layer, FixedPointLayer)
    assert (layer.n_tables, layer.n_heads, layer.precision_bits) == (5, 2, 16)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 2, *[st.integers(0, 9)] * 2), max_size=12))
def test_sums_of_runs_are_associative(rows: list[tuple[int, ...]]) -> None:
    sums = SumsOfRuns(2, 2)
    table = np.array(sorted(rows), np.int64).reshape(-1, 4)
    table[table[:, 0] == 0] = 0
    identity = sums.repeat_identity(1)
    for at in range(len(table) - 2):
        a, b, c = (table[[at + i]] for i in range(3))
        left = sums.combine(sums.combine(a, b), c)
        np.testing.assert_array_equal(left, sums.combine(a, sums.combine(b, c)))
        np.testing.assert_array_equal(sums.combine(identity, a), a)
        np.testing.assert_array_equal(sums.combine(a, identity), a)


@given(
    tables=st.integers(1, 60),
    pair=st.integers(1, 40),
    memory=st.integers(4, 900),
    tokens=st.integers(1, 3),
)
def test_copy_trees_pack(tables: int, pair: int, memory: int, tokens: int) -> None:
    """Every level is reached from the one above, and no machine sends or receives too much."""
    shape = LayerShape(10, 1, 1, 1, tables, row_words=pair, causal=False)
    try:
        plan = LayerPlan(shape, memory, tokens)
        levels = plan.levels
    except (ShapeError, ZeroDivisionError):
        return
    if plan.most_tokens < tokens:
        return
    assert [levels[0].copies, levels[-1].copies] == [1, tables]
    for above, below in itertools.pairwise(levels):
        assert above.copies == -(-below.copies // plan.arity)
        assert plan.arity * above.held <= plan.leaf_pairs
    words = plan.leaf_pairs * shape.pair_words
    assert words + plan.waiting_words <= memory


def test_measured_quantities_are_those_of_the_bounds() -> None:
    transformer = random_transformer(ExactMatch(), 40, 1, 1, seed=0)
    protocol = executed(transformer, 100)
    sim = protocol.simulation(random_rows(40))
    sim.run()
    assert [bound.quantity for bound in bounds(protocol)] == list(measured(sim))
    rounds = bounds(protocol)[0]
    assert rounds.check(measured(sim)["rounds"] + 1).status == "FAIL"


# --- loads ---


def test_less_memory_than_was_planned_is_an_error() -> None:
    """Nothing of the plan is only probable; on smaller machines the simulator refuses or raises."""
    transformer = random_transformer(MECHANISMS["hyperplane"], 40, 1, 2, seed=0)
    protocol = executed(transformer, 300)
    rows = random_rows(40)
    sim = protocol.simulation(rows)
    sim.run()
    most = max(sim.ledger.max_held_words, sim.ledger.max_sent_words)
    words = protocol.words(rows)
    for memory_words in (most - 1, most // 2, 90):
        cluster = replace(protocol.cluster, memory_words=memory_words)
        with pytest.raises(MPCError):
            Simulation(protocol.protocol, cluster, words).run()


@pytest.mark.parametrize("seed", range(5))
def test_loads_are_certain_whatever_falls_into_a_bucket(seed: int) -> None:
    """All loads of a run stay within the bounds for every seed of the hash functions."""
    for hashes in (1, 12):
        anna = Anna(Hyperplane(), hashes, 4, seed=seed)
        transformer = random_transformer(anna, 200, 1, 1, seed=seed)
        protocol = executed(transformer, 200)
        sim = protocol.simulation(random_rows(200, seed=seed))
        assert_same_bits(protocol.rows(sim.run()), transformer.forward(random_rows(200, seed=seed)))
        slacks(bounds(protocol), sim)
