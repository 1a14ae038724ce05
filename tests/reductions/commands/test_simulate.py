"""``anna-mpc simulate`` and ``anna-mpc sweep``: outputs, checkpoints, formats, refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import reductions.certify.run
from cases.protocols import PROTOCOLS
from mpc_sim import Simulation
from reductions.cli import main
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import ENTRIES, solver
from repository import ROOT

ALGORITHMS = PROTOCOLS


def test_every_algorithm_is_in_the_registry() -> None:
    """A file each, but for stages that are algorithms of their own."""
    files = (ROOT / "mpc_sim" / "algorithms").glob("[!_]*.py")
    named = {path.stem.replace("_", "-") for path in files}
    assert set(ALGORITHMS) == named | {"broadcast", "converge-cast", "columnsort"}
    for entry in ENTRIES:
        assert entry.load() is not None


LONG = {"matrix-product", "connectivity-log-diameter"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.slow] * (one in LONG)) for one in ALGORITHMS],
)
def test_an_algorithm_runs_within_its_bounds(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.txt"
    assert main(["simulate", name, "--n", "300", "--seed", "3", "--json", "--out", str(out)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == "anna-mpc/simulation/1"
    assert report["ok"]
    assert report["parameters"]["c_s"] <= 16
    assert (report["parameters"]["c_p"] or 1) <= 16  # none where s is given outright
    rows = {row["name"]: row for row in report["checks"]}
    assert {"output-mpc", "rounds", "local_memory", "sent_words", "received_words"} <= set(rows)
    assert rows["rounds"]["measured"] == len(report["ledger"])
    algorithm = solver(name)
    if not isinstance(algorithm, ProtocolSolver):  # their files are read in test_graph_input.py
        words = algorithm.instance(300, 3)
        assert [int(line) for line in out.read_text().split()] == algorithm.oracle(words).tolist()


def test_a_wrong_output_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Simulation.run
    monkeypatch.setattr(Simulation, "run", lambda self, **options: run(self, **options) + 1)
    assert main(["simulate", "columnsort", "--n", "64", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"]


def test_numbers_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("# numbers\n5\n1\n\n9\n1\n")
    assert main(["simulate", "columnsort", "--input", str(source), "--out", str(out)]) == 0
    assert out.read_text().split() == ["1", "1", "5", "9"]
    assert "columnsort" in capsys.readouterr().out


def test_an_interrupted_run_is_resumed_to_the_same_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["simulate", "k-hop", "--n", "200", "--json"]
    assert main(arguments) == 0
    whole = json.loads(capsys.readouterr().out)
    step, done = Simulation.step, []

    def interrupted(self: Simulation) -> object:
        if len(done) == 6:
            raise KeyboardInterrupt
        done.append(1)
        return step(self)

    monkeypatch.setattr(Simulation, "step", interrupted)
    assert main([*arguments, "--checkpoint", str(tmp_path / "run")]) == 130
    monkeypatch.setattr(Simulation, "step", step)
    capsys.readouterr()
    assert main(["simulate", "k-hop", "--resume", str(tmp_path / "run"), "--json"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    assert resumed["ledger"] == whole["ledger"]
    assert [row["measured"] for row in resumed["checks"]] == [
        row["measured"] for row in whole["checks"]
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "columnsort", "--n", "0"],
        ["simulate", "columnsort", "--n", "1000000000000000000"],
        ["simulate", "columnsort", "--epsilon", "x"],
        ["simulate", "columnsort", "--input", "missing.txt"],
        ["simulate", "columnsort", "--n", "8", "--input", "-"],
        ["simulate", "columnsort", "--resume", "missing"],
        ["simulate", "columnsort", "--resume", "missing", "--n", "8"],
        ["simulate", "columnsort", "--n", "8", "--checkpoint", "/dev/null/folder"],
        ["simulate", "nothing"],
        ["sweep", "columnsort", "--n", "64..8"],
        ["sweep", "columnsort", "--n", "8", "--out", "rows.xls"],
        ["sweep", "columnsort", "--seed", "4..1"],
    ],
    ids=" ".join,
)
def test_refusals_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("anna-mpc: ")
    assert captured.err.count("\n") == 1


def test_a_damaged_checkpoint_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert main(["simulate", "columnsort", "--n", "64", "--checkpoint", str(folder)]) == 0
    file = folder / "checkpoint.npz"
    file.write_bytes(file.read_bytes()[:-40])
    capsys.readouterr()
    assert main(["simulate", "columnsort", "--resume", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("suffix", ["csv", "md", "tex"])
def test_a_sweep_writes_a_file(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"rows.{suffix}"
    arguments = [
        "sweep",
        "columnsort",
        "--n",
        "2^6..2^8",
        "--epsilon",
        "1/2,2/3",
        "--out",
        str(out),
    ]
    assert main(arguments) == 0
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    if suffix == "csv":
        with out.open() as file:
            rows = list(csv.DictReader(file))
        assert [(row["n"], row["epsilon"]) for row in rows] == [
            (str(n), epsilon) for epsilon in ("1/2", "2/3") for n in (64, 128, 256)
        ]
        assert all(int(row["rounds"]) <= int(row["rounds_bound"]) for row in rows)


def test_a_sweep_writes_parquet(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    out = tmp_path / "rows.parquet"
    assert main(["sweep", "columnsort", "--n", "64,128", "--out", str(out)]) == 0
    assert polars.read_parquet(out)["n"].to_list() == [64, 128]


def test_a_sweep_draws_its_rounds(tmp_path: Path) -> None:
    """The points are in the picture: in SVG every line is a group with one marker a point."""
    pytest.importorskip("matplotlib")
    out = tmp_path / "rounds.svg"
    arguments = ["sweep", "columnsort", "--n", "64,128,256", "--epsilon", "1/2,2/3"]
    assert main([*arguments, "--out", str(out)]) == 0
    drawn = out.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert drawn.count("<use ") >= 6
    for text in ("columnsort", "rounds (dashed: bound)", "epsilon = 1/2", "epsilon = 2/3"):
        assert f"<!-- {text} -->" in drawn


def test_a_picture_without_matplotlib_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    out = tmp_path / "rounds.png"
    assert main(["sweep", "columnsort", "--n", "64", "--out", str(out)]) == 2
    assert "pip install 'anna-mpc[plots]'" in capsys.readouterr().err
    assert not out.exists()


def test_a_sweep_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "aggregate", "--n", "64,512", "--seed", "0..1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    expected = [(n, seed) for n in (64, 512) for seed in (0, 1)]
    assert [(row["n"], row["seed"]) for row in report["rows"]] == expected


def test_a_broken_bound_fails_a_sweep(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = reductions.certify.run.measured_rounds
    monkeypatch.setattr(
        reductions.certify.run,
        "measured_rounds",
        lambda ledger: {name: value + 1 for name, value in measured(ledger).items()},
    )
    assert main(["sweep", "columnsort", "--n", "64", "--json"]) == 1
    assert np.any([not row["ok"] for row in json.loads(capsys.readouterr().out)["rows"]])
