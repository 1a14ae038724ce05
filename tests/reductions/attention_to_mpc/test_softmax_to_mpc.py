"""Softmax attention on N^2 inner-product machines, bit for bit, and its mechanism."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision, fixed_point
from anna_model.fixed_point.grid import Grid, GridOverflow
from anna_model.fixed_point.softmax import FixedSoftmax
from anna_model.mechanisms.softmax import Softmax
from cases.anna_to_mpc import (
    GRID,
    STEPS,
    Mixed,
    assert_same_bits,
    random_rows,
    random_transformer,
    slacks,
    slope_with_interval,
)
from mpc_sim import InputError, ShapeError, assert_local
from reductions.attention_to_mpc import TransformerProtocol, anna_to_mpc
from reductions.attention_to_mpc.anna_bounds import bounds
from reductions.attention_to_mpc.softmax import softmax_bounds, softmax_to_mpc

MECHANISMS: dict[str, Mechanism] = {
    "plain": FixedSoftmax(GRID, beta=1.0, weight_bits=14, largest_logit=2.0),
    "causal": FixedSoftmax(GRID, beta=2.0, weight_bits=10, largest_logit=1.0, causal=True),
    "few weights": FixedSoftmax(GRID, beta=4.0, weight_bits=3, largest_logit=1.0),
}


def executed(transformer: Transformer, memory_words: int, width: int = 3) -> TransformerProtocol:
    return softmax_to_mpc(transformer, Precision.of(GRID), memory_words, input_width=width)


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (2, 3), (4, 2)])
def test_random_transformers(name: str, n_layers: int, n_heads: int) -> None:
    transformer = random_transformer(MECHANISMS[name], 30, n_layers, n_heads, seed=n_layers)
    rows = random_rows(30)
    expected = transformer.forward(rows)
    assert len(np.unique(expected.dense())) > 15
    for memory_words in (60 * n_heads, 400 * n_heads):
        protocol = executed(transformer, memory_words)
        sim = protocol.simulation(rows)
        assert_same_bits(protocol.rows(sim.run()), expected)
        slacks(softmax_bounds(protocol), sim)


@given(
    name=st.sampled_from(sorted(MECHANISMS)),
    n_tokens=st.integers(1, 20),
    n_layers=st.integers(1, 3),
    n_heads=st.integers(1, 3),
    memory=st.sampled_from([60, 77, 300, 3000]),
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
    slacks(softmax_bounds(protocol), sim)
    assert sim.ledger.machines_used == n_tokens**2


def test_locality() -> None:
    transformer = random_transformer(MECHANISMS["causal"], 5, 2, 2, seed=0)
    protocol = executed(transformer, 120)
    assert_local(protocol.protocol, protocol.cluster, protocol.words(random_rows(5)))


# --- machines: N^2 for softmax, almost N for exact match ---


def test_two_exponents() -> None:
    """The exponent is 2 exactly, with s <= N / 8 on the largest; exact match beside it: 1/2."""
    sizes, pairs, almost_linear = [16, 32, 64, 128, 256], [], []
    for n_tokens in sizes:
        head = HeadMaps(Mixed((1,), 1, 9), Mixed((2,), 1, 9), Mixed((3,), 1, 99), 1, 1)
        softmax, match = (
            fixed_point(Transformer((RowwiseLayer(mechanism, (head,)),), n_tokens), GRID)
            for mechanism in (MECHANISMS["plain"], ExactMatch())
        )
        rows = random_rows(n_tokens, 1)
        memory_words = 16 * math.isqrt(n_tokens)
        found = executed(softmax, 32 if n_tokens == 256 else memory_words, width=1)
        sim = found.simulation(rows)
        assert_same_bits(found.rows(sim.run()), softmax.forward(rows))
        slack = slacks(softmax_bounds(found), sim)
        print(n_tokens, found.cluster.memory_words, slack)
        assert max(slack.values()) <= 4
        pairs.append(float(sim.ledger.machines_used))
        other = anna_to_mpc(match, Precision.of(GRID), memory_words, input_width=1)
        sim = other.simulation(rows)
        assert_same_bits(other.rows(sim.run()), match.forward(rows))
        slacks(bounds(other), sim)
        almost_linear.append(float(sim.ledger.machines_used))
    slope, interval = slope_with_interval(sizes, pairs)
    assert abs(slope - 2) < 1e-9
    assert interval < 1e-9
    slope, interval = slope_with_interval(sizes, almost_linear)
    print(pairs, almost_linear, slope, interval)
    assert slope - interval <= 0.5


# --- the mechanism ---


@given(
    queries=st.lists(st.integers(-9, 9), min_size=4, max_size=4),
    keys=st.lists(st.tuples(*[st.integers(-9, 9)] * 3), min_size=1, max_size=6),
    causal=st.booleans(),
)
def test_against_plain_loops(queries: list[int], keys: list[tuple[int, ...]], causal: bool) -> None:
    """Weights by `math.exp` of one pair at a time, sums as integers, the quotient as a fraction."""
    n = len(keys)
    asked = [(queries[i % 4], queries[(i + 1) % 4]) for i in range(n)]
    attention = FixedSoftmax(Grid(8, 3), 0.5, weight_bits=9, largest_logit=0.5, causal=causal)
    to_numbers = lambda rows: np.array(rows, float) / STEPS  # noqa: E731
    found, unmatched = attention.apply(
        to_numbers(asked), to_numbers([key[:2] for key in keys]), to_numbers([k[2:] for k in keys])
    )
    for i, query in enumerate(asked):
        total, weighted = 0, 0
        for key in keys[: i + 1] if causal else keys:
            product = sum(a * b for a, b in zip(query, key[:2], strict=True))
            logit = min(0.5 * product / STEPS**2, 0.5) - 0.5
            weight = round(math.exp(logit) * 2**9)
            total, weighted = total + weight, weighted + weight * key[2]
        assert unmatched[i] == (total == 0)
        mean = float(Fraction(weighted, STEPS * total)) if total else 0.0
        assert found[i, 0] == mean


def test_close_to_softmax() -> None:
    """Every weight is off by at most 1/2, every sum of n weights by n/2.

    So a share differs by at most (1/2 + n/2) / (S - n/2), S the sum of 2^g exp(logit - B).
    """
    rng = np.random.default_rng(0)
    n, bits, beta = 40, 20, 1.5
    rows = np.rint(rng.standard_normal((2 * n, 4)) * 64).clip(-100, 100) / 128
    Q, K = rows[:n], rows[n:]
    exact = Softmax(beta).weights(Q, K)
    largest = float((beta * Q @ K.T).max())
    found = FixedSoftmax(Grid(12, 7), beta, bits, largest).weights(Q, K)
    least = float(np.exp(beta * Q @ K.T - largest).sum(axis=1).min()) * 2**bits
    assert np.abs(found - exact).max() <= (n + 1) / 2 / (least - n / 2)
    assert np.abs(found - exact).max() > 0


def test_nobody_in_reach() -> None:
    """All logits far below the largest one: no weight, an unmatched query, a zero row."""
    attention = FixedSoftmax(Grid(8, 0), 1.0, weight_bits=4, largest_logit=40.0)
    values, unmatched = attention.apply([[1.0]], [[1.0], [2.0]], [[3.0], [4.0]])
    assert unmatched.all()
    assert not values.any()
    head = HeadMaps(*[lambda position, rows: rows] * 3, 1, 1)
    transformer = Transformer((RowwiseLayer(attention, (head,)),), 4)
    rows = Rows.from_dense(np.array([[1.0], [2], [7], [0]]))
    protocol = softmax_to_mpc(transformer, Precision.of(Grid(8, 3)), 60, input_width=1)
    assert_same_bits(protocol.run(rows), transformer.forward(rows))


def test_refusals() -> None:
    plain = random_transformer(MECHANISMS["plain"], 8, 1, 1, seed=0)
    with pytest.raises(InputError, match=r"simulates FixedSoftmax, .* not ExactMatch"):
        executed(random_transformer(ExactMatch(), 8, 1, 1, seed=0), 300)
    with pytest.raises(InputError, match="exact match and ANNA, not FixedSoftmax"):
        anna_to_mpc(plain, Precision.of(GRID), 300, input_width=3)
    with pytest.raises(ShapeError, match="raise memory_words"):
        executed(plain, 20)
    wide = Precision(GRID, GRID, Grid(38, 3))  # 8 values of 37 bits, weights of 14: 2^54
    with pytest.raises(GridOverflow, match=r"may add up to 2\^53 steps"):
        softmax_to_mpc(plain, wide, 300, input_width=3)
    softmax_to_mpc(plain, Precision(GRID, GRID, Grid(36, 3)), 300, input_width=3)
    with pytest.raises(GridOverflow, match=r"may reach 2\^53 squared steps"):
        FixedSoftmax(Grid(30, 0)).weights(np.zeros((1, 2)), np.zeros((1, 2)))
    with pytest.raises(GridOverflow, match="no multiple of the step"):
        FixedSoftmax(Grid(8, 0)).weights([[0.5]], [[1.0]])
    with pytest.raises(ValueError, match="finite"):
        FixedSoftmax(GRID, beta=math.inf)
    with pytest.raises(ValueError, match="weight_bits"):
        FixedSoftmax(GRID, weight_bits=0)


# --- sizes of the whole, where only the first layer is large ---

COARSE = Grid(bits=4, fraction_bits=0)


def a_layer(mechanism: Mechanism, n_heads: int) -> RowwiseLayer:
    """Heads that average the rows; a row becomes the mean of the last one."""
    head = HeadMaps(*[lambda position, rows: rows] * 3, 1, 1)
    return RowwiseLayer(mechanism, (head,) * n_heads, lambda position, rows, heard: heard[:, -1:])


@pytest.mark.parametrize(
    ("weight_bits", "n_heads", "word_bits"), [((20, 2), (1, 1), 26), ((1, 1), (100, 1), 9)]
)
def test_words_are_as_long_as_the_largest_layer_needs(
    weight_bits: tuple[int, int], n_heads: tuple[int, int], word_bits: int
) -> None:
    """p + g + bit_length(n) bits of sums, p = 4 and n = 3; or those of the 3 x 100 heads."""
    layers = tuple(
        a_layer(FixedSoftmax(COARSE, weight_bits=bits), heads)
        for bits, heads in zip(weight_bits, n_heads, strict=True)
    )
    transformer = fixed_point(Transformer(layers, 3), COARSE)
    rows = Rows.from_dense(np.array([[7.0], [7.0], [6.0]]))
    protocol = softmax_to_mpc(transformer, Precision.of(COARSE), 4000, input_width=1)
    assert protocol.cluster.word_bits == word_bits
    assert_same_bits(protocol.run(rows), transformer.forward(rows))


def test_sums_of_the_first_layer_are_refused_too() -> None:
    """3 x 2^47 x 63 steps reach 2^53; values of 4 bits, or weights of the last layer, do not."""
    layers = tuple(a_layer(FixedSoftmax(COARSE, weight_bits=bits), 1) for bits in (47, 2))
    transformer = fixed_point(Transformer(layers, 3), COARSE)
    softmax_to_mpc(transformer, Precision.of(COARSE), 300, input_width=1)
    with pytest.raises(GridOverflow, match="weights of 47 bits may add up"):
        softmax_to_mpc(transformer, Precision(COARSE, COARSE, Grid(7, 0)), 300, input_width=1)


def test_inner_products_are_refused_by_their_width() -> None:
    """w (2^25 - 1)^2 steps: below 2^53 for w = 8, beyond it for w = 9."""
    attention = FixedSoftmax(Grid(26, 0))
    assert 8 * (2**25 - 1) ** 2 < 2**53 <= 9 * (2**25 - 1) ** 2
    attention.require_exact_products(8)
    with pytest.raises(GridOverflow, match="queries and keys of 9 numbers of 26 bits"):
        attention.require_exact_products(9)
