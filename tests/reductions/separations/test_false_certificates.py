"""Certificates that claim what is not so, each rejected by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anna_model.recurrent import RecurrentLayer, RecurrentModel
from reductions.constructions.one_way_messages import Messages
from reductions.problems.exact import FalseCertificate, n_different
from reductions.registry import names, solver
from reductions.separations import table as table_module
from reductions.separations.cell import Cell
from reductions.separations.indistinguishable import TwoInputs, refute
from reductions.separations.one_way import SameMessages, refute_across
from reductions.separations.refuted import Refuted, refuted
from reductions.separations.successes import cells_of
from reductions.separations.table import SEPARATED, compared, seeded, task_cells

FIRST, SECOND = np.array([0, 5, 1, 1]), np.array([5, 0, 1, 1])
CLAIM = TwoInputs("last", FIRST, SECOND, token=3)


def first_word(words: np.ndarray) -> np.ndarray:
    return np.full(len(words), words[0])


def silent(words: np.ndarray) -> np.ndarray:
    return np.zeros(len(words), np.int64)


def rejected(
    model: Callable[[np.ndarray], Any],
    oracle: Callable[[np.ndarray], Any] = first_word,
    claim: TwoInputs = CLAIM,
    match: str = "",
) -> None:
    with pytest.raises(FalseCertificate, match=match):
        refute(model, oracle, claim)


def test_the_claim_itself_holds() -> None:
    found = refute(silent, first_word, CLAIM)
    assert (found.answers, found.output, found.changed) == (((0,), (5,)), (0,), 2)


# --- a right model is not refuted ---

LARGE = 2**53
EXACT: dict[str, Callable[[np.ndarray], Any]] = {
    "int64": lambda words: np.full(4, LARGE) + (words[0] > 0),
    "beside a float": lambda words: [[LARGE + int(words[0] > 0), 0.5]] * 4,
    "int64 and uint64": lambda words: (
        np.full(4, LARGE, np.int64) if words[0] else np.full(4, LARGE + 1, np.uint64)
    ),
    "a float and an integer": lambda words: (
        np.full(4, float(LARGE)) if words[0] else np.full(4, LARGE + 1)
    ),
    "beyond 64 bits": lambda words: [2**70 + int(words[0] > 0)] * 4,
    "uint64 and a sign": lambda words: [[2**63 + int(words[0] > 0), -1]] * 4,
}


@pytest.mark.parametrize("name", EXACT)
def test_outputs_are_compared_as_they_are(name: str) -> None:
    rejected(EXACT[name], match="distinguishes the inputs")


def test_answers_are_counted_as_integers() -> None:
    expected = np.array([LARGE + 1, 3])
    assert n_different(np.array([LARGE + 1, 4]), expected) == 1
    assert n_different(np.array([LARGE, 3], np.uint64), expected) == 1
    assert n_different(np.array([2**64 - 1, 3], np.uint64), np.array([-1, 3])) == 1
    for answers in (np.array([float(LARGE), 3.0]), np.array([True, False]), ["a", "b"]):
        with pytest.raises(FalseCertificate, match="whole numbers"):
            n_different(answers, expected)
    for answers in (np.array([3]), np.zeros((2, 0), np.int64), np.zeros((2, 1), np.int64)):
        with pytest.raises(FalseCertificate, match="give one for every word"):
            n_different(answers, expected)
    with pytest.raises(FalseCertificate, match="for one word at least"):
        n_different(np.zeros(0, np.int64), np.zeros(0, np.int64))


# --- claims about outputs ---


class Moods:
    """Something that says another thing each time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, words: np.ndarray) -> np.ndarray:
        self.asked += 1
        return np.full(len(words), self.asked)


class Remembers:
    """A right model that says of every input what it said of the first."""

    def __init__(self) -> None:
        self.said: np.ndarray | None = None

    def __call__(self, words: np.ndarray) -> np.ndarray:
        self.said = first_word(words) if self.said is None else self.said
        return self.said


