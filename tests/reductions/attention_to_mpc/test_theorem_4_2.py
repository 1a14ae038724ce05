"""Theorem 4.2 on a grid of (N, eps, eps', c): rounds, machines and peak words, and the exponent.

N tokens; m H = N^eps, as heads or as a width; s' = c_b m H N^(eps' - eps); ANNA with the z and l
that Theorem 3.4 wants for c.
"""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from cases.anna_to_mpc import slope_with_interval
from cases.growing_transformers import Series

FOURTH_POWERS = (256, 625, 1296, 2401, 4096)
SERIES = [
    Series(None, "1/2", (256, 512, 1024, 2048, 4096, 8192, 16384)),
    Series(None, "2/3", (128, 256, 512, 1024, 2048, 4096)),
    Series(None, "1/2", FOURTH_POWERS, wide="heads"),
    Series(None, "1/2", FOURTH_POWERS, wide="width"),
    Series(20, "1/2", (64, 128, 256, 512, 1024)),
    Series(20, "1/2", (16, 81, 256, 625, 1296), wide="width"),
    Series(16, "1/2", (32, 64, 128, 256, 512)),
    Series(16, "1/2", (16, 81, 256, 400, 625), wide="heads"),
    Series(10, "2/3", (16, 32, 64, 128, 256)),
]


def name(series: Series) -> str:
    return f"c={series.c} gap={series.gap} {series.wide}"


@pytest.mark.parametrize("series", SERIES, ids=name)
def test_machines_grow_as_the_theorem_says(series: Series) -> None:
    """As N^(1 + eps - eps' + 3 rho), times the log N of l."""
    machines = [series.point(n_tokens)[0] for n_tokens in series.sizes]
    logs = [
        1.0 if series.c is None else 2 * math.log(n_tokens) + math.log(10)
        for n_tokens in series.sizes
    ]
    counts = [found / log for found, log in zip(machines, logs, strict=True)]
    slope, interval = slope_with_interval(list(series.sizes), counts)
    exponent = 1 - float(Fraction(series.gap)) + 3 * max(series.rho, default=0.0)
    print(name(series), machines, f"slope {slope:.3f} +- {interval:.3f}, exponent {exponent:.3f}")
    assert slope - interval <= exponent
    assert min(series.theorem) <= 4


@pytest.mark.parametrize(
    "series", [SERIES[0], Series(20, "1/2", (4096,), memory_factor=8)], ids=name
)
def test_scarce_memory(series: Series) -> None:
    """Points of s <= N / 8."""
    n_tokens = series.sizes[-1]
    assert 8 * series.point(n_tokens)[1] <= n_tokens


@pytest.mark.slow
@pytest.mark.parametrize("series", [
    Series(20, "1/2", (16384,)),
    Series(16, "1/2", (2048,)),
    Series(20, "1/2", (4096,), wide="heads", memory_factor=8),
], ids=name)  # fmt: skip
def test_large_points(series: Series) -> None:
    series.point(series.sizes[0])
