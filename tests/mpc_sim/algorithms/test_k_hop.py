"""k-hop: the protocol against the definition of sigma, and its rounds, words and constants."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

import oracles
from mpc_sim import Cluster, MPCError, Protocol, Simulation, assert_local, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import InputError, ShapeError, WordOverflow
from mpc_sim.stages.columnsort import plan_columnsort

TEXT = (
    "the cat sat on the mat and the dog sat on the log; the cat saw the dog and the dog saw "
    "the cat. aabcbabca, bookkeeper, committee, mississippi: letters repeat, and words repeat. "
)
SIZES = (1, 2, 3, 7, 64, 1000)
HOPS = (0, 1, 2, 3, 5, 64, 2000)
EPSILONS = ("0.45", "1/2", "2/3", "0.8")


def text_of(n: int) -> list[int]:
    repeated = (TEXT * (n // len(TEXT) + 1))[:n]
    alphabet = sorted(set(repeated))
    return [alphabet.index(letter) for letter in repeated]


def distinct(n: int) -> list[int]:
    return np.random.default_rng(n).permutation(n).tolist()


ALPHABETS = {"one letter": lambda n: [0] * n, "all distinct": distinct, "text": text_of}


def sort_depth(cluster: Cluster) -> int:
    plan = plan_columnsort(cluster.n_words, cluster.memory_words // 2, cluster.n_machines)
    assert plan is not None
    return plan.depth


def rounds_of(k: int, cluster: Cluster) -> int:
    """Sort, neighbours, send home, one round a bit; nothing for no hop."""
    return 1 + 4 ** sort_depth(cluster) + 2 + k.bit_length() if k else 0


# --- the oracles ---


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_both_oracles_of_sigma_agree_and_sigma_is_injective(w: list[int]) -> None:
    sigma = oracles.sigma_by_definition(w)
    assert sigma == oracles.sigma_by_scan(w)
    defined = [j for j in sigma if j]
    assert len(defined) == len(set(defined))


def test_worked_example() -> None:
    w = ["abc".index(letter) for letter in "aabcbabca"]
    sigma = oracles.sigma_by_definition(w)
    assert (sigma[9 - 1], sigma[7 - 1]) == (7, 6)
    cluster = fit_cluster(k_hop(1), 9, "2/3", largest_word=3)
    ninth = [Simulation(k_hop(k), cluster, w).run()[8] for k in range(5)]
    assert "".join("-abc"[word] for word in ninth[:3]) == "aba"
    assert ninth == [oracles.k_hop(w, k, sigma)[8] for k in range(5)]


def test_hops_are_any_whole_number_and_nothing_else() -> None:
    assert k_hop(np.int64(3)) == k_hop(3)
    for k in (2.5, "3", None, -1):
        with pytest.raises(InputError, match="number of hops"):
            k_hop(k)  # type: ignore[arg-type]


# --- the protocol is the definition ---


def run_within_its_limits(protocol: Protocol, cluster: Cluster, words: list[int]) -> list[int]:
    sim = Simulation(protocol, cluster, words)
    output = sim.run().tolist()
    ledger, s = sim.ledger, cluster.memory_words
    assert max(ledger.max_held_words, ledger.max_sent_words, ledger.max_received_words) <= s
    assert ledger.n_rounds == sim.n_rounds
    return output


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("k", HOPS)
@pytest.mark.parametrize("n", SIZES)
def test_every_combination_is_the_definition_within_constants_of_16(
    n: int, k: int, epsilon: str
) -> None:
    for make in ALPHABETS.values():
        words = make(n)
        cluster = fit_cluster(k_hop(k), n, epsilon, largest_word=max(words) + 1)
        assert cluster.memory_factor in (1, 2, 4, 8, 16)
        assert cluster.machine_factor in (1, 2, 4, 8, 16)
        assert k_hop(k).n_rounds(cluster) == rounds_of(k, cluster)
        output = run_within_its_limits(k_hop(k), cluster, words)
        assert output == oracles.k_hop(words, k)
        if n <= 64:
            assert output == oracles.k_hop(words, k, oracles.sigma_by_definition(words))


@given(
    words=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    k=st.integers(0, 40),
    epsilon=st.sampled_from(["1/5", *EPSILONS, "1"]),
    gamma=st.sampled_from(["0", "1/4"]),
)
def test_random_sequences(words: list[int], k: int, epsilon: str, gamma: str) -> None:
    cluster = fit_cluster(k_hop(k), len(words), epsilon, gamma, largest_word=4)
    assert run_within_its_limits(k_hop(k), cluster, words) == oracles.k_hop(words, k)


SMALL_CLUSTERS = [
    Cluster(n, s, n_machines, block, largest_word=n + 1)
    for n, s, n_machines, block in [(1, 5, 1, 1), (2, 5, 2, 1), (5, 6, 6, 2), (12, 12, 12, 5),
                                    (16, 8, 20, 3), (24, 8, 40, 3), (40, 20, 40, 7)]
]  # fmt: skip


@given(st.sampled_from(SMALL_CLUSTERS), st.sampled_from([1, 2, 3, 6, 7, 13]), st.data())
def test_clusters_given_outright(cluster: Cluster, k: int, data: st.DataObject) -> None:
    n = cluster.n_words
    words = data.draw(st.lists(st.integers(0, min(n, 4) - 1), min_size=n, max_size=n))
    assert run_within_its_limits(k_hop(k), cluster, words) == oracles.k_hop(words, k)


def test_memory_is_scarce_somewhere() -> None:
    """N = 16,384 at epsilon = 1/2: s = 2,048 = N/8."""
    n, k = 16384, 64
    cluster = fit_cluster(k_hop(k), n, "1/2")
    assert (cluster.memory_words, cluster.block_words, cluster.is_scarce) == (2048, 128, True)
    words = np.random.default_rng(0).integers(0, 4, n).tolist()
    assert run_within_its_limits(k_hop(k), cluster, words) == oracles.k_hop(words, k)


# --- rounds, words ---


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("n", [7, 64, 1000, 4096])
def test_rounds_grow_by_one_when_k_doubles(n: int, epsilon: str) -> None:
    cluster = fit_cluster(k_hop(1), n, epsilon)
    least = k_hop(1).n_rounds(cluster)
    assert [k_hop(2**j).n_rounds(cluster) - least for j in range(11)] == list(range(11))
    for k in range(1, 70):
        assert k_hop(k).n_rounds(cluster) == rounds_of(k, cluster)
    assert k_hop(0).n_rounds(cluster) == 0


@pytest.mark.parametrize("k", [1, 2, 3, 64, 1000, 1024])
@pytest.mark.parametrize("n", [2, 64, 1000, 1024, 16384, 10**6])
def test_layers_at_two_thirds_are_logarithmic(n: int, k: int) -> None:
    cluster = fit_cluster(k_hop(k), n, "2/3")
    assert k_hop(k).n_rounds(cluster) + 1 <= k.bit_length() - 1 + 12


@pytest.mark.parametrize("n", [64, 1000])
def test_a_token_costs_at_most_nine_words_after_the_sort(n: int) -> None:
    for epsilon, words in product(EPSILONS, ([0] * n, distinct(n), text_of(n))):
        cluster = fit_cluster(k_hop(21), n, epsilon, largest_word=max(words) + 1)
        sim = Simulation(k_hop(21), cluster, words)
        sim.run()
        tokens = -(-n // cluster.n_machines)
        after = sim.ledger.rounds[1 + 4 ** sort_depth(cluster) : -1]
        assert len(after) == 2 + (21).bit_length() - 1
        assert max(int(row.held.max()) for row in after) <= 9 * tokens


@pytest.mark.parametrize("k", [0, 1, 2, 5, 6])
@pytest.mark.parametrize("n", [1, 7, 30, 64])
def test_every_stage_is_local(n: int, k: int) -> None:
    for epsilon, words in product(("1/2", "2/3"), ([0] * n, distinct(n), text_of(n))):
        cluster = fit_cluster(k_hop(k), n, epsilon, "1/4", largest_word=max(words) + 1)
        assert_local(k_hop(k), cluster, words, n_batches=2)
    deep = Cluster(n, 12, 6 * n + 3, 5, largest_word=n)  # the sort recurs
    assert_local(k_hop(k), deep, distinct(n), n_batches=1)


# --- refusals ---


def test_only_memory_below_two_records_is_refused() -> None:
    """A sorted record has 2 words; a token has 5 on the way home, and machines are plenty."""
    refused = []
    for n, s in product(range(1, 120), (5, 6, 8, 10, 16, 20)):
        try:
            k_hop(3).check(Cluster(n, s, 10**6, 1))
        except ShapeError:
            refused.append((n, s))
    assert refused == []
    with pytest.raises(ShapeError, match=r"s = 3 words.*raise epsilon or c_s"):
        k_hop(3).check(Cluster(8, 3, 100, 1))


def test_too_few_machines_are_refused_by_name() -> None:
    with pytest.raises(ShapeError, match=r"raise .*c_p"):
        k_hop(3).check(Cluster(64, 40, 4, 16))


@pytest.mark.parametrize("k", [0, 1, 4])
def test_a_letter_without_room_for_none_is_refused(k: int) -> None:
    cluster = fit_cluster(k_hop(k), 8, "2/3")
    top = cluster.word_limit - 1
    fits = [top - 1, 0, top - 1, 0, 1, 2, top - 1, 3]
    assert run_within_its_limits(k_hop(k), cluster, fits) == oracles.k_hop(fits, k)
    with pytest.raises(WordOverflow):
        Simulation(k_hop(k), cluster, [top, *fits[1:]]).run()


def test_a_negative_number_of_hops_is_refused() -> None:
    with pytest.raises((ValueError, MPCError), match="k = -1"):
        k_hop(-1)


def test_k_hop_is_a_value() -> None:
    assert k_hop(5) == k_hop(5) != k_hop(6)
    assert hash(k_hop(5)) == hash(k_hop(5))