def test_no_output_is_no_equal_output() -> None:
    rejected(lambda words: np.zeros((4, 0)), match=r"of shape \(4, 0\) hold no number")
    rejected(silent, lambda words: np.zeros((4, 0)), match="answers of shape")
    rejected(lambda words: 7, match=r"4 tokens, but outputs of shape \(\)")
    rejected(lambda words: [None] * 4, match="integers or floats")
    rejected(lambda words: np.array(["a"] * 4), match="integers or floats")
    rejected(lambda words: np.full(4, np.nan), match="distinguishes")


def test_random_oracles_and_models_are_caught() -> None:
    same = replace(CLAIM, second=FIRST)
    rejected(silent, Moods(), claim=same, match="both inputs are the same")
    rejected(silent, Moods(), match="when asked again")
    rejected(Moods(), match="distinguishes|when asked again")
    rejected(silent, lambda words: first_word(words) / 2, match="whole numbers")


@pytest.mark.parametrize("token", [0.5, 3.0, None, "3"])
def test_a_token_is_a_place(token: Any) -> None:
    with pytest.raises(TypeError):
        TwoInputs("last", FIRST, SECOND, token=token)
    with pytest.raises(TypeError):
        SameMessages(CLAIM, token)


# --- messages ---


def tell_nothing(words: np.ndarray) -> Messages:
    return Messages(())


def test_a_tell_that_says_nothing() -> None:
    across = SameMessages(CLAIM, 2)
    with pytest.raises(FalseCertificate, match="said to send nothing"):
        refute_across(tell_nothing, silent, first_word, across)
    with pytest.raises(FalseCertificate, match="said to send nothing"):
        refute_across(lambda words: Messages(((1,), ())), silent, first_word, across)
    with pytest.raises(FalseCertificate, match="messages of"):
        refute_across(
            lambda words: Messages(((1,),) * (1 + (words[0] > 0))), silent, first_word, across
        )


def test_a_tell_that_leaves_something_out() -> None:
    """The model carries the second word across the cut; it is said to send a constant."""
    first, second = np.array([0, 3, 7, 1, 1]), np.array([7, 3, 0, 1, 1])
    across = SameMessages(TwoInputs("first", first, second, 4), 3)

    def middle(words: np.ndarray) -> np.ndarray:
        return np.full(len(words), words[1])

    with pytest.raises(FalseCertificate, match="not all that is sent"):
        refute_across(lambda words: Messages(((1,),)), middle, first_word, across)
    refute_across(lambda words: Messages(((int(words[1]),),)), middle, first_word, across, bits=3)
    for bits, word in ((1, lambda words: int(words[1])), (3, lambda words: Fraction(1, 3))):
        with pytest.raises(FalseCertificate, match="no whole number of"):
            refute_across(
                lambda words, word=word: Messages(((word(words),),)),
                silent, first_word, across, bits=bits,
            )  # fmt: skip


# --- recurrent models keep the bits that they declare ---


class Fat(int):
    """An integer that carries more."""

    load: object = None


def carrying(word: Callable[[int, Any], Any]) -> RecurrentModel:
    """A layer of one word of 5 bits that is handed something by the token before."""

    def step(position: int, state: Any, row: Any) -> tuple[Any, Any]:
        return (word(row[0], state[0]),), row

    return RecurrentModel((RecurrentLayer(1, step),), 3, 5)


