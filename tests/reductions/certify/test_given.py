"""What is given to a certificate: each input and parameter is itself, or one clear line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracles
from mpc_sim import InputError
from mpc_sim.inputs.graph_instances import path
from mpc_sim.inputs.instances import Letters
from reductions.certify import certify
from reductions.cli import main
from reductions.problems.problem import Instance

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
