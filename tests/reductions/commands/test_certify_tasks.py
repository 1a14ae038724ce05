"""`anna-mpc certify` of the tasks with a direct construction or an algorithm of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import oracles
import reductions.constructions.induction_heads
import reductions.constructions.sum
import reductions.problems.definitions
from cases.command_line import (
    BACK,
    MORE_ROWS,
    Anna,
    anna_command,  # noqa: F401
    faults,
    plain_surroundings,  # noqa: F401
    words_of,
)
from reductions.registry import names, solver


@pytest.mark.parametrize("task", MORE_ROWS)
@pytest.mark.slow
def test_json_is_one_certificate(anna: Anna, task: str) -> None:
    run = anna("certify", task, "--n", 7, "--json")
    assert (run.status, run.err) == (0, "")
    certificate = run.json
    assert faults(certificate) == []
    assert (certificate["task"], certificate["ok"]) == (task, True)
    rows = {check["name"]: check for check in certificate["checks"]}
    assert set(MORE_ROWS[task]) <= set(rows)
    assert {check["status"] for check in rows.values()} == {"PASS"}
    assert certificate["parameters"]["n"] == 7
    assert certificate["parameters"]["seed"] == 0


def test_a_file_is_summed(anna: Anna, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("3\n4\n\n5 \n")
    out = tmp_path / "out"
    run = anna("certify", "sum", "--input", tmp_path / "words", "--out", out)
    assert run.status == 0
    assert words_of(out) == ["12"] * 3


def test_induction_heads_of_a_text(anna: Anna, tmp_path: Path) -> None:
    text = "aabcbabca"
    out = tmp_path / "out"
    run = anna("certify", "induction-heads", "--text", "-", "--out", out, stdin=text)
    assert run.status == 0
    hops = oracles.k_hop(["abc".index(letter) for letter in text], 1)
    assert words_of(out) == [["none", "a", "b", "c"][hop] for hop in hops]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sum --k 3", "unrecognized arguments: --k"),
        ("sum --modulus 3", "unrecognized arguments: --modulus"),
        ("sum --gamma 1", "for protocols; leave them out"),
        ("sum --attention anna", "for protocols; leave them out"),
        ("sum --text -", "sum takes numbers: give --input FILE"),
        ("sum --n 0", "at least one word"),
        ("induction-heads --graph -", "takes a text"),
        ("induction-heads --precision", "--precision: for protocols"),
        ("induction-heads --n 10^18", "choose a smaller --n"),
        ("three-sum --text -", "three-sum takes numbers: give --input FILE"),
        ("three-sum --k 1", "unrecognized arguments: --k"),
        ("connectivity --input -", "connectivity takes a graph"),
    ],
)
def test_what_does_not_go_together_is_refused(anna: Anna, line: str, says: str) -> None:
    run = anna("certify", *line.split())
    assert (run.status, run.out) == (2, "")
    assert run.err.count("\n") == 1
    assert says in run.err


def test_a_sum_that_could_be_inexact_is_refused(anna: Anna) -> None:
    run = anna("certify", "sum", "--input", "-", stdin=f"{2**61}\n" * 4)
    assert run.status == 2
    assert "must be below 2**53; give fewer or smaller words" in run.err


@pytest.mark.parametrize(
    ("task", "home", "oracle"),
    [
        ("sum", reductions.problems.definitions, "sum_oracle"),
        ("induction-heads", reductions.problems.definitions, "k_hop_oracle"),
    ],
)
def test_canary_a_wrong_word_fails(
    anna: Anna, monkeypatch: pytest.MonkeyPatch, task: str, home: object, oracle: str
) -> None:
    right: Callable[..., np.ndarray] = getattr(home, oracle)

    def wrong(*given: object) -> np.ndarray:
        words = right(*given).copy()
        words[0] += 1
        return words

    monkeypatch.setattr(home, oracle, wrong)
    run = anna("certify", task, "--n", 16, "--json")
    assert (run.status, run.json["ok"]) == (1, False)
    failed = {check["name"] for check in run.json["checks"] if check["status"] == "FAIL"}
    assert failed == {"output-transformer", "output-back"}


@pytest.mark.parametrize(("task", "rounds"), [("sum", 20), ("induction-heads", 16)])
def test_the_way_back_of_direct_constructions(anna: Anna, task: str, rounds: int) -> None:
    run = anna("certify", task, "--n", 64, "--json")
    rows = {check["name"]: check for check in run.json["checks"]}
    assert set(BACK) | {"output-back"} <= set(rows)
    assert rows["back_rounds"]["measured"] == rows["back_rounds"]["bound"] == rounds
    without = anna("certify", task, "--n", 64, "--no-back", "--json").json["checks"]
    assert not any("back" in check["name"] for check in without)
    large = anna("certify", task, "--n", 300, "--json").json["checks"]
    assert not any("back" in check["name"] for check in large)


def test_a_way_back_that_does_not_fit(anna: Anna) -> None:
    """N times a value of the grid must stay below 2^53: left out, or refused where asked for."""
    words = f"{2**44}\n" * 9
    silent = anna("certify", "sum", "--input", "-", "--json", stdin=words)
    assert silent.status == 0
    assert "output-back" not in {check["name"] for check in silent.json["checks"]}
    assert any("no way back" in remark for remark in silent.json["remarks"])
    asked = anna("certify", "sum", "--input", "-", "--back", stdin=words)
    assert asked.status == 2
    assert "no way back" in asked.err


# --- one construction ---


@pytest.mark.parametrize("name", [name for name in names("solver") if "compiled" not in name])
def test_every_direct_construction_can_be_certified(anna: Anna, name: str) -> None:
    run = anna("certify", name, "--n", 30, "--json")
    assert (run.status, run.err) == (0, "")
    assert faults(run.json) == []
    assert (run.json["task"], run.json["ok"]) == (name, True)
    rows = [check["name"] for check in run.json["checks"]]
    assert {"output-transformer", "layers", "token_width"} <= set(rows)
    construction = solver(name)
    assert ("output-back" in rows) == bool((construction.compiles or construction).back_up_to)
    assert run.json["parameters"]["n"] == 30


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("k-hop/compiled", "emission"),
        ("three-sum/compiled", "spread"),
        ("induction-heads/compiled", "emission"),
    ],
)
def test_a_compiled_construction_is_run_as_it_is_listed(anna: Anna, name: str, heads: str) -> None:
    run = anna("certify", name, "--n", 9, "--json")
    assert (run.status, run.json["task"]) == (0, name)
    assert run.json["parameters"]["head_order"] == heads
    assert run.json["parameters"]["attention"] == "both"
    assert "rounds" in {check["name"] for check in run.json["checks"]}


def test_a_construction_reads_text(anna: Anna, tmp_path: Path) -> None:
    text, out = "aabcbabca", tmp_path / "out"
    line = ("certify", "k-hop/softmax", "--text", "-", "--k", 2, "--out", out)
    assert anna(*line, stdin=text).status == 0
    hops = oracles.k_hop(["abc".index(letter) for letter in text], 2)
    assert words_of(out) == [["none", "a", "b", "c"][hop] for hop in hops]
    last = ("certify", "k-hop/low-rank", "--text", "-", "--k", 2, "--out", out)
    assert anna(*last, stdin=text).status == 0
    assert words_of(out) == ["a"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("k-hop/nothing", "or give problem/way"),
        ("k-hop/softmax --back", "has no way back; leave --back out"),
        ("k-hop/softmax --epsilon 1/2", "for protocols; leave them out"),
        ("k-hop/tree --head-order spread", "for protocols; leave them out"),
        ("sum/direct --k 3", "unrecognized arguments: --k"),
        ("sum/direct --modulus 3", "unrecognized arguments: --modulus"),
        ("sum/direct --text -", "sum takes numbers"),
        ("match2/direct --modulus 0", "choose it at least 1"),
        ("k-hop/recurrent --k 10^12", "take long"),
        ("k-hop/softmax --n 10^6", "take long"),
        ("k-hop/low-rank-packed --n 10^7", "choose a smaller --n"),
    ],
)
def test_what_a_construction_cannot_take_is_refused(anna: Anna, line: str, says: str) -> None:
    run = anna("certify", *line.split())
    assert (run.status, run.out) == (2, "")
    assert run.err.count("\n") == 1
    assert says in run.err
