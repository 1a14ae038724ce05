"""``anna-mpc simulate`` and ``anna-mpc sweep``: outputs, checkpoints, formats, refusals."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import reductions.certify.run
from cases.protocols import PROTOCOLS
from mpc_sim import Ledger, Simulation
from reductions.cli import main
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import ENTRIES, names, solver
from repository import ROOT

ALGORITHMS = PROTOCOLS


def test_every_algorithm_is_in_the_registry() -> None:
    """A file each, but for stages that are algorithms of their own."""
    files = (ROOT / "mpc_sim" / "algorithms").glob("[!_]*.py")
    named = {path.stem.replace("_", "-") for path in files}
    of_stages = {"broadcast", "converge-cast", "columnsort"}
    assert set(ALGORITHMS) == (named - {"k-hop-scan"}) | of_stages
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
    monkeypatch.setitem(sys.modules, "matplotlib", None)
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


# --- texts, layouts, ledgers ---


def written(tmp_path: Path, content: bytes, *arguments: str) -> list[str]:
    """The lines that a run on a file writes."""
    source, out = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_bytes(content)
    named = [str(source) if one == "FILE" else one for one in arguments]
    assert main(["simulate", *named, "--out", str(out), "--json"]) == 0
    return out.read_bytes().decode().split("\n")[:-1]


def test_no_token_is_taken_for_no_hop(tmp_path: Path) -> None:
    arguments = ("k-hop", "--text", "FILE", "--words", "--k", "1")
    assert written(tmp_path, b"none none x none", *arguments) == ["none", '"none"', "none", "x"]
    assert written(tmp_path, b'a "none" b a', *arguments) == ["none"] * 3 + ['"""none"""']
    odd = b"a\\n a a\\n"  # a backslash and a letter, in a word
    assert written(tmp_path, odd, *arguments)[-1] == "a"
    assert written(tmp_path, b"a\nba\n", "k-hop", "--text", "FILE", "--k", "1")[-2:] == ["\\n", "b"]


def test_a_text_is_the_same_from_every_system(tmp_path: Path) -> None:
    """CRLF, a byte order mark, and a last line without its end."""
    arguments = ("k-hop", "--input", "FILE", "--k", "1")
    for content in (b"x\ny\nx\ny\n", b"\xef\xbb\xbfx\r\ny\r\nx\r\ny", b"x\ry\rx\ry"):
        assert written(tmp_path, content, *arguments) == ["none", "none", "y", "x"]


def test_a_comment_is_one_in_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.txt"
    for name, content in (("columnsort", "# one\n2\n#\n1\n"), ("k-hop", "# one\n#x\n#\n#x\n")):
        source.write_text(content)
        for command in ("simulate", "certify"):
            assert main([command, name, "--input", str(source), "--json"]) == 0
            report = json.loads(capsys.readouterr().out)
            assert report["parameters"]["n"] == 2
            said = f"2 comments in {source} passed over, the first line 1: '# one'"
            assert said in report["remarks"]
    source.write_text("1\n# x\n#2\n")
    assert main(["simulate", "columnsort", "--input", str(source)]) == 2
    assert "line 3: '#2' is no integer" in capsys.readouterr().err


def test_outputs_are_written_as_what_they_stand_for(tmp_path: Path) -> None:
    assert written(tmp_path, b"5\n" * 9, "remove-duplicates", "--input", "FILE") == ["5"]
    pairs = b"7\n1\n3\n2\n7\n5\n0\n0\n"
    assert written(tmp_path, pairs, "reduce-by-key", "--input", "FILE") == ["0 0", "3 2", "7 6"]
    rows = b"1\n4\n8\n2\n4\n9\n0\n0\n0\n"
    assert written(tmp_path, rows, "equi-join", "--input", "FILE") == ["4 8 9"]
    keys = b"2\n6\n1\n7\n"
    found = written(tmp_path, keys, "multi-search", "--input", "FILE")
    assert found == ["none", "none", "none", "6"]
    assert written(tmp_path, b"3\n1\n2\n", "columnsort", "--input", "FILE") == ["1", "2", "3"]


@pytest.mark.parametrize("name", names("problem"))
def test_the_layout_of_every_output_is_said(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", name, "--json"]) == 0
    (entry, *_) = json.loads(capsys.readouterr().out)["entries"]
    assert len(entry["written_output"]) > 20
    assert main(["list", name.replace("-", "_")]) == 0
    text = capsys.readouterr().out
    assert f"written output: {entry['written_output']}" in text
    assert all(f"--{one.name}".replace("_", "-") in text for one in solver(name).problem.parameters)


def test_an_unknown_name_is_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "columnsrot"]) == 2
    assert "did you mean columnsort?" in capsys.readouterr().err


def test_a_ledger_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for suffix in (".npz", ".csv", ".html"):
        arguments = ["--n", "64", "--ledger", str(tmp_path / f"l{suffix}")]
        assert main(["simulate", "columnsort", *arguments]) == 0
    ledger = Ledger.load(tmp_path / "l.npz")
    with (tmp_path / "l.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(ledger.rounds) * ledger.cluster.n_machines
    for row in rows:
        loads = ledger.rounds[int(row["round"])]
        for load in ("sent", "received", "held"):
            assert int(row[f"{load}_words"]) == getattr(loads, load)[int(row["machine"])]
    assert "columnsort / transpose" in (tmp_path / "l.html").read_text()
    capsys.readouterr()
    for name, message in (("l.txt", "its suffix is one of .npz, .csv, .html"), ("-", "--ledger -")):
        assert main(["simulate", "columnsort", "--n", "64", "--ledger", name]) == 2
        assert message in capsys.readouterr().err


def test_a_row_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "columnsort", "--n", "64", "--explain", "rounds"]) == 0
    assert capsys.readouterr().out.startswith("rounds")
    assert main(["simulate", "columnsort", "--n", "64", "--explain", "layers"]) == 2
    assert "no row 'layers'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["k-hop", "--words"], "--words goes with --text FILE"),
        (["connectivity", "--input-format", "csv"], "--input-format goes with --graph FILE"),
        (["columnsort", "--text", "x"], "columnsort takes numbers"),
        (["k-hop", "--text", "x", "--resume", "d"], "--text is fixed by the checkpoint"),
    ],
)
def test_options_of_inputs_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 2
    assert message in capsys.readouterr().err
