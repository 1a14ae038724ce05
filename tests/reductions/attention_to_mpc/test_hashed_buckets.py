"""Theorem 4.2 with hashed buckets: meta machines, O(1 / (eps' - eps)) rounds, w.h.p."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import ExactMatch, HeadMaps, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision, fixed_point
from cases.anna_to_mpc import (
    GRID,
    MECHANISMS,
    all_values,
    assert_same_bits,
    every_mechanism,
    measured,
    no_key,
    own_key,
    random_rows,
    random_transformer,
    same_key,
    slacks,
)
from cases.growing_transformers import WORDS, Series as GridSeries
from mpc_sim import InputError, ShapeError, Simulation, assert_local, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import ChannelExceeded
from mpc_sim.integers import ceil_power
from mpc_sim.stages.columnsort import plan_columnsort
from reductions import compile_protocol
from reductions.attention_to_mpc import (
    TransformerProtocol,
    anna_to_mpc,
    fit_anna_to_mpc,
    hashed_plan,
)
from reductions.attention_to_mpc.anna_bounds import bounds, theorem_bounds
from reductions.attention_to_mpc.funnels import Funnels
from reductions.attention_to_mpc.hashed_bounds import failure_of
from reductions.attention_to_mpc.hashed_plan import GRAIN, HashedPlan, plan_funnel
from reductions.attention_to_mpc.plan import LayerShape
from reductions.attention_to_mpc.round_trip import fit_compiled_to_mpc, precision_of, row_widths
from reductions.experiments.mechanism_series import ExactMatchSeries


def hashed(
    transformer: Transformer, memory_words: int, seed: int = 0, width: int = 3
) -> TransformerProtocol:
    return anna_to_mpc(
        transformer,
        Precision.of(GRID),
        memory_words,
        input_width=width,
        buckets="hashed",
        seed=seed,
    )


def assert_runs(protocol: TransformerProtocol, rows: Rows) -> dict[str, float]:
    """The same bits, within the bounds of the construction and of the theorem."""
    sim = protocol.simulation(rows)
    assert_same_bits(protocol.rows(sim.run()), protocol.transformer.forward(rows))
    slacks(theorem_bounds(protocol), sim)
    return slacks(bounds(protocol), sim)


# --- the same bits ---


@every_mechanism
@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (2, 3), (4, 2)])
def test_random_transformers(name: str, n_layers: int, n_heads: int) -> None:
    transformer = random_transformer(MECHANISMS[name], 50, n_layers, n_heads, seed=n_layers)
    rows = random_rows(50)
    for memory_words in (800 * n_heads, 2000 * n_heads):
        protocol = hashed(transformer, memory_words, seed=n_heads)
        slack = assert_runs(protocol, rows)
        assert slack["rounds"] == 1


@given(
    name=st.sampled_from(sorted(MECHANISMS)),
    n_tokens=st.integers(1, 40),
    n_layers=st.integers(1, 3),
    n_heads=st.integers(1, 3),
    memory=st.sampled_from([800, 1100, 5000]),
    modulus=st.sampled_from([1, 2, 7, 1000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_any_shape(
    name: str, n_tokens: int, n_layers: int, n_heads: int, memory: int, modulus: int, seed: int
) -> None:
    """Modulus 1 puts all keys and queries in one bucket; 1000 leaves most queries without any."""
    transformer = random_transformer(
        MECHANISMS[name], n_tokens, n_layers, n_heads, seed=seed, modulus=modulus
    )
    assert_runs(hashed(transformer, memory * n_heads, seed), random_rows(n_tokens, seed=seed))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_tokens", [1, 2, 64, 301])
def test_hard_buckets(causal: bool, n_tokens: int) -> None:
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
    layer = RowwiseLayer(ExactMatch(causal=causal), heads)
    transformer = fixed_point(Transformer((layer,), n_tokens), GRID)
    protocol = hashed(transformer, 1500)
    assert n_tokens < 300 or protocol.cluster.n_machines > 20
    assert_runs(protocol, random_rows(n_tokens))


def test_a_hot_bucket_goes_through_a_tree_of_several_levels() -> None:
    """4,000 tokens that all ask for one key: no machine hears more than B, levels are hashed."""
    layer = RowwiseLayer(ExactMatch(), (HeadMaps(same_key, same_key, all_values, 1, 1),))
    transformer = fixed_point(Transformer((layer,), 4000), GRID)
    protocol = hashed(transformer, 1000, width=1)
    assert isinstance(protocol.plan, hashed_plan.HashedTokenPlan)
    (plan,) = protocol.plan.layers
    assert isinstance(plan, HashedPlan)
    assert plan.funnel.levels == 3
    assert 4 * protocol.cluster.memory_words <= 4000
    assert_runs(protocol, random_rows(4000, 1))


@every_mechanism
def test_locality(name: str) -> None:
    transformer = random_transformer(MECHANISMS[name], 60, 1, 2, seed=0)
    protocol = hashed(transformer, 1200)
    assert protocol.cluster.n_machines > 1
    assert_local(protocol.protocol, protocol.cluster, protocol.words(random_rows(60)))


def test_k_hop_there_and_back() -> None:
    """The compiled k-hop protocol of 64 letters, by hashed buckets: a third of the rounds."""
    words = np.random.default_rng(4).integers(0, 4, 64)
    cluster = fit_cluster(k_hop(4), 64, "2/3", largest_word=4)
    compiled = compile_protocol(k_hop(4), cluster, tokens_per_machine=1)
    precision, widths = precision_of(compiled), row_widths(compiled)
    back = anna_to_mpc(
        compiled, precision, 40_000, input_width=1, row_widths=widths, buckets="hashed"
    )
    rows = Rows(compiled.n_tokens, np.arange(64), words[:, None].astype(float))
    sim = back.simulation(rows, keep_bytes=0)
    found = back.rows(sim.run()).values[:, 0].astype(int)
    np.testing.assert_array_equal(found, Simulation(k_hop(4), cluster, words).run())
    slacks(bounds(back), sim)
    assert back.cluster.n_machines > 4
    print(sim.n_rounds, back.cluster)
    by_sorting = anna_to_mpc(compiled, precision, 40_000, input_width=1, row_widths=widths)
    assert 3 * sim.n_rounds <= by_sorting.protocol.n_rounds(by_sorting.cluster)
    fitted = fit_compiled_to_mpc(compiled, "1/3", buckets="hashed", seed=2)
    assert fitted.protocol.n_rounds(fitted.cluster) <= sim.n_rounds


# --- with high probability ---


@pytest.mark.slow
def test_no_seed_of_a_hundred_fails() -> None:
    """Each fails with probability at most 1/100: 7 of 100 would do so once in 10,000 times."""
    transformer = random_transformer(MECHANISMS["hyperplane"], 60, 1, 1, seed=1)
    rows, failed = random_rows(60), 0
    expected = transformer.forward(rows)
    for seed in range(100):
        protocol = hashed(transformer, 700, seed)
        assert failure_of(protocol) == Fraction(1, 100)
        try:
            assert_same_bits(protocol.run(rows), expected)
        except ChannelExceeded:
            failed += 1
    assert failed < 7


def test_an_overload_raises_and_is_never_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that may hear little more than the mean: most seeds raise, the others are right."""

    def tight(*arguments: int) -> hashed_plan.Funnel:
        funnel = plan_funnel(*arguments)
        mean = arguments[1] // funnel.machines
        return hashed_plan.Funnel(
            funnel.n_leaves, funnel.arity, funnel.levels, mean, funnel.machines, 100
        )

    monkeypatch.setattr(hashed_plan, "plan_funnel", tight)
    transformer = random_transformer(MECHANISMS["exact match"], 200, 1, 1, seed=1, modulus=1000)
    rows, raised = random_rows(200), []
    expected = transformer.forward(rows)
    for seed in range(40):
        protocol = hashed(transformer, 1200, seed)
        try:
            assert_same_bits(protocol.run(rows), expected)
        except ChannelExceeded as error:
            raised.append(str(error))
    assert len(raised) > 10
    assert all("channel" in message for message in raised)


