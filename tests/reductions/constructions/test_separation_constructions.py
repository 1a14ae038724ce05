"""k-hop by recurrent models and by low-rank attention: a hop a layer, right on random inputs."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from anna_model import check_rowwise
from anna_model.recurrent import RecurrentLayer, RecurrentModel
from mpc_sim import InputError
from oracles import k_hop
from reductions.constructions.low_rank_boards import low_rank_match2, low_rank_sum
from reductions.constructions.low_rank_k_hop import low_rank_k_hop
from reductions.constructions.match2_softmax import match2_softmax
from reductions.constructions.recurrent_k_hop import recurrent_k_hop
from reductions.constructions.recurrent_readers import recurrent_match2, recurrent_sum


def random_case(rng: np.random.Generator) -> tuple[int, int, int, np.ndarray]:
    n, n_letters, k = (int(rng.integers(low, high)) for low, high in ((1, 40), (1, 7), (0, 8)))
    return n, n_letters, k, rng.integers(0, n_letters, n)


def test_recurrent_is_right_everywhere() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        n, n_letters, k, letters = random_case(rng)
        hops = int(rng.integers(1, 5))
        found = recurrent_k_hop(n, n_letters, k, hops_a_layer=hops)
        assert found.run(letters).tolist() == k_hop(letters.tolist(), k)
        assert found.depth == -(-k // hops)
        assert found.state_words == (min(hops, k) * n_letters + 1 if k else 0)


def test_low_rank_is_right_at_the_last_token() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        n, n_letters, k, letters = random_case(rng)
        block = [None, 1, 2, 3, 7][int(rng.integers(5))]
        found = low_rank_k_hop(n, n_letters, k, block=block)
        assert found.answer(letters) == k_hop(letters.tolist(), k)[-1]
        assert found.depth == (k + 1 if k else 0)


def test_low_rank_boards_stay_narrow() -> None:
    for n in (256, 1024, 4096, 2**16):
        words = low_rank_k_hop(n, 4, 8).words_a_layer
        assert words <= 2 * (4 * n) ** 0.5 + 4 + 1
        assert words < n


@pytest.mark.parametrize("modulus", [1, 2, 3, 37, 1000, 2**16])
def test_match2_by_softmax_has_its_margin(modulus: int) -> None:
    """Partners, and near misses on both sides at once, at the largest modulus too."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        first = rng.integers(0, modulus, 30)
        words = np.concatenate([first, (-first + rng.integers(-1, 2, 30)) % modulus])
        words[::7] += 2**40 // modulus * modulus
        given = words.tolist()
        expected = [int(any((x + y) % modulus == 0 for y in given)) for x in given]
        model = match2_softmax(60, modulus, int(words.max()))
        assert model.run(words).tolist() == expected
    with pytest.raises(InputError, match="choose it in 1"):
        match2_softmax(4, 2**16 + 1, 3)


def test_match2_by_softmax_hears_one_partner_among_many_near_misses() -> None:
    """58 keys at the distance 1 of one that answers: each weighs g / 8 N of it, not g / 8."""
    words = np.array([1, 6, *[5] * 58])
    assert match2_softmax(60, 7, 6).run(words).tolist() == [1, 1, *[0] * 58]


@pytest.mark.parametrize("make", [low_rank_match2, lambda n, m, top: recurrent_match2(n, m)])
def test_match2_by_tables_keeps_to_its_moduli(make) -> None:
    words = np.array([5, 100, 32, 2**50])
    given = words.tolist()
    model = make(4, 37, 2**50)
    assert model.run(words)[-1] == any((given[-1] + y) % 37 == 0 for y in given)
    for modulus in (0, 2**21):
        with pytest.raises(InputError, match="it is a width here"):
            make(4, modulus, 5)


def test_sums_refuse_what_may_overflow() -> None:
    with pytest.raises(InputError, match="below 2"):
        low_rank_sum(3, 2**53)
    with pytest.raises(InputError, match="below 2"):
        recurrent_sum(3, 2**62)
    assert recurrent_sum(2, 2**62 - 1).run([2**61, 2**61 - 1])[-1] == 2**62 - 1


def test_both_survive_a_pickle_and_are_row_wise() -> None:
    letters = np.random.default_rng(3).integers(0, 3, 12)
    low_rank = pickle.loads(pickle.dumps(low_rank_k_hop(12, 3, 3)))
    recurrent = pickle.loads(pickle.dumps(recurrent_k_hop(12, 3, 3)))
    assert recurrent.run(letters)[-1] == low_rank.answer(letters)
    rows = low_rank.rows(letters)
    for layer in low_rank.transformer.layers:
        check_rowwise(layer, rows, np.random.default_rng(0))
        rows = type(low_rank.transformer)((layer,), 12).forward(rows)


@pytest.mark.parametrize("make", [recurrent_k_hop, low_rank_k_hop])
def test_sizes_and_letters_are_checked(make) -> None:
    for sizes in ((0, 3, 1), (5, 0, 1), (5, 3, -1)):
        with pytest.raises(InputError, match="at least 1, k at least 0"):
            make(*sizes)
    with pytest.raises(InputError, match=r"0 \.\. 2"):
        make(2, 3, 1).rows([0, 3])


def test_a_recurrent_layer_keeps_to_its_words() -> None:
    grows = RecurrentLayer(1, lambda i, state, row: ((state[0], 1), row))
    with pytest.raises(ValueError, match="a state of 2 words; 1 were declared"):
        RecurrentModel((grows,), 2, 4).run([1, 2])
    beyond = RecurrentLayer(1, lambda i, state, row: ((state[0] + 15,), row))
    assert RecurrentModel((beyond,), 1, 4).states([1]) == ((15,),)
    with pytest.raises(ValueError, match="layer 0, token 1: a word beyond 4 bits"):
        RecurrentModel((beyond,), 2, 4).run([1, 2])
    for word in (8, 99):
        new_row = RecurrentLayer(1, lambda i, state, row, word=word: (state, (word,)))
        with pytest.raises(ValueError, match="layer 0, token 0: a word beyond 3 bits"):
            RecurrentModel((new_row,), 1, 3).run([1])
    with pytest.raises(ValueError, match=r"rows must lie in 0 \.\. 15"):
        RecurrentModel((), 1, 4).run([16])
    with pytest.raises(ValueError, match="whole numbers"):
        RecurrentModel((), 1, 4).run([0.5])
    with pytest.raises(ValueError, match="a context of 2 tokens, not 1"):
        RecurrentModel((), 2, 4).run([1])
    with pytest.raises(ValueError, match="at most 2 tokens"):
        RecurrentModel((), 2, 4).states([1, 1, 1])
    with pytest.raises(ValueError, match="at least one word"):
        RecurrentLayer(0, beyond.step)
    with pytest.raises(ValueError, match="word_bits"):
        RecurrentModel((), 1, 63)
