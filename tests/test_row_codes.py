"""The row codes against packets added up by plain loops and a search through all sets."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import combinations, product
from math import comb, e, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from reductions.bounds import Bound
from reductions.codes import (
    CODE_NAMES,
    CodeDomainError,
    CodeOverload,
    DisjunctCode,
    RepetitionCode,
    RowCode,
    SyndromeCode,
    message_code,
)

Message = tuple[int, tuple[int, ...]]


# --- the definition ---


def owned_rows(c: RowCode) -> list[set[int]]:
    """The rows of every source, as sets; for the disjunct code from its polynomials."""
    if isinstance(c, DisjunctCode):
        owned = []
        for source in range(c.n_sources):
            digits = [source // c.field_size**power % c.field_size for power in range(c.terms)]
            value = [
                sum(digit * x**power for power, digit in enumerate(digits)) % c.field_size
                for x in range(c.points)
            ]
            owned.append({x * c.field_size + y for x, y in enumerate(value)})
        return owned
    owned = [set() for _ in range(c.n_sources)]
    for source, row in zip(*c.rows_of(np.arange(c.n_sources)), strict=True):
        owned[source].add(int(row))
    return owned


def total(c: RowCode, owned: list[set[int]], messages: Sequence[Message]) -> list[int]:
    """The sum of codewords, as integers."""
    out = [[0] * (c.n_words + 3) for _ in range(c.rows)]
    for source, words in messages:
        for row in owned[source]:
            for column, value in enumerate((1, source, source**2, *words)):
                out[row][column] += value
    return [value for row in out for value in row]


def average(c: RowCode, owned: list[set[int]], messages: Sequence[Message]) -> list[float]:
    return [float(Fraction(v, max(1, len(messages)))) for v in total(c, owned, messages)]


def decode(c: RowCode, rows: Sequence[Sequence[float]]) -> list[list[Message]]:
    got = c.decode(np.array(rows, dtype=np.float64).reshape(len(rows), c.width))
    assert (np.diff(got.which) >= 0).all()
    out: list[list[Message]] = [[] for _ in rows]
    for d, source, words in zip(got.which, got.source, got.words, strict=True):
        out[d].append((int(source), tuple(words.tolist())))
    return out


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
        RepetitionCode,
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([1, 7, 31, 48]),
        st.integers(1, 20),
        seed=st.integers(0, 2**64 - 1),
        delta=st.just(Fraction(1, 2**40)),
        choice=st.sampled_from(["sufficient", "printed"]),
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
        RepetitionCode(2, 1, 1, 8, delta=Fraction(1, 10**6), choice="printed"),
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
    RepetitionCode(2, 1, 1, 5, delta=Fraction(1, 1000), choice="printed"),
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


@pytest.mark.parametrize("choice", ["sufficient", "printed"])
@pytest.mark.parametrize(
    ("most", "sources"), [(2, 12), (3, 8), pytest.param(4, 9, marks=pytest.mark.slow)]
)
def test_failures_of_the_repetition_code(most: int, sources: int, choice: str) -> None:
    """Of 300 seeds a share of at most delta fails, within the margin of Hoeffding's inequality.

    A frequency of 300 independent trials exceeds its probability by sqrt(ln(10**6) / 600) < 0.152
    with probability at most 10**-6.
    """
    n_seeds, delta = 300, Fraction(1, 4)
    family = [
        RepetitionCode(most, 1, 1, sources, seed=seed, delta=delta, choice=choice)
        for seed in range(n_seeds)
    ]
    assert family[0].failure <= delta
    failed = sum(not decodable(c) for c in family)
    print(
        f"b={most} U={sources} {choice}: {failed}/{n_seeds}, bound {float(family[0].failure):.2g}"
    )
    assert failed / n_seeds <= family[0].failure + sqrt(log(10**6) / (2 * n_seeds))


def test_canary_a_quarter_of_the_rows_fails_and_raises() -> None:
    """Seeds that are not decodable exist, and the averages that show it raise, every one."""
    raised = 0
    for seed in range(200):
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
    print(f"{raised} of {200 * 14} averages have a source without a row to itself")
    assert raised > 100


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("kind", ["disjunct", "sufficient", "printed", "few rows"])
def test_overload_raises(kind: str, equal: bool) -> None:
    rng = np.random.default_rng(3)
    for trial in range(60):
        b, w, bits = 1 + trial % 4, 1 + trial % 3, (1, 9, 20, 47)[trial % 4]
        c: RowCode
        if kind == "disjunct":
            c = DisjunctCode(b, w, bits, 30)
        elif kind == "few rows":
            c = FewRows(b, w, bits, 30, seed=trial, delta=Fraction(1, 2))
        else:
            c = RepetitionCode(min(b, 3), w, bits, 12, seed=trial, choice=kind)
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


# --- what is no average ---

CODE = DisjunctCode(2, 2, 8, 10)
OWNED = owned_rows(CODE)
ONE = total(CODE, OWNED, [(3, (6, 9))])
TWO = total(CODE, OWNED, [(3, (6, 9)), (8, (77, 200))])
FIRST = 5 * min(OWNED[3])
NO_SUM = "the messages found do not add up to it"
FEW = "not every source has a row to itself"
NO_COUNT = "its least flag is not one over a whole number"


def changed(row: Sequence[float], place: int, value: float) -> list[float]:
    return [value if i == place else float(v) for i, v in enumerate(row)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (changed([0] * CODE.width, CODE.width - 1, 1.0), NO_SUM),
        (changed([0] * CODE.width, 0, -1.0), NO_SUM),
        (changed([0] * CODE.width, 0, np.nan), NO_SUM),
        (changed([0] * CODE.width, 0, np.inf), NO_SUM),
        (changed([0] * CODE.width, 0, 3.0), NO_SUM),
        (changed([0] * CODE.width, 0, 5e-324), "it has more"),
        (changed([0] * CODE.width, 0, 1 / 3), "it has more"),
        (changed(ONE, FIRST, 0.75), NO_COUNT),
        (changed(ONE, FIRST, 1.5), NO_SUM),
        (changed(ONE, FIRST, np.nan), NO_SUM),
        (changed(ONE, FIRST, 0.5), FEW),
        (changed(ONE, FIRST + 1, np.nan), "a source is beyond 0..9"),
        (changed(ONE, FIRST + 1, 10.0), "a source is beyond 0..9"),
        (changed(ONE, FIRST + 1, -1.0), "a source is beyond 0..9"),
        (changed(ONE, FIRST + 1, 4.0), FEW),
        (changed(ONE, FIRST + 1, 3.25), NO_SUM),
        (changed(ONE, FIRST + 2, 8.0), NO_SUM),
        (changed(ONE, FIRST + 2, np.inf), NO_SUM),
        (changed(ONE, FIRST + 3, 256.0), "a word is beyond 8 bits"),
        (changed(ONE, FIRST + 4, np.inf), "a word is beyond 8 bits"),
        (changed(ONE, FIRST + 4, np.nan), "a word is beyond 8 bits"),
        (changed(ONE, FIRST + 4, 1e308), "a word is beyond 8 bits"),
        (changed(ONE, FIRST + 4, -1.0), "a word is beyond 8 bits"),
        (changed(ONE, FIRST + 4, 10.0), NO_SUM),
        ([v / 2 for v in ONE], FEW),
        ([float(v) for v in TWO], FEW),
    ],
)
def test_reasons(row: list[float], reason: str) -> None:
    assert decode(CODE, [ONE, [v / 2 for v in TWO]]) == [
        [(3, (6, 9))],
        [(3, (6, 9)), (8, (77, 200))],
    ]
    with pytest.raises(CodeOverload) as caught:
        decode(CODE, [ONE, row])
    assert str(caught.value) == f"row 1 is no average of at most 2 messages: {reason}"


def test_one_unit_in_one_coordinate_raises() -> None:
    for n, sums in ((1, ONE), (2, TWO)):
        for place in range(CODE.width):
            for change in (-1, 1):
                damaged = [v / n for v in sums]
                damaged[place] = (sums[place] + change) / n
                with pytest.raises(CodeOverload):
                    decode(CODE, [damaged])


# --- exactness at the border ---


@pytest.mark.parametrize("capacity", [1, 2, 3, 4, 7, 8, 16])
def test_words_are_exact_up_to_the_border_and_refused_at_it(capacity: int) -> None:
    """The longest words for which b (2**B - 1) < 2**52 and B <= 51: one more bit is refused."""
    bits = next(B for B in range(51, 0, -1) if capacity * (2**B - 1) < 2**52)
    top = 2**bits - 1
    for c in (
        DisjunctCode(capacity, 3, bits, 40),
        RepetitionCode(min(capacity, 3), 3, bits, 40, seed=7),
    ):
        assert c.precision_bits <= 53
        rng = np.random.default_rng(capacity)
        owned = owned_rows(c)
        rows = []
        for n in range(1, c.capacity + 1):
            for words in ((top, top, top), (top, 0, top - 1), (top - 2, 1, top // 2)):
                sources = sorted(rng.choice(40, n, replace=False).tolist())
                rows.append([(s, words if s % 3 else (top, top, top)) for s in sources])
        assert decode(c, [average(c, owned, row) for row in rows]) == rows
        assert decode(c, [np.array(total(c, owned, r)) / len(r) for r in rows]) == rows
    with pytest.raises(CodeDomainError):
        DisjunctCode(capacity, 3, bits + 1, 40)


REFUSED = {
    (0, 1, 8, 9): "capacity is 0; it must be at least 1",
    (1, 1, 52, 9): "word_bits is 52; a row code carries at most 51: send a longer word as two",
    (1, 1, 8, 47453134): "n_sources is 47453134; a row code squares the source exactly for at most"
    " 47453133: use fewer sources",
    (3, 1, 51, 9): "capacity is 3; sums of so many packets with values up to 2251799813685247 are"
    " not exact in float64: use a capacity of at most 2, fewer word_bits or fewer sources",
    (
        5,
        1,
        8,
        2**25 + 1,
    ): "capacity is 5; sums of so many packets with values up to 1125899906842624 are"
    " not exact in float64: use a capacity of at most 3, fewer word_bits or fewer sources",
}


@pytest.mark.parametrize("parameters", REFUSED)
@pytest.mark.parametrize("code", [DisjunctCode, RepetitionCode])
def test_codes_that_are_refused(code: type[RowCode], parameters: tuple[int, int, int, int]) -> None:
    with pytest.raises(CodeDomainError) as caught:
        code(*parameters)
    assert str(caught.value) == REFUSED[parameters]


def test_the_border_of_sources() -> None:
    c = DisjunctCode(2, 1, 8, 47453133)
    source = np.array([47453131, 47453132])
    words = np.array([[255], [0]])
    got = c.decode(c.encode(source, words).sum(axis=0, keepdims=True) / 2)
    assert np.array_equal(got.source, source)
    assert np.array_equal(got.words, words)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1; it must be at least 0 and below 2**64"),
        ({"seed": 2**64}, f"seed is {2**64}; it must be at least 0 and below 2**64"),
        ({"delta": Fraction(1)}, "delta is 1; it must lie between 0 and 1"),
        ({"delta": Fraction(0)}, "delta is 0; it must lie between 0 and 1"),
        ({"choice": "guess"}, "choice is 'guess'; use sufficient or printed"),
    ],
)
def test_options_that_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(CodeDomainError) as caught:
        RepetitionCode(2, 1, 8, 9, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("source", "words"),
    [([1, 10], [[0, 0], [0, 0]]), ([1], [[0, 256]]), ([1], [[1, 2, 3]]), ([1], [[0.5, 1]])],
)
def test_messages_that_are_refused(source: object, words: object) -> None:
    with pytest.raises(CodeDomainError):
        CODE.encode(np.array(source), np.array(words))


@pytest.mark.parametrize(
    "mean",
    [
        np.zeros((1, CODE.width - 1)),
        np.zeros(CODE.width),
        np.zeros((1, CODE.width), np.float32),
    ],
)
def test_means_that_are_refused(mean: np.ndarray) -> None:
    with pytest.raises(CodeDomainError, match="mean has shape"):
        CODE.decode(mean)


# --- formulas ---

GRID = [(1, 1, 8, 1), (1, 2, 8, 64), (2, 1, 8, 2), (3, 2, 16, 8), (16, 2, 20, 1000), (90, 1, 9, 64)]


@pytest.mark.parametrize("parameters", GRID)
@pytest.mark.parametrize(
    "build",
    [
        SyndromeCode,
        DisjunctCode,
        RepetitionCode,
        pytest.param(partial(RepetitionCode, delta=Fraction(3, 8)), id="delta"),
        pytest.param(partial(RepetitionCode, choice="printed"), id="printed"),
    ],
)
def test_formulas_give_the_attributes(build: type[RowCode], parameters: tuple[int, ...]) -> None:
    c = build(*parameters)
    for name in ("width", "magnitude"):
        bound = Bound(name, getattr(c, f"{name}_formula"), c.formula_values, "exact", "here")
        assert bound.value == (c.width if name == "width" else c.max_magnitude)
    limit = Bound("width", c.width_bound_formula, c.formula_values, "upper", "here")
    assert c.width <= limit.value
    values = {symbol: c.formula_values[symbol.name] for symbol in c.failure_formula.free_symbols}
    assert c.failure_formula.subs(values) == c.failure
    if isinstance(c, RepetitionCode):
        assert c.failure <= c.delta
    else:
        assert c.failure == 0


@pytest.mark.parametrize(("b", "sources"), [(2, 9), (3, 100), (8, 64), (16, 1000), (64, 4096)])
def test_rows_in_natural_logarithms(b: int, sources: int) -> None:
    """At most one bit a union bound more than e b ln(pairs / delta), and fewer than printed."""
    c = RepetitionCode(b, 1, 8, sources)
    cases = sources * comb(sources - 1, b - 1) * sources**2
    least = e * b * log(cases)
    assert least <= c.rows <= 1.0005 * (least + e * b * log(2)) + 1
    assert c.rows <= e * b * (b * log(sources) + 2 * log(sources)) * 1.0005 + 2 * b + 1
    if b <= 16:
        printed = RepetitionCode(b, 1, 8, sources, choice="printed")
        order = b**2 * (b**2 + 2) * log(sources)
        rounding = b**2 * (b**2 + 1) * log(2)
        assert e * order <= printed.rows <= 1.0005 * e * (order + rounding) + 1


@pytest.mark.parametrize(
    ("b", "sources", "terms", "field_size", "rows"),
    [
        (1, 1, 1, 1, 1),
        (1, 8, 3, 2, 2),
        (3, 8, 1, 8, 8),
        (8, 4, 1, 4, 4),
        (2, 125, 3, 5, 15),
        (2, 25, 3, 3, 9),
        (16, 1000, 2, 37, 592),
        (16, 65536, 3, 41, 1271),
    ],
)
def test_terms_and_field(b: int, sources: int, terms: int, field_size: int, rows: int) -> None:
    """Against a search through all t and Q in the order of rows."""
    c = DisjunctCode(b, 1, 8, sources)
    assert (c.terms, c.field_size, c.rows) == (terms, field_size, rows)
    primes = [q for q in range(2, 2000) if all(q % d for d in range(2, int(q**0.5) + 1))]
    least = sources
    for t in range(2, 20):
        points = (min(b, sources) - 1) * (t - 1) + 1
        least = min(least, *(points * q for q in primes if q >= points and q**t >= sources))
    assert rows == least


def test_disjunct_is_never_wider_than_repetition() -> None:
    for b in (2, 3, 4, 8, 16):
        for sources in (16, 100, 1000, 10**5):
            assert DisjunctCode(b, 1, 8, sources).rows < RepetitionCode(b, 1, 8, sources).rows


# --- values ---


def test_codes_are_values() -> None:
    codes = [
        DisjunctCode(2, 2, 8, 10),
        RepetitionCode(2, 2, 8, 10),
        RepetitionCode(2, 2, 8, 10, seed=1),
        RepetitionCode(2, 2, 8, 10, choice="printed"),
        RepetitionCode(2, 2, 8, 10, delta=Fraction(1, 3)),
    ]
    source, words = np.array([4, 7]), np.array([[1, 2], [3, 4]])
    for c in codes:
        twin = pickle.loads(pickle.dumps(c))
        assert twin == c
        assert hash(twin) == hash(c)
        assert np.array_equal(twin.encode(source, words), c.encode(source, words))
    assert len(set(codes)) == len(codes)
    assert RepetitionCode(2, 2, 8, 10, delta=Fraction(1, 100)) == codes[1]


def test_codes_by_name() -> None:
    for name, code in zip(CODE_NAMES, (SyndromeCode, DisjunctCode, RepetitionCode), strict=True):
        c = message_code(name, 3, 2, 16, 50)
        assert type(c) is code
        assert (c.name, c.capacity, c.n_words, c.word_bits, c.n_sources) == (name, 3, 2, 16, 50)
    assert message_code("repetition", 3, 2, 16, 50, seed=9) == RepetitionCode(3, 2, 16, 50, seed=9)
    with pytest.raises(CodeDomainError) as caught:
        message_code("parity", 3, 2, 16, 50)
    assert str(caught.value) == (
        "code 'parity' is unknown; use one of syndrome, disjunct, repetition"
    )


def test_arrays_may_be_read_only_strided_or_empty() -> None:
    source, words = np.array([4, 0, 7, 0]), np.arange(16).reshape(4, 4)
    for array in (source, words):
        array.flags.writeable = False
    codewords = CODE.encode(source[::2], words[::2, ::2])
    mean = np.asfortranarray(np.stack([codewords.sum(axis=0) / 2] * 3))
    mean.flags.writeable = False
    got = CODE.decode(mean)
    assert got.which.tolist() == [0, 0, 1, 1, 2, 2]
    assert got.words[:2].tolist() == [[0, 2], [8, 10]]
    assert not any(a.flags.writeable for a in (got.which, got.source, got.words))
    assert CODE.encode(source[:0], words[:0, :2]).shape == (0, CODE.width)
    assert CODE.decode(mean[:0]).words.shape == (0, 2)
