"""What is given to a certificate: each input and parameter is itself, or one clear line."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracles
from mpc_sim import Channel, Cluster, Inbox, InputError, Outbox, Protocol, ShapeError
from mpc_sim.algorithms.connectivity_log_diameter import connectivity_log_diameter
from mpc_sim.inputs.graph_instances import path, weighted
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.inputs.instances import Letters
from reductions.certify import certify
from reductions.certify.run import How
from reductions.cli import main
from reductions.commands import certify as certifying, simulate, sweep
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.parameter import TAKEN, Parameter
from reductions.problems.problem import GRAPH, Instance, Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import names, solver

TEXT = "aabcbabca"
NUMBERS = [0, 0, 1, 2, 1, 0, 1, 2, 0]


@pytest.mark.parametrize(
    "given", [TEXT, list(TEXT), NUMBERS, np.array(NUMBERS, np.uint8), Letters.of(TEXT)], ids=repr
)
@pytest.mark.parametrize("k", [2, np.int64(2), np.uint8(2)], ids=repr)
def test_letters_in_every_form(given: Any, k: Any) -> None:
    certificate = certify("k-hop", given, k=k)
    assert certificate.ok
    assert certificate.outputs["mpc"].tolist() == oracles.k_hop(NUMBERS, 2)
    assert json.loads(json.dumps(certificate.to_json()))["parameters"]["k"] == 2


@pytest.mark.parametrize(
    ("name", "given", "parameters", "message"),
    [
        ("k-hop", TEXT, {"k": 2.5}, "whole number"),
        ("k-hop", TEXT, {"k": True}, "whole number"),
        ("k-hop", TEXT, {"k": "2"}, "whole number"),
        ("k-hop", TEXT, {"k": -1}, "at least 0"),
        ("k-hop", TEXT, {"modulus": 3}, "leave out modulus"),
        ("match2", [1, 2], {"modulus": 0}, "at least 1"),
        ("match2", "ab", {}, "numbers, not letters"),
        ("match2", [0.5, 1.5], {}, "one row of integers"),
        ("match2", [True, False], {}, "one row of integers"),
        ("match2", [[1, 2], [3, 4]], {}, "one row of integers"),
        ("match2", [[1], [1, 2]], {}, "one row"),
        ("columnsort", [], {}, "one row of integers"),
        ("columnsort", np.array([2**63], np.uint64), {}, "below 2\\^63"),
        ("columnsort", path(3), {}, "takes numbers"),
        ("connectivity", [1, 2, 3], {}, "takes graph"),
        ("k-hop", Letters(np.array([0, 2]), ("a", "b")), {}, "2 letters are named"),
        ("columnsort", Instance(np.arange(3), {"k": 3}), {}, "leave out k"),
        ("induction-heads", Instance(np.arange(3), {"k": 3}), {}, "'k': 1"),
        ("connectivity", Instance(np.arange(3)), {}, "takes graph"),
    ],
)
def test_what_is_not_the_problems(
    name: str, given: Any, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        certify(name, given, **parameters)


@pytest.mark.parametrize("what", [None, 5, Instance], ids=repr)
def test_what_is_no_solver(what: Any) -> None:
    with pytest.raises(InputError, match="no solver"):
        certify(what)


def test_an_instance_has_room_for_the_answers() -> None:
    assert certify("k-hop", Instance(np.full(4, 7)), k=2).ok


@pytest.mark.parametrize(
    "line",
    [
        "simulate --out {}/k-hop columnsort --n 8 --k 3",
        "certify --no-back --out {}/k-hop columnsort --n 8 --k 3",
        "simulate --k=3 columnsort --n 8",
    ],
)
def test_a_parameter_of_another_problem(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.format(tmp_path).split()) == 2
    assert "--k" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "--text {0} --no-back k-hop --k 2",
        "--k 2 --no-back k-hop --text {0}",
        "k_hop --k=2 --text {0}",
    ],
)
def test_options_stand_anywhere(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("columnsort").write_text(TEXT)
    assert main(["certify", *line.format("columnsort").split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["k"] == 2


@pytest.mark.parametrize(
    "body", ["raise RuntimeError('no\\nluck')", "import sys; sys.exit(3)", "x = (", "x = 5"]
)
def test_a_module_that_gives_no_solver_is_one_line(
    body: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "gives_none.py").write_text(body)
    monkeypatch.delitem(sys.modules, "gives_none", raising=False)
    assert main(["certify", "gives_none:x"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("anna-mpc: gives_none:x")
    assert error.count("\n") == 1


def test_a_resumed_run_has_the_letters_and_hops_of_the_saved_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, folder = tmp_path / "letters.txt", str(tmp_path / "run")
    text.write_text("\n".join(TEXT))
    outs = [str(tmp_path / name) for name in ("first", "second")]
    given = ["simulate", "k-hop", "--input", str(text), "--k", "3", "--checkpoint", folder]
    assert main([*given, "--out", outs[0]]) == 0
    assert main(["simulate", "k-hop", "--resume", folder, "--out", outs[1]]) == 0
    assert Path(outs[0]).read_text() == Path(outs[1]).read_text()
    assert "none" in Path(outs[0]).read_text()
    assert main(["simulate", "k-hop", "--resume", folder, "--k", "5"]) == 2
    assert "--k is fixed by the checkpoint, at 3" in capsys.readouterr().err
    assert main(["simulate", "k-hop", "--resume", folder, "--seed", "0"]) == 2
    assert "--seed is fixed by the checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["simulate columnsort --input - --seed 3", "certify sum --seed 0 --input -"]
)
def test_a_seed_that_draws_nothing_is_refused(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    error = capsys.readouterr().err
    assert error == "anna-mpc: --seed is for the seeded input; leave it out with --input\n"


WEIGHTED = weighted(path(5), seed=0)
OF_GRAPHS = [name for name in names("problem") if solver(name).problem.reads == GRAPH]


@pytest.mark.parametrize("name", OF_GRAPHS)
def test_weights_are_given_where_they_are_asked_for(name: str) -> None:
    problem = solver(name).problem
    drawn = problem.draw(8, 0).graph
    assert (drawn.weights is not None) == problem.is_weighted
    wrong = path(5) if problem.is_weighted else WEIGHTED
    if problem.takes_both:
        assert problem.instance(wrong).graph is wrong
        return
    for given in (wrong, Instance(wrong.words, graph=wrong)):
        with pytest.raises(InputError, match=f"{name} takes a graph with"):
            problem.instance(given)


@pytest.mark.parametrize(
    "how",
    [
        {"back": "nosuch"},
        {"back": "hashed"},
        {"epsilon": "1/2"},
        {"gamma": "1"},
        {"precision": True},
        {"options": CompilerOptions()},
    ],
    ids=str,
)
def test_how_is_understood_or_refused(how: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"unknown; use sorted|for protocols, and match2 has none"):
        certify("match2", [1, 2, 3], How(**how))


@pytest.mark.parametrize("name", ["three-sum/compiled", "induction-heads/compiled"])
def test_what_is_compiled_runs_by_the_options_that_it_tells(name: str) -> None:
    chosen, certificate = solver(name), certify(name, n=9)
    assert certificate.ok
    assert certificate.parameters["head_order"] == chosen.options.head_order
    assert {"rounds", "output-mpc"} <= {check.name for check in certificate.checks}
    layers, width = chosen.bounds(chosen.problem.draw(9, 0).shape)
    assert certificate["layers"].measured == layers.value
    assert certificate["token_width"].measured <= width.value
    emission = How(options=CompilerOptions(head_order="emission"))
    assert certify(name, how=emission, n=9).parameters["head_order"] == "emission"


# --- parameters of a problem of one's own ---


@pytest.mark.parametrize("name", ["n", "seed", "epsilon", "fan_out", "given", "two words", "if"])
def test_a_parameter_that_cannot_be_an_option_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="choose a word of letters"):
        Parameter(name, "", lambda given: 1)


def test_every_option_of_the_commands_is_taken() -> None:
    """Those of ``sweep depth`` aside, which stand back where a problem has them."""
    taken = set()
    for command in (certifying, simulate, sweep):
        parser = argparse.ArgumentParser(add_help=False)
        command.arguments(parser)
        taken |= {action.dest for action in parser._actions}
    for function in (certify, Problem.instance, Problem.draw, ProtocolSolver.cluster):
        taken |= inspect.signature(function).parameters.keys() - {"parameters"}
    assert taken - TAKEN == {"k", "letters"}


# --- numbers that are too large to be run ---


class Endless(Protocol):
    def n_rounds(self, cluster: Cluster) -> int:
        return 2**40

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return ()

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        return Outbox()


def test_rounds_that_no_run_has_are_refused_at_once() -> None:
    with pytest.raises(ShapeError, match="has 1099511627776 rounds, and at most 100000 are run"):
        certify(Endless(), [1, 2])


@pytest.mark.parametrize("k", [9, 10, 2**22, 2**62])
def test_hops_beyond_the_text_take_no_longer(k: int) -> None:
    for name in ("k-hop/low-rank-packed", "k-hop/tree", "k-hop"):
        outputs = certify(name, TEXT, k=k).outputs
        assert outputs["transformer"].tolist() == oracles.k_hop(NUMBERS, 9)


def test_a_diameter_beyond_the_graph_takes_no_longer() -> None:
    shape = GraphShape(9, 8)
    assert connectivity_log_diameter(shape, 2**40) == connectivity_log_diameter(shape, 8)
    assert connectivity_log_diameter(shape, 4) != connectivity_log_diameter(shape, 8)
