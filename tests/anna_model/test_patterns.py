"""What the queries averaged: patterns against the answers of the run itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from anna_model import (
    Anna,
    ExactMatch,
    HeadMaps,
    HeadPattern,
    Rows,
    RowwiseLayer,
    Transformer,
    attention_patterns,
)
from anna_model.answers import DenseAnswer, SparseAnswer
from anna_model.heads import DenseHeads
from anna_model.lsh import Hyperplane
from anna_model.mechanisms import Softmax
from mpc_sim import fit_cluster
from mpc_sim.stages.columnsort import columnsort
from reductions import compile_protocol

ANNA = Anna(Hyperplane(), hashes=2, tables=5, seed=3)


def first(width: int) -> Any:
    return lambda position, rows: rows[:, :width]


HEADS = (HeadMaps(first(3), first(3), first(2), 3, 2), HeadMaps(first(2), first(2), first(1), 2, 1))
MODEL = Transformer((RowwiseLayer(ANNA, HEADS), RowwiseLayer(Softmax(), HEADS)), n_tokens=9)


def rows_of(n: int) -> Rows:
    return Rows.from_dense(np.random.default_rng(n).standard_normal((n, 3)))


def test_weights_times_values_is_what_was_heard() -> None:
    trace: list[Any] = []
    MODEL.forward(rows_of(9), trace=trace)
    heard = {}
    for layer, block, answer in trace:
        assert isinstance(block, DenseHeads)
        assert isinstance(answer, DenseAnswer)
        for head in range(block.n_heads):
            heard[layer, block.first_head + head] = block.V[head], answer.values[head]
    patterns = list(attention_patterns(MODEL, rows_of(9)))
    assert [(each.layer, each.head) for each in patterns] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for each in patterns:
        values, answer = heard[each.layer, each.head]
        np.testing.assert_allclose(each.weights @ values, answer, rtol=1e-12, atol=1e-12)


def test_only_tables_have_buckets() -> None:
    of_anna, _, of_softmax, _ = attention_patterns(MODEL, rows_of(9))
    assert of_softmax.statistics == {}
    rows = rows_of(9).values
    assert of_anna.statistics == ANNA.bucket_statistics(rows, rows)
    assert of_anna.statistics["keys_a_bucket"] >= 1


def test_sparse_heads_are_written_out_for_every_token() -> None:
    """Compiled columnsort: idle tokens have zero rows, tokens of one class have equal ones."""
    cluster = fit_cluster(columnsort(), 12, "2/3")
    compiled = compile_protocol(columnsort(), cluster)
    words = np.arange(12)[::-1]
    tokens = Rows(compiled.n_tokens, np.arange(12), words[:, None].astype(float))
    trace: list[Any] = []
    compiled.forward(tokens, trace=trace)
    patterns = {(each.layer, each.head): each for each in attention_patterns(compiled, tokens)}
    assert len(patterns) == sum(layer.n_heads for layer in compiled.layers)
    for layer, block, answer in trace:
        assert isinstance(answer, SparseAnswer)
        dense = answer.dense(block)
        for head in range(block.n_heads):
            token, _, V = block.keys_of(head)
            values = np.zeros((compiled.n_tokens, block.value_width))
            values[token] = V
            pattern = patterns[layer, block.first_head + head]
            np.testing.assert_allclose(pattern.weights @ values, dense.values[head], rtol=1e-12)
            assert np.array_equal(pattern.weights.sum(axis=1) == 0, dense.unmatched[head])


def test_resources_count_tables() -> None:
    assert MODEL.resources().tables == 5
    wide = replace(ANNA, tables=7)
    assert Transformer((*MODEL.layers, RowwiseLayer(wide, HEADS)), 9).resources().tables == 7
    assert Transformer((RowwiseLayer(ExactMatch(), HEADS),), 9).resources().tables == 0


def test_a_pattern_is_square_and_frozen() -> None:
    with pytest.raises(ValueError, match="weights"):
        HeadPattern(0, 0, np.zeros((2, 3)), {})
    pattern = HeadPattern(0, 0, np.zeros((2, 2)), {})
    with pytest.raises(ValueError, match="read-only"):
        pattern.weights[0] = 1