@pytest.mark.parametrize("hot", [False, True])
def test_the_bound_on_loads_against_drawn_loads(hot: bool) -> None:
    """Nodes of 1 or of d children, thrown on machines 3,000 times: failures within the bound.

    The bound is for all machines of a level; the margin is four deviations of the count.
    """
    rng, machines, arity, elements, draws = np.random.default_rng(1), 20, 6, 600, 3000
    children = np.full(elements // arity, arity) if hot else np.ones(elements, int)
    mean = elements * (1 / machines + GRAIN)
    loads = np.array([
        np.bincount(rng.integers(0, machines, len(children)), children, machines).max()
        for _ in range(draws)
    ])  # fmt: skip
    for capacity in (50, 60, 70, 80, 90):
        more = capacity + 1
        bound = machines * math.exp(-(more * math.log(more / mean) - more + mean) / arity)
        failed = int((loads > capacity).sum())
        assert failed <= draws * bound + 4 * math.sqrt(draws * bound) + 1
        holds = hashed_plan._holds(elements, machines, arity, 1, capacity, 1)
        assert holds == (bound <= 1)
    assert loads.max() > 50


def test_home_spreads_nodes_evenly() -> None:
    """40,000 nodes on the machines of a funnel: chi-square within five deviations."""
    shape = LayerShape(4096, 1, 1, 1, 4, 1, causal=False)
    stage = Funnels(HashedPlan(shape, 3000, tokens=10), None, None, 20, seed=3)  # type: ignore[arg-type]
    machines = stage.plan.funnel.machines
    number = np.arange(40_000)
    bucket = np.stack([number % 4 + 1, number // 2, number % 2])
    for level in (1, 2):
        counts = np.bincount(stage.home(level, bucket.T), minlength=machines)
        mean = 40_000 / machines
        chi = float(((counts - mean) ** 2 / mean).sum())
        assert len(counts) == machines
        assert abs(chi - machines) < 5 * math.sqrt(2 * machines)
    assert np.any(stage.home(1, bucket.T) != stage.home(2, bucket.T))


# --- rounds ---


def planned(n_tokens: int, gap: Fraction) -> HashedPlan:
    """One head of width 1 by exact match on s' = 16 N^gap words."""
    shape = LayerShape(n_tokens, 1, 1, 1, 1, 1, causal=False)
    memory_words = 16 * ceil_power(n_tokens, gap)
    return HashedPlan(shape, memory_words, tokens=HashedPlan(shape, memory_words, 1).leaf_pairs)


def rounds_of_columnsort(plan: HashedPlan) -> int:
    """What sorting the records of the same layer takes, on as many machines as it likes."""
    sort = plan_columnsort(
        plan.shape.n_records, plan.free_words // plan.shape.record_words, 1 << 80
    )
    assert sort is not None
    return int(1 + 4**sort.depth)


def test_levels_grow_like_one_over_the_gap() -> None:
    """V <= ceil(2 ln M / ln r) wherever r >= (V ln(P V F))^2: then d = r^(1/2) is allowed.

    With M <= N^(1 - gap) log^O(1) and r about s / w that is about 2 (1 / gap - 1) levels. Planned
    up to N = 2^48; beside them the rounds of columnsort, which grow like (1 / gap)^3.42.
    """
    held = 0
    for power in (16, 32, 48):
        for gap in (Fraction(2, 3), Fraction(1, 2), Fraction(2, 5), Fraction(1, 3)):
            try:
                plan = planned(2**power, gap)
                funnel = plan.funnel
            except ShapeError:
                continue
            room = (plan.free_words - plan.leaves.held) // plan.shape.record_words
            levels = math.ceil(2 * math.log(funnel.n_leaves) / math.log(room))
            logs = math.log(8 * plan.shape.n_records * levels**2 * plan.inverse_failure)
            print(power, gap, funnel)
            if room >= (levels * logs) ** 2:
                assert funnel.levels <= levels
                held += 1
            if power < 48:
                assert 2 * funnel.levels < rounds_of_columnsort(plan)
            assert funnel.arity**funnel.levels >= funnel.n_leaves
    assert held >= 4
    at_48 = [planned(2**48, 1 / Fraction(over)).funnel.levels for over in ("3/2", "2", "5/2", "3")]
    assert at_48 == [1, 2, 3, 4]


def test_measured_rounds_are_fewer() -> None:
    """Whole layers that run: hashed buckets against sorted ones, the same bits, s down to N / 8."""
    for n_tokens, memory_words in ((4096, 1024), (16384, 2048)):
        transformer = ExactMatchSeries(Fraction(1, 2)).transformer(n_tokens)
        found = {}
        drawn = np.random.default_rng(0).integers(0, 2000, (n_tokens, 1))
        rows = Rows.from_dense(drawn.astype(float))
        for by in ("sorted", "hashed"):
            protocol = anna_to_mpc(
                transformer,
                Precision.of(GRID),
                memory_words,
                input_width=1,
                buckets=by,  # type: ignore[arg-type]
            )
            sim = protocol.simulation(rows, keep_bytes=0)
            assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
            slack = slacks(bounds(protocol), sim)
            found[by] = measured(sim)
        print(n_tokens, memory_words, found, slack)
        assert 3 * found["hashed"]["rounds"] <= found["sorted"]["rounds"]
        assert 4 * memory_words <= n_tokens
        assert min(slack.values()) <= 4


@pytest.mark.parametrize(
    ("series", "n_tokens"),
    [
        (GridSeries(None, "2/3", ()), 1024),
        (GridSeries(None, "2/3", (), wide="heads"), 1296),
        (GridSeries(None, "2/3", (), wide="width"), 1296),
        (GridSeries(20, "2/3", ()), 512),
        (GridSeries(20, "2/3", (), wide="width"), 625),
        (GridSeries(16, "3/4", (), wide="heads"), 256),
    ],
    ids=str,
)
def test_theorem_4_2_on_a_grid(series: GridSeries, n_tokens: int) -> None:
    """(N, eps, eps', c) with s' = 16 m H N^gap: rounds, machines and words within bounds."""
    layer = series.layer(n_tokens)
    transformer = Transformer((layer,), n_tokens)
    protocol = fit_anna_to_mpc(
        transformer, WORDS, series.gap, input_width=1, memory_factor=16, buckets="hashed"
    )
    drawn = np.random.default_rng(n_tokens).integers(0, 2000, (n_tokens, 1))
    slack = assert_runs(protocol, Rows.from_dense(drawn.astype(float)))
    print(protocol.cluster.memory_words, protocol.cluster.n_machines, slack)
    loads = ("local_memory", "sent_words", "received_words")
    assert min(slack[name] for name in loads) <= 4  # a tail for the most of all machines
    by_sorting = fit_anna_to_mpc(transformer, WORDS, series.gap, input_width=1, memory_factor=16)
    rounds = [one.protocol.n_rounds(one.cluster) for one in (protocol, by_sorting)]
    assert rounds[0] < rounds[1]


def test_refusals() -> None:
    transformer = random_transformer(MECHANISMS["hyperplane"], 50, 1, 1, seed=0)
    with pytest.raises(ShapeError, match="raise memory_words, or sort the buckets"):
        hashed(transformer, 170)
    with pytest.raises(InputError, match="use sorted or hashed"):
        anna_to_mpc(transformer, Precision.of(GRID), 700, input_width=3, buckets="heaped")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="seed = -1"):
        hashed(transformer, 700, seed=-1)
    plain = anna_to_mpc(transformer, Precision.of(GRID), 700, input_width=3)
    assert failure_of(plain) == 0
    assert plan_funnel(1, 100, 5, 100).levels == 0
