"""``anna-mpc experiment``: rows, intervals, files, refusals, and the figures that README states."""

from __future__ import annotations

import csv
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model.rows import Rows
from anna_model.surrogate import Recipe, anna_layers, measure, shipped
from anna_model.surrogate.shipped_weights import shipped_names
from reductions.cli import main
from reductions.commands.experiment import NAMES
from reductions.experiments.fit import student
from reductions.experiments.learned import EXPERIMENTS, interval, rows_of
from repository import ROOT

QUICK = ["experiment", "match2", "--quick", "--runs", "2", "--samples", "8"]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_names_are_the_experiments() -> None:
    assert set(NAMES) == set(EXPERIMENTS)
    for experiment in EXPERIMENTS.values():
        assert set(experiment.models) <= set(shipped_names())
        assert set(experiment.quick) <= set(experiment.settings)


# --- intervals ---


def test_interval_is_students() -> None:
    values = [0.1, 0.15, 0.2, 0.11, 0.19, 0.13, 0.17, 0.12, 0.18, 0.15]
    mean, low, high = interval(values)
    reach = 2.262 * statistics.stdev(values) / math.sqrt(10)
    assert (mean, low, high) == pytest.approx((0.15, 0.15 - reach, 0.15 + reach))
    assert student(9) == 2.262


def test_interval_covers_the_mean_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        _, low, high = interval((0.5 + 0.05 * rng.standard_normal(10)).tolist())
        covered += low <= 0.5 <= high
    # 2,000 draws of probability 0.95 miss 1,900 by 44 with probability below 1e-5 (normal, 4.5
    # deviations of 9.7).
    assert abs(covered - 1900) <= 44


# --- rows ---


@pytest.mark.slow
def test_rows_keep_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    report = printed(capsys, *QUICK)
    assert report["schema"] == "anna-mpc/experiment/1"
    assert report["parameters"] == {"samples": 8, "runs": 2, "seed": 0, "quick": True}
    rows = report["rows"]
    assert {row["surrogate"] for row in rows} == {"softmax", "collisions"}
    for row in rows:
        assert 0 <= row["error_low"] <= row["error"] <= row["error_high"] <= 1
        assert row["collisions_least"] <= row["collisions"] <= row["collisions_most"]
        assert row["keys_met"] <= row["collisions"] <= row["tables"] * 32
        assert 0 <= row["sought_weight"] <= 1
    pairs = [(row["tables"], row["hashes"]) for row in rows if row["surrogate"] == "softmax"]
    assert sorted(pairs) == sorted((one[0][0], one[0][1]) for one in EXPERIMENTS["match2"].quick)
    assert {"guess", "softmax, exact", "collisions, exact"} <= set(report["baselines"])
    assert {model["surrogate"] for model in report["models"]} == {"softmax", "collisions"}
    for model in report["models"]:
        assert model["date"]
        assert model["versions"]["torch"]
        assert model["best"]["step"] <= model["steps"] <= model["recipe"]["steps"]


def test_a_row_is_what_its_runs_average_to() -> None:
    experiment, learned = EXPERIMENTS["match2"], shipped("match2-collisions")
    rows = rows_of(experiment, learned, quick=True, runs=2, samples=4, seed=5)
    batch = experiment.batch(learned.recipe.task, 5, 4)
    setting = experiment.quick[1]
    runs = [measure(learned, batch, [setting], seed=seed)[0] for seed in (5, 6)]
    (row,) = (one for one in rows if (one["tables"], one["hashes"]) == setting[0])
    assert row["error"] == statistics.fmean(run.error for run in runs)
    assert row["collisions"] == statistics.fmean(float(run.collisions.mean()) for run in runs)
    assert row["runs"] == 2


