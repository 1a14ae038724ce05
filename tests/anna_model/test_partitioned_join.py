"""The partitioned join gives bit for bit what one table gives, whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from anna_model import ExactMatch
from anna_model.frozen_arrays import FloatArray
from anna_model.joins.partitioned_join import LEAST_ROWS, mean_of_equal_words
from anna_model.joins.row_join import as_words, group_means, match_rows


def assert_same(K: np.ndarray, Q: np.ndarray, v: FloatArray, n_threads: int) -> None:  # type: ignore[type-arg]
    words, probes = as_words(K[:, None]), as_words(Q[:, None])
    mean, unmatched = mean_of_equal_words(words, probes, v, n_threads=n_threads)
    group, found, n_groups = match_rows(words, probes)
    expected = np.take(group_means(group, v[:, None], n_groups), found, axis=0)[:, 0]
    assert mean.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(unmatched, found < 0)


@given(
    keys=st.lists(st.integers(-3, 9), max_size=40),
    queries=st.lists(st.integers(-5, 9), max_size=40),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_any_input(keys: list[int], queries: list[int], n_threads: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(len(keys)) * [-0.0, 1.0][seed % 2]
    assert_same(np.array(keys, np.int64), np.array(queries, np.int64), values, n_threads)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("kind", ["distinct", "few", "one", "skewed", "floats"])
def test_many_rows(kind: str, n_threads: int) -> None:
    rng = np.random.default_rng(1)
    n = 3 * LEAST_ROWS + 7
    keys = {
        "distinct": rng.permutation(2 * n)[:n],
        "few": rng.integers(0, 10, n),
        "one": np.full(n, 2**62),
        "skewed": np.where(rng.random(n) < 0.9, 7, rng.integers(0, n, n)),
        "floats": rng.integers(0, n, n) / 8,
    }[kind]
    queries = rng.choice(np.concatenate([keys, keys + 3]), LEAST_ROWS + 3)
    assert_same(keys, queries, rng.standard_normal(n), n_threads)


def test_exact_match_takes_this_path_above_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    import anna_model.mechanisms.exact_match as module

    calls: list[int] = []

    def spy(words: np.ndarray, *rest: np.ndarray) -> object:  # type: ignore[type-arg]
        calls.append(len(words))
        return mean_of_equal_words(words, *rest)

    monkeypatch.setattr(module, "mean_of_equal_words", spy)
    rng = np.random.default_rng(0)
    for n in (LEAST_ROWS - 1, LEAST_ROWS):
        K, Q, V = rng.integers(0, n, n), rng.integers(0, n, n), rng.integers(0, 9, (n, 1)) * 1.0
        wide = ExactMatch().apply(Q, K, np.repeat(V, 2, axis=1))  # two columns: one table
        got = ExactMatch().apply(Q, K, V)
        np.testing.assert_array_equal(got.values[:, 0], wide.values[:, 0])
        np.testing.assert_array_equal(got.unmatched, wide.unmatched)
    assert calls == [LEAST_ROWS]
