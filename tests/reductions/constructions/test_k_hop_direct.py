"""k-hop without a protocol: softmax under two masks, and exact match over a tree, or hashing."""

from __future__ import annotations

import itertools
import math
import pickle
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import oracles
from anna_model import Anna, Rows, check_rowwise
from anna_model.lsh import PStable
from anna_model.mechanisms.past_softmax import PastSoftmax
from mpc_sim import InputError
from reductions.certify import How, certify
from reductions.constructions.chains import look_ups
from reductions.constructions.k_hop_softmax import (
    LatestKey,
    LatestQuery,
    k_hop_softmax,
    softmax_depth,
)
from reductions.constructions.k_hop_tree import induction_heads, k_hop_tree, tree_depth
from reductions.constructions.sum import sum_transformer
from reductions.constructions.word_transformer import WordTransformer
from reductions.registry import solver

MASKS = ("past", "causal")


def built(n: int, letters: int, k: int) -> dict[str, WordTransformer]:
    return {
        "past": k_hop_softmax(n, letters, k),
        "causal": k_hop_softmax(n, letters, k, mask="causal"),
        "tree": k_hop_tree(n, letters, k),
    }


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 12))
def test_all_are_the_definition(words: list[int], k: int) -> None:
    expected = oracles.k_hop(words, k, oracles.sigma_by_definition(words))
    for transformer in built(len(words), 5, k).values():
        assert transformer.run(words).tolist() == expected
    assert induction_heads(len(words), 5).run(words).tolist() == oracles.k_hop(words, 1)


def test_every_short_sequence_of_two_letters() -> None:
    for n in range(1, 8):
        of_one, of_three = induction_heads(n, 2), built(n, 2, 3)
        for words in itertools.product((0, 1), repeat=n):
            assert of_one.run(words).tolist() == oracles.k_hop(words, 1)
            for transformer in of_three.values():
                assert transformer.run(words).tolist() == oracles.k_hop(words, 3)


def test_depth_heads_and_width_are_read_off_the_objects() -> None:
    for n, k in itertools.product((1, 2, 3, 8, 9, 1000), (0, 1, 2, 3, 4, 5, 8, 9)):
        levels = next(d for d in range(1, 20) if 2**d >= n)
        past, causal, tree = (each.resources() for each in built(n, 5, k).values())
        log = math.ceil(math.log2(k)) if k else 0
        assert past.layers == softmax_depth(k) == (math.floor(math.log2(k)) + 2 if k else 1)
        assert causal.layers == softmax_depth(k, "causal") == 2 + log
        assert tree.layers == tree_depth(k) == 2 + log
        assert (past.heads, past.head_width) == (1, 3 if k else 2)
        assert (causal.heads, causal.head_width) == (1, 4 if log else 3)
        assert (tree.heads, tree.query_width) == (levels + 1, 2)
        one = induction_heads(n, 5).resources()
        assert (one.layers, one.heads, one.head_width) == (2, levels + 1, 1)
        assert one.token_width == levels + 1


def test_look_ups_reach_the_hops() -> None:
    for hops in range(1, 200):
        m = 1
        for is_upper in look_ups(hops):
            m = 2 * m - (not is_upper)
        assert m == hops


def test_all_maps_are_row_wise_and_pickle() -> None:
    words = np.random.default_rng(0).integers(0, 3, 12)
    for transformer in built(12, 3, 3).values():
        copy = pickle.loads(pickle.dumps(transformer))
        rows = Rows.from_dense(words[:, None] + 1.0)
        for layer in copy.layers:
            check_rowwise(layer, rows, np.random.default_rng(1))
            rows = type(transformer)((layer,), 12, 2).forward(rows)
        assert np.array_equal(copy.run(words), transformer.run(words))


@pytest.mark.parametrize(("n", "letters", "k"), [(1, 1, 2), (2, 1, 3), (9, 2, 3), (30, 7, 5)])
def test_numbers_stay_within_the_declared_bits(n: int, letters: int, k: int) -> None:
    words = np.random.default_rng(n).integers(0, letters, n)
    for transformer in (*built(n, letters, k).values(), induction_heads(n, letters)):
        seen: list[tuple[int, Any, Any]] = []
        transformer.forward(Rows.from_dense(words[:, None] + 1.0), trace=seen)
        for layer, block, _ in seen:
            largest = max(np.abs(block.Q).max(), np.abs(block.K).max(), np.abs(block.V).max())
            assert largest < 2 ** (transformer.layers[layer].precision_bits - 1)
        assert max(layer.precision_bits for layer in transformer.layers) <= (
            3 + 3 * math.ceil(math.log2(max(n, letters) + 1))
        )


# --- exactness of softmax ---


