"""Low-rank attention on machines (Lemma D.2) and as exact match (Theorem 4.4), bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import ExactMatch, HeadMaps, Mechanism, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision, RoundedFeatures, fixed_point
from anna_model.fixed_point.grid import Grid, GridOverflow
from anna_model.mechanisms import LowRank
from anna_model.mechanisms.low_rank import EluPlusOne, PositiveRandomFeatures, Raw
from cases.anna_to_mpc import (
    GRID,
    STEPS,
    Mixed,
    assert_same_bits,
    random_rows,
    random_transformer,
    slacks,
)
from mpc_sim import InputError, ShapeError, Simulation, assert_local
from reductions.attention_to_mpc import TransformerProtocol, anna_to_mpc
from reductions.attention_to_mpc.low_rank import low_rank_bounds, low_rank_to_mpc
from reductions.attention_to_mpc.low_rank_plan import MatrixShape, require_exact_products
from reductions.certify.measured import measured_layers
from reductions.low_rank_to_anna import composed_bounds, low_rank_to_anna

FEATURES = Grid(bits=13, fraction_bits=6)
MECHANISMS: dict[str, Mechanism] = {
    "raw": LowRank(Raw(), normalised=False),
    "elu": LowRank(RoundedFeatures(EluPlusOne(), FEATURES)),
    "performer": LowRank(RoundedFeatures(PositiveRandomFeatures(2, 5, seed=1), FEATURES)),
}


def executed(transformer: Transformer, memory_words: int, width: int = 3) -> TransformerProtocol:
    return low_rank_to_mpc(
        transformer, Precision(GRID, FEATURES, GRID), memory_words, input_width=width
    )


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (2, 3), (4, 2)])
def test_random_transformers(name: str, n_layers: int, n_heads: int) -> None:
    transformer = random_transformer(MECHANISMS[name], 50, n_layers, n_heads, seed=n_layers)
    rows = random_rows(50)
    expected = transformer.forward(rows)
    assert len(np.unique(expected.dense())) > 15
    for memory_words in (70 * n_heads, 500 * n_heads):
        protocol = executed(transformer, memory_words)
        sim = protocol.simulation(rows)
        assert_same_bits(protocol.rows(sim.run()), expected)
        slack = slacks(low_rank_bounds(protocol), sim)
        assert min(slack.values()) <= 4


@given(
    name=st.sampled_from(["raw", "elu"]),
    n_tokens=st.integers(1, 60),
    n_layers=st.integers(1, 3),
    n_heads=st.integers(1, 3),
    memory=st.sampled_from([26, 45, 300, 3000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_any_shape(
    name: str, n_tokens: int, n_layers: int, n_heads: int, memory: int, seed: int
) -> None:
    transformer = random_transformer(MECHANISMS[name], n_tokens, n_layers, n_heads, seed=seed)
    rows = random_rows(n_tokens, seed=seed)
    protocol = executed(transformer, memory * n_heads)
    sim = protocol.simulation(rows)
    assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
    slacks(low_rank_bounds(protocol), sim)


@pytest.mark.parametrize("name", ["raw", "elu"])
def test_locality(name: str) -> None:
    protocol = executed(random_transformer(MECHANISMS[name], 20, 2, 2, seed=0), 60)
    assert protocol.cluster.n_machines > 3
    assert_local(protocol.protocol, protocol.cluster, protocol.words(random_rows(20)))


def test_against_plain_loops() -> None:
    """q_i^T sum k_j v_j^T with loops over integers."""
    n_tokens = 21
    head = HeadMaps(Mixed((1,), 2, 9), Mixed((2,), 2, 9), Mixed((3,), 2, 50), 2, 2)
    transformer = Transformer((RowwiseLayer(LowRank(Raw(), normalised=False), (head,)),), n_tokens)
    rows = random_rows(n_tokens)
    fine = Grid(40, 9)  # a product of three numbers of 3 bits behind the point
    protocol = low_rank_to_mpc(transformer, Precision(fine, GRID, GRID), 40, input_width=3)
    found = np.rint(protocol.run(rows).dense() * STEPS**3).astype(int)
    position = np.arange(n_tokens)
    q, k, v = (
        np.rint(each(position, rows.dense()) * STEPS).astype(int).tolist()
        for each in (head.query, head.key, head.value)
    )
    for i in range(n_tokens):
        for c in range(2):
            expected = sum(
                sum(a * b for a, b in zip(q[i], k[j], strict=True)) * v[j][c]
                for j in range(n_tokens)
            )
            assert found[i, c] == expected


@pytest.mark.parametrize("n_tokens", [64, 256, 1024, 4096])
def test_grid(n_tokens: int) -> None:
    """Four words of rows a token, matrices of 4 words: O(N) machines, s <= N / 8 from 256 on."""
    head = HeadMaps(Mixed((1,), 2, 9), Mixed((2,), 2, 9), Mixed((3,), 2, 50), 2, 2)
    layer = RowwiseLayer(MECHANISMS["elu"], (head,))
    transformer = fixed_point(Transformer((layer,), n_tokens), GRID)
    coarse = Precision(GRID, FEATURES, GRID)
    for memory_words in (24, 32):
        protocol = low_rank_to_mpc(transformer, coarse, memory_words, input_width=3)
        rows = random_rows(n_tokens)
        sim = protocol.simulation(rows)
        assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
        slack = slacks(low_rank_bounds(protocol), sim)
        print(n_tokens, memory_words, slack)
        assert max(slack.values()) <= 4
        assert sim.ledger.machines_used <= n_tokens
    assert n_tokens >= 8 * 32 or n_tokens == 64


# --- Theorem 4.4 ---


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize(("n_tokens", "n_layers", "n_heads"), [(1, 1, 1), (12, 1, 1), (17, 2, 2)])
def test_as_exact_match(normalised: bool, n_tokens: int, n_layers: int, n_heads: int) -> None:
    """The compiled transformer, exact on its grid; depth, heads and widths within the bounds."""
    grid = Grid(9, 3)
    features = RoundedFeatures(EluPlusOne(), Grid(7, 3))
    mechanism = LowRank(features) if normalised else LowRank(Raw(), normalised=False)
    layers = tuple(
        RowwiseLayer(
            mechanism,
            tuple(
                HeadMaps(
                    Mixed((t, h, 0), 1, 5), Mixed((t, h, 1), 1, 5), Mixed((t, h, 2), 1, 9), 1, 1
                )
                for h in range(n_heads)
            ),
        )
        for t in range(n_layers)
    )
    transformer = fixed_point(Transformer(layers, n_tokens), grid)
    precision = Precision(grid, Grid(7, 3), grid)
    found = low_rank_to_anna(transformer, precision, 14 * n_heads, input_width=1)
    rows = random_rows(n_tokens, 1)
    assert_same_bits(found.run(rows), transformer.forward(rows))
    resources = measured_layers(found.compiled)
    checks = [bound.check(resources[bound.quantity]) for bound in composed_bounds(found)]
    assert all(check.status == "PASS" for check in checks), [one.explain() for one in checks]
    print([(check.name, check.measured, check.bound) for check in checks])
    protocol = found.protocol
    sim = Simulation(protocol.protocol, protocol.cluster, protocol.words(rows))
    assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
    assert resources["layers"] == sim.n_rounds + 1
    assert n_tokens == 1 or protocol.cluster.n_machines > 1


def test_refusals() -> None:
    raw = random_transformer(MECHANISMS["raw"], 50, 1, 1, seed=0)
    with pytest.raises(InputError, match="not ExactMatch"):
        executed(random_transformer(ExactMatch(), 8, 1, 1, seed=0), 300)
    with pytest.raises(InputError, match="not causal low rank"):
        executed(random_transformer(LowRank(causal=True), 8, 1, 1, seed=0), 300)
    with pytest.raises(InputError, match="exact match and ANNA, not LowRank"):
        anna_to_mpc(raw, Precision.of(GRID), 300, input_width=3)
    with pytest.raises(ShapeError, match="a token of 4 words fills more than half"):
        executed(raw, 6)
    with pytest.raises(ShapeError, match="raise epsilon or c_s"):
        executed(raw, 10)
    wide = Precision(GRID, Grid(20, 3), Grid(20, 3))
    with pytest.raises(GridOverflow, match=r"may reach 2\^53 steps"):
        low_rank_to_mpc(raw, wide, 300, input_width=3)
    unrounded = random_transformer(LowRank(), 8, 1, 1, seed=0)
    with pytest.raises(GridOverflow, match=r"features of keys: .* is no multiple"):
        executed(unrounded, 300).run(random_rows(8))


def test_the_most_negative_sums_of_a_machine_are_words() -> None:
    """T tokens on a machine; features and values nearly as large as their grids, one negative."""
    maps = [lambda i, x: x[:, :1] * 0 + 63.875, lambda i, x: x[:, :1] * 0 - GRID.largest]
    head = HeadMaps(maps[0], maps[0], maps[1], 1, 1)
    mechanism = LowRank(Raw(), normalised=True)
    transformer = fixed_point(Transformer((RowwiseLayer(mechanism, (head,)),), 40), GRID)
    protocol = executed(transformer, 60, width=1)
    assert protocol.plan.tokens >= 10
    assert protocol.cluster.n_machines > 1
    rows = random_rows(40, 1)
    found = protocol.run(rows)
    assert_same_bits(found, transformer.forward(rows))
    assert found.dense().tolist() == [[-GRID.largest]] * 40


def test_sums_are_refused_by_their_rank() -> None:
    """r n a^2 b steps, a = 2^12 - 1 and b = 2^15 - 1: n = 2^12 is exact for r = 4, not for 5."""
    precision, n = Precision(GRID, FEATURES, GRID), 2**12
    of_rank_1 = n * (2**12 - 1) ** 2 * (2**15 - 1)
    assert 4 * of_rank_1 < 2**53 <= 5 * of_rank_1
    require_exact_products(((MatrixShape(4, 1, False),),), precision, n)
    layers = ((MatrixShape(5, 1, False),), (MatrixShape(1, 1, False),))
    with pytest.raises(GridOverflow, match="5 x 4096 products"):
        require_exact_products(layers, precision, n)
