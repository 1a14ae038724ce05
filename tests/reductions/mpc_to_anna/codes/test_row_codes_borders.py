"""Row codes at their borders: what is no average, exactness, formulas, values."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from math import comb, e, log

import numpy as np
import pytest

from cases.row_codes import average, decode, owned_rows, total
from reductions.bounds import Bound
from reductions.mpc_to_anna.codes import (
    CODE_NAMES,
    CodeDomainError,
    CodeOverload,
    DisjunctCode,
    PrintedRepetitionCode,
    RepetitionCode,
    RowCode,
    SyndromeCode,
    message_code,
)

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

GRID = [
    (1, 1, 8, 1),
    (1, 2, 8, 64),
    (2, 1, 8, 2),
    (3, 2, 16, 8),
    (16, 2, 20, 1000),
    (90, 1, 9, 64),
    (3, 5, 9, 7),
]


@pytest.mark.parametrize("parameters", GRID)
@pytest.mark.parametrize(
    "build",
    [
        SyndromeCode,
        DisjunctCode,
        RepetitionCode,
        pytest.param(partial(RepetitionCode, delta=Fraction(3, 8)), id="delta"),
        pytest.param(PrintedRepetitionCode, id="printed"),
    ],
)
def test_formulas_give_the_attributes(build: type[RowCode], parameters: tuple[int, ...]) -> None:
    c = build(*parameters)
    for name in ("width", "magnitude"):
        bound = Bound(name, getattr(c, f"{name}_formula"), c.formula_values, "exact", "here")
        assert bound.value == (c.width if name == "width" else c.max_magnitude)
    limit = Bound("width", c.width_bound_formula, c.formula_values, "upper", "here")
    assert c.width <= limit.value
    bits = {"W": c.word_bits, "b_bits": c.capacity.bit_length(), "U_bits": c.n_sources.bit_length()}
    given = {**c.formula_values, **bits}
    assert c.precision_bits <= Bound("bits", c.precision_formula, given, "upper", "here").value
    values = {symbol: c.formula_values[symbol.name] for symbol in c.failure_formula.free_symbols}
    assert c.failure_formula.subs(values) == c.failure
    if isinstance(c, RepetitionCode):
        assert c.failure <= c.delta
    else:
        assert c.failure == 0


def test_row_codes_declare_a_bit_more_than_their_largest_sum() -> None:
    """b M of 4 x 255 = 1020, of 3 x 9^2 = 243, of 2 x 1: 10, 8 and 2 bits, and one to round."""
    for parameters, bits in (((4, 1, 8, 10), 11), ((3, 1, 2, 10), 9), ((2, 1, 1, 2), 3)):
        assert DisjunctCode(*parameters).precision_bits == bits


@pytest.mark.parametrize(("b", "sources"), [(2, 9), (3, 100), (8, 64), (16, 1000), (64, 4096)])
def test_rows_in_natural_logarithms(b: int, sources: int) -> None:
    """At most one bit a union bound more than e b ln(pairs / delta), and fewer than printed."""
    c = RepetitionCode(b, 1, 8, sources)
    cases = sources * comb(sources - 1, b - 1) * sources**2
    least = e * b * log(cases)
    assert least <= c.rows <= 1.0005 * (least + e * b * log(2)) + 1
    assert c.rows <= e * b * (b * log(sources) + 2 * log(sources)) * 1.0005 + 2 * b + 1
    if b <= 16:
        printed = PrintedRepetitionCode(b, 1, 8, sources)
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
        PrintedRepetitionCode(2, 2, 8, 10),
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
        "code 'parity' is unknown; use one of syndrome, disjunct, repetition, printed"
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
