"""Exact match: the fast path against the definition, exactly where values are integers."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from anna_model import EVERY_HEAD, DenseAnswer, ExactMatch, Mechanism, SparseAnswer, SparseHeads
from anna_model.forward_by_definition import answer_by_definition
from anna_model.frozen_arrays import FloatArray
from anna_model.joins.row_join import as_words, match_rows
from anna_model.mechanisms import Attended

NULL, NOBODY = -1.0, -2.0
NONE = np.zeros(0, np.int64)
# At most 64 values of magnitude below 2**46: every partial sum stays below 2**52 < 2**53, so sums
# are exact in any order and one division rounds once, as float(Fraction) does.
LARGEST = 2**46
MOST = 64

quickly = settings(deadline=None, max_examples=60)


def mean_by_loops(Q: Any, K: Any, V: FloatArray, *, causal: bool = False) -> Attended:
    """Definition B.1 with plain loops and fractions; V integers."""
    values, unmatched = np.zeros((len(Q), V.shape[1])), np.zeros(len(Q), bool)
    for i, query in enumerate(Q):
        seen = range(min(i + 1, len(K)) if causal else len(K))
        match = [j for j in seen if np.array_equal(K[j], query)]
        unmatched[i] = not match
        for c in range(V.shape[1] if match else 0):
            values[i, c] = float(Fraction(sum(int(V[j, c]) for j in match), len(match)))
    return Attended(values, unmatched)


def assert_same(got: Attended, want: Attended) -> None:
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.unmatched, want.unmatched)
    assert got.values.dtype == np.float64
    assert got.unmatched.dtype == np.bool_


def assert_definition(Q: Any, K: Any, V: FloatArray, *, causal: bool = False) -> None:
    """Fast path, weights and plain loops say the same; V integers within the budget above."""
    attention = ExactMatch(causal)
    got = attention.apply(Q, K, V)
    assert_same(got, mean_by_loops(Q, K, V, causal=causal))
    weights = attention.weights(Q, K)
    count = (weights > 0).sum(axis=1)
    np.testing.assert_array_equal(weights.max(axis=1, initial=0) * count, count > 0)
    np.testing.assert_array_equal(got.unmatched, count == 0)
    exact = (weights > 0).astype(float) @ V / np.maximum(count, 1)[:, None]
    np.testing.assert_array_equal(got.values, exact)


INTEGERS = st.sampled_from([0, 1, -1, 2, 3, -(2**63), 2**63 - 1, 2**32, -(2**32)])
FLOATS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, -5e-324, 1.7e308, 2.0**53])


@st.composite
def inputs(draw: st.DrawFn, *, square: bool = False) -> tuple[Any, Any, FloatArray]:
    """Draw Q, K and integer V; few letters, so that rows repeat."""
    letters, dtype = draw(st.sampled_from([(INTEGERS, np.int64), (FLOATS, np.float64)]))
    n_keys, width, m = draw(st.integers(0, 40)), draw(st.integers(0, 3)), draw(st.integers(0, 3))
    n_queries = n_keys if square else draw(st.integers(0, 40))
    some = draw(st.lists(letters, min_size=1, max_size=5))

    def rows(n: int) -> Any:
        drawn = draw(st.lists(st.sampled_from(some), min_size=n * width, max_size=n * width))
        return np.array(drawn, dtype).reshape(n, width)

    number = st.integers(-LARGEST, LARGEST)
    V = draw(st.lists(number, min_size=n_keys * m, max_size=n_keys * m))
    return rows(n_queries), rows(n_keys), np.array(V, float).reshape(n_keys, m)


@quickly
@given(inputs())
def test_apply_is_the_definition(case: tuple[Any, Any, FloatArray]) -> None:
    assert_definition(*case)


@quickly
@given(inputs(square=True))
def test_causal_apply_is_the_definition(case: tuple[Any, Any, FloatArray]) -> None:
    assert_definition(*case, causal=True)


def counting(n: int, m: int = 2) -> FloatArray:
    return np.arange(1.0, n * m + 1).reshape(n, m) * 3


def same_slot(n: int) -> Any:
    """Integers that all fall into one slot of the table of n rows."""
    from anna_model.kernels import exact_match as kernels

    mask = np.uint64((1 << (2 * n).bit_length()) - 1)
    with np.errstate(over="ignore"):
        slot = [int(kernels.mix(kernels.GOLDEN ^ np.uint64(x)) & mask) for x in range(200 * n)]
    keys = np.flatnonzero(np.array(slot) == slot[0])[:n]
    assert len(keys) == n
    return keys


NAMED = {
    "one token": (np.array([5]), np.array([5]), counting(1)),
    "one token, no match": (np.array([5]), np.array([6]), counting(1)),
    "width one": (np.array([1, 2]), np.array([2, 2]), counting(2, m=1)),
    "no queries": (np.zeros((0, 2)), np.ones((3, 2)), counting(3)),
    "no keys": (np.ones((3, 2)), np.zeros((0, 2)), counting(0)),
    "width zero": (np.zeros((2, 0)), np.zeros((3, 0)), counting(3)),
    "value width zero": (np.array([1, 2]), np.array([2, 2]), np.zeros((2, 0))),
    "all keys equal": (np.full(7, 4), np.full(50, 4), counting(50)),
    "nothing matches": (np.arange(20), np.arange(20) + 100, counting(20)),
    "zero vectors": (np.zeros((3, 4)), np.zeros((5, 4)), counting(5)),
    "minus zero": (np.array([[-0.0, 1.0]]), np.array([[0.0, 1.0], [-0.0, 1.0]]), counting(2)),
    "queries repeated": (np.array([3, 3, 3, 9, 3]), np.array([3, 1]), counting(2)),
    "more queries than keys": (np.arange(60), np.array([7, 7, 8]), counting(3)),
    "more keys than queries": (np.array([7]), np.arange(60) % 9, counting(60)),
    "words swapped": (np.array([[1, 2]]), np.array([[2, 1], [1, 2], [1, 1]]), counting(3)),
    "one slot": (same_slot(16)[::2], same_slot(16), counting(16)),
    "columns": (np.arange(12.0).reshape(3, 4).T, np.arange(12.0).reshape(3, 4)[:, ::-1].T,
                np.asfortranarray(counting(4))),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_named_inputs(name: str) -> None:
    Q, K, V = NAMED[name]
    assert_definition(Q, K, V)


@pytest.mark.parametrize("name", [name for name, (Q, K, _) in NAMED.items() if len(Q) == len(K)])
def test_named_inputs_causal(name: str) -> None:
    Q, K, V = NAMED[name]
    assert_definition(Q, K, V, causal=True)


def test_unequal_rows_of_equal_hash_do_not_match() -> None:
    from anna_model.kernels import exact_match as kernels

    with np.errstate(over="ignore"):
        mixed = [kernels.mix(kernels.GOLDEN ^ np.uint64(x)) for x in range(20)]
        K = np.array([[x, mixed[x] ^ mixed[0]] for x in range(20)], np.uint64)
        # mix(mix(GOLDEN ^ x) ^ second word) is mix(mixed[0]) for every row
        assert len({int(kernels.mix(mixed[x] ^ K[x, 1])) for x in range(20)}) == 1
    assert_definition(K[::3], K, counting(20))


def test_many_rows_of_every_kind() -> None:
    rng = np.random.default_rng(3)
    n = 3000
    V = rng.integers(-1000, 1000, (n, 2)).astype(float)
    for width in (1, 2, 5):
        K = rng.integers(0, 3 if width > 1 else 700, (n, width))
        Q = rng.integers(0, 3 if width > 1 else 1400, (n + 7, width))
        both, label = np.unique(np.concatenate([K, Q]), axis=0, return_inverse=True)
        label = label.reshape(-1)
        count = np.bincount(label[:n], minlength=len(both))
        total = [np.bincount(label[:n], V[:, c], minlength=len(both)) for c in range(2)]
        mean = np.stack(total, axis=1) / np.maximum(count, 1)[:, None]
        got = ExactMatch().apply(Q, K, V)
        assert_same(got, Attended(mean[label[n:]], count[label[n:]] == 0))


@quickly
@given(st.integers(1, MOST), st.integers(1, 6), st.booleans(), st.integers(0, 2**32))
def test_float_values(n: int, n_letters: int, causal: bool, seed: int) -> None:
    """Rounding, with g(k) = k u / (1 - k u), u = 2**-53, S the mean of |v| over a match of n.

    apply: n - 1 additions and a division, so g(n) S. weights @ V: the weight, a product and fewer
    than N additions, so g(N + 1) S. The difference is below 2 g(N + 1) S; S itself is computed with
    relative error g(N + 1) < 0.01.
    """
    rng = np.random.default_rng(seed)
    Q, K = rng.integers(0, n_letters, n), rng.integers(0, n_letters, n)
    V = rng.normal(size=(n, 3)) * 10.0 ** rng.integers(-3, 4, (n, 3))
    attention = ExactMatch(causal)
    weights = attention.weights(Q, K)
    g = (n + 1) * 2.0**-53 / (1 - (n + 1) * 2.0**-53)
    bound = 2 * g * (weights @ np.abs(V)) * 1.01
    assert (np.abs(attention.apply(Q, K, V).values - weights @ V) <= bound).all()


@pytest.mark.parametrize("causal", [False, True])
def test_sums_run_in_the_order_of_the_keys(causal: bool) -> None:
    rng = np.random.default_rng(8)
    K, V = rng.integers(0, 3, 40), rng.normal(size=(40, 1)) * 10.0 ** rng.integers(-8, 8, (40, 1))
    values, _ = ExactMatch(causal).apply(K, K, V)
    for i in range(40):
        match = [j for j in range(i + 1 if causal else 40) if K[j] == K[i]]
        total = 0.0
        for j in match:
            total += V[j, 0].item()
        assert values[i, 0] == total / len(match)


def test_canary_one_value_beyond_the_budget_is_inexact() -> None:
    Q, K = np.array([0]), np.array([0, 0, 0])
    V = np.array([[2.0**53], [1.0], [-(2.0**53)]])
    assert mean_by_loops(Q, K, V).values.item() == 1 / 3
    assert ExactMatch().apply(Q, K, V).values.item() == 0.0


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_integer_dtypes_may_differ(dtype: type) -> None:
    K: NDArray[Any] = np.array([1, 2, 1, 100], dtype)
    assert_same(
        ExactMatch().apply(np.array([1, 3, 100]), K, counting(4)),
        mean_by_loops(np.array([1, 3, 100]), K, counting(4)),
    )


def test_float_dtypes_may_differ() -> None:
    Q, K = np.array([0.5, 0.1], np.float32), np.array([0.5, 0.1])  # 0.1 differs between the two
    assert ExactMatch().apply(Q, K, counting(2)).unmatched.tolist() == [False, True]


def test_large_unsigned_keys_are_not_negative_numbers() -> None:
    Q, K = np.array([2**64 - 1], np.uint64), np.array([2**64 - 1, 1], np.uint64)
    assert_definition(Q, K, counting(2))
    for left, right in ((Q, np.array([-1])), (np.array([-1]), Q)):
        with pytest.raises(ValueError, match="holds 18446744073709551615, beyond int64"):
            ExactMatch().apply(left, right, counting(1))


@pytest.mark.parametrize("method", ["weights", "apply"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["Q", "K"])
def test_nan_and_infinity_are_refused(method: str, bad: float, side: str) -> None:
    sides: dict[str, FloatArray] = {"Q": np.zeros((2, 3)), "K": np.zeros((2, 3))}
    sides[side][1, 2] = bad
    call = getattr(ExactMatch(), method)
    with pytest.raises(ValueError, match=rf"{side} must be finite, but {side}\[1, 2\] is"):
        call(sides["Q"], sides["K"], *([counting(2)] if method == "apply" else []))


@pytest.mark.parametrize(
    ("Q", "K", "V", "error", "message"),
    [
        ([1], [1.0], [[1.0]], TypeError, "both integers or both floats"),
        ([True], [True], [[1.0]], TypeError, "not bool"),
        (["a"], ["a"], [[1.0]], TypeError, "not <U1"),
        ([1j], [1j], [[1.0]], TypeError, "not complex128"),
        (np.zeros(1, object), [1], [[1.0]], TypeError, "not object"),
        ([[1, 2]], [[1]], [[1.0]], ValueError, "equal widths, not 2 and 1"),
        ([[[1]]], [[1]], [[1.0]], ValueError, "one or two axes, not 3"),
        (1, [1], [[1.0]], ValueError, "one or two axes, not 0"),
        ([1], [1], [[1j]], TypeError, "V must hold real numbers up to float64, not complex128"),
        ([1], [1], [[[1.0]]], ValueError, "V must have one or two axes, not 3"),
        ([1], [1, 2], [[1.0]], ValueError, r"V must have shape \(2, any\), not \(1, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(
    Q: Any, K: Any, V: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ExactMatch().apply(Q, K, V)


def test_causal_is_self_attention() -> None:
    with pytest.raises(ValueError, match="as many queries as keys, not 1 and 2"):
        ExactMatch(causal=True).apply([1], [1, 2], counting(2))
    with pytest.raises(ValueError, match="as many queries as keys, not 1 and 2"):
        ExactMatch(causal=True).weights([1], [1, 2])


def test_nan_values_stay_with_their_key() -> None:
    V = np.array([[np.nan], [2.0]])
    values, _ = ExactMatch().apply([1, 2, 3], [1, 2], V)
    np.testing.assert_array_equal(values[:, 0], [np.nan, 2.0, 0.0])


def test_inputs_may_be_read_only_and_are_left_alone() -> None:
    arrays = [np.array([[-0.0], [1.0]]), np.array([[0.0], [1.0]]), np.ones((2, 2))]
    before = [array.tobytes() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    for causal in (False, True):
        ExactMatch(causal).apply(*arrays)
    assert [array.tobytes() for array in arrays] == before


def test_pickles_and_compares() -> None:
    for attention in (ExactMatch(), ExactMatch(causal=True)):
        assert pickle.loads(pickle.dumps(attention)) == attention
    assert ExactMatch() != ExactMatch(causal=True)


# --- sparse blocks ---


@st.composite
def sparse_blocks(draw: st.DrawFn) -> SparseHeads:
    """Draw a block; some classes ask everywhere, some in single heads, some not at all."""
    n_heads, n_tokens = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    width, m = draw(st.integers(1, 2)), draw(st.integers(0, 2))
    token_class = draw(
        st.lists(st.integers(-1, n_tokens - 1), min_size=n_tokens, max_size=n_tokens)
    )
    letter = st.sampled_from([0.0, -0.0, 1.0, 2.5])
    vector = st.lists(letter, min_size=width, max_size=width)
    queries: list[tuple[int, int]] = []
    for each in draw(st.sets(st.integers(0, n_tokens - 1))):
        if draw(st.booleans()):
            queries.append((EVERY_HEAD, each))
        else:
            queries += [(head, each) for head in draw(st.sets(st.integers(0, n_heads - 1)))]
    queries = draw(st.permutations(queries))
    place = st.tuples(st.integers(0, n_heads - 1), st.integers(0, n_tokens - 1))
    keys = sorted(draw(st.sets(place)))
    value = st.lists(st.integers(-LARGEST, LARGEST), min_size=m, max_size=m)

    def column(pairs: list[tuple[int, int]], i: int) -> Any:
        return np.array([pair[i] for pair in pairs], np.int64)

    def rows(each: Any, n: int, w: int) -> FloatArray:
        return np.array([draw(each) for _ in range(n)], float).reshape(n, w)

    return SparseHeads(
        draw(st.integers(0, 3)), n_heads, np.array(token_class),
        column(queries, 0), column(queries, 1), rows(vector, len(queries), width),
        column(keys, 0), column(keys, 1), rows(vector, len(keys), width),
        rows(value, len(keys), m),
    )  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(sparse_blocks())
def test_a_sparse_answer_is_the_answer_to_the_dense_expansion(block: SparseHeads) -> None:
    want = ExactMatch().answer(block.dense(NULL, NOBODY))
    assert isinstance(want, DenseAnswer)
    by_definition = answer_by_definition(ExactMatch(), block, NULL, NOBODY)
    head_by_head = Mechanism.answer(ExactMatch(), block)
    for got in (ExactMatch().answer(block), head_by_head, by_definition):
        assert isinstance(got, SparseAnswer)
        assert got.mean.shape[1] == block.value_width
        dense = got.dense(block)
        np.testing.assert_array_equal(dense.values, want.values)
        np.testing.assert_array_equal(dense.unmatched, want.unmatched)


def numbered(n_heads: int, n_tokens: int, n_keys: int) -> SparseHeads:
    """Build a block where every class asks for its own number everywhere."""
    tokens, key = np.arange(n_tokens), np.arange(n_keys)
    return SparseHeads(
        0,
        n_heads,
        token_class=tokens,
        query_head=np.full(n_tokens, EVERY_HEAD),
        query_class=tokens,
        Q=tokens[:, None].astype(np.float64),
        key_head=np.sort(key * 7919 % n_heads),
        key_token=key,
        K=(key[:, None] % 3).astype(np.float64),
        V=(key[:, None] * 2).astype(np.float64),
    )


def test_heads_without_messages_cost_nothing() -> None:
    """2**30 pairs of head and class, 100 messages: an answer that touched pairs would not end."""
    block = numbered(2**18, 2**12, 100)
    answer = ExactMatch().answer(block)
    assert isinstance(answer, SparseAnswer)
    heard = {
        (key, head): [i for i in range(100) if i % 3 == key and block.key_head[i] == head]
        for key, head in zip((np.arange(100) % 3).tolist(), block.key_head.tolist(), strict=True)
    }
    pairs = list(zip(answer.query_class.tolist(), answer.head.tolist(), strict=True))
    assert pairs == sorted(heard)
    means = answer.mean[answer.which, 0].tolist()
    assert means == [2 * sum(heard[pair]) / len(heard[pair]) for pair in pairs]


def test_a_block_without_keys_or_queries_hears_nothing() -> None:
    answer = ExactMatch().answer(numbered(4, 3, 0))
    assert isinstance(answer, SparseAnswer)
    assert (len(answer.head), answer.mean.shape) == (0, (0, 1))
    silent = SparseHeads(
        0, 2, np.array([-1]), NONE, NONE, np.zeros((0, 1)),
        np.array([1]), np.array([0]), np.ones((1, 1)), np.ones((1, 3)),
    )  # fmt: skip
    answer = ExactMatch().answer(silent)
    assert isinstance(answer, SparseAnswer)
    assert (len(answer.head), answer.mean.shape) == (0, (0, 3))


def test_the_count_of_a_match_stays_hidden() -> None:
    one, two = (
        ExactMatch().answer(SparseHeads(
            0, 1, np.zeros(3, np.int64), np.array([0]), np.array([0]), np.ones((1, 1)),
            np.zeros(n, np.int64), np.arange(n), np.ones((n, 1)), np.full((n, 1), 5.0)))
        for n in (1, 2)
    )  # fmt: skip
    assert pickle.dumps(one) == pickle.dumps(two)


def test_causal_refuses_a_sparse_block() -> None:
    block = numbered(1, 2, 2)
    with pytest.raises(ValueError, match="cannot answer a sparse block"):
        ExactMatch(causal=True).answer(block)
    with pytest.raises(ValueError, match="cannot answer a sparse block"):
        answer_by_definition(ExactMatch(causal=True), block, NULL, NOBODY)


# --- the join ---


@quickly
@given(inputs())
def test_labels_number_the_groups(case: tuple[Any, Any, FloatArray]) -> None:
    Q, K, _ = case
    group, found, n_groups = match_rows(as_words(K), as_words(Q))
    distinct = {tuple((row + 0.0).tolist()) if K.dtype == float else tuple(row) for row in K}
    assert n_groups == len(distinct)
    assert set(group.tolist()) == set(range(n_groups))
    assert set(found.tolist()) <= {-1, *range(n_groups)}
