"""Real-valued mechanisms: the fast path against the definition, the definition against loops."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from anna_model.heads import DenseHeads
from anna_model.mechanisms import (
    AngularCodes,
    EluPlusOne,
    FeatureMap,
    GivenCodes,
    LowRank,
    Mechanism,
    PositiveRandomFeatures,
    Raw,
    Reformer,
    Softmax,
    SparseLowRank,
)

WIDTH = 3
CODES = AngularCodes(WIDTH, 4, rounds=3, seed=1)
ONE_ROUND = AngularCodes(WIDTH, 4, seed=1)
FEATURES = PositiveRandomFeatures(WIDTH, 16, 0.7, seed=2)
MECHANISMS: dict[str, Mechanism] = {
    "softmax": Softmax(0.7),
    "causal softmax": Softmax(0.7, causal=True),
    "raw low rank": LowRank(Raw(), normalised=False),
    "causal raw low rank": LowRank(Raw(), normalised=False, causal=True),
    "elu + 1": LowRank(),
    "causal elu + 1": LowRank(causal=True),
    "performer": LowRank(FEATURES),
    "causal performer": LowRank(FEATURES, causal=True),
    "reformer": Reformer(CODES, 4, 0.7),
    "causal reformer": Reformer(CODES, 4, 0.7, causal=True),
    "reformer of one-row chunks": Reformer(CODES, 1),
    "sparse + low rank": SparseLowRank(ONE_ROUND, FEATURES, 4),
}
SHARED = {name for name in MECHANISMS if "reformer" in name}
every_mechanism = pytest.mark.parametrize("name", MECHANISMS)


def drawn(name: str, n: int, seed: int, width: int = 2) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    Q, K = rng.standard_normal((2, n, WIDTH))
    return Q, Q if name in SHARED else K, rng.standard_normal((n, width))


def scalar_weight(mechanism: Mechanism) -> Callable[[Any, Any], float]:
    """exp(beta <q, k>) or <phi(q), phi(k)>, of two rows, with plain floats."""

    def dot(a: Any, b: Any) -> float:
        return math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))

    def features(phi: FeatureMap, row: Any) -> list[float]:
        if isinstance(phi, Raw):
            return [float(x) for x in row]
        if isinstance(phi, EluPlusOne):
            return [x + 1 if x > 0 else math.exp(x) for x in map(float, row)]
        assert isinstance(phi, PositiveRandomFeatures)
        x = [math.sqrt(phi.beta) * float(value) for value in row]
        half = dot(x, x) / 2
        return [math.exp(dot(w, x) - half) / math.sqrt(phi.rank) for w in phi.directions.T]

    if isinstance(mechanism, Softmax | Reformer):
        return lambda q, k: math.exp(mechanism.beta * dot(q, k))
    assert isinstance(mechanism, LowRank)
    return lambda q, k: dot(features(mechanism.features, q), features(mechanism.features, k))


@every_mechanism
@given(n=st.integers(1, 24), seed=st.integers(0, 99))
def test_the_fast_path_is_the_definition(name: str, n: int, seed: int) -> None:
    Q, K, V = drawn(name, n, seed)
    mechanism = MECHANISMS[name]
    got = mechanism.apply(Q, K, V)
    # Sums of at most 24 + 16 terms; weights of order e^5, quotients of positive sums.
    np.testing.assert_allclose(got.values, mechanism.weights(Q, K) @ V, rtol=1e-10, atol=1e-10)
    assert not got.unmatched.any()


@pytest.mark.parametrize("name", [name for name in MECHANISMS if name != "sparse + low rank"])
def test_the_definition_by_loops(name: str) -> None:
    mechanism = MECHANISMS[name]
    Q, K, _ = drawn(name, 9, 5)
    weight = scalar_weight(mechanism)
    expected = np.zeros((9, 9))
    for i in range(9):
        for j in range(i + 1 if mechanism.causal else 9):
            times = 1
            if isinstance(mechanism, Reformer):
                times = 0
                for r in range(mechanism.codes.rounds):
                    code = [int(mechanism.codes(Q[[t]], r)[0]) for t in range(9)]
                    place = sorted(range(9), key=lambda t: (code[t], t))
                    size = mechanism.chunk_size
                    times += place.index(i) // size == place.index(j) // size
            expected[i, j] = times * weight(Q[i], K[j])
        if not (isinstance(mechanism, LowRank) and not mechanism.normalised):
            expected[i] /= expected[i].sum()
    np.testing.assert_allclose(mechanism.weights(Q, K), expected, rtol=1e-10, atol=1e-12)


def test_sparse_low_rank_by_loops() -> None:
    mechanism = SparseLowRank(ONE_ROUND, FEATURES, 4)
    Q, K, _ = drawn("", 9, 6)
    near = scalar_weight(Softmax(FEATURES.beta))
    far = scalar_weight(LowRank(FEATURES))
    place = []
    for rows in (Q, K):
        code = [int(ONE_ROUND(rows[[t]], 0)[0]) for t in range(9)]
        order = sorted(range(9), key=lambda t: (code[t], t))
        place.append([order.index(t) // 4 for t in range(9)])
    expected = np.array(
        [
            [(near if place[0][i] == place[1][j] else far)(Q[i], K[j]) for j in range(9)]
            for i in range(9)
        ]
    )
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mechanism.weights(Q, K), expected, rtol=1e-10)


@every_mechanism
def test_hard_inputs(name: str) -> None:
    """Equal rows, zero rows, one token, one coordinate of value, many more tokens than a block."""
    mechanism = MECHANISMS[name]
    for n, scale in ((1, 1.0), (7, 0.0), (130, 1.0), (129, 0.0)):
        Q, K, V = drawn(name, n, n, width=1)
        got = mechanism.apply(scale * Q, scale * K, V)
        weights = mechanism.weights(scale * Q, scale * K)
        np.testing.assert_allclose(got.values, weights @ V, rtol=1e-9, atol=1e-9)
        zero_rows = (weights == 0).all(axis=1)
        np.testing.assert_array_equal(got.unmatched, zero_rows)


@every_mechanism
def test_float32_stays_and_is_near(name: str) -> None:
    Q, K, V = drawn(name, 50, 3)
    single = [part.astype(np.float32) for part in (Q, K, V)]
    got = MECHANISMS[name].apply(*single)
    assert got.values.dtype == np.float32
    exact = MECHANISMS[name].apply(*(part.astype(np.float64) for part in single)).values
    # 50 terms, exponents up to 10 with relative error 2^-24 each, products of width 16.
    np.testing.assert_allclose(got.values, exact, rtol=3e-4, atol=3e-4)


@every_mechanism
def test_refusals(name: str) -> None:
    mechanism = MECHANISMS[name]
    Q, K, V = drawn(name, 4, 0)
    bad = Q.copy()
    bad[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"Q must be finite, but Q\[2, 1\] is nan"):
        mechanism.apply(bad, K, V)
    with pytest.raises(ValueError, match=r"V must be finite, but V\[0, 0\] is inf"):
        mechanism.apply(Q, K, V * np.inf)
    with pytest.raises(ValueError, match="equal widths, not 3 and 2"):
        mechanism.weights(Q, K[:, :2])
    with pytest.raises(ValueError, match="V must have 4 rows, one per key, not 3"):
        mechanism.apply(Q, K, V[:3])
    with pytest.raises(TypeError, match="real numbers up to float64"):
        mechanism.apply(Q.astype(complex), K, V)
    if mechanism.causal:
        with pytest.raises(ValueError, match="as many queries as keys, not 4 and 3"):
            mechanism.apply(Q, K[:3], V[:3])
    if name in SHARED:
        with pytest.raises(ValueError, match="shares queries and keys"):
            mechanism.apply(Q, K + 1, V)


@pytest.mark.parametrize("name", ["softmax", "elu + 1", "raw low rank", "sparse + low rank"])
def test_without_keys_nothing_is_heard(name: str) -> None:
    got = MECHANISMS[name].apply(np.ones((2, WIDTH)), np.ones((0, WIDTH)), np.ones((0, 2)))
    assert got.values.tolist() == [[0, 0], [0, 0]]
    assert got.unmatched.tolist() == [True, True]


@every_mechanism
def test_a_block_of_heads_and_a_pickle(name: str) -> None:
    heads = [drawn(name, 6, seed) for seed in (0, 1)]
    block = DenseHeads(0, *(np.stack(parts) for parts in zip(*heads, strict=True)))
    mechanism = MECHANISMS[name]
    answer = pickle.loads(pickle.dumps(mechanism)).answer(block)
    for values, head in zip(answer.values, heads, strict=True):
        np.testing.assert_array_equal(values, mechanism.apply(*head).values)


@pytest.mark.parametrize("name", ["causal softmax", "causal elu + 1", "causal performer"])
def test_the_future_is_not_heard(name: str) -> None:
    Q, K, V = drawn(name, 20, 0)
    before = MECHANISMS[name].apply(Q, K, V).values[:12]
    Q[12:], K[12:], V[12:] = 9, -9, 99
    np.testing.assert_allclose(MECHANISMS[name].apply(Q, K, V).values[:12], before, rtol=1e-12)


def test_codes_do_not_depend_on_the_batch() -> None:
    rows = np.random.default_rng(0).standard_normal((200, WIDTH))
    codes = CODES(rows, 2)
    assert [int(CODES(rows[[i]], 2)[0]) for i in range(200)] == codes.tolist()
    assert set(codes.tolist()) == {0, 1, 2, 3}


def test_performer_features_estimate_the_exponential() -> None:
    """The mean over seeds lies within five standard errors of exp(beta <q, k>)."""
    q, k = np.array([[0.5, -0.2, 0.1]]), np.array([[0.3, 0.4, -0.6]])
    estimates: NDArray[Any] = np.array(
        [
            (phi(q) @ phi(k).T).item()
            for phi in (PositiveRandomFeatures(WIDTH, 8, 0.7, seed=s) for s in range(4000))
        ]
    )
    error = estimates.std() / math.sqrt(len(estimates))
    assert abs(estimates.mean() - math.exp(0.7 * (q @ k.T).item())) < 5 * error


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Softmax(math.nan), "beta must be finite, not nan"),
        (lambda: Reformer(CODES, 0), "at least one row"),
        (lambda: AngularCodes(3, 5), "even number of codes"),
        (lambda: PositiveRandomFeatures(3, 0), "at least 1"),
        (lambda: SparseLowRank(CODES, FEATURES, 4), "codes one round"),
        (lambda: SparseLowRank(AngularCodes(2, 4), FEATURES, 4), "one width, not 2 and 3"),
    ],
)
def test_bad_parameters(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("order", [1, -1])
def test_reformer_takes_logits_of_any_size(order: int) -> None:
    """Up to 2500: exp overflows at 710. In one order the largest come last, in the other first."""
    tokens = np.array([[1.0], [50.0], [2.0], [40.0], [-50.0], [3.0]])
    given = np.array([[0, 1, 0, 1, 2, 2], [0, 1, 1, 2, 2, 0]])[::order].copy()
    for mechanism in (Reformer(GivenCodes(given), 2), Reformer(GivenCodes(given), 2, -1.0)):
        values = np.arange(6.0)[:, None]
        found = mechanism.apply(tokens, tokens, values).values
        np.testing.assert_allclose(found, mechanism.weights(tokens, tokens) @ values, rtol=1e-12)
