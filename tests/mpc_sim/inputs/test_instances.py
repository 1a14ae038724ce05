"""Inputs: sequences of letters, drawn ones, integers from a file."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mpc_sim import InputError
from mpc_sim.inputs.instances import Letters, integers

TOKENS = st.lists(st.text(max_size=3), min_size=1, max_size=30)


@given(TOKENS)
def test_a_sequence_numbers_its_letters(tokens: list[str]) -> None:
    sequence = Letters.of(tokens)
    assert [sequence.alphabet[word] for word in sequence.words.tolist()] == tokens
    assert list(sequence.alphabet) == sorted(set(tokens))
    assert len(sequence) == len(tokens)
    assert sequence.words.dtype == np.int64


@given(st.text(min_size=1, max_size=30))
def test_a_text_is_a_sequence_of_characters(text: str) -> None:
    by_character, by_list = Letters.of(text), Letters.of(iter(list(text)))
    assert by_character.words.tolist() == by_list.words.tolist()
    assert by_character.alphabet == by_list.alphabet


def test_letters_are_told_apart_exactly() -> None:
    assert Letters.of(["a", "A", "é", "e\u0301", "", " "]).alphabet == tuple(
        sorted(["a", "A", "é", "e\u0301", "", " "])
    )


@pytest.mark.parametrize("tokens", ["", [], ()], ids=repr)
def test_no_token_is_refused(tokens: str | list[str]) -> None:
    with pytest.raises(InputError, match="empty; give at least one token"):
        Letters.of(tokens)


@given(n=st.integers(1, 200), n_letters=st.integers(1, 60), seed=st.integers(0, 2**70))
def test_a_drawn_sequence_is_its_seed(n: int, n_letters: int, seed: int) -> None:
    sequence = Letters.random(n, n_letters, seed=seed)
    assert len(sequence) == n
    assert len(sequence.alphabet) == len(set(sequence.alphabet)) == n_letters
    assert sequence.words.dtype == np.int64
    assert 0 <= sequence.words.min() <= sequence.words.max() < n_letters
    again = Letters.random(n, n_letters, seed=seed)
    assert again.words.tolist() == sequence.words.tolist()
    assert again.alphabet == sequence.alphabet


def far_from_uniform(counts: list[int]) -> bool:
    """Whether counts of fair letters are further off than happens once in 10^9 seeds.

    Hoeffding: a count of n draws misses its mean by t with probability at most 2 exp(-2 t^2 / n).
    """
    n = sum(counts)
    allowed = math.sqrt(n * math.log(2 * len(counts) * 10**9) / 2)
    return any(abs(count - n / len(counts)) > allowed for count in counts)


def test_drawn_letters_are_uniform_and_depend_on_the_seed() -> None:
    sequence = Letters.random(100_000, seed=1)
    assert not far_from_uniform(np.bincount(sequence.words, minlength=4).tolist())
    pairs = 4 * sequence.words[:-1:2] + sequence.words[1::2]
    assert not far_from_uniform(np.bincount(pairs, minlength=16).tolist())
    assert sequence.words.tolist() != Letters.random(100_000, seed=2).words.tolist()
    assert sequence.alphabet == ("a", "b", "c", "d")


def test_canary_far_from_uniform() -> None:
    assert far_from_uniform([25_000, 25_000, 23_500, 26_500])
    assert far_from_uniform([100_000, 0, 0, 0])


def test_a_large_alphabet_has_distinct_letters() -> None:
    assert Letters.random(5, 26, seed=0).alphabet[-1] == "z"
    assert Letters.random(5, 1000, seed=0).alphabet[-1] == "999"


@given(st.lists(st.integers(0, 10**16 - 1), min_size=1, max_size=20), st.data())
def test_integers_are_read_as_written(numbers: list[int], data: st.DataObject) -> None:
    noise = st.sampled_from(["", "   ", "# a comment", "  # 5", "#"])
    lines = []
    for number in numbers:
        lines += data.draw(st.lists(noise, max_size=2))
        lines.append(data.draw(st.sampled_from(["{}", " {}\t", "00{}", "{}\n"])).format(number))
    words = integers(lines, "words.txt")
    assert words.tolist() == numbers
    assert words.dtype == np.int64


def test_integers_reach_up_to_2_to_the_62() -> None:
    assert integers([str(2**62 - 1), "0" * 18], "words.txt").tolist() == [2**62 - 1, 0]


@pytest.mark.parametrize(
    "line",
    [
        "seven",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "0x10",
        "1_000",
        "1 2",
        "1,2",
        "5 # five",
        "\u0665",
        "\u00b2",
        str(2**62),
        "1" * 100,
        "1" * 5000,
    ],
    ids=lambda line: f"{len(line)}: {line[:20]}",
)
def test_other_lines_are_refused_by_number(line: str) -> None:
    with pytest.raises(InputError, match=r"words\.txt, line 3: .* no integer") as caught:
        integers(["# numbers", "12", line, "13"], "words.txt")
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lines", [[], [""], ["# nothing", "  "]], ids=str)
def test_a_file_without_a_word_is_refused(lines: list[str]) -> None:
    with pytest.raises(InputError, match=r"words\.txt holds no word"):
        integers(lines, "words.txt")