@pytest.mark.parametrize("letters", [2, 5])
def test_what_is_heard_is_within_a_quarter_by_exact_fractions(letters: int) -> None:
    """e^-beta < 2^-beta: weights of a power of two, as fractions, are no nearer than the true."""
    n = 40
    transformer = k_hop_softmax(n, letters, 1)
    beta = transformer.layers[0].mechanism.beta  # type: ignore[attr-defined]
    assert beta == int(beta)
    words = np.random.default_rng(letters).integers(0, letters, n)
    rows = words[:, None] + 1.0
    logits = LatestQuery(n)(np.arange(n), rows) @ LatestKey(0)(np.arange(n), rows).T
    assert np.abs(logits).max() * beta < 2**53
    for i in range(1, n):
        mine = [int(logit) for logit in logits[i, :i]]
        best = max(range(i), key=lambda j: mine[j])
        assert sorted(mine)[-2:] == [mine[best]] or mine.count(mine[best]) == 1
        weights = [Fraction(1, 2 ** (int(beta) * (mine[best] - one))) for one in mine]
        place = sum(w * (j + 1) for j, w in enumerate(weights)) / sum(weights)
        assert abs(place - (best + 1)) < Fraction(1, 4)


def test_canary_a_low_beta_hears_a_mixture() -> None:
    words = np.random.default_rng(3).integers(0, 3, 40)
    right = k_hop_softmax(40, 3, 4)
    blurred = replace(
        right,
        layers=tuple(replace(layer, mechanism=PastSoftmax(0.05)) for layer in right.layers),  # type: ignore[type-var]
    )
    assert not np.array_equal(blurred.run(words), right.run(words))


def test_sizes_that_would_not_be_exact_are_refused() -> None:
    n = 2**10
    fails = lambda a: 4 * (4 * n * max(n, a)).bit_length() * n * max(n, a**2) >= 2**53  # noqa: E731
    letters = next(a for a in itertools.count(10**5) if fails(a))
    assert letters > 10**5
    k_hop_softmax(n, letters - 1, 1)
    with pytest.raises(InputError, match="would not be exact"):
        k_hop_softmax(n, letters, 1)
    with pytest.raises(InputError, match="would not be exact"):
        k_hop_softmax(2**17, 2**17, 1)
    with pytest.raises(InputError, match="give 1, 1 and 0, or more"):
        k_hop_softmax(0, 3, 1)
    with pytest.raises(InputError, match="give 0 or more"):
        k_hop_tree(3, 3, -1)
    with pytest.raises(InputError, match="give 1 or more"):
        induction_heads(3, 0)
    with pytest.raises(InputError, match=r"give 0 \.\. 2"):
        k_hop_tree(3, 3, 1).run([0, 1, 3])
    with pytest.raises(InputError, match="give 3 integers"):
        k_hop_tree(3, 3, 1).run([0, 1])


def test_past_softmax_is_its_definition() -> None:
    rng = np.random.default_rng(0)
    Q, K, V = rng.standard_normal((9, 2)), rng.standard_normal((9, 2)), rng.standard_normal((9, 3))
    weights = PastSoftmax(0.7).weights(Q, K)
    for i, j in itertools.product(range(9), range(9)):
        scores = [math.exp(0.7 * float(Q[i] @ K[t])) for t in range(i)]
        expected = scores[j] / sum(scores) if j < i else 0.0
        assert weights[i, j] == pytest.approx(expected, rel=1e-12)
    values, unmatched = PastSoftmax(0.7).apply(Q, K, V)
    np.testing.assert_allclose(values, weights @ V, rtol=0, atol=1e-12)
    assert unmatched.tolist() == [True] + [False] * 8
    assert PastSoftmax().apply(Q[:1], K[:1], V[:1]).values.tolist() == [[0.0] * 3]
    with pytest.raises(ValueError, match="is causal"):
        PastSoftmax(causal=False)


# --- by hashing ---


def hashed(n: int, letters: int) -> Anna:
    """One table; z so that rows at a distance of at least 1 meet with probability below 1e-6."""
    family = PStable(1.0)
    pairs = (n * (n + letters)) ** 2
    z = math.ceil(math.log(1e6 * pairs) / -math.log(family.collision_probability(1.0, 2)))
    return Anna(family, hashes=z, tables=1, seed=5)


def test_hashing_executes_them_as_well() -> None:
    """r = 0: equal rows always meet, and c r < 1 leaves out all others."""
    rng = np.random.default_rng(0)
    for n, letters, k in ((30, 3, 3), (50, 7, 4)):
        words, anna = rng.integers(0, letters, n), hashed(n, letters)
        assert k_hop_tree(n, letters, k, mechanism=anna).run(words).tolist() == oracles.k_hop(
            words.tolist(), k
        )
        assert induction_heads(n, letters, mechanism=anna).run(words).tolist() == oracles.k_hop(
            words.tolist(), 1
        )
        assert sum_transformer(n, n * letters, anna).run(words).tolist() == [words.sum()] * n


def test_canary_few_hashes_let_rows_meet() -> None:
    words = np.random.default_rng(0).integers(0, 7, 50)
    coarse = Anna(PStable(1.0), hashes=1, tables=1, seed=5)
    found = k_hop_tree(50, 7, 4, mechanism=coarse).run(words)
    assert found.tolist() != oracles.k_hop(words.tolist(), 4)


def test_progress_is_told_layer_by_layer() -> None:
    told: list[tuple[str, int, int]] = []
    construction = solver("k-hop/softmax")
    instance = solver("k-hop").problem.random["uniform"](20, 0)
    assert certify(construction, instance, How(progress=lambda *step: told.append(step))).ok
    assert told == [("transformer", layer, 4) for layer in (1, 2, 3, 4)]
