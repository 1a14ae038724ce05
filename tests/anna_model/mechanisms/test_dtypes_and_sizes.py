"""What every mechanism makes of other number types, of no rows, and of very long ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from anna_model.fixed_point.grid import Grid, GridOverflow
from anna_model.fixed_point.softmax import FixedSoftmax
from anna_model.lsh import CrossPolytope, Hyperplane, PStable
from anna_model.mechanisms import (
    AngularCodes,
    Anna,
    EluPlusOne,
    ExactMatch,
    LowRank,
    Mechanism,
    PositiveRandomFeatures,
    Raw,
    Reformer,
    Softmax,
    SparseLowRank,
)
from anna_model.mechanisms.past_softmax import PastSoftmax

WIDTH = 4
FEATURES = PositiveRandomFeatures(WIDTH, 6, 0.5, seed=1)
MECHANISMS: dict[str, Mechanism] = {
    "exact match": ExactMatch(),
    "hyperplane": Anna(Hyperplane(), 2, 5, 0),
    "cross-polytope, by queries": Anna(CrossPolytope(), 1, 4, 0, algorithm=2),
    "p-stable, causal": Anna(PStable(4.0), 1, 4, 0, causal=True),
    "softmax": Softmax(),
    "past softmax": PastSoftmax(),
    "fixed softmax": FixedSoftmax(Grid(8, 1), largest_logit=9.0),
    "raw": LowRank(Raw(), normalised=False),
    "elu + 1": LowRank(),
    "performer": LowRank(FEATURES),
    "reformer": Reformer(AngularCodes(WIDTH, 4), 2),
    "sparse + low rank": SparseLowRank(AngularCodes(WIDTH, 4), FEATURES, 2),
}
every_mechanism = pytest.mark.parametrize("name", MECHANISMS)
ROWS = [[1, 0, 2, 0], [0, 2, 0, 1], [0, 0, 1, 1], [1, 0, 2, 0]]


@every_mechanism
@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", ">f8", ">i8", "int64", "uint8"])
def test_real_numbers_of_every_type_are_taken_alike(name: str, dtype: str) -> None:
    """Small whole numbers are the same in all; float32 alone is computed in."""
    rows, expected = np.array(ROWS, dtype), np.array(ROWS, np.float64)
    found, wanted = (MECHANISMS[name].apply(x, x, x) for x in (rows, expected))
    is_single = dtype == "float32"
    np.testing.assert_allclose(found.values, wanted.values, rtol=1e-4 if is_single else 0)
    assert found.unmatched.tolist() == wanted.unmatched.tolist()
    keeps = is_single and name not in ("exact match", "fixed softmax")
    assert found.values.dtype == np.dtype(np.float32 if keeps else np.float64)
    np.testing.assert_array_equal(
        MECHANISMS[name].weights(rows, rows), MECHANISMS[name].weights(expected, expected)
    )


@every_mechanism
@pytest.mark.parametrize("dtype", [bool, complex, object, "U3", np.longdouble, "datetime64[s]"])
def test_other_types_are_refused_alike(name: str, dtype: Any) -> None:
    bad, good = np.array(ROWS).astype(dtype), np.array(ROWS, np.float64)
    for rows in ((bad, good, good), (good, bad, good), (good, good, bad)):
        with pytest.raises(TypeError, match=r"up to float64|both integers or both floats"):
            MECHANISMS[name].apply(*rows)


@every_mechanism
def test_no_rows_are_taken_alike(name: str) -> None:
    mechanism, none = MECHANISMS[name], np.zeros((0, WIDTH))
    found = mechanism.apply(none, none, np.zeros((0, 2)))
    assert found.values.shape == (0, 2)
    assert found.unmatched.tolist() == []
    assert mechanism.weights(none, none).shape == (0, 0)
    if mechanism.causal or isinstance(mechanism, Reformer):
        return
    found = mechanism.apply(np.ones((3, WIDTH)), none, np.zeros((0, 2)))
    assert found.values.tolist() == [[0, 0]] * 3
    assert found.unmatched.all()
    assert mechanism.weights(np.ones((3, WIDTH)), none).shape == (3, 0)
    assert mechanism.apply(none, np.ones((3, WIDTH)), np.ones((3, 2))).values.shape == (0, 2)


def log_sum(terms: list[float]) -> float:
    top = max(terms)
    return top + math.log(math.fsum(math.exp(term - top) for term in terms))


def by_logarithms(Q: Any, K: Any, near: Any = None) -> Any:
    """Normalised weights of FEATURES: of every pair the logarithm, by plain floats."""

    def dot(one: Any, other: Any) -> float:
        return math.fsum(float(x) * float(y) for x, y in zip(one, other, strict=True))

    def exponents(row: Any) -> list[float]:
        x = [math.sqrt(FEATURES.beta) * float(value) for value in row]
        return [dot(w, x) - dot(x, x) / 2 for w in FEATURES.directions.T]

    logs = []
    for i, q in enumerate(Q):
        row = []
        for j, k in enumerate(K):
            pairs = zip(exponents(q), exponents(k), strict=True)
            far = log_sum([a + b for a, b in pairs]) - math.log(FEATURES.rank)
            row.append(FEATURES.beta * dot(q, k) if near is not None and near[i, j] else far)
        total = log_sum(row)
        logs.append([math.exp(one - total) for one in row])
    return np.array(logs)


@pytest.mark.parametrize("norm", [1.0, 60.0, 1000.0])
def test_performer_features_of_rows_of_any_length(norm: float) -> None:
    Q, K = np.random.default_rng(0).standard_normal((2, 7, WIDTH))
    Q, K = (norm * rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (Q, K))
    expected = by_logarithms(Q, K)
    # Exponents up to 4 norm^2, each within a few units in the last place.
    close = {"rtol": 1e-12 * max(1, norm**2), "atol": 1e-300}
    np.testing.assert_allclose(LowRank(FEATURES).weights(Q, K), expected, **close)
    found = LowRank(FEATURES).apply(Q, K, np.eye(7))
    np.testing.assert_allclose(found.values, expected, **close)
    assert not found.unmatched.any()
    if norm > 30:
        with pytest.raises(ValueError, match="scale Q and K down"):
            LowRank(FEATURES, normalised=False).apply(Q, K, np.eye(7))


@pytest.mark.parametrize("norm", [1.0, 40.0])
@pytest.mark.parametrize("size", [1, 3, 9])
def test_sparse_low_rank_of_rows_of_any_length(norm: float, size: int) -> None:
    mechanism = SparseLowRank(AngularCodes(WIDTH, 4, seed=1), FEATURES, size)
    Q, K = norm * np.random.default_rng(0).standard_normal((2, 7, WIDTH))
    chunk = [mechanism._chunk(rows) for rows in (Q, K)]
    expected = by_logarithms(Q, K, near=chunk[0][:, None] == chunk[1])
    close = {"rtol": 1e-12 * max(1, norm**2), "atol": 1e-300}
    np.testing.assert_allclose(mechanism.weights(Q, K), expected, **close)
    np.testing.assert_allclose(mechanism.apply(Q, K, np.eye(7)).values, expected, **close)


def test_near_pairs_survive_features_that_are_much_larger() -> None:
    """The drawn direction as the query, keys 0: features of e^48 beside a weight of 1."""
    features = PositiveRandomFeatures(96, 1, seed=0)
    attention = SparseLowRank(AngularCodes(96, 2), features, 4)
    q, zero = np.array(features.directions.T), np.zeros((3, 96))
    values = np.array([[3.0], [6.0], [9.0]])
    assert attention.apply(q, zero, values).values.tolist() == [[6.0]]
    wide = PositiveRandomFeatures(1600, 1, seed=0)  # its feature is e^800 there, and no other is
    attention = SparseLowRank(AngularCodes(1600, 2), wide, 4)
    q, zero = np.array(wide.directions.T), np.zeros((3, 1600))
    for run in (lambda: attention.apply(q, zero, values), lambda: attention.weights(q, zero)):
        with pytest.raises(ValueError, match="underflow: scale Q and K down, or beta"):
            run()


@pytest.mark.parametrize(
    "mechanism", [LowRank(EluPlusOne()), LowRank(FEATURES, causal=True)], ids=["elu", "masked"]
)
def test_positive_weights_that_underflow_are_no_zeros(mechanism: Mechanism) -> None:
    rows = np.full((2, WIDTH), -800.0)
    rows[1] = 0.0
    for run in (
        lambda: mechanism.apply(rows, rows, np.ones((2, 1))),
        lambda: mechanism.weights(rows, rows),
    ):
        with pytest.raises(ValueError, match="underflow: scale Q and K down, or beta"):
            run()


def test_weights_of_fixed_softmax_never_wrap() -> None:
    """2,048 keys of weight 2^52 reach 2^63; two of them are the first sum that is no float."""

    def attend(n_keys: int, bits: int) -> Any:
        attention = FixedSoftmax(Grid(8, 0), weight_bits=bits, largest_logit=0.0)
        keys = np.zeros((n_keys, 1))
        return attention.apply(keys[:1], keys, np.ones((n_keys, 1))).values.tolist()

    assert attend(1, 52) == attend(1023, 43) == [[1.0]]
    for n_keys, bits in ((2048, 52), (2, 52), (1024, 43)):
        with pytest.raises(GridOverflow, match=rf"over {n_keys} keys sum to 2\^53 or more"):
            attend(n_keys, bits)
