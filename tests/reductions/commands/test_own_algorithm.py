"""An algorithm of one's own runs in every command that runs algorithms, with its own parameter."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from cases.command_line import Anna, anna_command, plain_surroundings  # noqa: F401

MODULE = """
from dataclasses import dataclass
import numpy as np, sympy
from mpc_sim import Channel, PerMachine
from reductions.bounds import Bound
from reductions.problems.parameter import Parameter
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver

@dataclass(frozen=True)
class AtLeast(PerMachine):
    least: int

    def n_rounds(self, cluster):
        return 1

    def channels(self, round, cluster):
        return (Channel("word", ("word",), cluster.block_words, local=True),)

    def step(self, round, memory):
        for (word,) in memory["input"]:
            memory.keep("word", int(word >= self.least))

    def output(self, memory):
        return [word for (word,) in memory["word"]]

def bounds(n, cluster, least):
    B, values = sympy.Symbol("B"), {"B": cluster.block_words}
    rows = [("rounds", sympy.Integer(1), "exact"), ("local_memory", B, "upper"),
            ("sent_words", B, "upper"), ("received_words", sympy.Integer(0), "exact")]
    return tuple(Bound(name, formula, values, kind, "a page") for name, formula, kind in rows)

KNOWN = ProtocolSolver(
    problem=Problem.of_words(
        name="at-least",
        statement="N words; out: 1 where a word is at least the threshold",
        instance=lambda n, seed: np.random.default_rng(seed).integers(0, 100, n),
        oracle=lambda words, least: (words >= least).astype(np.int64),
        parameters=(Parameter("least", "the threshold (50)", lambda given: 50),),
    ),
    protocol=lambda n, least=50: AtLeast(least),
    bounds=bounds,
)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_threshold.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_threshold:KNOWN"


def test_it_runs_in_every_command(anna: Anna, own: str) -> None:
    for command in ("simulate", "certify"):
        run = anna(command, own, "--n", 30, "--least", 30, "--json")
        assert (run.status, run.json["ok"], run.json["parameters"]["least"]) == (0, True, 30)
    certified = {check["name"] for check in run.json["checks"]}
    assert certified >= {"output-mpc", "output-transformer", "output-lsh", "rounds", "isolated"}
    run = anna("sweep", own, "--n", "32,64", "--least", 7, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(run.out)))
    assert [int(row["rounds"]) for row in rows] == [1, 1]


def test_its_parameter_decides(anna: Anna, own: str, tmp_path: Path) -> None:
    words = np.random.default_rng(0).integers(0, 100, 30)
    for least in (0, 55):
        out = tmp_path / str(least)
        assert anna("certify", own, "--n", 30, "--least", least, "--out", out).status == 0
        assert out.read_text().split() == [str(int(word >= least)) for word in words]


def test_a_wrong_parameter_is_one_line(anna: Anna, own: str) -> None:
    run = anna("simulate", own, "--n", 30, "--least", "x")
    assert (run.status, run.err.count("\n")) == (2, 1)
