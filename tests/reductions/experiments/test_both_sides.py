"""Lower and upper sides together: the row least_rounds of runs, and ``anna-mpc sweep bounds``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cases.command_line import Anna, anna_command, plain_surroundings  # noqa: F401
from mpc_sim import Cluster, Inbox
from mpc_sim.compose import LocalStage
from reductions.certify.run import simulate
from reductions.experiments import both_sides
from reductions.problems.columnsort import COLUMNSORT

MECHANISMS = ("softmax", "anna", "exact_match", "low_rank")


@pytest.mark.parametrize("algorithm", both_sides.FULL_DEGREE, ids=lambda one: one.name)
@pytest.mark.parametrize("command", ["simulate", "certify"])
def test_runs_are_held_to_full_information(anna: Anna, algorithm: object, command: str) -> None:
    """The row least_rounds: ceil(log_s(N / B)), at most the rounds."""
    name = algorithm.name  # type: ignore[attr-defined]
    run = anna(command, name, "--n", 81, "--json")
    rows = {row["name"]: row for row in run.json["checks"]}
    s, block = (run.json["parameters"][name] for name in ("memory_words", "block_words"))
    assert run.status == 0
    least = rows["least_rounds"]
    assert (least["status"], least["bound"]) == ("PASS", rows["rounds"]["measured"])
    assert block * s ** least["measured"] >= 81 > block * s ** (least["measured"] - 1)
    other = anna(command, "broadcast", "--n", 81, "--json").json["checks"]
    assert "least_rounds" not in {row["name"] for row in other}


@dataclass(frozen=True)
class Nothing(LocalStage):
    """Put the input out: no round, so no output word depends on another machine."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": inbox["input"]})


def test_canary_a_run_that_is_too_fast_fails() -> None:
    quick = replace(
        COLUMNSORT,
        protocol=lambda n: Nothing(),
        problem=replace(COLUMNSORT.problem, oracle=lambda given: given.words),
        bounds=lambda protocol, cluster: (),
    )
    words = np.arange(64)
    cluster = Cluster(n_words=64, memory_words=8, n_machines=8, block_words=8)
    certificate = simulate(quick, words, cluster).certificate
    found = [(row.name, row.status) for row in certificate.checks]
    assert found == [("output-mpc", "PASS"), ("least_rounds", "FAIL")]
    assert not certificate.ok


def test_both_sides_in_one_table(anna: Anna, tmp_path: Path) -> None:
    """k-hop, connectivity, one cycle or two and sums; formulas where the constant is unknown."""
    run = anna("sweep", "bounds", "--n", "64,128", "--k", "1,2,4", "--json")
    assert (run.status, run.json["ok"]) == (0, True)
    rows = run.json["rows"]
    tasks = {row["task"] for row in rows}
    assert tasks == {"sum", "k-hop", "connectivity", "one cycle or two"}
    for row in rows:
        assert row["layers"] == row["rounds"] + 1
        if row["shown"] == "unconditional":
            assert row["rounds"] >= row["lower_rounds"]
            least = [row[f"{name}_layers"] for name in MECHANISMS]
            assert all(layers is None or row["layers"] >= layers for layers in least)
            assert row["ok"] is True
        else:
            assert row["assumption"].startswith("1-vs-2-cycle conjecture")
            assert row["lower_rounds"] in ("c*log(k)", "c*log(N)")
            for name in MECHANISMS:
                assert row[f"{name}_layers"] == row["lower_rounds"]
            assert row["ok"] is None
    assert [row["a_doubling"] for row in rows if row["task"] == "k-hop"] == [None, 1, 1]
    out = tmp_path / "bounds.csv"
    line = ("sweep", "bounds", "--n", "64", "--k", "4")
    assert anna(*line, "--out", out).status == 0
    assert out.read_text(encoding="utf-8").count("\n") == 1 + 6 + 1 + 2
    shown = anna(*line)
    assert "6 of 6 runs take at least the rounds that full information needs" in shown.out
    assert "1-vs-2-cycle conjecture" in shown.out


def test_the_table_as_parquet(anna: Anna, tmp_path: Path) -> None:
    """Columns of numbers and formulas are text there."""
    polars = pytest.importorskip("polars")
    out = tmp_path / "bounds.parquet"
    assert anna("sweep", "bounds", "--n", "64", "--k", "4", "--out", out).status == 0
    table = polars.read_parquet(out)
    assert table["lower_rounds"].to_list()[-1] == "c*log(N)"
    assert table["rounds"].dtype.is_integer()


def test_canary_a_run_below_its_lower_side_fails_the_table(
    anna: Anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(both_sides, "full_information_rounds", lambda degree, s, block: 99)
    run = anna("sweep", "bounds", "--n", "64", "--k", "4", "--json")
    assert (run.status, run.json["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--n 2", "--n is at least 3, and --k between 1 and 1024"),
        ("--k 0", "--k between 1 and 1024"),
        ("--k 2048", "--k between 1 and 1024"),
        ("--gap 1/2", "--gap is for machines"),
        ("--diameter 4", "--diameter is for algorithms"),
        ("--out bounds.txt", "end the name in one of"),
        ("--epsilon 7", "epsilon"),
    ],
)
def test_the_table_refuses_in_one_line(anna: Anna, options: str, message: str) -> None:
    run = anna("sweep", "bounds", *options.split())
    assert (run.status, run.out, run.err.count("\n")) == (2, "", 1)
    assert message in run.err
