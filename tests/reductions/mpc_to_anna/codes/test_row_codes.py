"""The row codes against packets added up by plain loops and a search through all sets."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product
from math import comb, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.row_codes import Message, average, decode, owned_rows, total
from reductions.mpc_to_anna.codes import (
    CODE_NAMES,
    CodeOverload,
    DisjunctCode,
    PrintedRepetitionCode,
    RepetitionCode,
    RowCode,
    message_code,
)


def drawn(c: RowCode, n: int, rng: np.random.Generator, *, equal: bool = False) -> list[Message]:
    sources = rng.choice(c.n_sources, n, replace=False)
    words = rng.integers(0, 2**c.word_bits, (n, c.n_words))
    if equal:
        words[:] = rng.choice([0, 2**c.word_bits - 1])
    return [(int(s), tuple(w.tolist())) for s, w in zip(sources, words, strict=True)]


def has_own_rows(owned: list[set[int]], sources: Sequence[int]) -> bool:
    """Whether every one of the sources has a row that no other of them has."""
    return all(owned[i] - set().union(*(owned[j] for j in sources if j != i)) for i in sources)


def decodable(c: RowCode) -> bool:
    """Whether all sets of at most b sources are, by going through the largest ones."""
    owned = owned_rows(c)
    return all(has_own_rows(owned, chosen) for chosen in combinations(range(c.n_sources), c.most))


# --- round trips ---

CODES = st.one_of(
    st.builds(
        DisjunctCode,
        st.integers(1, 5),
        st.integers(1, 3),
        st.sampled_from([1, 7, 31, 48]),
        st.integers(1, 60),
    ),
    st.builds(
        lambda code, *sizes, **options: code(*sizes, **options),
        st.sampled_from([RepetitionCode, PrintedRepetitionCode]),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([1, 7, 31, 48]),
        st.integers(1, 20),
        seed=st.integers(0, 2**64 - 1),
        delta=st.just(Fraction(1, 2**40)),
    ),
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[RowCode, list[list[Message]]]:
    c = draw(CODES)
    last = 2**c.word_bits - 1
    word = st.sampled_from([0, last]) | st.integers(0, last)
    messages = st.tuples(st.integers(0, c.n_sources - 1), st.tuples(*[word] * c.n_words))
    rows = st.lists(messages, max_size=c.capacity, unique_by=lambda m: m[0])
    return c, draw(st.lists(rows, max_size=4))


@settings(max_examples=80)
@given(batches())
def test_decode_inverts(batch: tuple[RowCode, list[list[Message]]]) -> None:
    c, rows = batch
    owned = owned_rows(c)
    assert decode(c, [average(c, owned, row) for row in rows]) == [sorted(row) for row in rows]


@settings(max_examples=60)
@given(batches())
def test_encode_is_the_definition(batch: tuple[RowCode, list[list[Message]]]) -> None:
    c, rows = batch
    owned = owned_rows(c)
    messages = [m for row in rows for m in row]
    source = np.array([s for s, _ in messages], dtype=np.int64)
    words = np.array([w for _, w in messages], dtype=np.int64).reshape(-1, c.n_words)
    got = c.encode(source, words)
    assert got.shape == (len(messages), c.width)
    assert got.tolist() == [total(c, owned, [m]) for m in messages]
    assert got.max(initial=0) <= c.max_magnitude


@pytest.mark.parametrize("name", CODE_NAMES)
def test_many_rows_in_one_batch(name: str) -> None:
    """More averages than one block of the decoder holds, with empty ones in between."""
    rng = np.random.default_rng(1)
    c = message_code(name, 6, 2, 20, 100)
    count = rng.integers(0, c.capacity + 1, 400)
    which = np.repeat(np.arange(400), count)
    source = np.concatenate([np.sort(rng.choice(100, n, replace=False)) for n in count])
    words = rng.integers(0, 2**20, (len(which), 2))
    sums = np.zeros((400, c.width))
    np.add.at(sums, which, c.encode(source, words))
    got = c.decode(sums / np.maximum(count, 1)[:, None])
    assert np.array_equal(got.which, which)
    assert np.array_equal(got.source, source)
    assert np.array_equal(got.words, words)


@pytest.mark.parametrize(
    "c",
    [
        DisjunctCode(3, 1, 1, 8),
        DisjunctCode(2, 1, 1, 27),
        DisjunctCode(8, 1, 1, 8),
        RepetitionCode(3, 1, 1, 8, delta=Fraction(1, 10**6)),
        PrintedRepetitionCode(2, 1, 1, 8, delta=Fraction(1, 10**6)),
    ],
)
def test_every_set_of_sources_of_a_small_code(c: RowCode) -> None:
    assert decodable(c)
    owned = owned_rows(c)
    sets = [
        list(chosen) for n in range(c.most + 1) for chosen in combinations(range(c.n_sources), n)
    ]
    rows = [[(i, ((i + len(chosen)) % 2,)) for i in chosen] for chosen in sets]
    assert decode(c, [average(c, owned, row) for row in rows]) == rows


TINY = [
    DisjunctCode(2, 1, 1, 5),
    DisjunctCode(1, 1, 1, 5),
    RepetitionCode(2, 1, 1, 5, delta=Fraction(1, 1000)),
    PrintedRepetitionCode(2, 1, 1, 5, delta=Fraction(1, 1000)),
    RepetitionCode(1, 1, 1, 5),
]


@pytest.mark.parametrize("c", TINY)
def test_every_set_of_messages_of_a_tiny_code(c: RowCode) -> None:
    """All 3**5 sets: up to b are decoded, all others raise; the averages of the former differ."""
    owned = owned_rows(c)
    means = set()
    for chosen in product((None, 0, 1), repeat=5):
        row = [(s, (word,)) for s, word in enumerate(chosen) if word is not None]
        if len(row) <= c.capacity:
            assert decode(c, [average(c, owned, row)]) == [row]
            means.add(tuple(average(c, owned, row)))
        else:
            with pytest.raises(CodeOverload):
                decode(c, [average(c, owned, row)])
    assert len(means) == sum(comb(5, n) * 2**n for n in range(c.capacity + 1))


def matching_sets(c: RowCode, mean: list[float]) -> list[list[Message]]:
    """All sets of at most b messages that have the average, by search."""
    owned = owned_rows(c)
    every = [(s, (word,)) for s in range(c.n_sources) for word in range(2**c.word_bits)]
    return [
        list(chosen)
        for n in range(c.capacity + 1)
        for chosen in combinations(every, n)
        if len({s for s, _ in chosen}) == n and average(c, owned, chosen) == mean
    ]


class FewRows(RepetitionCode):
    """A repetition code with a quarter of the rows that its failure bound asks for."""

    @property
    def rows(self) -> int:
        return max(1, super().rows // 4)


@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("kind", ["disjunct", "repetition", "few rows"])
def test_decoding_agrees_with_a_search_through_all_sets(kind: str, n: int) -> None:
    rng = np.random.default_rng(n)
    for seed in range(5):
        c: RowCode
        if kind == "disjunct":
            c = DisjunctCode(2, 1, 1, 5)
        elif kind == "repetition":
            c = RepetitionCode(2, 1, 1, 5, seed=seed, delta=Fraction(1, 1000))
        else:
            c = FewRows(2, 1, 1, 5, seed=seed, delta=Fraction(1, 2))
        row = drawn(c, n, rng)
        mean = average(c, owned_rows(c), row)
        sets = matching_sets(c, mean)
        try:
            assert sets == decode(c, [mean]) == [sorted(row)]
        except CodeOverload:
            assert kind == "few rows" or (n > c.capacity and sets == [])


# --- the guarantee, its failure and overload ---


@pytest.mark.parametrize(("most", "sources"), [(1, 9), (2, 30), (3, 8), (3, 25), (4, 16), (16, 5)])
def test_disjunct_rows(most: int, sources: int) -> None:
    c = DisjunctCode(most, 1, 1, sources)
    assert decodable(c)
    owned = owned_rows(c)
    assert all(len(rows) == c.points for rows in owned)
    shared = max((len(owned[i] & owned[j]) for i, j in combinations(range(sources), 2)), default=0)
    assert shared <= c.terms - 1 or c.most == 1


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(RepetitionCode, id="sufficient"),
        pytest.param(PrintedRepetitionCode, id="printed"),
    ],
)
@pytest.mark.parametrize(
    ("most", "sources"), [(2, 12), (3, 8), pytest.param(4, 9, marks=pytest.mark.slow)]
)
def test_failures_of_the_repetition_code(
    most: int, sources: int, code: type[RepetitionCode]
) -> None:
    """Of 300 seeds a share of at most delta fails, within the margin of Hoeffding's inequality.

    A frequency of 300 independent trials exceeds its probability by sqrt(ln(10**6) / 600) < 0.152
    with probability at most 10**-6.
    """
    n_seeds, delta = 300, Fraction(1, 4)
    family = [code(most, 1, 1, sources, seed=seed, delta=delta) for seed in range(n_seeds)]
    assert family[0].failure <= delta
    failed = sum(not decodable(c) for c in family)
    print(
        f"b={most} U={sources} {code.__name__}: {failed}/{n_seeds}, bound "
        f"{float(family[0].failure):.2g}"
    )
    assert failed / n_seeds <= family[0].failure + sqrt(log(10**6) / (2 * n_seeds))


def test_canary_a_quarter_of_the_rows_fails_and_raises() -> None:
    """Seeds that are not decodable exist, and the averages that show it raise, every one."""
    raised = 0
    for seed in range(80):
        c = FewRows(3, 1, 4, 8, seed=seed, delta=Fraction(1, 4))
        owned = owned_rows(c)
        for chosen in list(combinations(range(8), 3))[seed % 4 :: 4]:
            row = [(i, (i,)) for i in chosen]
            mean = average(c, owned, row)
            if has_own_rows(owned, chosen):
                assert decode(c, [mean]) == [row]
            else:
                raised += 1
                with pytest.raises(CodeOverload):
                    decode(c, [mean])
    print(f"{raised} of {80 * 14} averages have a source without a row to itself")
    assert raised > 40


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("kind", ["disjunct", "sufficient", "printed", "few rows"])
def test_overload_raises(kind: str, equal: bool) -> None:
    rng = np.random.default_rng(3)
    for trial in range(12 if kind == "printed" else 36):  # 12: every b with every w
        b, w, bits = 1 + trial % 4, 1 + trial % 3, (1, 9, 20, 47)[trial % 4]
        c: RowCode
        if kind == "disjunct":
            c = DisjunctCode(b, w, bits, 30)
        elif kind == "few rows":
            c = FewRows(b, w, bits, 30, seed=trial, delta=Fraction(1, 2))
        else:
            code = PrintedRepetitionCode if kind == "printed" else RepetitionCode
            c = code(min(b, 3), w, bits, 12, seed=trial)
        owned = owned_rows(c)
        for beyond in (1, 2, 3, 4):
            row = drawn(c, c.capacity + beyond, rng, equal=equal)
            mean = average(c, owned, row)
            with pytest.raises(CodeOverload) as caught:
                decode(c, [average(c, owned, []), mean, mean])
            assert (caught.value.row, caught.value.capacity) == (1, c.capacity)


class TwoRows(RepetitionCode):
    """Two rows whatever the failure bound asks for."""

    @property
    def rows(self) -> int:
        return 2


class OneRow(DisjunctCode):
    """One row that all sources share."""

    @property
    def rows(self) -> int:
        return 1

    def rows_of(self, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(len(sources)), np.zeros(len(sources), np.int64)


def test_the_square_forbids_two_messages_to_pass_for_one() -> None:
    """In one row for all, sources 1 and 3 have the flag of two and their mean is source 2."""
    c = OneRow(2, 1, 4, 5)
    owned = [{0}] * 5
    assert decode(c, [average(c, owned, [(2, (7,))])]) == [[(2, (7,))]]
    with pytest.raises(CodeOverload, match="the messages found do not add up to it"):
        decode(c, [average(c, owned, [(1, (7,)), (3, (7,))])])
    without_square = [1.0, 2.0, 4.0, 7.0]
    assert average(c, owned, [(1, (7,)), (3, (7,))]) == [1.0, 2.0, 5.0, 7.0]
    assert decode(c, [without_square]) == [[(2, (7,))]]


@pytest.mark.parametrize(("b", "share"), [(1, 1 / 2), (2, 1 / 2), (3, 1 / 3), (7, 1 / 7)])
def test_a_row_belongs_to_a_source_with_probability_1_over_b(b: int, share: float) -> None:
    """Within Hoeffding's margin at 10^-9; for one message with probability 1/2."""
    c = RepetitionCode(b, 1, 8, 200, seed=3)
    n = 200 * c.rows
    owned = len(c.rows_of(np.arange(200))[0])
    assert abs(owned / n - share) <= sqrt(log(2 * 10**9) / (2 * n))


def test_no_source_is_without_a_row() -> None:
    """Of two rows a source draws neither with probability 1/4; it would look like no message."""
    for seed in range(20):
        c = TwoRows(2, 1, 1, 6, seed=seed)
        owned = owned_rows(c)
        assert all(owned)
        for source in range(6):
            assert decode(c, [average(c, owned, [(source, (1,))])]) == [[(source, (1,))]]


def test_all_sources_at_once() -> None:
    rng = np.random.default_rng(5)
    for c in (DisjunctCode(3, 1, 9, 200), RepetitionCode(3, 1, 9, 60)):
        owned = owned_rows(c)
        for n in (*range(4, 30), c.n_sources):
            with pytest.raises(CodeOverload):
                decode(c, [average(c, owned, drawn(c, n, rng))])
