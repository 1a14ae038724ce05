"""Few wide heads: the exponents of Theorem 4.1 as printed, fitted to what fan-out builds."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mpc_sim import Cluster, ShapeError
from mpc_sim.integers import ceil_power
from reductions.experiments.fan_out_growth import (
    FanOutPoint,
    fan_out_exponent,
    fan_out_fit,
    fan_out_growth,
    fan_out_point,
    most_layers,
)
from reductions.experiments.fit import Quantity
from reductions.experiments.width_growth import StridePermutation
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.fan_out import fan_out_cluster, fan_out_of_exponent

PAIRS = [("1/4", "3/4"), ("1/4", "1"), ("1/3", "1"), ("2/5", "9/10"), ("1/2", "1")]
SIZES = [2**e for e in range(16, 30, 2)]


@pytest.fixture(scope="module")
def sweeps() -> dict[tuple[str, str], tuple[FanOutPoint, ...]]:
    return {pair: fan_out_growth(*pair, SIZES) for pair in PAIRS}


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_heads_and_widths_grow_as_printed(
    pair: tuple[str, str], sweeps: dict[tuple[str, str], tuple[FanOutPoint, ...]]
) -> None:
    epsilon, larger = map(Fraction, pair)
    rho = (larger - epsilon) / 4
    expected: dict[Quantity, Fraction] = {
        "heads": rho,
        "head_width": epsilon + rho,
        "token_width": epsilon + 2 * rho,
        "context_length": Fraction(1),
    }
    for quantity, theory in expected.items():
        fitted = fan_out_fit(sweeps[pair], quantity)
        print(pair, quantity, f"{fitted.slope:.3f} in {fitted.low:.3f} .. {fitted.high:.3f}")
        assert fitted.theory == theory
        assert fitted.holds
        assert fitted.low <= theory <= fitted.high
        assert fitted.high - fitted.low < 0.17


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_every_point_is_where_the_construction_puts_it(
    pair: tuple[str, str], sweeps: dict[tuple[str, str], tuple[FanOutPoint, ...]]
) -> None:
    """From the definitions: floor(N^rho), the fewest digits, and the formula of the head width."""
    epsilon, larger = map(Fraction, pair)
    loads = []
    for point in sweeps[pair]:
        rho, n = fan_out_exponent(epsilon, larger), point.n_words
        d = next(d for d in range(1, n) if (d + 1) ** rho.denominator > n**rho.numerator)
        assert (point.partners, point.heads, point.rho) == (d, d + 1, rho)
        memory = ceil_power(n, epsilon)
        machines = max(memory, -(-n // memory))
        digits = next(L for L in range(1, 99) if (d + 1) ** L >= machines)
        assert point.layers == 2 * digits + 1 <= most_layers(epsilon, larger)
        words = int(point.load * memory)
        assert point.head_width == d * (words + 2) + 2
        own = point.token_width - d * point.head_width
        assert 2 * memory <= own <= words + memory + 2
        tail = math.log(2 * machines * (2 * digits - 1) * n) + 1
        mean = 2 * memory + 1
        deviation = (tail + math.sqrt(tail**2 + 18 * tail * mean)) / 3 + 2
        assert 4 <= point.load <= 4 * (mean + deviation) / memory
        loads.append(point.load)
        if n ** (3 * rho) > 16:  # m = O(N^eps') with the constant 1
            assert point.head_width <= n ** float(larger)
    assert loads[-1] < loads[0]


@pytest.mark.parametrize(
    ("quantity", "power"), [("heads", 1), ("head_width", 1), ("token_width", 2)]
)
def test_what_grows_faster_is_caught(
    quantity: Quantity, power: int, sweeps: dict[tuple[str, str], tuple[FanOutPoint, ...]]
) -> None:
    """The canary: so many powers of log N, or of N^0.05, more than the construction has."""
    for points in sweeps.values():
        for growing in (lambda n: np.log2(n) ** power, lambda n: n ** (0.05 * power)):
            faster = [
                replace(
                    point, **{quantity: round(getattr(point, quantity) * growing(point.n_words))}
                )
                for point in points
            ]
            assert not fan_out_fit(faster, quantity).holds


def test_the_protocol_of_the_sweep_runs_with_few_partners() -> None:
    n, memory = 4096, 16
    cluster = Cluster(n_words=n, memory_words=memory, block_words=memory, n_machines=n // memory)
    point = fan_out_point(n, "1/3", "1")
    words = np.random.default_rng(0).integers(0, n, n)
    expected = np.empty(n, np.int64)
    expected[np.arange(n) * StridePermutation().stride(cluster) % n] = words
    compiled = compile_protocol(
        StridePermutation(), cluster, fan_out=point.rho, tokens_per_machine=1
    )
    assert compiled.run(words).tolist() == expected.tolist()
    resources = compiled.resources()
    assert (resources.heads, resources.head_width) == (point.heads, point.head_width)
    bounded = fan_out_of_exponent(StridePermutation(), cluster, point.rho)
    assert point.load == Fraction(fan_out_cluster(bounded).memory_words - memory, memory)


@pytest.mark.parametrize(
    ("n", "pair", "says"),
    [
        (4096, ("2/3", "1"), "at most 1/2"),
        (4096, ("1/2", "1/2"), "a larger one"),
        (256, ("1/4", "1"), "below 16"),
        (4096, ("1/2", "2/3"), "partners and"),
        (2**16, ("1/2", "2"), "digits are too few"),
    ],
)
def test_points_without_derived_limits_are_refused(
    n: int, pair: tuple[str, str], says: str
) -> None:
    with pytest.raises(ShapeError, match=says):
        fan_out_point(n, *pair)


def test_fits_that_mean_nothing_are_refused(
    sweeps: dict[tuple[str, str], tuple[FanOutPoint, ...]],
) -> None:
    points = sweeps["1/4", "3/4"]
    for few in (points[:2], (points[0],) * 5, (*points, sweeps["1/4", "1"][0])):
        with pytest.raises(ValueError, match="three sizes or more"):
            fan_out_fit(few, "heads")
