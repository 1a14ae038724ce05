"""The table task x architecture: every cell is checked as it is made, and a wrong one is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cases.command_line import Anna, anna_command, plain_surroundings  # noqa: F401
from mpc_sim.inputs.graph_instances import path
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import ONE_OR_TWO_CYCLES
from reductions.problems.definitions import INDUCTION_HEADS, MATCH2, SUM
from reductions.problems.problem import Instance
from reductions.problems.three_sum import THREE_SUM
from reductions.registry import solver
from reductions.separations import table as table_module
from reductions.separations.cell import ARCHITECTURES, Cell, open_cell
from reductions.separations.indistinguishable import FalseCertificate, TwoInputs
from reductions.separations.lower_bound_cells import Conditional, full_degree
from reductions.separations.lower_bounds import K_HOP_ROUNDS, LayerSimulation, TwoSides
from reductions.separations.one_way_cells import too_early
from reductions.separations.refuted import Refuted, refuted
from reductions.separations.successes import cells_of
from reductions.separations.table import (
    SEPARATED,
    compared,
    constructions_of,
    seeded,
    separated,
    table,
    task_cells,
)

CONTRACT = {"task", "architecture", "depth", "width", "holds", "certificate"}

PROTOCOLS = (THREE_SUM, CONNECTIVITY, ONE_OR_TWO_CYCLES)


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return table()


def test_every_cell_of_the_table_is_there_and_proved(cells: list[Cell]) -> None:
    pairs = {(cell.task, cell.architecture) for cell in cells}
    assert pairs == {(task, column) for task in compared() for column in ARCHITECTURES}
    for cell in cells:
        assert cell.proved, cell.explain()
        assert bool(cell.certificate) == (cell.status != "open")
        if cell.status == "holds":
            assert cell.certificate.startswith("0 of ")
        if cell.status == "conditional":
            assert "conjecture" in cell.certificate
        if cell.inputs is not None:
            assert cell.status == "fails"
            assert len(cell.inputs.places)
        if cell.status == "fails":  # a witness is an instance of its general line
            assert cell.has is not None
            assert cell.needs is not None
            assert cell.has < cell.needs
            assert cell.inputs is not None
        if cell.status != "open":
            assert cell.width is not None or cell.for_width
            assert cell.shown != "open"
            assert cell.source
        if cell.status in ("fails", "conditional"):
            assert cell.hypothesis
            assert "76" not in cell.statement
    for task in compared():
        rows = [cell for cell in cells if cell.task == task]
        fixed = [cell for cell in rows if cell.architecture == "Reformer, fixed chunks"]
        assert "fails" in {cell.status for cell in fixed}
        built = {cell.depth for cell in rows if cell.status == "holds"}
        assert built
        assert None not in built


def test_every_task_says_what_refutes_it() -> None:
    assert [one.task.name for one in SEPARATED] == list(compared())


def test_k_hop_separates(cells: list[Cell]) -> None:
    k = seeded(solver("k-hop").problem)[0].shape["k"]
    depths = {
        (cell.architecture, cell.status): cell.depth for cell in cells if cell.task == "k-hop"
    }
    assert depths["recurrent", "holds"] == k
    assert depths["recurrent", "fails"] == k - 1
    assert {"fails", "holds"} <= {status for column, status in depths if column == "low rank"}
    assert ("exact match", "conditional") in depths


@pytest.mark.parametrize(
    "task",
    [MATCH2, SUM, INDUCTION_HEADS, *(one.problem for one in PROTOCOLS)],
    ids=lambda task: task.name,
)
def test_every_task_escapes_fixed_chunks(task) -> None:
    cell = separated(task).refutations[0](task)
    assert cell is not None
    assert (cell.status, cell.proved, cell.depth) == ("fails", True, 3)
    assert cell.n > 4**3


@pytest.mark.parametrize("task", [one.problem for one in PROTOCOLS[1:]], ids=lambda task: task.name)
def test_vertices_answer_before_any_edge_is_read(task) -> None:
    cell = too_early(task)
    assert cell is not None
    assert cell.proved
    assert cell.inputs is not None
    assert cell.inputs.places.min() > cell.inputs.token
    assert too_early(SUM) is None


# --- canaries ---


def test_canary_a_wrong_model_and_a_wrong_size_are_not_proved() -> None:
    construction = constructions_of("k-hop")[0]
    instances = seeded(solver("k-hop").problem)
    (cell, *_) = cells_of(construction, instances)
    assert cell.proved

    class Off:
        def __init__(self, model) -> None:
            self.model = model

        def run(self, words):
            return np.asarray(self.model.run(words)) + (np.arange(len(words)) == len(words) - 1)

        def resources(self):
            return self.model.resources()

    built = construction.build(instances[0].shape)
    wrong = replace(construction, architecture="softmax", build=lambda shape: Off(built))
    (cell,) = cells_of(wrong, instances)
    assert not cell.proved
    assert cell.certificate.startswith("3 of 144 ")
    deep = replace(construction, depth=lambda shape: (construction.depth(shape)[0] - 1,) * 1
                   + (construction.depth(shape)[1],))  # fmt: skip
    assert not cells_of(deep, instances)[0].proved


def test_canary_a_false_claim_is_not_proved() -> None:
    def check() -> None:
        raise FalseCertificate("the model distinguishes the inputs")

    claim = TwoInputs("sum", np.array([0, 0]), np.array([0, 1]), token=0)
    model = Refuted(architecture="low rank", depth=1, width=1, statement="", has=0, needs=1)
    cell = refuted(claim, check, model)
    assert (cell.proved, cell.certificate) == (False, "the model distinguishes the inputs")


# --- the command ---


def test_json_keeps_the_contract(anna: Anna) -> None:
    run = anna("separations", "--task", "match2", "--json")
    assert (run.status, run.err) == (0, "")
    report = run.json
    assert (report["schema"], report["ok"]) == ("anna-mpc/separations/1", True)
    assert {"python", "numpy", "anna-mpc"} <= set(report["versions"])
    assert report["rows"]
    for row in report["rows"]:
        assert set(row) >= CONTRACT
        assert row["holds"] is {"holds": True, "open": None}.get(row["status"], False)
    assert json.loads(json.dumps(report)) == report


def test_inputs_of_a_failure_can_be_checked_by_anyone(anna: Anna) -> None:
    rows = anna("separations", "--task", "match2", "--json").json["rows"]
    failed = [row for row in rows if row["status"] == "fails"]
    assert len(failed) == 3
    for row in failed:
        given, n = row["inputs"], row["n"]
        assert len(given["first"]) == len(given["second"]) == n
        modulus = n + 5 if row["architecture"] == "Reformer, fixed chunks" else 29
        answers = [
            any((words[given["token"]] + word) % modulus == 0 for word in words)
            for words in (given["first"], given["second"])
        ]
        assert answers[0] != answers[1]


def test_text_explanations_and_refusals(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    run = anna("separations", "--task", "match2")
    assert run.status == 0
    assert max(map(len, run.out.splitlines())) <= 110
    assert "checked just now" in run.out
    assert " of 144 words on 3 inputs differ" in run.out
    monkeypatch.setenv("COLUMNS", "80")
    narrow = anna("separations", "--task", "match2").out
    assert max(map(len, narrow.splitlines())) <= 80
    assert "Reformer, fixed chunks  fails" in narrow
    assert "--explain TASK/ARCHITECTURE" in narrow
    run = anna("separations", "--explain", "match2/Reformer, fixed chunks")
    assert run.out.startswith("match2/Reformer, fixed chunks: fails\n")
    assert "Proposition E.3" in run.out
    assert "  second " in run.out
    for arguments, told in (
        (("--explain", "sorting"), "no task 'sorting'; choose from"),
        (("--explain", "match2/GPT"), "no architecture 'GPT'; choose from ANNA"),
        (("--task", "k-hop", "--explain", "match2"), "is no cell of --task k-hop"),
        (("--task", "sorting"), "no task 'sorting'"),
    ):
        run = anna("separations", *arguments)
        assert (run.status, run.out) == (2, "")
        assert told in run.err


def test_canary_an_unproved_cell_fails_the_command(
    anna: Anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [replace(cell, proved=cell.status != "fails") for cell in task_cells("match2")]
    monkeypatch.setattr(table_module, "task_cells", lambda name: cells)
    run = anna("separations", "--task", "match2")
    assert run.status == 1
    assert "UNPROVED" in run.out
    run = anna("separations", "--task", "match2", "--json")
    assert (run.status, run.json["ok"]) == (1, False)


def test_an_open_cell_says_so() -> None:
    text = "three-sum/recurrent: open\n  claim        nothing is built or refuted here"
    assert open_cell("three-sum", "recurrent").explain() == text


def test_a_graph_as_an_instance() -> None:
    assert Instance.of(path(3)).words.tolist() == [0, 1, 2, 0, 1, 1, 2]


def test_canary_a_cell_is_proved_by_all_its_checks() -> None:
    claim = TwoInputs("sum", np.array([0, 1]), np.array([1, 1]), token=0)
    model = Refuted(architecture="softmax", depth=1, width=1, statement="a model", has=11, needs=12)

    def false() -> object:
        raise FalseCertificate("nothing was shown")

    assert refuted(claim, lambda: "shown", model).proved
    assert not refuted(claim, lambda: "shown", model, also=False).proved
    assert not refuted(claim, lambda: "shown", replace(model, has=12)).proved
    assert not refuted(claim, lambda: "shown", replace(model, needs=None)).proved
    cell = refuted(claim, false, model)
    assert (cell.proved, cell.certificate) == (False, "nothing was shown")


def test_canary_bounds_that_say_nothing_are_not_proved() -> None:
    """Machines that hold the whole input, and depths that do not grow with the logarithm."""
    small, large = (
        LayerSimulation(
            mechanism="ANNA",
            rounds_a_layer=2,
            memory_words=s,
            source="here",
            block_words=s,
            n_tokens=64,
            width=1,
        )
        for s in (8, 64)
    )
    assert full_degree("sum", "ANNA", small).proved
    assert not full_degree("sum", "ANNA", large).proved

    def sides(*depths: int) -> Conditional:
        return Conditional(lambda: TwoSides(K_HOP_ROUNDS, (2, 4, 8), depths))

    assert sides(5, 6, 7)("k-hop", "ANNA", small).proved
    assert not sides(5, 6, 8)("k-hop", "ANNA", small).proved
