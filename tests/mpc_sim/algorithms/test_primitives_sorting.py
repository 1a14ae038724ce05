"""Sorting and what is built on it: oracles, bounds, twins, locality, compiled transformers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cases.operations import AffineMaps
from cases.primitives_sorting import (
    ALGORITHMS,
    EPSILONS,
    TWINS,
    compare,
    every_algorithm,
    every_epsilon,
    run,
    within_bounds,
)
from mpc_sim import (
    Cluster,
    Simulation,
    assert_local,
    fit_cluster,
)
from mpc_sim.algorithms import equi_join as join
from mpc_sim.algorithms.reduce_by_key import reduce_by_key
from mpc_sim.algorithms.remove_duplicates import remove_duplicates
from mpc_sim.algorithms.sample_sort import Split, sample_sort
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.operations import Maximum, Packed
from reductions import compile_protocol
from reductions.problems.columnsort import COLUMNSORT
from reductions.problems.equi_join import EQUI_JOIN
from reductions.problems.k_hop import HOPS, K_HOP
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sample_sort import SAMPLE_SORT
from twins.blocks import BLOCKS, twin_of
from twins.columnsort import columnsort_twin
from twins.k_hop import k_hop_twin
from twins.sample_sort import sample_sort_twin

HARD = [(algorithm, name) for algorithm in ALGORITHMS for name in algorithm.hard]


# --- outputs ---


@every_epsilon
@pytest.mark.parametrize(("algorithm", "name"), HARD, ids=lambda one: getattr(one, "name", one))
def test_hard_inputs(algorithm: ProtocolSolver, name: str, epsilon: str) -> None:
    for n in (1, 2, 3, 17, 301, 1024):
        sim = run(algorithm, algorithm.hard[name](n), epsilon)
        if n in (1, 301):
            within_bounds(algorithm, sim)


@pytest.mark.parametrize("n", [301, 1024, 4096])
def test_bounds_of_columnsort_are_reached(n: int) -> None:
    """A machine holds a whole column, and every machine of the sort holds something."""
    slack = within_bounds(COLUMNSORT, run(COLUMNSORT, COLUMNSORT.hard["reversed"](n), "2/3"))
    assert slack.pop("received_words") <= 2
    assert slack == dict.fromkeys(slack, 1.0)


@pytest.mark.parametrize(
    "algorithm", [one for one in ALGORITHMS if one is not EQUI_JOIN], ids=lambda one: one.name
)
@given(
    words=st.lists(st.integers(0, 40), min_size=1, max_size=150),
    epsilon=st.sampled_from(EPSILONS),
)
def test_any_input(algorithm: ProtocolSolver, words: list[int], epsilon: str) -> None:
    run(algorithm, np.array(words), epsilon)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=50
    ),
    rest=st.lists(st.integers(0, 9), max_size=2),
    epsilon=st.sampled_from(EPSILONS),
)
def test_any_join(rows: list[tuple[int, int, int]], rest: list[int], epsilon: str) -> None:
    words = np.array([word for row in rows for word in row] + rest)
    run(EQUI_JOIN, words, epsilon)


@given(words=st.lists(st.integers(0, 9), min_size=64, max_size=64), seed=st.integers(0, 2**40))
def test_sample_sort_on_a_given_cluster(words: list[int], seed: int) -> None:
    cluster = Cluster(n_words=64, memory_words=96, n_machines=16, block_words=8)
    sim = Simulation(sample_sort(seed), cluster, words)
    assert sim.run().tolist() == sorted(words)
    assert Split(seed).plan(cluster).levels


@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=40),
    epsilon=st.sampled_from(EPSILONS),
)
def test_other_reductions(pairs: list[tuple[int, int]], epsilon: str) -> None:
    """The maximum, and maps x -> a x + b modulo 7, which do not commute: increasing order."""
    words, n = np.array(pairs).ravel(), 2 * len(pairs)
    for operation, combine in (
        (Maximum(), max),
        (Packed(AffineMaps(7), 7), lambda f, g: f // 7 * (g // 7) % 7 * 7 + (g // 7 * f + g) % 7),
    ):
        combined: dict[int, int] = {}
        for key, value in sorted(pairs):
            combined[key] = combine(combined[key], value) if key in combined else value
        expected = [word for key in sorted(combined) for word in (key + 1, combined[key])]
        protocol = reduce_by_key(n, operation)
        cluster = fit_cluster(protocol, n, epsilon, largest_word=49)
        output = Simulation(protocol, cluster, words).run().tolist()
        assert output == expected + [0] * (n - len(expected))


# --- bounds ---

GRID = list(itertools.product((1000, 4097, 16384, 40000), EPSILONS, (0, 1)))


@every_algorithm
def test_bounds_on_a_grid(algorithm: ProtocolSolver) -> None:
    least: dict[str, float] = {}
    n_scarce = 0
    for n, epsilon, seed in GRID:
        sim = run(algorithm, algorithm.instance(n, seed), epsilon)
        slack = within_bounds(algorithm, sim)
        assert sim.cluster.memory_factor is not None
        assert sim.cluster.memory_factor <= 16
        if sim.cluster.memory_words <= n // 8:
            n_scarce += 1
            for name, value in slack.items():
                least[name] = min(value, least.get(name, value))
    assert n_scarce >= 3
    assert least["rounds"] == 1
    assert max(least.values()) <= 4, least


@every_algorithm
def test_every_bound_can_fail(algorithm: ProtocolSolver) -> None:
    """Canary: one round more or less fails, and so does memory beyond its bound by one word."""
    words = algorithm.instance(4096, 0)
    sim = run(algorithm, words, "1/2")
    for bound in algorithm.bounds_of(sim.cluster):
        value = bound.value
        assert bound.check(value).status == "PASS"
        assert bound.check(value + 1).status == "FAIL"
        assert (bound.check(value - 1).status == "FAIL") == (bound.quantity == "rounds")


def test_a_heavy_key_gathers_nowhere() -> None:
    """The rows of the heavy key alone are more words than a machine has, before and after."""
    n = 40_000
    words = EQUI_JOIN.hard["one heavy key"](n)
    sim = run(EQUI_JOIN, words, "2/3")
    heavy_words = n // 3 * 3
    assert heavy_words > 7 * sim.cluster.memory_words
    widest = sim.ledger.max_held_words
    light = run(EQUI_JOIN, EQUI_JOIN.hard["no partners"](n), "2/3").ledger.max_held_words
    assert widest <= 2 * light


@every_epsilon
@pytest.mark.parametrize("name", TWINS)
def test_twins(name: str, epsilon: str) -> None:
    algorithm, twin = TWINS[name]
    for n in (1, 2, 13, 64, 300):
        inputs = [algorithm.instance(n, 0), *(hard(n) for hard in algorithm.hard.values())]
        for words in inputs[: 2 if n >= 64 else None]:
            cluster = algorithm.cluster(words, epsilon)
            assert compare(algorithm.protocol(n), twin(n), cluster, words) == []


def test_twins_at_depth_two_and_on_two_levels() -> None:
    words = COLUMNSORT.instance(400, 1)
    cluster = Cluster(400, memory_words=40, n_machines=150, block_words=20, word_bits=12)
    assert Columnsort(("word",)).plan(cluster).depth == 2
    assert compare(COLUMNSORT.protocol(400), columnsort_twin(), cluster, words) == []
    words = SAMPLE_SORT.instance(2048, 1)
    cluster = SAMPLE_SORT.cluster(words, "9/20")
    assert len(Split(0).plan(cluster).levels) == 2
    assert compare(SAMPLE_SORT.protocol(600), sample_sort_twin(), cluster, words) == []


def test_canary_twins() -> None:
    words = K_HOP.instance(64, 0)
    cluster = K_HOP.cluster(words, "2/3")
    assert compare(K_HOP.protocol(64), k_hop_twin(2 * HOPS - 1), cluster, words) != []
    assert compare(K_HOP.protocol(64), k_hop_twin(2 * HOPS), cluster, words)[-1] == "rounds"
    words = SAMPLE_SORT.instance(300, 0)
    cluster = SAMPLE_SORT.cluster(words, "1/2")
    faults = compare(sample_sort(0), sample_sort_twin(1), cluster, words)
    assert "round 4: sample sort 0: route" in faults
    assert "output" not in faults
    first = type(remove_duplicates().stages[0])  # type: ignore[attr-defined]
    with pytest.raises(LookupError, match="no twin for Columnsort"):
        twin_of(remove_duplicates(), {}, BLOCKS, {first: lambda stage: stage})


@every_epsilon
@every_algorithm
def test_local(algorithm: ProtocolSolver, epsilon: str) -> None:
    for words in (algorithm.instance(100, 3), algorithm.instance(7, 3)):
        cluster = algorithm.cluster(words, epsilon)
        assert_local(algorithm.protocol(len(words)), cluster, words, n_batches=3)


def test_local_when_a_join_fails() -> None:
    words = EQUI_JOIN.hard["too many pairs"](60)
    assert_local(join.equi_join(60), EQUI_JOIN.cluster(words, "1/2"), words)


@every_algorithm
def test_compiled(algorithm: ProtocolSolver) -> None:
    for n, epsilon in ((1, "1/2"), (13, "1/2"), (64, "9/20"), (40, "2/3")):
        words = algorithm.instance(n, 2)
        cluster = algorithm.cluster(words, epsilon)
        protocol = algorithm.protocol(n)
        transformer = compile_protocol(protocol, cluster)
        assert len(transformer.layers) == protocol.n_rounds(cluster) + 1
        np.testing.assert_array_equal(transformer.run(words), algorithm.oracle(words))
