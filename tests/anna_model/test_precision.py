"""Fixed-point grids against fractions, and runs on as few bits as they need."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anna_model import ExactMatch, HeadMaps, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.affine import ExactAffine
from anna_model.fixed_point.attention import fixed_point
from anna_model.fixed_point.grid import (
    Grid,
    GridOverflow,
    forward_on_grid,
)


def nearest(value: float, fraction_bits: int) -> Fraction:
    """Round a fraction to a multiple of 2^-f, halves to even: the definition."""
    steps = Fraction(value) * Fraction(2) ** fraction_bits
    return Fraction(round(steps)) / Fraction(2) ** fraction_bits


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    fraction_bits=st.integers(-3, 30),
)
def test_rounding(values: list[float], fraction_bits: int) -> None:
    grid = Grid(53, fraction_bits)
    rounded = grid.round(values)
    assert [Fraction(number) for number in rounded.tolist()] == [
        nearest(value, fraction_bits) for value in values
    ]
    np.testing.assert_array_equal(grid.round(rounded), rounded)


@pytest.mark.parametrize("bits", [2, 8, 53])
@pytest.mark.parametrize("fraction_bits", [-2, 0, 5])
def test_the_last_number(bits: int, fraction_bits: int) -> None:
    grid = Grid(bits, fraction_bits)
    assert grid.round([grid.largest, -grid.largest]).tolist() == [grid.largest, -grid.largest]
    for beyond in (grid.largest + grid.step, -grid.largest - grid.step, np.inf, np.nan):
        with pytest.raises(GridOverflow, match=r"the number at \[1\]"):
            grid.integers([0.0, beyond])


@pytest.mark.parametrize("bits", [1, 54])
def test_bits_out_of_range(bits: int) -> None:
    with pytest.raises(ValueError, match=r"2 \.\. 53 bits"):
        Grid(bits, 0)


def layer(scale: float) -> RowwiseLayer:
    """All tokens hear the mean of scale times the rows."""
    head = HeadMaps(lambda i, x: 0 * x, lambda i, x: 0 * x, lambda i, x: scale * x, 1, 1)
    return RowwiseLayer(ExactMatch(), (head,))


def test_every_layer_is_rounded() -> None:
    transformer = Transformer((layer(1), layer(4)), n_tokens=3)
    rows = Rows.from_dense(np.array([[1.0], [0.0], [0.1]]))
    # Input 1, 0, 0 on quarters; mean 1/3 -> 1/4; 4 * 1/4 = 1 (without grid: 4 * 1.1 / 3).
    assert forward_on_grid(transformer, rows, Grid(10, 2)).dense().tolist() == [[1.0]] * 3
    assert transformer.forward(rows).dense()[0, 0] == pytest.approx(4.4 / 3)
    with pytest.raises(GridOverflow, match="layer 1: the number at"):
        forward_on_grid(transformer, Rows.from_dense(np.ones((3, 1))), Grid(3, 0))
    with pytest.raises(GridOverflow, match="input rows: the number at"):
        forward_on_grid(transformer, Rows.from_dense(np.full((3, 1), 9.0)), Grid(4, 0))


def test_a_layer_on_a_grid_rounds_queries_keys_and_values() -> None:
    """Queries of 0.3 and 0.2 lie at 1/4 both, and so does the key 0.26: all three match."""
    maps = (lambda i, x: x, lambda i, x: 0 * x + 0.26, lambda i, x: x + 0.1)
    inner = Transformer((RowwiseLayer(ExactMatch(), (HeadMaps(*maps, 1, 1),)),), n_tokens=3)
    (layer,) = fixed_point(inner, Grid(10, 2)).layers
    rows = Rows.from_dense(np.array([[0.3], [0.2], [0.25]]))
    (block,) = layer.blocks(rows, 1 << 20)
    assert np.ravel(block.Q).tolist() == np.ravel(block.K).tolist() == [0.25] * 3
    assert np.ravel(block.V).tolist() == [0.5, 0.25, 0.25]
    assert fixed_point(inner, Grid(10, 2)).forward(rows).dense().tolist() == [[0.25]] * 3


@pytest.mark.parametrize("more", [0, 1])
def test_a_bias_counts_among_what_a_sum_may_reach(more: int) -> None:
    """2 (2^26 - 1) (2^26 - 1) steps and a bias: refused from 2^53 on."""
    grid, top = Grid(27, 0), 2**26 - 1
    weight, least = np.full((2, 1), float(top)), 2**53 - 2 * top * top
    assert 0 < least < 2**52
    bias = np.array([-(least - 1.0 + more)])
    if more:
        with pytest.raises(GridOverflow, match=r"may reach 2\^53 steps"):
            ExactAffine(weight, bias, grid, grid)
    else:
        found = ExactAffine(weight, bias, grid, grid).map(np.full((1, 2), -float(top)))
        assert found.tolist() == [[-(2.0**53) + 1]]
