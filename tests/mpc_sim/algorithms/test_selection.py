"""The k-th smallest word: sorted lists, every k, bounds on a grid, compiled, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from cases.contraction import measured
from mpc_sim import InputError, Simulation, assert_local, fit_cluster
from mpc_sim.algorithms.selection import selection
from reductions import compile_protocol
from reductions.problems.selection import SELECTION

Words = NDArray[np.int64]
EPSILONS = ("9/20", "1/2", "2/3")


def run(words: Words, k: int | None, epsilon: str) -> Simulation:
    """Run, compare with the sorted list, check every bound."""
    chosen = {} if k is None else {"k": k}
    cluster = SELECTION.cluster(words, epsilon, **chosen)
    sim = Simulation(SELECTION.protocol_for(words, **chosen), cluster, words)
    place = (len(words) - 1) // 2 if k is None else k - 1
    assert sim.run().tolist() == [sorted(words.tolist())[place]] * len(words)
    assert cluster.memory_factor is not None
    assert cluster.memory_factor <= 16
    used = measured(sim.ledger)
    for bound in SELECTION.bounds_of(cluster, words, **chosen):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 300])
def test_hard_inputs_and_bounds(n: int) -> None:
    for which, make in enumerate(SELECTION.hard.values()):
        for k in {None, 1, n // 3 + 1, n}:
            run(make(n), k, EPSILONS[(which + n) % 3])


@settings(max_examples=30)
@given(data=st.data())
def test_any_words_and_any_k(data: st.DataObject) -> None:
    words = np.array(data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=50)))
    run(words, data.draw(st.integers(1, len(words))), data.draw(st.sampled_from(EPSILONS)))


def test_oracle_is_numpy() -> None:
    words = SELECTION.instance(40, 5)
    for k in range(1, 41):
        instance = SELECTION.problem.instance(words, k=k)
        assert SELECTION.oracle(instance).tolist() == [np.partition(words, k - 1)[k - 1]] * 40
    assert np.median(words[:39]) == SELECTION.oracle(words[:39])[0]


def test_bounds_on_a_grid() -> None:
    """They hold, also where s <= N / 8, and are at most twice what was measured."""
    scarce, least = 0, dict[str, float]()
    for n, epsilon in ((256, "1/2"), (1024, "9/20"), (4096, "2/3"), (16384, "1/2")):
        sim = run(SELECTION.instance(n, 1), n // 10, epsilon)
        scarce += sim.cluster.memory_words <= n / 8
        for bound in SELECTION.bounds_of(sim.cluster):
            slack = bound.check(measured(sim.ledger)[bound.quantity]).slack or 99.0
            least[bound.quantity] = min(least.get(bound.quantity, 99.0), slack)
    assert scarce >= 2
    assert least["rounds"] == 1
    assert max(least.values()) <= 2, least


def test_canary_bounds() -> None:
    """One round less, or one word or machine more than the bound, fails."""
    sim = run(SELECTION.instance(64, 0), 5, "1/2")
    for bound in SELECTION.bounds_of(sim.cluster):
        wrong = bound.value - 1 if bound.kind == "exact" else bound.value + 1
        assert bound.check(wrong).status == "FAIL"


@pytest.mark.parametrize("n", [3, 40])
def test_local(n: int) -> None:
    words = SELECTION.instance(n, 2)
    assert_local(selection(n), SELECTION.cluster(words, "1/2"), words)


@pytest.mark.parametrize(("n", "k", "epsilon"), [(1, 1, "1/2"), (12, 12, "2/3"), (30, 4, "1/2")])
def test_compiled(n: int, k: int, epsilon: str) -> None:
    words = SELECTION.instance(n, 4)
    cluster = SELECTION.cluster(words, epsilon)
    transformer = compile_protocol(selection(k), cluster)
    assert len(transformer.layers) == selection(k).n_rounds(cluster) + 1
    assert transformer.run(words).tolist() == [sorted(words.tolist())[k - 1]] * n


@pytest.mark.parametrize("k", [-1, 0, 17])
def test_a_place_that_is_none_is_refused(k: int) -> None:
    with pytest.raises(InputError, match=rf"k = {k}: choose it in 1 \.\. 16, the words of the inp"):
        fit_cluster(selection(k), 16, "1/2")
    fit_cluster(selection(min(max(k, 1), 16)), 16, "1/2")


def test_full_degree_for_every_k() -> None:
    """The top coefficient of the k-th smallest of n bits, by its sum over all inputs, is not 0."""
    for n in range(1, 9):
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
        signs = (-1) ** (n - bits.sum(axis=1))
        smallest = np.sort(bits, axis=1)
        assert all((signs * smallest[:, k]).sum() != 0 for k in range(n))
