"""The syndrome code against its definition, written out here with plain integers and fractions."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import count, product
from math import comb, lcm, log2

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from reductions.mpc_to_anna.codes import CodeDomainError, CodeOverload, SyndromeCode
from reductions.mpc_to_anna.codes.code import Likely, MessageCode
from reductions.mpc_to_anna.codes.kernels import syndrome as kernels

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
EXAMPLES = settings(deadline=None, max_examples=150 if COMPILED else 60)
TOP_PRIME = 3037000493  # the largest below 2**31.5

Message = tuple[int, tuple[int, ...]]


# --- the definition ---


def least_prime_above(bound: int) -> int:
    return next(q for q in count(bound + 1) if all(q % d for d in range(2, int(q**0.5) + 1)))


def packing(capacity: int, n_words: int, word_bits: int, n_sources: int) -> tuple[int, int]:
    """Words in a number, and the prime: the fewest numbers for which the means are exact."""
    for numbers in range(1, n_words + 1):
        r = -(-n_words // numbers)
        if r * word_bits <= 31:
            p = least_prime_above(max(2 ** (r * word_bits), n_sources, 2**20))
            if capacity * (capacity + 2) * p < 2**52:
                return r, p
    raise AssertionError


def numbers_of(words: Sequence[int], r: int, word_bits: int) -> list[int]:
    parts = [words[at : at + r] for at in range(0, len(words), r)]
    return [sum(word << (word_bits * i) for i, word in enumerate(part)) for part in parts]


def codeword(c: SyndromeCode, message: Message) -> list[int]:
    source, words = message
    return spread(c.prime, c.capacity, source, numbers_of(words, c.packed, c.word_bits))


def spread(p: int, capacity: int, source: int, numbers: Sequence[int]) -> list[int]:
    first, *rest = numbers
    x = source + 1
    out = [(first + 1) * pow(x, a, p) % p for a in range(2 * capacity + 2)]
    return out + [y * pow(x, a, p) % p for y in rest for a in range(capacity)]


def total(c: SyndromeCode, messages: Sequence[Message]) -> list[int]:
    return [sum(column) for column in zip(*(codeword(c, m) for m in messages), strict=True)]


def average(c: SyndromeCode, messages: Sequence[Message]) -> list[float]:
    sums = total(c, messages) or [0] * c.width
    return [float(Fraction(value, max(1, len(messages)))) for value in sums]


def decode(c: SyndromeCode, rows: Sequence[Sequence[float]]) -> list[list[Message]]:
    got = c.decode(np.array(rows, dtype=np.float64).reshape(len(rows), c.width))
    assert (np.diff(got.which) >= 0).all()
    out: list[list[Message]] = [[] for _ in rows]
    for d, source, words in zip(got.which, got.source, got.words, strict=True):
        out[d].append((int(source), tuple(words.tolist())))
    return out


def drawn(
    c: SyndromeCode, n: int, rng: np.random.Generator, *, equal: bool = False
) -> list[Message]:
    sources = rng.choice(c.n_sources, n, replace=False)
    words = rng.integers(0, 2**c.word_bits, (n, c.n_words))
    if equal:
        words[:] = rng.choice([0, 2**c.word_bits - 1])
    return [(int(s), tuple(w.tolist())) for s, w in zip(sources, words, strict=True)]


# --- strategies ---

CODES = st.builds(
    SyndromeCode,
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([1, 7, 11, 15, 16, 20, 31]),
    st.integers(1, 30),
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[SyndromeCode, list[list[Message]]]:
    c = draw(CODES)
    last = 2**c.word_bits - 1
    word = st.sampled_from([0, last]) | st.integers(0, last)
    messages = st.tuples(st.integers(0, c.n_sources - 1), st.tuples(*[word] * c.n_words))
    rows = st.lists(messages, max_size=c.capacity, unique_by=lambda m: m[0])
    return c, draw(st.lists(rows, max_size=4))


# --- shape and encoding ---


@pytest.mark.parametrize(
    ("parameters", "numbers", "prime"),
    [
        ((1, 1, 1, 1), 1, 1048583),
        ((4, 3, 20, 100), 3, 1048583),
        ((5, 1, 8, 1048583), 1, 1048589),
        ((7, 2, 22, 9), 2, 4194319),
        ((3, 4, 31, 50), 4, 2147483659),
        ((3, 3, 10, 50), 1, 1073741827),
        ((3, 4, 10, 50), 2, 1048583),
        ((3, 31, 1, 50), 1, 2147483659),
        ((3, 32, 1, 50), 2, 1048583),
        ((2047, 3, 10, 50), 1, 1073741827),
        ((2048, 3, 10, 50), 2, 1048583),
        ((1447, 2, 15, 50), 1, 1073741827),
        ((3, 2, 16, 50), 2, 1048583),
    ],
)
def test_shape(parameters: tuple[int, int, int, int], numbers: int, prime: int) -> None:
    c = SyndromeCode(*parameters)
    b, w = parameters[:2]
    assert (c.packed, prime) == packing(*parameters)
    assert (c.prime, c.max_magnitude) == (prime, prime - 1)
    assert c.n_numbers == -(-w // c.packed) == numbers
    assert c.width == b * (numbers + 1) + 2
    assert c.precision_bits == (prime - 1).bit_length() + (b * b).bit_length()


@pytest.mark.parametrize(
    ("b", "w", "word_bits", "n_sources", "most"),
    [
        (99, 4, 11, 2059, 2.5),  # k-hop in one head at N = 1,024, and at 4,096
        (257, 4, 13, 8193, 2.5),
        (11, 31, 1, 1000, 2.5),
        (11, 16, 1, 1000, 2.6),
        (98, 3, 11, 1008, 3),
        (20, 4, 4, 1000, 3),
    ],
)
def test_packing_saves_numbers_and_bits(
    b: int, w: int, word_bits: int, n_sources: int, most: float
) -> None:
    """Against a word in each number, with p above 2^20; and within a factor of all sets of b."""
    c = SyndromeCode(b, w, word_bits, n_sources)
    assert c.width < b * (w + 1) + 2
    assert c.width * c.precision_bits < (b * (w + 1) + 2) * (21 + (b * b).bit_length())
    assert c.width * c.precision_bits < most * (log2(comb(n_sources, b)) + b * w * word_bits)


@EXAMPLES
@given(batches())
def test_encode_is_the_definition(batch: tuple[SyndromeCode, list[list[Message]]]) -> None:
    c, rows = batch
    messages = [m for row in rows for m in row]
    source = np.array([s for s, _ in messages], dtype=np.int64)
    words = np.array([w for _, w in messages], dtype=np.int64).reshape(-1, c.n_words)
    got = c.encode(source, words)
    assert got.shape == (len(messages), c.width)
    assert got.tolist() == [codeword(c, m) for m in messages]


# --- decoding ---


@EXAMPLES
@given(batches())
def test_decode_inverts(batch: tuple[SyndromeCode, list[list[Message]]]) -> None:
    c, rows = batch
    assert decode(c, [average(c, row) for row in rows]) == [sorted(row) for row in rows]


@pytest.mark.parametrize("n_words", [1, 2])
def test_every_set_of_a_tiny_code(n_words: int) -> None:
    c = SyndromeCode(2, n_words, 1, 4)
    choices = [None, *product(range(2), repeat=n_words)]
    means = set()
    for chosen in product(choices, repeat=4):
        row = [(s, words) for s, words in enumerate(chosen) if words is not None]
        if len(row) <= 2:
            assert decode(c, [average(c, row)]) == [row]
            means.add(tuple(average(c, row)))
        else:  # all sets of b + 1 and b + 2 messages
            with pytest.raises(CodeOverload):
                decode(c, [average(c, row)])
    k = 2**n_words
    assert len(means) == 1 + 4 * k + 6 * k * k


def test_wide_rows_and_blocks_of_sources() -> None:
    rng = np.random.default_rng(1)
    c = SyndromeCode(30 if COMPILED else 6, 3, 31, 700)
    rows = [drawn(c, n, rng) for n in (c.capacity, c.capacity - 1, 2, 1)]
    rows += [[(s, (0, 5, 2**31 - 1)) for s in edges] for edges in ([0, 255, 256, 699], [511, 512])]
    for extreme in ([699], [0], [698, 699], [0, 1]):
        rows.append([(s, (2**31 - 1, 0, 0)) for s in extreme])
    assert decode(c, [average(c, row) for row in rows]) == [sorted(row) for row in rows]


def test_a_hint_changes_no_result() -> None:
    """Sources in full periods, in broken ones, and some that the hint passes over."""
    rng, c = np.random.default_rng(7), SyndromeCode(9, 2, 20, 31)
    chosen = [[0, 1, 6, 11], [4, 9, 14, 19, 24, 29], [17, 30], [2, 12], [30], [], [0, 10, 20, 25]]
    rows = [[(s, (s, int(rng.integers(2**20)))) for s in sources] for sources in chosen]
    mean = np.array([average(c, row) for row in rows])
    plain = c.decode(mean)
    for hint in (Likely(5, 5), Likely(6, 5), Likely(1, 1), Likely(31, 31), Likely(40, 3)):
        got = c.decode(mean, hint)
        for name in ("which", "source", "words"):
            assert getattr(got, name).tolist() == getattr(plain, name).tolist()
    assert decode(c, mean.tolist()) == rows


def test_means_in_parts_and_at_once() -> None:
    rng, c = np.random.default_rng(8), SyndromeCode(3, 2, 20, 31)
    source, words = rng.integers(0, 31, 9), rng.integers(0, 2**20, (9, 2))
    order, edge = rng.permutation(9)[:7], np.array([0, 1, 4, 6, 7])
    expected = [
        c.encode(source[part], words[part]).sum(axis=0) / len(part)
        for part in np.split(order, edge[1:-1])
    ]
    for way in (c.mean_codewords, partial(MessageCode.mean_codewords, c)):
        assert np.array_equal(way(source, words, order, edge), expected)


def test_smallest_code() -> None:
    c = SyndromeCode(1, 1, 20, 1)
    rows: list[list[Message]] = [[(0, (0,))], [], [(0, (2**20 - 1,))]]
    assert decode(c, [average(c, row) for row in rows]) == rows


def test_mean_whose_denominator_divides_the_number_of_messages() -> None:
    rng = np.random.default_rng(2)
    c = SyndromeCode(4, 1, 16, 50)
    seen = set()
    for n in (2, 4):
        while (n, 1 if n == 2 else 2) not in seen:
            row = drawn(c, n, rng)
            sums = total(c, row)
            least = lcm(*(Fraction(value, n).denominator for value in sums))
            if least < n:
                assert decode(c, [average(c, row)]) == [sorted(row)]
                seen.add((n, least))


def test_products_at_the_largest_prime() -> None:
    c = SyndromeCode(4, 2, 31, TOP_PRIME - 1)
    assert c.prime == TOP_PRIME
    row = [(s, (2**31 - 1, 2**31 - 2 - s % 9)) for s in (5, 7, TOP_PRIME - 3, TOP_PRIME - 2)]
    source = np.array([s for s, _ in row])
    words = np.array([w for _, w in row])
    assert c.encode(source, words).tolist() == [codeword(c, m) for m in row]
    mean = np.array([average(c, row)])
    points = np.array([3, 6, 8, 9, TOP_PRIME - 2, TOP_PRIME - 1], dtype=np.uint64)
    status, which = np.empty(1, np.int64), np.empty(4, np.int64)
    found, got = np.empty(4, np.uint64), np.empty((4, 2), np.uint64)
    ratios = (points << np.uint64(32)) // np.uint64(c.prime)
    limits = np.uint64(c.prime), np.uint64(2**31), np.uint64(2**31)
    assert kernels.decode(mean, 4, points, ratios, 6, 6, *limits, status, which, found, got) == 4
    assert status[0] == kernels.DECODED
    assert found.tolist() == (source + 1).tolist()
    assert got.tolist() == words.tolist()


# --- overload and damage ---


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("beyond", [1, 2])
def test_overload_raises(beyond: int, equal: bool) -> None:
    rng = np.random.default_rng(3)
    for trial in range(300 if COMPILED else 120):
        b, bits = 1 + trial % 6, (1, 9, 20, 31)[trial % 4]
        c = SyndromeCode(b, 1 + trial % 3, bits, 40)
        row = drawn(c, b + beyond, rng, equal=equal)
        with pytest.raises(CodeOverload) as caught:
            decode(c, [average(c, []), average(c, row[:b]), average(c, row), average(c, row)])
        assert (caught.value.row, caught.value.capacity) == (2, b)


def test_far_beyond_the_capacity() -> None:
    rng = np.random.default_rng(4)
    c = SyndromeCode(3, 2, 20, 40)
    for n in range(4, 40):
        with pytest.raises(CodeOverload):
            decode(c, [average(c, drawn(c, n, rng))])


def test_canary_capacity_one_too_small() -> None:
    row: list[Message] = [(s, (s, 7)) for s in range(1, 5)]
    right, small = SyndromeCode(4, 2, 20, 9), SyndromeCode(3, 2, 20, 9)
    assert decode(right, [average(right, row)]) == [row]
    with pytest.raises(
        CodeOverload, match="row 0 is no average of at most 3 messages: it has more"
    ):
        decode(small, [average(small, row)])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("change", [-1, 1])
def test_one_unit_in_one_coordinate_raises(n: int, change: int) -> None:
    """Fewer than b messages: b of them leave the later words nothing to check against."""
    rng = np.random.default_rng(5)
    c = SyndromeCode(4, 3, 12, 20)
    sums = total(c, drawn(c, n, rng))
    for j in range(c.width):
        damaged = [float(Fraction(v + change * (i == j), n)) for i, v in enumerate(sums)]
        with pytest.raises(CodeOverload):
            decode(c, [damaged])


P = 4194319
CODE = SyndromeCode(2, 3, 11, 10)
ONE = codeword(CODE, (3, (6, 9, 2)))
TWO = total(CODE, [(3, (6, 9, 2)), (8, (77, 200, 3))])
SOURCES = "the sources are not distinct numbers below 10"
NO_SUM = "the messages found do not add up to it"
FRACTIONS = f"its coordinates are not fractions below {P} with a common denominator up to 2"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([0.0] * 7 + [1.0], NO_SUM),
        ([0.0, *ONE[1:]], SOURCES),
        ([np.nan, *ONE[1:]], FRACTIONS),
        ([*ONE[:-1], np.inf], FRACTIONS),
        ([*ONE[:-1], -1.0], FRACTIONS),
        ([*ONE[:-1], float(P)], FRACTIONS),
        ([*ONE[:-1], 1 / 3], FRACTIONS),
        ([*ONE[:-1], 5e-324], FRACTIONS),
        ([v / 2 for v in ONE], "the number of sources does not fit the denominators"),
        (codeword(CODE, (10, (6, 9, 2))), SOURCES),
        (codeword(CODE, (-1, (6, 9, 2))), SOURCES),
        (spread(P, 2, 3, (2**22, 2)), "a word is beyond 11 bits"),
        (spread(P, 2, 3, (2**22 - 1, 2**11)), "a word is beyond 11 bits"),
        ([(v + P * (i == 4)) / 2 for i, v in enumerate(TWO)], NO_SUM),
    ],
)
def test_reasons(row: list[float], reason: str) -> None:
    assert decode(CODE, [ONE, [v / 2 for v in TWO]]) == [
        [(3, (6, 9, 2))],
        [(3, (6, 9, 2)), (8, (77, 200, 3))],
    ]
    with pytest.raises(CodeOverload) as caught:
        decode(CODE, [ONE, row])
    assert str(caught.value) == f"row 1 is no average of at most 2 messages: {reason}"


def test_a_source_met_twice_is_no_source() -> None:
    """(1 + a) x**a has complexity 2 and x as a double root: one root is missing, and is x again."""
    c = SyndromeCode(2, 1, 20, 600)
    for x in (1, 300, 600):
        with pytest.raises(CodeOverload, match="the sources are not distinct numbers below 600"):
            decode(c, [[float((1 + a) * pow(x, a, c.prime) % c.prime) for a in range(6)]])


# --- refusals ---


REFUSED_CODES = {
    (0, 1, 8, 9): "capacity is 0; it must be at least 1",
    (1, 0, 8, 9): "n_words is 0; it must be at least 1",
    (1, 1, 0, 9): "word_bits is 0; it must be at least 1",
    (1, 1, 8, -2): "n_sources is -2; it must be at least 1",
    (
        1,
        1,
        32,
        9,
    ): "word_bits is 32; the syndrome code carries at most 31: send a longer word as two",
    (1, 1, 8, TOP_PRIME): "n_sources is 3037000493; the syndrome code needs a prime above it and"
    " below 2**31.5: use fewer sources",
    (1448, 1, 31, 9): "capacity is 1448; averages of so many codewords mod 2147483659 are not exact"
    " in float64: use a capacity of at most 1447 or fewer word_bits",
}


@pytest.mark.parametrize("parameters", REFUSED_CODES)
def test_codes_that_are_refused(parameters: tuple[int, int, int, int]) -> None:
    with pytest.raises(CodeDomainError) as caught:
        SyndromeCode(*parameters)
    assert str(caught.value) == REFUSED_CODES[parameters]


@pytest.mark.parametrize("word_bits", [1, 20, 21, 26, 31])
def test_the_capacity_is_refused_exactly_at_the_precision_of_floats(word_bits: int) -> None:
    p = SyndromeCode(1, 1, word_bits, 9).prime
    b = next(b for b in count(1) if (b + 1) * (b + 3) * p >= 2**52)
    assert SyndromeCode(b, 1, word_bits, 9).precision_bits <= 53
    with pytest.raises(CodeDomainError, match=f"use a capacity of at most {b} or"):
        SyndromeCode(b + 1, 1, word_bits, 9)


ADD_SOURCES = "build the code with a larger n_sources"
ADD_BITS = "build the code with larger word_bits, or add an offset to negative words"


@pytest.mark.parametrize(
    ("source", "words", "message"),
    [
        ([1, 10], [[0, 0], [0, 0]], f"message 1 has source 10, beyond 0..9: {ADD_SOURCES}"),
        ([-1], [[0, 0]], f"message 0 has source -1, beyond 0..9: {ADD_SOURCES}"),
        ([1, 2], [[0, 0], [0, 256]], f"word 1 of message 1 is 256, beyond 0..255: {ADD_BITS}"),
        ([1], [[-1, 0]], f"word 0 of message 0 is -1, beyond 0..255: {ADD_BITS}"),
        ([1], [[1, 2, 3]], "source and words have shapes (1,) and (1, 3); pass (E,) and (E, 2)"),
        ([1], [[0.5, 1]], "words has type float64; pass int64"),
        (np.array([1], np.uint64), [[1, 2]], "source has type uint64; pass int64"),
    ],
)
def test_messages_that_are_refused(source: object, words: object, message: str) -> None:
    with pytest.raises(CodeDomainError) as caught:
        SyndromeCode(2, 2, 8, 10).encode(np.array(source), np.array(words))
    assert str(caught.value) == message


@pytest.mark.parametrize("mean", [np.zeros((1, 7)), np.zeros(6), np.zeros((1, 6), np.float32)])
def test_means_that_are_refused(mean: np.ndarray) -> None:
    with pytest.raises(CodeDomainError) as caught:
        SyndromeCode(2, 2, 8, 10).decode(mean)
    assert str(caught.value) == (
        f"mean has shape {mean.shape} and type {mean.dtype}; pass (D, 6) and float64"
    )


# --- values ---


def test_arrays_may_be_read_only_strided_or_empty() -> None:
    c = SyndromeCode(2, 2, 8, 10)
    source, words = np.array([4, 0, 7, 0]), np.arange(16).reshape(4, 4)
    for array in (source, words):
        array.flags.writeable = False
    codewords = c.encode(source[::2], words[::2, ::2])
    assert np.array_equal(codewords, c.encode(source[::2].astype(np.int8), words[::2, ::2].copy()))
    mean = np.asfortranarray(np.stack([codewords.sum(axis=0) / 2] * 3))
    mean.flags.writeable = False
    got = c.decode(mean)
    assert got.which.tolist() == [0, 0, 1, 1, 2, 2]
    assert got.words[:2].tolist() == [[0, 2], [8, 10]]
    assert not any(a.flags.writeable for a in (got.which, got.source, got.words))
    assert c.encode(source[:0], words[:0, :2]).shape == (0, 6)
    assert c.decode(mean[:0]).words.shape == (0, 2)


def test_codes_and_errors_are_values() -> None:
    c = SyndromeCode(np.int64(2), 2, 8, 10)
    twin = pickle.loads(pickle.dumps(c))
    assert twin == c == SyndromeCode(2, 2, 8, 10)
    assert hash(twin) == hash(c)
    assert twin.prime == c.prime
    assert twin != SyndromeCode(3, 2, 8, 10)
    error = pickle.loads(pickle.dumps(CodeOverload(5, 1, "it has more")))
    assert (error.row, error.capacity, error.reason) == (5, 1, "it has more")
    assert str(error) == "row 5 is no average of at most 1 message: it has more"
