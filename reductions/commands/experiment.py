"""``anna-mpc experiment NAME``: trained weights under hashing, on the grid of a figure."""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anna_model.surrogate import RECIPES, Learned, TrainingError, shipped, train, trained_in
from anna_model.weights_file import WeightsFileError
from reductions.certify.host_memory import available_bytes
from reductions.certify.versions import versions
from reductions.commands.row_files import as_text, refuse_suffix, write_rows
from reductions.commands.tables import open_console, progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import size
from reductions.experiments.learned import EXPERIMENTS, Experiment, Row, baselines_of, rows_of
from reductions.plots import draw_errors

SCHEMA = "anna-mpc/experiment/1"
BYTES_A_SAMPLE = 2**16  # 128 tokens of 64 numbers: fewer than any layer keeps at a time


NAMES = ("match2", "induction", "k-hop")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    command.add_argument("--quick", action="store_true", help="a coarse grid and fewer runs")
    command.add_argument("--runs", type=size, help="draws of the hash functions (10; quick 3)")
    command.add_argument("--samples", type=size, help="instances of the test (the paper's)")
    command.add_argument("--seed", type=size, default=0, help="of instances and hashes (0)")
    command.add_argument(
        "--weights", metavar="DIR", help="weights that --train left there, in place of the shipped"
    )
    command.add_argument(
        "--train",
        metavar="MODEL",
        help="first train this model into --weights, or go on where it stopped (extra: train)",
    )
    command.add_argument("--steps", type=size, help="train for at most so many steps")
    command.add_argument(
        "--out", metavar="FILE", help="write .csv, .parquet, .tex, .md, or draw .svg, .png, .pdf"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Train if asked, measure every model on the grid, print and write the rows."""
    experiment = EXPERIMENTS[options.name]
    _refuse(options, experiment)
    began = time.monotonic()
    if options.train:
        _train(options)
    models = _models(options, experiment)
    line = progress_line()
    rows: list[Row] = []
    baselines: dict[str, float] = {}
    for learned in models:
        rows += rows_of(
            experiment,
            learned,
            quick=options.quick,
            runs=options.runs,
            samples=options.samples,
            seed=options.seed,
            progress=line,
        )
        batch = experiment.batch(learned.recipe.task, options.seed, options.samples)
        baselines |= baselines_of(experiment, learned, batch)
    report = {
        "schema": SCHEMA,
        "ok": True,
        "experiment": experiment.name,
        "statement": experiment.statement,
        "source": experiment.source,
        "parameters": {
            "samples": options.samples or experiment.samples,
            "runs": rows[0]["runs"],
            "seed": options.seed,
            "quick": options.quick,
        },
        "models": [_about(learned) for learned in models],
        "baselines": baselines,
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(time.monotonic() - began, 1),
        "versions": versions(),
        "rows": rows,
    }
    if options.out:
        _write(options.out, report)
    if options.json:
        print(json.dumps(report))
    else:
        _print(report)
    return 0


def _refuse(options: argparse.Namespace, experiment: Experiment) -> None:
    for name in ("runs", "samples", "steps"):
        if getattr(options, name) == 0:
            raise UsageError(f"--{name} 0: give at least 1")
    need, available = (options.samples or 0) * BYTES_A_SAMPLE, available_bytes()
    if need > available:
        raise UsageError(
            f"{options.samples} samples need about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose fewer --samples"
        )
    if options.out:
        refuse_suffix(options.out)
    if options.train is None:
        if options.steps is not None:
            raise UsageError("--steps is for training: give --train MODEL as well")
        return
    if options.train not in experiment.models:
        raise UsageError(f"--train {options.train}: choose from {', '.join(experiment.models)}")
    if options.weights is None:
        raise UsageError("--train needs --weights DIR, the folder that gets the weights")


def _train(options: argparse.Namespace) -> None:
    recipe = RECIPES[options.train]
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps)
    line = progress_line()

    def progress(done: int, steps: int, last: Mapping[str, Any]) -> None:
        if line is not None:
            error = f", error {last['error']:.4f}" if last else ""
            line(f"training {options.train}{error}", done, steps)

    try:
        train(recipe, options.weights, progress=progress)
    except TrainingError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"cannot write {options.weights}: {error.strerror}") from None


def _models(options: argparse.Namespace, experiment: Experiment) -> list[Learned]:
    if options.weights is None:
        return [shipped(name) for name in experiment.models]
    try:
        learned = trained_in(options.weights)
    except (WeightsFileError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"no weights in {options.weights}: {reason}; try --train") from None
    if len(learned.recipe.tables) != len(experiment.settings[0]):
        raise UsageError(
            f"the weights in {options.weights} have {len(learned.recipe.tables)} layers; "
            f"{experiment.name} is an experiment on {len(experiment.settings[0])}"
        )
    return [learned]


def _about(learned: Learned) -> dict[str, Any]:
    """What stands on the card of a model, without the history of its training."""
    names = ("steps", "best", "date", "versions", "device", "threads")
    return {
        "surrogate": learned.recipe.stand_in.name,
        "recipe": learned.recipe.to_json(),
        **{name: learned.card.get(name) for name in names},
    }


def _write(name: str, report: Mapping[str, Any]) -> None:
    rows = report["rows"]
    if Path(name).suffix == ".csv":
        from reductions.commands.files import write_text

        write_text(name, as_commented_csv(report))
        return
    write_rows(name, rows, lambda rows, file: _draw(rows, file, report["baselines"]))


def as_commented_csv(report: Mapping[str, Any]) -> str:
    """Write rows as comma-separated values; what they came from stands above in comments."""
    told = ("experiment", "source", "parameters", "models", "baselines", "date", "versions")
    text = io.StringIO()
    for name in told:
        if name in report:
            value = report[name]
            plain = value if isinstance(value, str) else json.dumps(value)
            text.write(f"# {name}: {plain}\n")
    rows = report["rows"]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _draw(rows: list[Row], file: str, baselines: Mapping[str, float]) -> None:
    shown, axis = drawn_rows(rows)
    draw_errors(shown, file, axis, baselines)


def drawn_rows(rows: list[Row]) -> tuple[list[Row], str]:
    """Choose what a picture shows: the error against the tables of the last layer.

    Of hashes the two fewest, of the tables of other layers the fewest and most; where all layers
    have as many tables, these alone.
    """
    few = sorted({row["hashes"] for row in rows})[:2]
    kept = [row for row in rows if row["hashes"] in few]
    layers = sorted(name for name in rows[0] if name.startswith("tables_layer_"))
    if not layers:
        return kept, "tables"
    if all(len({row[name] for name in layers}) == 1 for row in rows):
        return [
            {**{name: row[name] for name in row if name not in layers}, "tables": row[layers[0]]}
            for row in kept
        ], "tables"
    ends = {name: {at(row[name] for row in rows) for at in (min, max)} for name in layers[:-1]}
    return [row for row in kept if all(row[name] in ends[name] for name in ends)], layers[-1]


def _print(report: Mapping[str, Any]) -> None:
    console = open_console()
    listed = ", ".join(f"{name} = {value}" for name, value in report["parameters"].items())
    console.print(f"[bold]{report['experiment']}[/bold]: {listed}", soft_wrap=True)
    for model in report["models"]:
        recipe, best = model["recipe"], model["best"]
        console.print(
            f"{model['surrogate']}: {model['steps']} steps of at most {recipe['steps']}, "
            f"seed {recipe['seed']}, validation error {best['error']:.4f} at step {best['step']}, "
            f"{model['date']}",
            soft_wrap=True,
        )
    for name, error in report["baselines"].items():
        console.print(f"{name}: error {error:.4f}", soft_wrap=True)
    rounded = [
        {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in row.items()}
        for row in report["rows"]
    ]
    print(as_text(rounded), end="")
