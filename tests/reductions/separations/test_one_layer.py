"""One layer and induction heads: the counting bounds, their witnesses, and why sums count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reductions.constructions.coin_weighing import LARGEST, Weigh, coin_weighing, coins

from mpc_sim import InputError
from oracles import k_hop
from reductions.problems.definitions import INDUCTION_HEADS
from reductions.separations.one_layer import (
    BY_HASHING,
    BY_SOFTMAX,
    EXACT_MATCH,
    OneLayer,
    asking,
    one_layer,
    softmax_bits,
    sums_bits,
)

KINDS = (EXACT_MATCH, BY_HASHING, BY_SOFTMAX)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.architecture)
@pytest.mark.parametrize("n", [12, 14])
def test_one_narrow_layer_confuses_two_sets_of_followers(kind: OneLayer, n: int) -> None:
    cell = one_layer(INDUCTION_HEADS, kind, n)
    assert cell is not None
    assert cell.proved, cell.explain()
    assert (cell.depth, cell.width, cell.needs) == (1, 1, n)
    assert cell.is_instance
    assert cell.inputs is not None
    answers = [k_hop(words.tolist(), 1)[-1] for words in (cell.inputs.first, cell.inputs.second)]
    assert sorted(answers) == [1, 2]


def test_a_model_above_the_bound_is_no_witness() -> None:
    cell = one_layer(INDUCTION_HEADS, EXACT_MATCH, 4)
    assert cell is None or not cell.proved


@pytest.mark.parametrize(("heads", "width", "value_bits", "tables"), [(1, 1, 1, 1), (2, 3, 2, 4)])
def test_the_formula(heads: int, width: int, value_bits: int, tables: int) -> None:
    n = 100
    met = tables * n
    bits = heads * (width * math.log2((2**value_bits - 1) * met + 1) + math.log2(met + 1))
    assert sums_bits(n, heads, width, value_bits, tables=tables) == math.ceil(bits)
    assert softmax_bits(heads, width, 7) == heads * (width + 1) * 7
    with pytest.raises(InputError, match="take all at least 1"):
        sums_bits(0, 1, 1, 1)


def test_coin_weighing_answers_every_pair_with_values_of_two_bits() -> None:
    """N = 225, m = 36 <= 40: 72 bits of values, less than the 112 pairs; 9 bits of sums more."""
    n = 112
    model = coin_weighing(n)
    sizes = model.transformer.resources()
    assert (sizes.layers, sizes.heads, sizes.context_length) == (1, 1, 225)
    assert sizes.token_width == 36
    assert 2 * sizes.token_width < n <= sums_bits(n, 1, sizes.token_width, 2)
    rng = np.random.default_rng(0)
    values = Weigh(n, 5, 4)(np.arange(225), asking(np.ones(n, np.int64), 7)[:, None].astype(float))
    assert set(np.unique(values)) <= set(range(LARGEST + 1))
    for marked in range(n):
        followers = rng.integers(0, 2, n)
        words = asking(followers, marked)
        assert model.run(words)[-1] == 1 + followers[marked] == k_hop(words.tolist(), 1)[-1]


@pytest.mark.parametrize("points", range(6))
def test_as_many_coins_as_stated(points: int) -> None:
    sizes = [max(2, bin(chosen).count("1") + 1) for chosen in range(2**points)]
    assert len(coins(points)) == sum(sizes)
    assert len(coins(5)) == 113


def test_few_pairs() -> None:
    for n in (1, 2, 3, 8, 9):
        model = coin_weighing(n)
        for chosen in range(min(2**n, 64)):
            followers = chosen >> np.arange(n) & 1
            for marked in range(n):
                assert model.run(asking(followers, marked))[-1] == 1 + followers[marked]
    with pytest.raises(InputError, match="take one pair"):
        coin_weighing(0)
