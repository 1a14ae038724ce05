"""Exponents of heads, widths and context, fitted to built transformers that are never run."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mpc_sim import Cluster, ShapeError, Simulation
from reductions.experiments.fit import Quantity
from reductions.experiments.width_growth import (
    VARIANTS,
    GrowthPoint,
    StridePermutation,
    Variant,
    exponent,
    growth,
    growth_point,
)
from reductions.mpc_to_anna.bounds import theorem_bounds
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions

SIZES = {
    "1/4": [2**e for e in range(16, 29, 2)],
    "1/3": [2**e for e in range(12, 28, 2)],
    "2/5": [2**e for e in range(10, 26, 2)],
    "1/2": [2**e for e in range(8, 25, 2)],
}
MULTIPLES = {"printed": 6, "syndrome": 2, "spread": 1, "one-head": 1}
HEAD_WIDTHS = {"printed": 5, "syndrome": 1, "one-head": 1}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("epsilon", SIZES)
def test_total_width_grows_by_the_exponent_of_the_table(epsilon: str, variant: Variant) -> None:
    fitted = exponent(growth(epsilon, variant, SIZES[epsilon]), "token_width")
    print(variant, epsilon, f"{fitted.slope:.3f} in {fitted.low:.3f} .. {fitted.high:.3f}")
    assert fitted.theory == MULTIPLES[variant] * Fraction(epsilon)
    assert fitted.holds
    assert fitted.low <= fitted.theory <= fitted.high
    assert fitted.high - fitted.low < 0.45 * float(fitted.theory)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("epsilon", SIZES)
def test_heads_widths_and_context_do_too(epsilon: str, variant: Variant) -> None:
    points = growth(epsilon, variant, SIZES[epsilon])
    expected: dict[Quantity, Fraction] = {"context_length": Fraction(1)}
    if variant == "one-head":
        assert {point.heads for point in points} == {1}
    else:
        expected["heads"] = Fraction(epsilon)
    if variant in HEAD_WIDTHS:
        expected["head_width"] = HEAD_WIDTHS[variant] * Fraction(epsilon)
    for quantity, theory in expected.items():
        fitted = exponent(points, quantity)
        assert fitted.theory == theory
        assert fitted.holds, fitted


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_quantity_that_grows_faster_is_caught(variant: Variant) -> None:
    """The canary: one power of log N, or N^0.1, more than the construction has."""
    points = growth("1/3", variant, SIZES["1/3"])
    for growing in (lambda n: np.log2(n), lambda n: n**0.1):
        faster = [
            replace(point, token_width=int(point.token_width * growing(point.n_words)))
            for point in points
        ]
        assert not exponent(faster, "token_width").holds


def test_the_variants_are_told_apart() -> None:
    """No interval of one holds the slope of another, unless their theory is the same."""
    for epsilon, sizes in SIZES.items():
        fits = [exponent(growth(epsilon, variant, sizes), "token_width") for variant in VARIANTS]
        for one in fits:
            for other in fits:
                assert (one.theory == other.theory) == (one.low <= other.slope <= one.high)


@pytest.mark.parametrize(("n", "epsilon"), [(256, "1/2"), (1000, "1/2"), (4096, "1/3")])
def test_the_protocol_of_the_sweep_runs(n: int, epsilon: str) -> None:
    point = growth_point(n, epsilon, "syndrome")
    cluster = Cluster(n_words=n, memory_words=point.heads - 1, block_words=point.heads - 1,
                      n_machines=max(point.heads, -(-n // (point.heads - 1))))  # fmt: skip
    protocol = StridePermutation()
    words = np.random.default_rng(0).integers(0, n, n)
    stride = protocol.stride(cluster)
    expected = np.empty(n, np.int64)
    for index, word in enumerate(words.tolist()):
        expected[index * stride % n] = word
    simulation = Simulation(protocol, cluster, words)
    assert simulation.run().tolist() == expected.tolist()
    compiled = compile_protocol(protocol, cluster, head_order="spread")
    assert compiled.run(words).tolist() == expected.tolist()
    one_token = theorem_bounds(protocol, cluster, CompilerOptions(tokens_per_machine=1))
    bounds = {bound.quantity: bound.value for bound in one_token}
    assert point.token_width <= bounds["token_width"]
    assert point.heads == bounds["heads"]


@pytest.mark.parametrize(
    ("n", "epsilon", "says"), [(4096, "2/3", "at most 1/2"), (256, "1/4", "below 16")]
)
def test_points_without_derived_limits_are_refused(n: int, epsilon: str, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        growth_point(n, epsilon, "syndrome")


def test_fits_that_mean_nothing_are_refused() -> None:
    points = growth("1/2", "spread", [256, 1024, 4096])
    mixed: tuple[GrowthPoint, ...] = (*points, growth_point(4096, "1/3", "spread"))
    for few in (points[:2], (points[0],) * 5, mixed):
        with pytest.raises(ValueError, match="three sizes or more"):
            exponent(few, "heads")
    with pytest.raises(ValueError, match="no exponent of its own"):
        exponent(points, "head_width")
