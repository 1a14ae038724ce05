"""Graphs as inputs of ``simulate`` and ``sweep``, and beside runs that are saved."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import reductions.commands.simulate
import reductions.commands.sweep
from mpc_sim import InputError, Simulation
from mpc_sim.algorithms.maximal_independent_set import maximal_independent_set
from mpc_sim.inputs.graph_instances import (
    karate_club,
    path,
    random_graph,
    weighted,
)
from mpc_sim.inputs.graphs import Graph
from reductions.cli import main
from reductions.commands import inputs
from reductions.problems.maximal_independent_set import MAXIMAL_INDEPENDENT_SET
from reductions.problems.minimum_spanning_forest import MINIMUM_SPANNING_FOREST
from reductions.problems.problem import Instance

NAME = "maximal-independent-set"


# --- the commands ---


def test_simulate_a_graph_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "g.txt", tmp_path / "out.txt"
    source.write_text("ann bob\nbob cid\ncid dan\nlone\n")
    arguments = ["simulate", NAME, "--graph", str(source), "--json", "--out", str(out)]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert (report["parameters"]["n"], report["parameters"]["m"]) == (5, 3)
    written = dict(line.split() for line in out.read_text().splitlines())
    assert list(written) == ["ann", "bob", "cid", "dan", "lone"]
    chosen = {name for name, word in written.items() if word == "1"}
    assert "lone" in chosen
    assert chosen & {"ann", "bob"}
    assert not chosen >= {"bob", "cid"}


def test_the_triangles_of_the_karate_club(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """45 by networkx; the edges come from standard input."""
    edges = "".join(f"m{u} m{v}\n" for u, v in karate_club().edges.tolist())
    monkeypatch.setattr("sys.stdin", io.StringIO(edges))
    out = tmp_path / "out.txt"
    assert main(["simulate", "triangle-count", "--graph", "-", "--out", str(out)]) == 0
    assert {line.split()[1] for line in out.read_text().splitlines()} == {"45"}
    assert len(out.read_text().splitlines()) == 34
    assert "PASS" in capsys.readouterr().out


def test_weights_that_are_left_out_are_stated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "g.txt"
    source.write_text("a b 3\nb c 4\n")
    assert main(["simulate", NAME, "--graph", str(source), "--json"]) == 0
    assert any(
        "the weights of" in one and "left out" in one
        for one in json.loads(capsys.readouterr().out)["remarks"]
    )


def test_what_was_read_is_echoed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in names are no markup; names with blanks are written in quotes."""
    folder = tmp_path / "d["
    folder.mkdir()
    source, out = folder / "g[a].csv", tmp_path / "out.txt"
    source.write_text('# head\n"Doe, J",5\n"Roe, K",5\n')
    arguments = ["simulate", "connectivity", "--graph", str(source), "--out", str(out)]
    assert main(arguments) == 0
    said = f"{source} is read as csv: 3 vertices, 2 edges; 1 line is passed over, the first line 1"
    assert said in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parameters"]["input_format"] == "csv"
    assert report["parameters"]["lines_passed_over"] == 1
    assert "seed" not in report["parameters"]
    assert any(one.startswith(said) for one in report["remarks"])
    assert out.read_text() == '"Doe, J" "Doe, J"\n5 "Doe, J"\n"Roe, K" "Doe, J"\n'
    assert main([*arguments, "--input-format", "dimacs"]) == 2
    assert "line 1" in capsys.readouterr().err
    assert main(["certify", "connectivity", "--graph", str(source), "--no-back", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["input_format"] == "csv"


def test_the_heaviest_weight_runs(tmp_path: Path) -> None:
    """The largest weight that is announced is one that every word holds."""
    source = tmp_path / "g.txt"
    source.write_text(f"a b {2**62 - 2}\nb c 1.0\n")
    for name in ("minimum-spanning-forest", "minimum-spanning-forest-filtering"):
        assert main(["simulate", name, "--graph", str(source)]) == 0


def test_a_seeded_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.txt"
    assert main(["simulate", NAME, "--n", "50", "--seed", "3", "--out", str(out)]) == 0
    assert [line.split()[0] for line in out.read_text().splitlines()] == list(map(str, range(50)))
    assert "n = 50, m = 200" in capsys.readouterr().out


def interrupted_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start a run on a named graph and interrupt it after seven rounds."""
    source, folder = tmp_path / "g.txt", tmp_path / "run"
    edges = random_graph(40, 90, seed=0).edges.tolist()
    source.write_text("".join(f"v{u} v{v}\n" for u, v in edges))
    step, done = Simulation.step, []

    def interrupted(self: Simulation) -> object:
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(1)
        return step(self)

    monkeypatch.setattr(Simulation, "step", interrupted)
    assert main(["simulate", NAME, "--graph", str(source), "--checkpoint", str(folder)]) == 130
    monkeypatch.setattr(Simulation, "step", step)
    return folder


def test_a_graph_run_is_resumed_to_the_same_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted_run(tmp_path, monkeypatch)
    outs = [tmp_path / "one.txt", tmp_path / "two.txt"]
    capsys.readouterr()
    assert main(["simulate", NAME, "--resume", str(folder), "--json", "--out", str(outs[0])]) == 0
    resumed = json.loads(capsys.readouterr().out)
    arguments = ["simulate", NAME, "--graph", str(tmp_path / "g.txt"), "--json"]
    assert main([*arguments, "--out", str(outs[1])]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert resumed["ledger"] == whole["ledger"]
    assert outs[0].read_text() == outs[1].read_text()
    assert outs[0].read_text().startswith("v")
    assert {one.name for one in folder.iterdir()} == {"checkpoint.npz", "graph.npz", "input.json"}


def test_a_missing_damaged_or_foreign_graph_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted_run(tmp_path, monkeypatch)
    kept = folder / inputs.GRAPH_FILE
    good = kept.read_bytes()
    inputs.keep_instance(Instance.of(path(170)), tmp_path)
    foreign = (tmp_path / inputs.GRAPH_FILE).read_bytes()
    checkpoint = (folder / "checkpoint.npz").read_bytes()
    for content, message in (
        (None, "cannot be read"),
        (good[:-9], "damaged"),
        (foreign, "holds another graph than the run"),
        (checkpoint, "no graph"),
        (b"", "is empty"),
    ):
        kept.unlink(missing_ok=True)
        if content is not None:
            kept.write_bytes(content)
        capsys.readouterr()
        assert main(["simulate", NAME, "--resume", str(folder)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert message in error
    kept.write_bytes(good)
    assert main(["simulate", "columnsort", "--resume", str(folder)]) == 2
    assert main(["simulate", NAME, "--resume", str(folder)]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", NAME, "--input", "words.txt"],
        ["simulate", "columnsort", "--graph", "g.txt"],
        ["simulate", NAME, "--graph", "missing.txt"],
        ["simulate", NAME, "--graph", "g.txt", "--n", "8"],
        ["simulate", NAME, "--graph", "g.txt", "--input", "words.txt"],
        ["simulate", NAME, "--graph", "g.txt", "--resume", "run"],
        ["sweep", "columnsort", "--diameter", "4"],
        ["sweep", NAME, "--n", "8", "--diameter", "8"],
        ["sweep", NAME, "--n", "8", "--diameter", "1"],
    ],
    ids=" ".join,
)
def test_refusals_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("anna-mpc: ")
    assert captured.err.count("\n") == 1


def test_a_failed_run_says_so_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = replace(
        MAXIMAL_INDEPENDENT_SET,
        protocol=lambda shape: maximal_independent_set(shape, n_phases=0),
    )
    monkeypatch.setattr(reductions.commands.simulate, "load_solver", lambda name: hasty)
    out = tmp_path / "out.txt"
    assert main(["simulate", NAME, "--n", "50", "--json", "--out", str(out)]) == 1
    captured = capsys.readouterr()
    assert "the randomised run failed and says so" in captured.err
    assert captured.err.count("\n") == 1
    assert not json.loads(captured.out)["ok"]
    assert not out.exists()


def test_a_sweep_over_diameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", NAME, "--n", "40", "--diameter", "2,8,39", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["diameter"] for row in rows] == [2, 8, 39]
    assert {row["n_words"] for row in rows} == {40 + 2 * 39}
    assert all(row["ok"] for row in rows)
    assert len({row["rounds"] for row in rows}) == 1


def test_a_sweep_over_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", NAME, "--n", "16,64", "--epsilon", "1/2,2/3"]) == 0
    assert "n_words" in capsys.readouterr().out.splitlines()[0]


def test_weighted_algorithms_get_weights() -> None:
    """An algorithm whose instances have weights gets them with a diameter as well."""
    heavy = MINIMUM_SPANNING_FOREST.problem
    graph = inputs.graph_of_diameter(heavy, 20, 5, 0)
    assert graph.weights is not None
    assert nx.diameter(graph.to_networkx()) == 5
    assert inputs.graph_of_diameter(MAXIMAL_INDEPENDENT_SET.problem, 20, 5, 0).weights is None


def test_outputs_by_name() -> None:
    graph = weighted(Graph(3, path(3).edges, names=("a", "b", "c")), seed=0)
    problem, instance = MAXIMAL_INDEPENDENT_SET.problem, Instance.of(graph)
    output = np.zeros(9, np.int64)
    output[[1, 7]] = 2, 1
    vertices, labels = ["a 0", "b 2", "c 0"], ["a a", "b c", "c a"]
    edges = ["a b 0", "b c 1"]
    for on_vertices, on_edges, lines in [
        ("word", False, vertices),
        ("vertex", True, labels + edges),
        ("nothing", True, edges),
    ]:
        shown = replace(problem, on_vertices=on_vertices, on_edges=on_edges)
        assert inputs.output_lines(shown, instance, output).splitlines() == lines
    with pytest.raises(InputError):
        inputs.output_lines(problem, instance, output[:-1])
    with pytest.raises(ValueError, match="on_vertices must be"):
        replace(problem, on_vertices="colour")


@pytest.mark.parametrize("name", ["spanning-forest", "maximal-matching"])
def test_what_an_algorithm_says_is_written_by_name(name: str, tmp_path: Path) -> None:
    """Labels and edges of a forest, and of a matching the edges alone."""
    source, out = tmp_path / "g.txt", tmp_path / "out.txt"
    names = "abcdefgh"
    edges = [f"{u} {v}" for u in names for v in names if u < v]
    source.write_text("\n".join(edges) + "\n")
    assert main(["simulate", name, "--graph", str(source), "--json", "--out", str(out)]) == 0
    lines = out.read_text().splitlines()
    labels, flags = lines[: -len(edges)], [line.rsplit(" ", 1) for line in lines[-len(edges) :]]
    assert [pair for pair, _ in flags] == edges
    assert labels == ([f"{each} a" for each in names] if name == "spanning-forest" else [])
    assert sum(int(flag) for _, flag in flags) == (7 if name == "spanning-forest" else 4)
