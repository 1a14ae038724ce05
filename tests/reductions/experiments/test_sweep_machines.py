"""``anna-mpc sweep machines``: N^2 machines for softmax, almost N for the others."""

from __future__ import annotations

import csv
import io
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from anna_model.lsh.theorem_3_4 import NoParameters
from cases.command_line import Anna, anna_command, plain_surroundings  # noqa: F401
from mpc_sim import InputError
from reductions.attention_to_mpc import TransformerProtocol
from reductions.attention_to_mpc.low_rank import low_rank_bounds
from reductions.bounds import Bound
from reductions.experiments.fit import student
from reductions.experiments.machine_counts import Slope, count, counts, series_of, slope_of
from reductions.experiments.mechanism_series import (
    AnnaSeries,
    ExactMatchSeries,
    LowRankSeries,
    SoftmaxSeries,
)


def test_every_line_with_its_exponent(anna: Anna) -> None:
    """Outputs equal, resources within bounds, slopes beside 2, 1 - gap + 3 rho and 1 - gap."""
    run = anna("sweep", "machines", "--n", "2^5..2^8", "--ratio", "12,20", "--json")
    assert (run.status, run.err) == (0, "")
    found = run.json
    assert found["ok"] is True
    assert all(row["equal"] and row["ok"] for row in found["rows"])
    fits = {fit["line"]: fit for fit in found["fits"]}
    assert list(fits) == ["softmax", "anna, c = 12", "anna, c = 20", "exact-match", "low-rank"]
    for line, fit in fits.items():
        rows = [row for row in found["rows"] if row["line"] == line]
        assert [row["n"] for row in rows] == [32, 64, 128, 256]
        assert (
            fit["slope"] - fit["margin"]
            <= fit["theory"]
            == pytest.approx(rows[0]["exponent"], abs=1e-3)
        )
    assert (fits["softmax"]["theory"], fits["exact-match"]["theory"]) == (2, 0.5)
    assert abs(fits["softmax"]["slope"] - 2) < 1e-9
    assert 0.5 <= fits["anna, c = 20"]["theory"] < fits["anna, c = 12"]["theory"] < 1
    at_256 = {row["line"]: row["machines"] for row in found["rows"] if row["n"] == 256}
    assert at_256["softmax"] == 256**2
    assert at_256["low-rank"] < at_256["exact-match"] < at_256["anna, c = 20"] < 256**2 / 100
    for row in found["rows"]:
        assert row["memory_words"] == (4 if row["mechanism"] == "low-rank" else 16) * (
            math.isqrt(row["n"] - 1) + 1
        )
        if row["mechanism"] in ("low-rank", "exact-match"):
            assert row["machines"] <= row["n"]


def test_csv_and_text(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "machines.csv"
    line = ("sweep", "machines", "--n", "16,32,64", "--mechanism", "low-rank,exact-match")
    assert anna(*line, "--out", out).status == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [row["n"] for row in rows] == ["16", "32", "64"] * 2
    for name in ("machines", "rounds", "local_memory", "sent_words", "received_words"):
        assert all(int(row[name]) <= int(row[f"{name}_bound"]) for row in rows)
    shown = anna(*line)
    assert "exact-match: machines grow as N^(" in shown.out
    assert shown.out.count("PASS") == 2
    assert "three sizes are needed" in anna(*line[:3], "16", *line[4:]).out


def test_a_picture(anna: Anna, tmp_path: Path) -> None:
    """Also as a bitmap; the legend says what was fitted."""
    pytest.importorskip("matplotlib")
    line = ("sweep", "machines", "--n", "16,32,64", "--mechanism", "softmax,low-rank")
    for name in ("machines.svg", "machines.png"):
        assert anna(*line, "--out", tmp_path / name).status == 0
    text = (tmp_path / "machines.svg").read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    assert (tmp_path / "machines.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--n 2^20", "choose a smaller --n, or leave softmax out with --mechanism"),
        ("--n 0", "give at least one token"),
        ("--diameter 4", "--diameter is for algorithms"),
        ("--epsilon 1/2", "--epsilon is for algorithms"),
        ("--mechanism sparse", "'sparse' is unknown; use one of softmax, anna, exact-match"),
        ("--mechanism softmax --ratio 3", "--ratio is for anna; leave it out"),
        ("--ratio many", "give numbers separated by commas"),
        ("--ratio 1", "c is above 1"),
        ("--ratio 2", "rho = 0.4911 must be below 1/3"),
        ("--gap 3", "choose eps' - eps in (0, 1]"),
        ("--gap x", "gap"),
        ("--n 3 --mechanism anna", "choose a larger --n or --gap"),
        ("--out machines.txt", "end the name in one of"),
    ],
)
def test_refusals_are_one_line(anna: Anna, options: str, message: str) -> None:
    run = anna("sweep", "machines", *options.split())
    assert (run.status, run.out) == (2, "")
    assert message in run.err
    assert run.err.count("\n") == 1