def test_table_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.csv"
    assert main([*QUICK, "--out", str(file)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("match2: samples = 8, runs = 2, seed = 0, quick = True")
    lines = file.read_text().splitlines()
    told = [line for line in lines if line.startswith("#")]
    assert [line.split(":")[0] for line in told] == [
        "# experiment", "# source", "# parameters", "# models", "# baselines", "# date",
        "# versions",
    ]  # fmt: skip
    rows = list(csv.DictReader(lines[len(told) :]))
    assert len(rows) == 2 * len(EXPERIMENTS["match2"].quick)
    assert {"tables", "hashes", "surrogate", "error", "collisions"} <= set(rows[0])
    pytest.importorskip("matplotlib", reason="the extra plots is not installed")
    picture = tmp_path / "figure.svg"
    assert main([*QUICK, "--out", str(picture)]) == 0
    assert "guess" in picture.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "0"], "--runs 0: give at least 1"),
        (["--steps", "5"], "give --train MODEL"),
        (["--train", "induction-softmax", "--weights", "x"], "choose from match2-softmax"),
        (["--train", "match2-softmax"], "needs --weights DIR"),
        (["--weights", "nowhere"], "no weights in nowhere"),
        (["--out", "rows.txt"], "end the name in one of"),
    ],
    ids=["runs", "steps", "model", "folder", "weights", "suffix"],
)
def test_refusals(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["experiment", "match2", *arguments]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_training_from_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="the extra train is not installed")
    folder = tmp_path / "run"
    options = ["--train", "match2-softmax", "--steps", "2", "--weights", str(folder)]
    report = printed(capsys, *QUICK, *options)
    assert [model["steps"] for model in report["models"]] == [2]
    assert {row["surrogate"] for row in report["rows"]} == {"softmax"}
    assert (folder / "weights.safetensors").exists()
    assert main([*QUICK, *options[:3], "3", *options[4:]]) == 2
    assert "another recipe" in capsys.readouterr().err


# --- what README states ---


FIGURES = {path.stem: path for path in (ROOT / "benchmarks" / "learned").glob("*.csv")}
STATED = {"match2": (8,), "induction": (32, 4), "k-hop": (32, 32, 32, 32)}
"""The tables of every layer that README tells of, with the hashes that make fewest errors."""
QUICK_ENOUGH = ["match2", pytest.param("induction", marks=pytest.mark.slow)]


def stated_rows(name: str) -> dict[str, dict[str, str]]:
    """The row of every stand-in that README tells of, from the file of figures."""
    lines = FIGURES[name].read_text().splitlines()
    rows = csv.DictReader([line for line in lines if not line.startswith("#")])
    tables = [str(one) for one in STATED[name]]
    names = [f"tables_layer_{layer + 1}" for layer in range(len(tables))]
    names = names if len(tables) > 1 else ["tables"]
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        before = found.get(row["surrogate"])
        if [row[one] for one in names] == tables and (
            before is None or float(row["error"]) < float(before["error"])
        ):
            found[row["surrogate"]] = row
    return found


def subset_interval(row: dict[str, str], draws: int) -> tuple[float, float]:
    """Where the mean of some of the draws lies around the mean of all, at five deviations.

    The file tells mean and reach = t s / sqrt(runs) of all runs. A mean of `draws` of them has the
    deviation s sqrt(1 / draws - 1 / runs) around the mean of all.
    """
    runs, mean = int(row["runs"]), float(row["error"])
    reach = max(float(row["error_high"]) - mean, mean - float(row["error_low"]))
    deviation = reach * math.sqrt(runs) / student(runs - 1) * math.sqrt(1 / draws - 1 / runs)
    return mean - 5 * deviation - 1e-9, mean + 5 * deviation + 1e-9


@pytest.mark.parametrize("name", QUICK_ENOUGH)
def test_figures_are_measured_again(name: str) -> None:
    experiment, draws = EXPERIMENTS[name], 3
    for model in experiment.models:
        learned = shipped(model)
        row = stated_rows(name)[learned.recipe.stand_in.name]
        setting = tuple((tables, int(row["hashes"])) for tables in STATED[name])
        batch = experiment.batch(learned.recipe.task, 0)
        errors = [measure(learned, batch, [setting], seed=seed)[0].error for seed in range(draws)]
        low, high = subset_interval(row, draws)
        assert low <= statistics.fmean(errors) <= high, (model, errors, low, high)


