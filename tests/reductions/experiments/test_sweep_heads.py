"""Heads against the tokens per machine: measured between two bounds, and the command."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases.command_line import (
    Anna,
    anna_command,  # noqa: F401
    plain_surroundings,  # noqa: F401
)
from reductions.experiments.head_curve import head_rows, width_growths
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import solver


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    k_hop: ProtocolSolver = solver("k-hop").compiles
    instances = [k_hop.problem.draw(n, 0, k=2) for n in (64, 128, 256)]
    return list(head_rows(k_hop, instances))


def test_measured_heads_lie_on_the_curve(rows: list[dict[str, Any]]) -> None:
    assert all(row["ok"] for row in rows)
    for row in rows:
        g, k = row["tokens_per_machine"], row["messages"]
        assert row["heads"] == (1 if g > k else 1 + -(-k // g)), row
        share = max(row["n"], row["n_machines"] * g) // row["n_machines"]
        assert row["heads_least"] == -(-(k + 1) // share)
    one = [row for row in rows if row["line"] == "all"]
    assert [(row["heads_least"], row["heads"]) for row in one] == [(1, 1)] * 3
    few = [row["heads"] for row in rows if row["n"] == 256 and row["line"] == "g"]
    assert few == sorted(few, reverse=True)
    assert len(set(few)) == len(few)


def test_fewer_heads_are_narrower_in_all_and_their_messages_wider(
    rows: list[dict[str, Any]],
) -> None:
    of = {row["line"]: row for row in rows if row["n"] == 256}
    first = next(row for row in rows if row["n"] == 256)
    assert of["all"]["token_width"] < of["free"]["token_width"] < first["token_width"]
    assert of["balanced"]["message_width"] < of["all"]["message_width"]


def test_widths_are_fitted_beside_epsilon(rows: list[dict[str, Any]]) -> None:
    fits = dict(width_growths(rows, "2/3"))
    assert list(fits) == ["free", "all", "balanced"]
    widths = [row["token_width"] for row in rows if row["line"] == "all"]
    slope = float(np.polyfit(np.log2([64, 128, 256]), [log2(width) for width in widths], 1)[0])
    assert fits["all"].slope == pytest.approx(slope)
    assert fits["all"].theory == pytest.approx(2 / 3)
    assert fits["all"].holds
    assert width_growths(rows[:4], "2/3") == []


def test_a_wrong_run_is_no_ok_row() -> None:
    """The canary: an oracle that says something else."""
    k_hop: ProtocolSolver = solver("k-hop").compiles
    instance = k_hop.problem.draw(32, 0, k=1)
    problem = replace(k_hop.problem, oracle=lambda instance: np.full(32, 10**6))
    (row,) = head_rows(replace(k_hop, problem=problem), [instance], [4])
    assert (row["differ"], row["ok"]) == (32, False)


def test_the_command_prints_rows_and_fits(anna: Anna) -> None:
    run = anna("sweep", "heads", "--n", "2^5..2^7", "--k", 2, "--tokens-per-machine", "3,all")
    assert (run.status, run.err) == (0, "")
    head, *lines = run.out.splitlines()
    assert head.split()[:3] == ["line", "n", "n_machines"]
    assert [line.split()[:2] for line in lines[:6:2]] == [["g", "32"], ["g", "64"], ["g", "128"]]
    assert lines[6].startswith("all: token_width: N^(")
    assert len(lines) == 7
    found: Any = anna("sweep", "heads", "--n", 32, "--tokens-per-machine", "all", "--json").json
    assert (found["schema"], found["ok"], found["k"]) == ("anna-mpc/sweep-heads/1", True, 16)
    assert [row["heads"] for row in found["rows"]] == [1]


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
def test_a_picture_is_drawn(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "heads.svg"
    assert anna("sweep", "heads", "--n", 64, "--k", 1, "--out", out).status == 0
    assert out.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("heads --seed 0..3", "give one of each"),
        ("heads --k 1,2", "give one of each"),
        ("heads --n 0", "at least one word"),
        ("heads --epsilon 1/2", "--epsilon is for algorithms"),
        ("heads --gap 1/2", "--gap is for machines"),
        ("heads --letters 3", "--letters is for depth"),
        ("heads --n 32 --tokens-per-machine some", "use a number from 1, or free, all, balanced"),
        ("heads --out heads.txt", "end the name in one of"),
        ("heads --n 10^18", "choose a smaller --n"),
        ("depth --tokens-per-machine 3", "--tokens-per-machine is for heads"),
        ("columnsort --tokens-per-machine 3", "--tokens-per-machine is for heads"),
    ],
)
def test_what_does_not_go_together_is_refused(anna: Anna, line: str, says: str) -> None:
    run = anna("sweep", *line.split())
    assert (run.status, run.out) == (2, "")
    assert run.err.count("\n") == 1
    assert says in run.err
