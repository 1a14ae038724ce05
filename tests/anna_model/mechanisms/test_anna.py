"""ANNA by tables against its weights: both algorithms, causal or not, bit for bit."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from fractions import Fraction
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import Anna, DenseAnswer, DenseHeads, SparseAnswer, SparseHeads
from anna_model.frozen_arrays import FloatArray
from anna_model.kernels import hashing
from anna_model.lsh import CrossPolytope, Family, Hyperplane, PStable
from anna_model.mechanisms import Attended
from anna_model.threads import cut

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
needs_speed = pytest.mark.skipif(not COMPILED, reason="many tokens")
FAMILIES: list[Family] = [CrossPolytope(), Hyperplane(), PStable(1.0)]
WAYS = [(1, 2), (2, 1), (2, 2), (2, 5)]


def mean_by_loops(attention: Anna, Q: Any, K: Any, V: Any) -> Attended:
    """Algorithm 1 with dictionaries and fractions; V integers."""
    functions = attention.functions(Q.shape[1])
    q_ids, k_ids = functions.bucket_ids(Q), functions.bucket_ids(K)
    values, unmatched = np.zeros((len(Q), V.shape[1])), np.zeros(len(Q), bool)
    for i in range(len(Q)):
        total, count = [0] * V.shape[1], 0
        for u in range(attention.tables):
            for j in range(i + 1 if attention.causal else len(K)):
                if k_ids[j, u] == q_ids[i, u]:
                    count += 1
                    total = [t + int(v) for t, v in zip(total, V[j], strict=True)]
        unmatched[i] = count == 0
        values[i] = [float(Fraction(t, max(count, 1))) for t in total]
    return Attended(values, unmatched)


def assert_same(got: Attended, want: Attended) -> None:
    np.testing.assert_array_equal(got.values, want.values)
    np.testing.assert_array_equal(got.unmatched, want.unmatched)


def assert_algorithms(family: Family, hashes: int, tables: int, Q: Any, K: Any, V: Any) -> None:
    """Every way gives what plain loops give; V small integers, so that all sums are exact."""
    for causal in (False, True) if len(Q) == len(K) else (False,):
        for algorithm, alive in WAYS:
            attention = Anna(family, hashes, tables, 3, algorithm, causal, alive)
            got = attention.apply(Q, K, V)
            assert_same(got, mean_by_loops(attention, Q, K, V))
            weights = attention.weights(Q, K)
            np.testing.assert_array_equal(got.unmatched, (weights == 0).all(axis=1))
            np.testing.assert_array_equal(
                attention.collisions(Q, K), attention.collision_matrix(Q, K).sum(axis=1)
            )


@settings(deadline=None, max_examples=25 if COMPILED else 3)
@given(
    st.sampled_from(FAMILIES),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(0, 2**32),
)
def test_apply_is_the_algorithm(
    family: Family, hashes: int, tables: int, n_q: int, n_k: int, m_qk: int, m: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    K = rng.integers(-1, 2, (n_k, m_qk)).astype(float)  # duplicates and zero rows
    Q = rng.integers(-1, 2, (n_q, m_qk)).astype(float)
    assert_algorithms(family, hashes, tables, Q, K, rng.integers(-999, 999, (n_k, m)) * 1.0)


def counting(n: int, m: int = 2) -> FloatArray:
    return np.arange(1.0, n * m + 1).reshape(n, m) * 3


EYE = np.eye(5)
NAMED = {
    "one token": (EYE[:1], EYE[:1], counting(1)),
    "width one": (np.array([[1.0], [-2.0]]), np.array([[3.0], [-1.0]]), counting(2)),
    "no queries": (EYE[:0], EYE, counting(5)),
    "no keys": (EYE, EYE[:0], counting(0)),
    "value width zero": (EYE, EYE, np.zeros((5, 0))),
    "all in one bucket": (np.ones((40, 5)), np.ones((40, 5)), counting(40)),
    "nothing in a bucket": (EYE, -EYE, counting(5)),
    "zero vectors": (np.zeros((6, 5)), np.zeros((6, 5)), counting(6)),
    "duplicates": (EYE[[0, 0, 1]], EYE[[0, 1, 0, 0, 2]], counting(5)),
    "minus zero": (EYE, EYE, -0.0 * counting(5)),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_named_inputs(name: str, family: Family) -> None:
    Q, K, V = NAMED[name]
    assert_algorithms(family, 2, 5, Q, K, V)
    assert_algorithms(family, 40, 2, Q, K, V)  # folded or long ids: tables by open addressing


def near_pairs(n: int, m: int, dtype: type) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(n)
    Q = rng.normal(size=(n, m)).astype(dtype)
    K = (Q[rng.permutation(n)] + 0.2 * rng.normal(size=(n, m))).astype(dtype)
    return Q, K, (rng.normal(size=(n, 7)) * 10.0 ** rng.integers(-3, 4, (n, 7))).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_float_values(family: Family, causal: bool, dtype: type) -> None:
    """Every way the same bits, and near weights @ V.

    With C collisions of a query, u the unit roundoff of V's dtype and S the weights times |V|: at
    most C + 2 roundings lie on the way to a mean, so that it errs by less than g S,
    g = (C + 2) u / (1 - (C + 2) u); weights @ V errs by less than (N + 2) 2**-53 S.
    """
    n = 600 if COMPILED else 33
    Q, K, V = near_pairs(n, 8, dtype)
    outputs = [Anna(family, 1, 7, 3, g, causal, alive).apply(Q, K, V) for g, alive in WAYS]
    for other in outputs[1:]:
        assert other.values.tobytes() == outputs[0].values.tobytes()
        assert other.unmatched.tobytes() == outputs[0].unmatched.tobytes()
    assert outputs[0].values.dtype == dtype
    attention = Anna(family, 1, 7, 3, causal=causal)
    weights, wide = attention.weights(Q, K), V.astype(np.float64)
    roundings = (attention.collisions(Q, K)[:, None] + 2) * float(np.finfo(dtype).eps) / 2
    bound = (roundings / (1 - roundings) + (n + 2) * 2.0**-53) * (weights @ np.abs(wide)) * 1.01
    error = np.abs(outputs[0].values.astype(np.float64) - weights @ wide)
    assert (error <= bound).all()
    assert not (error[:, :] <= bound * 1e-6).all()  # canary: values that round


@needs_speed
@pytest.mark.parametrize("hashes", [1, 2, 9])
def test_threads_do_not_change_a_byte(hashes: int) -> None:
    Q, K, V = near_pairs(5000, 64, np.float32)
    seen = set()
    for n_threads in (1, 2, 3):
        with mock.patch.object(hashing, "N_THREADS", n_threads):
            for algorithm in (1, 2):
                for causal in (False, True):
                    attention = Anna(CrossPolytope(), hashes, 6, 0, algorithm, causal)
                    seen.add((causal, attention.apply(Q, K, V).values.tobytes()))
    assert len(seen) == 2


def test_cut_covers_every_row_once() -> None:
    for n_rows in range(70):
        for n_parts in range(1, 5):
            for unit in (1, 32):
                parts = cut(n_rows, n_parts, unit)
                assert [i for low, high in parts for i in range(low, high)] == list(range(n_rows))
                assert len(parts) <= n_parts
                assert all(low % unit == 0 for low, _ in parts)


def peak_bytes(attention: Anna, Q: Any, K: Any, V: Any) -> int:
    attention.functions(Q.shape[1])
    tracemalloc.start()
    attention.apply(Q, K, V)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@needs_speed
def test_memory_of_algorithm_2_does_not_grow_with_the_tables() -> None:
    """At most 4 N m numbers beside the result, with every query in a bucket of its own."""
    n, m = 2**13, 64
    Q, K, V = (np.random.default_rng(i).normal(size=(n, m)).astype(np.float32) for i in range(3))
    few, many = (
        peak_bytes(Anna(CrossPolytope(), 9, n_tables, 0, 2), Q, K, V) for n_tables in (8, 64)
    )
    assert many <= few * 1.1 + 2**20
    result, functions = 4 * n * m, 2**20
    print(f"{(many - result) / (4 * n * m):.2f} N m numbers")
    assert many <= result + 4 * (4 * n * m) + functions
    assert peak_bytes(Anna(CrossPolytope(), 9, 64, 0, 1), Q, K, V) > 8 * many  # canary


# --- mechanisms ---


def test_mixed_dtypes_meet_in_float64() -> None:
    Q, K, V = near_pairs(20, 4, np.float32)
    attention = Anna(Hyperplane(), 2, 4, 0)
    mixed = attention.apply(Q, K.astype(float), V)
    assert_same(mixed, attention.apply(Q.astype(float), K.astype(float), V))


def test_blocks_of_heads() -> None:
    rng = np.random.default_rng(0)
    Q, K, V = (rng.normal(size=(2, 6, 3)) for _ in range(3))
    attention = Anna(Hyperplane(), 2, 3, 0)
    dense = attention.answer(DenseHeads(0, Q, K, V))
    assert isinstance(dense, DenseAnswer)
    tokens = np.arange(6)
    sparse = attention.answer(
        SparseHeads(
            0, 1, tokens, np.full(6, -1), tokens, Q[1], np.zeros(6, int), tokens, K[1], V[1]
        )
    )
    assert isinstance(sparse, SparseAnswer)
    values = np.zeros((6, 3))
    values[sparse.query_class] = sparse.mean[sparse.which]
    np.testing.assert_array_equal(values, dense.values[1])


def test_pickles_and_compares() -> None:
    attention = Anna(CrossPolytope(), 2, 3, 4, algorithm=2)
    again = pickle.loads(pickle.dumps(attention))
    assert again == attention != Anna(CrossPolytope(), 2, 3, 5, algorithm=2)
    assert_same(again.apply(EYE, EYE, counting(5)), attention.apply(EYE, EYE, counting(5)))


def test_inputs_may_be_read_only_and_are_left_alone() -> None:
    arrays = [np.eye(3), np.eye(3), np.ones((3, 2))]
    before = [array.tobytes() for array in arrays]
    for array in arrays:
        array.setflags(write=False)
    for algorithm in (1, 2):
        for causal in (False, True):
            Anna(Hyperplane(), 1, 2, 0, algorithm, causal).apply(*arrays)
    assert [array.tobytes() for array in arrays] == before


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["Q", "K"])
@pytest.mark.parametrize("algorithm", [1, 2])
def test_nan_and_infinity_are_refused(bad: float, side: str, algorithm: int) -> None:
    sides = {"Q": np.zeros((2, 3)), "K": np.zeros((2, 3))}
    sides[side][1, 2] = bad
    attention = Anna(CrossPolytope(), 1, 1, 0, algorithm)
    for call in (attention.weights, lambda Q, K: attention.apply(Q, K, counting(2))):
        with pytest.raises(ValueError, match=rf"{side} must be finite, but {side}\[1, 2\] is"):
            call(sides["Q"], sides["K"])


@pytest.mark.parametrize(
    ("Q", "K", "V", "message"),
    [
        (EYE, EYE[:, :2], counting(5), "one width of at least 1, not 5 and 2"),
        (EYE[:, :0], EYE[:, :0], counting(5), "one width of at least 1, not 0 and 0"),
        (EYE, EYE, counting(4), r"V must have shape \(5, any\), not \(4, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(Q: Any, K: Any, V: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Anna(Hyperplane(), 1, 1, 0).apply(Q, K, V)


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="algorithm must be 1 or 2, not 3"):
        Anna(Hyperplane(), 1, 1, 0, algorithm=3)
    with pytest.raises(ValueError, match="alive must be at least 1, not 0"):
        Anna(Hyperplane(), 1, 1, 0, alive=0)
    with pytest.raises(ValueError, match="must be at least 1, not 1, 0 and 1"):
        Anna(Hyperplane(), 1, 0, 0)
    with pytest.raises(ValueError, match="as many queries as keys, not 5 and 4"):
        Anna(Hyperplane(), 1, 1, 0, causal=True).apply(EYE, EYE[:4], counting(4))
    with pytest.raises(TypeError, match="V must hold real numbers up to float64, not bool"):
        Anna(Hyperplane(), 1, 1, 0).apply(EYE, EYE, np.ones((5, 1), bool))
