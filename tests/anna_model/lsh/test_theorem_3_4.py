"""Theorem 3.4: the choice of hashes and tables, the checker, and what the choice guarantees."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import Anna, ExactMatch
from anna_model.frozen_arrays import FloatArray
from anna_model.lsh import CrossPolytope, Family, Hyperplane, PStable
from anna_model.lsh.theorem_3_4 import (
    NoParameters,
    Parameters,
    choose_parameters,
    from_probabilities,
    least_hashes,
    least_tables,
)
from anna_model.mechanisms.anna_definition import FailureRate, failure_rate, violations

# --- the choice ---


@settings(deadline=None)
@given(st.integers(1, 10**6), st.fractions(Fraction(1, 1000), Fraction(99, 100)))
def test_hashes_are_the_least(n: int, p2: Fraction) -> None:
    z = least_hashes(n, p2)
    assert 10 * n**3 * p2**z <= 1
    assert z == 1 or 10 * n**3 * p2 ** (z - 1) > 1


@pytest.mark.parametrize("power", range(1, 12))
def test_exact_powers_are_exact(power: int) -> None:
    """10 N**3 = 10**(3 power + 1): a float logarithm may land on either side."""
    assert least_hashes(10**power, Fraction(1, 10)) == 3 * power + 1
    assert least_hashes(10**power + 1, Fraction(1, 10)) == 3 * power + 2


@settings(deadline=None)
@given(st.integers(1, 10**6), st.fractions(Fraction(1, 100), 1), st.floats(1e-9, 0.99))
def test_tables_miss_no_near_pair(n: int, meets: Fraction, delta: float) -> None:
    """The union bound over N**2 near pairs, with a relative margin for logarithms in floats."""
    tables = least_tables(n, meets, delta)
    needed = 2 * math.log(n) - math.log(delta)
    assert tables * float(meets) >= needed * (1 - 1e-12)
    assert tables == 1 or (tables - 1) * float(meets) <= needed * (1 + 1e-12)
    if meets < 1:
        missed = 2 * math.log(n) + tables * math.log1p(-float(meets))
        assert missed <= math.log(delta) + 1e-9


@settings(deadline=None)
@given(st.integers(1, 10**4), st.floats(0.6, 0.999), st.floats(0.001, 0.2), st.floats(0.01, 0.5))
def test_eta_is_the_union_bound(n: int, p1: float, p2: float, delta: float) -> None:
    found = from_probabilities(n, p1, p2, delta, max_tables=2**40)
    assert found.delta == delta
    assert delta <= found.eta <= delta + 0.1 * found.tables / n + found.tables * n**2 * 2.0**-62
    assert found.rho == pytest.approx(math.log(p1) / math.log(p2))
    assert found.vacuous == (found.eta >= 1)


@pytest.mark.parametrize(("n", "p1", "p2"), [(50, 0.9, 0.3), (20, 0.8, 0.2), (100, 1.0, 0.5)])
def test_eta_counts_every_pair_in_every_table(n: int, p1: float, p2: float) -> None:
    found = from_probabilities(n, p1, p2, 0.01)
    union = found.tables * n**2 * p2**found.hashes
    assert found.eta == pytest.approx(found.delta + union, rel=1e-9)
    assert p1 == 1 or found.tables > 1


def test_a_sure_failure_is_vacuous() -> None:
    assert Parameters(1, 1, 0.5, 1.0, 0.1).vacuous
    assert not Parameters(1, 1, 0.5, 0.999, 0.1).vacuous


def test_corners() -> None:
    sure = from_probabilities(100, 1, 0.5, delta=0.3)
    assert (sure.tables, sure.delta, sure.rho) == (1, 0.0, 0.0)
    assert sure.eta <= 0.1 / 100
    apart = from_probabilities(100, 0.5, 0, delta=0.1)
    assert (apart.hashes, apart.rho) == (1, 0.0)
    assert choose_parameters(50, 1.0, 2.0, Hyperplane(), 8, 0.1).hashes == 1  # c r = 2: none far
    assert choose_parameters(50, 1.0, 5.0, Hyperplane(), 8, 0.1).hashes == 1
    assert from_probabilities(1, 0.9, 0.001, delta=0.99).eta < 1.1
    assert from_probabilities(2, Fraction(6, 10), Fraction(1, 5), delta=0.95).vacuous


@pytest.mark.parametrize(
    ("p1", "p2", "message"),
    [
        (1, 1, "p2 = 1: far pairs always collide"),
        (0, 0, "p1 = 0: near pairs never collide"),
        (Fraction(1, 2), Fraction(1, 8), r"rho = 0.3333 must be below 1/3"),  # equality, exactly
        (0.5, 0.5, "rho = 1 must be below 1/3"),
        (0.5, 1e-4, r"\d+ tables are needed, more than 100"),
        (1, 1 - 2.0**-40, r"\d+ hashes are needed, more than 10000"),
    ],
)
def test_what_the_theorem_does_not_give(p1: Any, p2: Any, message: str) -> None:
    with pytest.raises(NoParameters, match=message):
        from_probabilities(1000, p1, p2, delta=0.1, max_tables=100)


def test_just_below_a_third_is_accepted() -> None:
    least_more = Fraction(1, 8) - Fraction(1, 10**6)
    assert from_probabilities(10, Fraction(1, 2), least_more, 0.1, max_tables=10**9).rho < 1 / 3


@pytest.mark.parametrize(
    ("n", "p1", "p2", "delta"), [(0, 1, 0, 0.1), (1, 2, 0, 0.1), (1, 1, -1, 0.1), (1, 1, 0, 0)]
)
def test_no_numbers_of_a_theorem(n: int, p1: int, p2: int, delta: float) -> None:
    with pytest.raises(ValueError, match="needs n_tokens >= 1"):
        from_probabilities(n, p1, p2, delta)
    with pytest.raises(ValueError, match="c at least 1"):
        choose_parameters(5, 0.1, 0.5, Hyperplane(), 4, 0.1)


# --- the checker ---

Q = np.array([[0.0], [5.0]])
K = np.array([[0.0], [1.0], [2.0], [9.0]])
GOOD = [[0.4, 0.34, 0.26, 0.0], [0.0, 0.0, 0.0, 0.0]]  # r = 1, c = 2: keys 0, 1 near, 2 between


def test_the_checker_accepts() -> None:
    assert not violations(GOOD, Q, K, r=1, c=2, tables=1)


@pytest.mark.parametrize(
    ("row", "column", "weight", "kind"),
    [
        (0, 3, 1e-300, "far"),  # a weight however small on a far pair
        (1, 0, 0.1, "far"),
        (0, 1, 0.0, "light"),  # a near pair left out
        (0, 1, 0.33, "light"),  # 1 / ((3 - 1) 1 + 1) is the least
        (0, 2, 0.29, "sums"),
        (0, 2, 0.31, "sums"),
        (0, 2, -0.1, "sums"),
    ],
)
def test_canary_the_checker_rejects(row: int, column: int, weight: float, kind: str) -> None:
    weights = np.array(GOOD)
    assert not violations(weights, Q, K, r=1, c=2, tables=1)
    weights[row, column] = weight
    found = violations(weights, Q, K, r=1, c=2, tables=1)
    assert found
    pairs = {"far": found.far.tolist(), "light": found.light.tolist()}
    if kind == "sums":
        assert found.sums.tolist() == [row]
    else:
        assert [row, column] in pairs[kind]


def test_counts_are_over_indices() -> None:
    """Five equal keys count five times: each may weigh 1 / (4 l + 1), and the sum is still 1."""
    keys, weights = np.zeros((5, 1)), np.full((1, 5), 0.2)
    assert not violations(weights, Q[:1], keys, r=0, c=1, tables=1)
    weights[0, :2] = [0.4, 0.0]
    assert violations(weights, Q[:1], keys, r=0, c=1, tables=10**9).light.tolist() == [[0, 1]]
    weights[0, :2] = [0.34, 0.06]
    assert violations(weights, Q[:1], keys, r=0, c=1, tables=3).light.tolist() == [[0, 1]]
    assert not violations(weights, Q[:1], keys, r=0, c=1, tables=4)


def test_exact_match_is_anna_with_radius_zero() -> None:
    rows = np.random.default_rng(0).integers(0, 4, (40, 2)).astype(float)
    assert not violations(ExactMatch().weights(rows, rows), rows, rows, r=0, c=1, tables=1)
    assert violations(ExactMatch().weights(rows, rows), rows, rows, r=1, c=1, tables=1)


def test_softmax_of_bounded_logits_is_anna_where_no_key_is_far() -> None:
    """exp(2 beta) bounds any ratio of weights: each is at least 1 / ((N - 1) exp(2 beta) + 1)."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(30, 4))
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    weights = np.exp(0.5 * rows @ rows.T)
    weights /= weights.sum(axis=1, keepdims=True)
    tables = math.ceil(math.exp(1))
    assert not violations(weights, rows, rows, r=0.5, c=4, tables=tables)
    assert len(violations(weights, rows, rows, r=0.5, c=2, tables=tables).far)