def test_its_options_are_not_for_algorithms(anna: Anna) -> None:
    for option in ("--gap", "--ratio", "--mechanism"):
        run = anna("sweep", "columnsort", option, "2")
        assert (run.status, run.err) == (
            2,
            f"anna-mpc: {option} is for machines; leave it out with columnsort\n",
        )


def test_canary_a_bound_too_small_by_one_fails(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(executed: TransformerProtocol) -> tuple[Bound, ...]:
        return tuple(
            Bound(
                b.quantity, b.expression - int(b.quantity == "rounds"), b.values, b.kind, b.source
            )
            for b in low_rank_bounds(executed)
        )

    monkeypatch.setattr(LowRankSeries, "bounds", staticmethod(small))
    run = anna("sweep", "machines", "--n", "32", "--mechanism", "low-rank", "--json")
    assert (run.status, run.json["ok"]) == (1, False)


def test_canary_an_exponent_too_large_fails(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SoftmaxSeries, "exponent", property(lambda self: 1.9))
    run = anna("sweep", "machines", "--n", "16,32,64", "--mechanism", "softmax", "--json")
    assert (run.status, [fit["holds"] for fit in run.json["fits"]]) == (1, [False])
    assert all(row["ok"] for row in run.json["rows"])


def test_the_interval_is_that_of_least_squares() -> None:
    """Against the closed form on hand-made counts, with the quantiles of tables."""
    series = ExactMatchSeries(Fraction(1, 2))
    rows = [
        {"line": series.name, "n": n, "machines": machines}
        for n, machines in ((2, 3), (4, 4), (8, 9), (16, 11))
    ]
    fitted = slope_of(series, rows)
    assert fitted is not None
    x = np.log([2, 4, 8, 16])
    design = np.stack([np.ones(4), x], axis=1)
    (_, slope), (rest,), *_ = np.linalg.lstsq(design, np.log([3, 4, 9, 11]), rcond=None)
    error = math.sqrt(rest / 2 * np.linalg.inv(design.T @ design)[1, 1])
    assert fitted.slope == pytest.approx(slope)
    assert fitted.margin == pytest.approx(4.303 * error)
    assert slope_of(series, rows[:2]) is None
    assert [student(f) for f in (1, 10, 11, 29, 30)] == [12.706, 2.228, 2.201, 2.045, 2.045]
    assert not Slope("", 2.0, 0.1, 1.8).holds


def test_series() -> None:
    assert [one.name for one in series_of(["low-rank", "anna"], [10.0, 12.5])] == [
        "low-rank",
        "anna, c = 10",
        "anna, c = 12.5",
    ]
    with pytest.raises(InputError, match="a ratio c goes with anna"):
        SoftmaxSeries(Fraction(1, 2), 3.0)
    with pytest.raises(InputError, match="a ratio c goes with anna"):
        AnnaSeries(Fraction(1, 2))
    with pytest.raises(NoParameters):
        assert AnnaSeries(Fraction(1, 2), 2.0).exponent
    assert json.dumps(count(LowRankSeries(Fraction(1, 2)), 32, seed=3))


def test_counts_come_one_after_the_other() -> None:
    rows = counts([SoftmaxSeries(Fraction(1, 2))], [8, 16])
    assert [row["machines"] for row in rows] == [64, 256]