@pytest.mark.parametrize("name", ["match2", "induction"])
def test_canary_figures_of_one_stand_in_are_not_those_of_the_other(name: str) -> None:
    rows = stated_rows(name)
    low, high = subset_interval(rows["collisions"], 3)
    assert not low <= float(rows["softmax"]["error"]) <= high


@pytest.mark.parametrize("name", STATED)
def test_readme_tells_what_the_file_holds(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in stated_rows(name).values():
        error, low, high = (float(row[one]) for one in ("error", "error_low", "error_high"))
        assert f"{error:.3f} in {low:.3f} .. {high:.3f}, z = {row['hashes']}" in readme, row


def test_files_of_figures_are_of_the_shipped_weights() -> None:
    for name, file in FIGURES.items():
        told = dict(
            line.removeprefix("# ").split(": ", 1)
            for line in file.read_text().splitlines()
            if line.startswith("#")
        )
        models = json.loads(told["models"])
        assert [Recipe.from_json(model["recipe"]) for model in models] == [
            shipped(model).recipe for model in EXPERIMENTS[name].models
        ]
        assert json.loads(told["parameters"])["runs"] == 10
        assert told["date"]
        assert json.loads(told["versions"])


def test_match2_retrieves_and_does_not_average() -> None:
    experiment, learned = EXPERIMENTS["match2"], shipped("match2-collisions")
    batch = experiment.batch(learned.recipe.task, 0)
    (measured,) = measure(learned, batch, [((8, 2),)], seed=0)
    assert measured.error == 0
    # An average over all keys would put their share of 32 on the partners.
    partners = learned.recipe.task.sought(batch.tokens).sum(axis=2)
    averaged = float((partners / 32)[partners > 0].mean())
    assert measured.mean_sought_weight > 0.9 > 4 * averaged
    assert float(measured.keys_met.mean()) < 3


def test_induction_heads_read_a_window_and_do_not_look_letters_up() -> None:
    learned = shipped("induction-collisions")
    batch = learned.recipe.task.batch(20, seed=0, stream=2, number=0)
    setting = ((32, 2), (4, 2))
    mechanisms = anna_layers(learned, setting, seed=0)
    before, window, own = [], [], []
    for tokens, x in zip(batch.tokens[:10], learned.embed(batch.tokens[:10]), strict=True):
        trace: list[Any] = []
        learned.transformer(mechanisms).forward(Rows.from_dense(x), trace=trace)
        first, second = (
            mechanism.weights(block.Q[0], block.K[0])
            for mechanism, (_, block, _) in zip(mechanisms, trace, strict=True)
        )
        before.append(sum(np.diagonal(first, -back)[10:].mean() for back in (1, 2, 3)))
        window.append(sum(np.diagonal(second, -back)[20:].mean() for back in range(-1, 8)))
        follows = tokens[:, None] == tokens[None, :-1]  # keys whose letter before is that asked for
        own.append(second[20:, 1:][follows[20:]].sum() / len(second[20:]))
    assert statistics.fmean(before) > 0.8
    assert statistics.fmean(window) > 0.85
    assert statistics.fmean(own) < 0.4  # one letter in four is that; who looks it up has all there
    # So what lies in the window is found, and what lies before it is not.
    (measured,) = measure(learned, batch, [setting], seed=0)
    samples, asks, answers = np.nonzero(learned.recipe.task.sought(batch.tokens))
    wrong, distance = measured.wrong[samples, asks, 0], asks - answers
    assert wrong[distance <= 6].mean() < 0.05
    assert wrong[distance >= 9].mean() > 0.3


def test_interval_of_few_values() -> None:
    assert [round(x, 3) for x in interval([0.1, 0.2, 0.3])] == [0.2, 0.0, 0.448]
    assert interval([0.5]) == (0.5, 0.0, 1.0)