@pytest.mark.parametrize(
    ("weights", "message"),
    [(np.zeros((2, 3)), "weights must be"), (np.full((2, 4), np.nan), "weights must be finite")],
)
def test_the_checker_refuses(weights: FloatArray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        violations(weights, Q, K, r=1, c=1, tables=1)
    with pytest.raises(ValueError, match="rows of one width"):
        violations(np.zeros((2, 4)), Q, np.zeros((4, 2)), r=1, c=1, tables=1)


def binomial_at_least(k: int, n: int, p: Fraction) -> Fraction:
    terms = (math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    return sum(terms, Fraction(0))


@pytest.mark.parametrize(("failures", "trials"), [(0, 1), (3, 20), (20, 20), (1, 200), (60, 200)])
def test_the_interval_is_that_of_clopper_and_pearson(failures: int, trials: int) -> None:
    rate = FailureRate.of(failures, trials)
    assert 0 <= rate.low <= failures / trials <= rate.high <= 1
    if failures:
        assert float(binomial_at_least(failures, trials, Fraction(rate.low))) == pytest.approx(
            0.025, rel=1e-6
        )
    if failures < trials:
        above = 1 - binomial_at_least(failures + 1, trials, Fraction(rate.high))
        assert float(above) == pytest.approx(0.025, rel=1e-6)


# --- the guarantee ---

N, R, SEEDS = 24, 0.2, 200


def planted(m: int = 16) -> tuple[FloatArray, FloatArray]:
    """Keys at right or straight angles; query i lies at 0.19 of key i, towards key i + 1."""
    basis = np.linalg.qr(np.random.default_rng(5).normal(size=(m, m)))[0]
    keys = np.concatenate([basis, -basis])[:N]
    angle = 2 * math.asin(0.19 / 2)
    return math.cos(angle) * keys + math.sin(angle) * np.roll(keys, -1, axis=0), keys


def too_many(eta: float) -> int:
    """Fewest failures whose probability at rate eta is below 1e-6."""
    p = Fraction(eta)
    return next(k for k in range(SEEDS + 1) if binomial_at_least(k, SEEDS, p) < Fraction(1, 10**6))


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(CrossPolytope("gaussian"), marks=pytest.mark.slow),
        Hyperplane(),
        pytest.param(PStable(2.0), marks=pytest.mark.slow),
    ],
    ids=repr,
)
def test_the_chosen_parameters_are_an_anna(family: Family) -> None:
    queries, keys = planted()
    distance = np.linalg.norm(queries[:, None] - keys[None], axis=2)
    near = np.eye(N, dtype=bool)
    assert (distance[near] <= R).all()
    c = float(distance[~near].min()) / R * (1 - 1e-9)
    chosen = choose_parameters(N, R, c, family, queries.shape[1], delta=0.05)

    def rate(hashes: int, tables: int) -> FailureRate:
        each = (Anna(family, hashes, tables, seed) for seed in range(SEEDS))
        return failure_rate(each, queries, keys, r=R, c=c, tables=tables)

    assert not chosen.vacuous
    right = rate(chosen.hashes, chosen.tables)
    print(f"{family}: {chosen}, {right.failures} of {SEEDS} seeds fail")
    assert right.failures < too_many(chosen.eta) < SEEDS
    for fewer in (
        rate(-(-chosen.hashes // 4), chosen.tables),
        rate(chosen.hashes, -(-chosen.tables // 4)),
    ):
        assert fewer.failures >= too_many(chosen.eta)  # canary
