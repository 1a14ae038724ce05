"""3-SUM compiled at many sizes: the same layers everywhere, width as sqrt(N) log N."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import log2, sqrt

import numpy as np
import pytest

from mpc_sim import InputError
from reductions.constructions.model import ModelSolver
from reductions.experiments.three_sum_growth import (
    LAYERS,
    three_sum_exponent,
    three_sum_point,
    three_sum_points,
)
from reductions.registry import solver

SIZES = [2**power for power in range(17, 30)] + [3 * 2**16, 10**6, 123_456_789]


def test_layers_do_not_depend_on_n() -> None:
    assert {point.layers for point in three_sum_points(SIZES)} == {LAYERS}


def test_total_width_grows_as_the_root() -> None:
    fitted = three_sum_exponent(three_sum_points(SIZES))
    print(f"{fitted.slope:.4f} in {fitted.low:.4f} .. {fitted.high:.4f}")
    assert fitted.theory == Fraction(1, 2)
    assert fitted.holds
    assert fitted.low <= 0.5 <= fitted.high
    assert fitted.high - fitted.low < 0.005


def test_width_is_the_formula_and_at_most_sqrt_n_log_n() -> None:
    points = three_sum_points(SIZES)
    for point in points:
        x = sqrt(point.n_words)
        assert point.token_width == point.predicted_width
        assert (1 - 1 / x) * x * point.log_factor <= point.token_width
        assert point.token_width <= (1 + 1 / x) * x * point.log_factor
        # b log b falls short of log N: f is at most 12 log2 N at these sizes, and less and less
        assert point.log_factor <= 12 * log2(point.n_words)
    ratios = [point.token_width / sqrt(point.n_words) / log2(point.n_words) for point in points]
    assert ratios[12] < ratios[0]  # 2^29 against 2^17


def test_small_sizes_have_the_layers_of_a_sort_of_one_level() -> None:
    construction: ModelSolver = solver("three-sum/compiled")
    layers = {
        construction.bounds(solver("three-sum").problem.random["uniform"](n, 0).shape)[0].value
        for n in (16, 64, 128, 256, 400, 512)
    }
    assert layers <= {13, 14}


def test_canaries() -> None:
    points = three_sum_points(SIZES[:8])
    for growing in (lambda n: log2(n), lambda n: n**0.02):
        faster = [
            replace(point, token_width=int(point.token_width * growing(point.n_words)))
            for point in points
        ]
        assert not three_sum_exponent(faster).holds
    with pytest.raises(ValueError, match="three sizes"):
        three_sum_exponent(points[:2])
    with pytest.raises(InputError, match=r"at least 2\^17"):
        three_sum_point(2**16)
    assert np.all(np.array([point.heads for point in points]) > 1000)
