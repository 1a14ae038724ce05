"""Exponents along a series: factors that are held, fits with intervals, and what they catch."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mpc_sim import ShapeError
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.stages.columnsort import columnsort
from mpc_sim.stages.operations import Addition
from reductions.cli import main
from reductions.experiments.exponents import Point, closed_series, growths, held_factors, slope
from reductions.problems.columnsort import COLUMNSORT

SIZES = [2**power for power in (11, 13, 15, 17, 19)]


def test_the_least_factors_that_fit_all_points() -> None:
    points = [Point(columnsort(), n, n) for n in SIZES]
    c_s, c_p = held_factors(points, "1/2", "0")
    for point in points:
        assert point.cluster("1/2", "0", c_s, c_p).memory_factor == c_s
    assert held_factors(points, "1/2", "0", c_s=8)[0] == 8
    with pytest.raises(ShapeError):
        held_factors([Point(prefix_sum(Addition()), 2**10, 4)], "1/2", "0", c_s=1)


def test_a_slope_and_its_interval() -> None:
    assert slope(SIZES, [3 * n**0.5 for n in SIZES]) == pytest.approx((0.5, 0), abs=1e-9)
    found, margin = slope([4, 16, 64], [2, 5, 8])
    assert found - margin < 0.5 < found + margin


def test_exponents_of_columnsort_are_those_of_the_theory() -> None:
    clusters, closed = zip(*closed_series(COLUMNSORT, SIZES), strict=True)
    found = {one.quantity: one for one in growths(COLUMNSORT, clusters, closed, closed, {})}
    assert all(growth.holds for growth in found.values())
    assert abs(found["local_memory"].slope - 2 / 3) <= found["local_memory"].margin
    assert found["rounds"].slope == pytest.approx(0, abs=1e-9)


def test_canary_a_factor_that_grows_hides_an_exponent() -> None:
    clusters, closed = zip(*closed_series(COLUMNSORT, SIZES), strict=True)
    grown = [row | {"local_memory": row["local_memory"] * 2**at} for at, row in enumerate(closed)]
    found = growths(COLUMNSORT, clusters, grown, closed, {})
    assert [growth.quantity for growth in found if not growth.holds] == ["local_memory"]
    assert replace(found[1], closed=found[1].slope).holds


def test_canary_another_exponent_is_not_approached() -> None:
    """One that the halves agree on, beside the law, is no finite size that fades."""
    clusters, closed = zip(*closed_series(COLUMNSORT, SIZES), strict=True)
    other = [
        row | {"local_memory": round(row["local_memory"] * cluster.n_words**0.02)}
        for cluster, row in zip(clusters, closed, strict=True)
    ]
    whole, early, late = (
        growths(COLUMNSORT, clusters[part], other[part], other[part], {})[1]
        for part in (slice(None), slice(3), slice(2, None))
    )
    assert whole.holds
    assert not whole.is_approached(early, late)


def test_a_sweep_holds_its_factors_and_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "columnsort", "--n", "2^6..2^9", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len({(row["c_s"], row["c_p"]) for row in report["rows"]}) == 1
    assert {fit["quantity"] for fit in report["fits"]} == {"rounds", "local_memory", "machines"}
    assert main(["sweep", "columnsort", "--n", "2^6", "--c-s", "4", "--c-p", "2", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["c_s"], row["c_p"]) == (4, 2)
    assert row["held_over_n_epsilon"] == pytest.approx(row["local_memory"] / 16)


@pytest.mark.slow
def test_the_table_of_exponents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "exponents", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) > 60
    assert all(row["ok"] for row in rows)
    assert all(abs(row["exponent"] - row["theory"]) < 0.15 for row in rows)
