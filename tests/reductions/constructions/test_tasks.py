"""Tasks and constructions: every construction on every kind of input, against the oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mpc_sim import InputError, ShapeError
from reductions.bounds import Bound
from reductions.certify import Certificate, certify
from reductions.constructions.model import ModelSolver
from reductions.problems.match2_bins import (
    N_BINS,
    balanced_numbers,
    balanced_samples,
    bin_of,
)
from reductions.problems.problem import Instance, Problem
from reductions.problems.sequences import letters_without_repeats
from reductions.registry import ENTRIES, names, solver
from reductions.separations.table import compared

CONSTRUCTIONS = names("solver")
FEW_LETTERS = {"k-hop/scan": ("all different", "halves", "real: text")}
"""Inputs over so many letters that a construction may refuse them."""
LONG = ("connectivity", "one-vs-two-cycle")  # hundreds of layers
INPUTS = [
    pytest.param(
        name, kind, marks=[pytest.mark.slow] if task.name in LONG and kind != "uniform" else []
    )
    for name in CONSTRUCTIONS
    for task in [solver(name).problem]
    for kind in task.inputs(8)
]


def construction_of(name: str) -> ModelSolver:
    loaded = solver(name)
    assert isinstance(loaded, ModelSolver)
    return loaded


def certified(construction: ModelSolver, instance: Instance) -> Certificate:
    """The model alone, also where it is a compiled protocol."""
    return certify(replace(construction, compiles=None), instance)


def refuses(construction: ModelSolver, instance: Instance) -> bool:
    """Whether there are too many letters, which the construction says in one line."""
    try:
        construction.build(instance.shape)
    except ShapeError as error:
        return "over so many letters" in str(error)
    return False


def task_of(name: str) -> Problem:
    loaded = solver(name).problem
    assert isinstance(loaded, Problem)
    return loaded


def test_the_registry_names_what_it_holds() -> None:
    for entry in ENTRIES:
        if entry.family == "solver":
            assert entry.load().name == entry.name
        if entry.family == "problem":
            assert entry.load().problem.name == entry.name
    assert {construction_of(name).task for name in CONSTRUCTIONS} == set(compared())
    for name in compared():
        task = task_of(name)
        assert task.random
        assert task.hard
        assert task.real


@pytest.mark.parametrize(("name", "kind"), INPUTS)
def test_a_construction_is_its_oracle_within_its_bounds(name: str, kind: str) -> None:
    construction = construction_of(name)
    n = 9 if construction.task in LONG else 24
    instance = task_of(construction.task).inputs(n, seed=3)[kind]
    if kind in FEW_LETTERS.get(name, ()) and refuses(construction, instance):
        return
    certificate = certified(construction, instance)
    for check in certificate.checks:
        assert check.status == "PASS", check.explain()
    scored = range(len(instance.words))[construction.scored(len(instance.words))]
    assert certificate["output-transformer"].compared == len(scored) > 0
    assert {"layers", "token_width"} < {check.name for check in certificate.checks}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_larger_inputs(name: str) -> None:
    construction = construction_of(name)
    task = task_of(construction.task)
    n = 24 if task.name in LONG else 150
    kinds = ["uniform"] if task.name in LONG else list(task.inputs(8))
    for seed in range(1 if task.name in LONG else 3):
        inputs = task.inputs(n, seed=seed)
        for kind in kinds:
            if kind in FEW_LETTERS.get(name, ()) and refuses(construction, inputs[kind]):
                continue
            certificate = certified(construction, inputs[kind])
            assert certificate.ok, (kind, seed, certificate.checks)


# --- generators ---


@pytest.mark.parametrize("n", [5, 6, 32, 200])
def test_balanced_inputs_of_match2_fill_their_bin(n: int) -> None:
    for bin in range(N_BINS):
        for seed in range(5):
            numbers = balanced_numbers(n, n + 5, bin=bin, seed=seed).tolist()
            ones = sum(any((x + y) % (n + 5) == 0 for y in numbers) for x in numbers)
            low, high = bin / 4, (bin + 1) / 4
            assert low <= ones / n < high or (bin == 3 and ones == n)
            assert all(0 < x < n + 5 for x in numbers)


def test_samples_are_balanced_and_seeded() -> None:
    samples = balanced_samples(32, 37, 40, seed=2)
    bins = [
        bin_of(np.array([int(any((x + y) % 37 == 0 for y in row)) for x in row]))
        for row in samples.tolist()
    ]
    assert [bins.count(bin) for bin in range(N_BINS)] == [10] * 4
    assert bins != sorted(bins)
    assert np.array_equal(samples, balanced_samples(32, 37, 40, seed=2))
    assert not np.array_equal(samples, balanced_samples(32, 37, 40, seed=3))


def test_impossible_bins_are_refused() -> None:
    with pytest.raises(InputError, match="choose n >= 5"):
        balanced_numbers(4, 37, bin=1, seed=0)
    with pytest.raises(InputError, match="no input of 8 numbers mod 3 in bin 1"):
        balanced_numbers(8, 3, bin=1, seed=0)  # 1 and 2: all of them have a partner, or none
    with pytest.raises(InputError, match="give a multiple"):
        balanced_samples(32, 37, 6, seed=0)


def test_no_letter_follows_itself() -> None:
    letters = letters_without_repeats(5000, 4, seed=1)
    assert not np.any(letters[1:] == letters[:-1])
    counts = np.bincount(letters, minlength=4)
    assert counts.min() > 1000  # of 1250; a standard deviation is below 31
    with pytest.raises(InputError, match="two or more"):
        letters_without_repeats(5, 1, seed=0)


# --- canaries ---


def test_canary_a_wrong_output_a_wrong_depth_and_a_wrong_width_fail() -> None:
    construction, task = construction_of("match2/direct"), task_of("match2")
    instance = task.random["balanced"](16, 1)
    other = Instance(instance.words, {"modulus": 22})
    shifted = replace(construction, build=lambda shape: construction.build(other.shape))
    assert certified(shifted, instance)["output-transformer"].status == "FAIL"
    for quantity in ("layers", "token_width"):
        wrong: list[Bound] = [
            replace(bound, expression=bound.expression - 1) if bound.quantity == quantity else bound
            for bound in construction.bounds(instance.shape)
        ]
        statuses = {bound.quantity: bound.check(1).status for bound in wrong}
        assert [name for name, status in statuses.items() if status == "FAIL"] == [quantity]


def test_instances_are_checked() -> None:
    with pytest.raises(InputError, match="one word or more"):
        Instance(np.zeros(0, np.int64))
    with pytest.raises(InputError, match=r"give 0 \.\. 3"):
        Instance(np.array([4]), largest_word=3)
    with pytest.raises(InputError, match="no parameter k; it has modulus"):
        Instance(np.array([4]), {"modulus": 5}).shape["k"]
