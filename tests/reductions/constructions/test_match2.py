"""Match2: one head of width 1 against a double loop, and the key as printed, which fails."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anna_model import ExactMatch, HeadMaps, Rows, RowwiseLayer
from mpc_sim import InputError
from reductions import match2_transformer
from reductions.certify import certify
from reductions.constructions.match2 import Residue, one
from reductions.problems.definitions import (
    MAX_MODULUS,
    default_modulus,
    match2_oracle,
    random_numbers,
)


def match2_by_pairs(numbers: Sequence[int], modulus: int) -> list[int]:
    """y_i = 1 if x_i + x_j = 0 (mod M) for some j, by trying all."""
    return [int(any((int(x) + int(y)) % modulus == 0 for y in numbers)) for x in numbers]


def run(numbers: Sequence[int], modulus: int) -> list[int]:
    answers = match2_transformer(len(numbers), modulus).run(np.array(numbers, np.int64))
    assert answers.dtype == np.int64
    return list(answers.tolist())


@st.composite
def instances(draw: st.DrawFn) -> tuple[list[int], int]:
    """Numbers among a few residues or anywhere, so that partners are neither sure nor rare."""
    modulus = draw(st.integers(1, 40) | st.integers(2**52, 2**53) | st.integers(1, 2**53))
    some = draw(st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=4))
    partners = [-number % modulus for number in some]
    number = st.sampled_from([*some, *partners, 0]) | st.integers(0, 2**53 - 1)
    return draw(st.lists(number, min_size=1, max_size=30)), modulus


@given(instances())
def test_transformer_is_the_definition(instance: tuple[list[int], int]) -> None:
    numbers, modulus = instance
    expected = match2_by_pairs(numbers, modulus)
    assert run(numbers, modulus) == expected
    assert match2_oracle(np.array(numbers), modulus).tolist() == expected


@given(instances())
def test_one_head_of_exact_match_does_it(instance: tuple[list[int], int]) -> None:
    numbers, modulus = instance
    Q = np.array([[x % modulus] for x in numbers], float)
    K = np.array([[-x % modulus] for x in numbers], float)
    by_definition = ExactMatch().weights(Q, K) @ np.ones((len(numbers), 1))
    # A row of n weights 1/n need not sum to 1 in floats: n roundings of at most 2^-53 each.
    np.testing.assert_allclose(by_definition[:, 0], run(numbers, modulus), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("numbers", "modulus", "answers"),
    [
        ([0], 37, [1]),
        ([37], 37, [1]),
        ([1], 37, [0]),
        ([0, 1], 37, [1, 0]),
        ([1, 36], 37, [1, 1]),
        ([1, 1, 36], 37, [1, 1, 1]),
        ([5, 5, 5], 37, [0, 0, 0]),
        ([18, 19, 20], 37, [1, 1, 0]),
        ([18, 17], 36, [1, 0]),
        ([4, 9, 14], 10, [0, 0, 0]),
        ([5], 10, [1]),
        ([15, 25], 10, [1, 1]),
        ([0, 1, 2, 3], 1, [1, 1, 1, 1]),
        ([0, 1], 2, [1, 1]),
        ([3], 2, [1]),
        ([2**53 - 1, 1], 2**53, [1, 1]),
        ([2**52], 2**53, [1]),
        ([2**53 - 1], 2**53 - 1, [1]),
        ([2**53 - 2, 2**53 - 1], 2**53, [0, 0]),
    ],
    ids=str,
)
def test_named_cases(numbers: list[int], modulus: int, answers: list[int]) -> None:
    assert match2_by_pairs(numbers, modulus) == answers
    assert run(numbers, modulus) == answers
    certificate = certify("match2", np.array(numbers), modulus=modulus)
    assert certificate.ok
    assert certificate.outputs["transformer"].tolist() == answers


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [1, 1000, 100_000])
def test_drawn_numbers(n: int, seed: int) -> None:
    modulus = default_modulus(n)
    numbers = random_numbers(n, modulus, seed=seed)
    residues = set(numbers.tolist())
    answers = match2_transformer(n, modulus).run(numbers).tolist()
    assert answers == [int((modulus - x) % modulus in residues) for x in numbers.tolist()]
    assert n == 1 or set(answers) == {0, 1}
    assert certify("match2", numbers, modulus=modulus).ok


def test_drawn_numbers_are_residues_of_their_seed() -> None:
    numbers = random_numbers(5000, 37, seed=4)
    assert numbers.tolist() == random_numbers(5000, 37, seed=4).tolist()
    assert numbers.tolist() != random_numbers(5000, 37, seed=5).tolist()
    assert set(numbers.tolist()) == set(range(37))
    assert default_modulus(32) == 37


# --- the construction ---


class Printed(Residue):
    """The key as printed, M - x."""

    def __call__(self, position: Any, rows: Any) -> Any:
        return self.modulus - rows[:, :1] % self.modulus


def answers_of(head: HeadMaps, numbers: list[int]) -> list[int]:
    layer = RowwiseLayer(ExactMatch(), (head,), precision_bits=8)
    transformer = match2_transformer(len(numbers), 37)
    printed = type(transformer)((layer,), len(numbers), 37)
    rows = Rows.from_dense(np.array(numbers, float)[:, None])
    return list(printed.forward(rows).dense()[:, 0].astype(int).tolist())


def test_canary_the_printed_key_misses_residue_0() -> None:
    numbers = [0, 5, 32, 9, 37]
    assert match2_by_pairs(numbers, 37) == [1, 1, 1, 0, 1]
    ours = HeadMaps(Residue(37, 1), Residue(37, -1), one, 1, 1)
    printed = HeadMaps(Residue(37, 1), Printed(37, 0), one, 1, 1)
    assert answers_of(ours, numbers) == [1, 1, 1, 0, 1]
    assert answers_of(printed, numbers) == [0, 1, 1, 0, 0]


def test_it_is_one_layer_one_head_width_1() -> None:
    transformer = match2_transformer(50, 37)
    used = transformer.resources()
    assert (used.layers, used.heads, used.head_width, used.query_width) == (1, 1, 1, 1)
    assert (used.token_width, used.context_length, used.precision_bits) == (1, 50, 6)
    certificate = certify("match2", np.arange(50), modulus=37)
    assert {check.name for check in certificate.checks}.isdisjoint({"rounds", "local_memory"})
    assert {check.status for check in certificate.checks} == {"PASS"}
    assert json.loads(json.dumps(certificate.to_json()))["parameters"]["modulus"] == 37


def test_a_pickled_transformer_gives_the_same() -> None:
    transformer = match2_transformer(64, 69)
    again = pickle.loads(pickle.dumps(transformer))
    assert again == transformer
    for seed in range(5):
        numbers = random_numbers(64, 69, seed=seed)
        assert again.run(numbers).tolist() == match2_by_pairs(numbers.tolist(), 69)


def test_a_million_numbers() -> None:
    n = 10**6
    numbers, transformer = random_numbers(n, n + 5, seed=0), match2_transformer(n, n + 5)
    answers = transformer.run(numbers)
    present = set(numbers.tolist())
    expected = [-x % (n + 5) in present for x in numbers.tolist()]
    assert answers.tolist() == expected
    assert 0.5 < sum(expected) / n < 0.75  # 1 - 1 / e of the residues are there


# --- refusals ---


@pytest.mark.parametrize("modulus", [0, -1, MAX_MODULUS + 1, 10**30])
def test_a_modulus_out_of_range_is_refused(modulus: int) -> None:
    with pytest.raises(InputError, match=rf"modulus = {modulus}: choose it in 1 \.\. 2\*\*53"):
        match2_transformer(4, modulus)
    with pytest.raises(InputError, match="modulus"):
        certify("match2", np.arange(4), modulus=modulus)


@pytest.mark.parametrize(
    "numbers",
    [
        np.array([1, 2, 3]),
        np.array([1, 2, 3, 4, 5]),
        np.array([[1, 2, 3, 4]]),
        np.array([1.0, 2.0, 3.0, 4.0]),
        np.array([True, False, True, True]),
        np.array([1, 2, 3, -4]),
        np.array([1, 2, 3, 2**53]),
        np.array([1, 2, 3, 2**64 - 1], np.uint64),
        np.array(["1", "2", "3", "4"]),
    ],
    ids=lambda numbers: f"{numbers.dtype}{numbers.tolist()}",
)
def test_numbers_out_of_range_are_refused(numbers: Any) -> None:
    with pytest.raises(InputError, match="give"):
        match2_transformer(4, 37).run(numbers)


def test_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        match2_transformer(0, 37)
    with pytest.raises(InputError, match="one word or more"):
        certify("match2", np.zeros(0, np.int64), modulus=37)