@pytest.mark.parametrize(
    "word",
    [
        lambda row, state: Fraction(row + 1, 32) + state / 32,
        lambda row, state: 0.5 + state,
        lambda row, state: "much",
        lambda row, state: None,
        lambda row, state: state + 32,
        lambda row, state: -1,
    ],
    ids=["fraction", "float", "text", "nothing", "a bit more", "a sign"],
)
def test_a_word_of_five_bits_is_an_integer_below_32(word: Callable[[int, Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"no integer|beyond 5 bits"):
        carrying(word).run([1, 2, 3])


def test_what_an_integer_carries_stays_behind() -> None:
    seen = []

    def word(row: int, state: Any) -> Fat:
        seen.append(type(state))
        fat = Fat(1)
        fat.load = (row, state)
        return fat

    assert carrying(word).states([1, 2, 3]) == ((1,),)
    assert set(seen) == {int}
    assert carrying(lambda row, state: np.int64(row)).states([1, 2]) == ((2,),)


# --- cells that hold ---


def constant(answers: np.ndarray, resources: object) -> object:
    return SimpleNamespace(run=lambda words: answers, resources=lambda: resources)


CONSTRUCTIONS = [
    name
    for name in names("solver")
    if solver(name).task in compared() and not solver(name).compiles
]


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_a_constant_model_holds_nowhere(name: str) -> None:
    """The right answers to the first input, whatever the input is."""
    construction = solver(name)
    instances = seeded(construction.problem)
    resources = construction.build(instances[0].shape).resources()
    for instance in instances:
        answers = construction.problem.expected(instance)
        cheat = replace(construction, build=lambda shape, a=answers: constant(a, resources))
        (cell,) = cells_of(cheat, instances)
        assert not cell.proved
    with pytest.raises(FalseCertificate, match="a constant is right"):
        cells_of(construction, instances[:1])
    with pytest.raises(FalseCertificate, match="a constant is right"):
        cells_of(construction, [instances[0]] * 3)


def test_inputs_of_a_task_differ_in_their_answers() -> None:
    for one in SEPARATED:
        instances = seeded(one.task)
        assert len({each.shape.largest_word for each in instances}) == 1
        answers = {one.task.expected(each).tobytes() for each in instances}
        assert len(answers) > 1


def test_a_model_of_floats_holds_nowhere() -> None:
    construction = solver("sum/softmax")
    instances = seeded(construction.problem)
    built = construction.build(instances[0].shape)
    rough = SimpleNamespace(
        run=lambda words: built.run(words).astype(float), resources=built.resources
    )
    with pytest.raises(FalseCertificate, match="whole numbers"):
        cells_of(replace(construction, build=lambda shape: rough), instances)


def test_a_task_whose_inputs_have_one_answer_has_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = SEPARATED[3].task
    dull = replace(sums, random={"uniform": lambda n, seed: sums.random["uniform"](n, 0)})
    monkeypatch.setattr(table_module, "solver", lambda name: SimpleNamespace(problem=dull))
    with pytest.raises(FalseCertificate, match="64 inputs with the same answers"):
        task_cells("sum")


# --- cells in general ---


def test_a_cell_without_a_width_claims_nothing() -> None:
    fields = {
        "task": "sum", "architecture": "softmax", "n": 4, "depth": 1, "width": None,
        "statement": "", "certificate": "", "proved": True,
    }  # fmt: skip
    for status in ("holds", "fails", "conditional"):
        with pytest.raises(FalseCertificate, match="without a width claims nothing"):
            Cell(status=status, **fields)
    assert Cell(status="conditional", for_width="mH = O(N^eps)", **fields).for_width
    assert Cell(status="open", **fields).holds is None


def test_a_witness_that_has_enough_is_no_witness() -> None:
    """A model above the bound can be refuted, and says nothing of the bound."""
    model = Refuted(
        architecture="recurrent", depth=3, width=9, statement="108 bits", has=108, needs=11
    )
    cell = refuted(CLAIM, lambda: refute(silent, first_word, CLAIM), model)
    assert not cell.proved
    assert not cell.is_instance


@pytest.mark.slow
def test_depths_that_nobody_built_are_said_to_be_computed() -> None:
    (cell, *_) = [one for one in task_cells("k-hop") if one.status == "conditional"]
    assert "computed and not built" in cell.certificate
    assert "rounds per layer" not in cell.explain()
