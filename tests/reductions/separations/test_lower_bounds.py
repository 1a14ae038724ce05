"""Depth lower bounds from round lower bounds, beside what is built."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, strategies as st

from anna_model import Anna, ExactMatch
from anna_model.lsh import Hyperplane
from cases.anna_to_mpc import executed, random_transformer
from docs.statement_table import TITLE, statement_table
from docs.theorem_table import with_table
from mpc_sim import Cluster, InputError, Simulation, fit_cluster
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.stages.converge_cast import converge_cast
from mpc_sim.stages.operations import Addition, Maximum
from reductions.certify.full_information import FULL_DEGREE_ROUNDS, full_information_rounds
from reductions.problems.columnsort import COLUMNSORT
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.separations.lower_bounds import (
    CONNECTIVITY_ROUNDS,
    CYCLE_ROUNDS,
    K_HOP_ROUNDS,
    ROUND_BOUNDS,
    DepthLowerBound,
    LayerSimulation,
    graph_sides,
    k_hop_sides,
    simulation_of,
)
from reductions.separations.statements import STATEMENTS
from repository import ROOT


@given(st.integers(0, 10**12), st.integers(2, 10**4), st.integers(1, 10**4))
def test_full_information_is_the_formula(degree: int, memory: int, block: int) -> None:
    """The least R >= 0 with B s^R >= D; the formula has logarithms, this one integers."""
    rounds = full_information_rounds(degree, memory, block)
    assert block * memory**rounds >= degree
    assert rounds == 0 or block * memory ** (rounds - 1) < degree


@pytest.mark.parametrize(
    ("degree", "memory", "block"), [(1000, 10, 1), (1001, 10, 1), (7, 50, 7), (128, 64, 1)]
)
def test_full_information_as_stated(degree: int, memory: int, block: int) -> None:
    expression = FULL_DEGREE_ROUNDS.rounds
    values = {"D": degree, "s": memory, "B": block}
    given_values = {symbol: values[symbol.name] for symbol in expression.free_symbols}
    assert expression.subs(given_values) == full_information_rounds(degree, memory, block)


def test_the_block_counts() -> None:
    """N = 4,096, s = 64: two rounds for blocks of 32 words, one for blocks of 64."""
    assert [full_information_rounds(4096, 64, block) for block in (1, 32, 64)] == [2, 2, 1]


@pytest.mark.parametrize("make", [converge_cast, aggregate, prefix_sum])
@pytest.mark.parametrize("operation", [Addition(), Addition(2), Maximum()])
@pytest.mark.parametrize("epsilon", ["1/4", "1/2", "2/3"])
def test_no_run_of_full_degree_is_faster(make: object, operation: object, epsilon: str) -> None:
    """Sum, parity and OR, by trees: measured rounds are at least those of full information."""
    for n_words in (16, 81, 256, 1000):
        protocol = make(operation)  # type: ignore[operator]
        cluster = fit_cluster(protocol, n_words, epsilon, largest_word=n_words)
        words = np.random.default_rng(n_words).integers(0, 2, n_words)
        sim = Simulation(protocol, cluster, words)
        sim.run()
        least = full_information_rounds(n_words, cluster.memory_words, cluster.block_words)
        assert sim.ledger.n_rounds >= least


def test_full_information_is_met_by_a_tree_of_blocks() -> None:
    """N = s^3 words need 2 deliveries to one machine, and a tree takes 2: the bound is sharp."""
    cluster = Cluster(n_words=4**3, memory_words=4, n_machines=16, block_words=4)
    protocol = converge_cast(Addition(2))
    assert protocol.n_rounds(cluster) == full_information_rounds(64, 4, 4) == 2


def test_depth_of_every_mechanism_that_is_simulated() -> None:
    """Theorem 4.2 turns each bound on rounds into one on depth, with the rounds a layer."""
    for mechanism, name in (
        (ExactMatch(), "ExactMatch"),
        (Anna(Hyperplane(), 2, 5, seed=0), "Anna"),
    ):
        protocol = executed(random_transformer(mechanism, 64, 2, 1, seed=0), 170)
        simulation = simulation_of(protocol, "arXiv 2509.09001, Theorem 4.2")
        assert simulation.mechanism == name
        rounds = protocol.protocol.n_rounds(protocol.cluster)
        assert 2 * simulation.rounds_a_layer in (rounds, rounds + 1)
        for bound in ROUND_BOUNDS:
            depth = DepthLowerBound(bound, simulation)
            q = 1 if bound.assumption else simulation.rounds_a_layer
            assert depth.layers * q == bound.rounds
            assert bound.width in depth.explain()
            assert bound.source in depth.explain()
            assert (bound.assumption or "no assumption") in depth.explain()
        sums = DepthLowerBound(FULL_DEGREE_ROUNDS, simulation)
        assert sums.value <= 2  # what exists is not below what must be
        with pytest.raises(InputError, match="up to a constant"):
            _ = DepthLowerBound(K_HOP_ROUNDS, simulation).value


@pytest.mark.parametrize(("power", "layers"), [(1, 0), (2, 1), (5, 1), (6, 2)])
def test_depth_values_are_rounded_up(power: int, layers: int) -> None:
    simulation = LayerSimulation(
        mechanism="any",
        rounds_a_layer=4,
        memory_words=10,
        source="",
        block_words=10,
        n_tokens=10**power,
        width=1,
    )
    assert DepthLowerBound(FULL_DEGREE_ROUNDS, simulation).value == layers


def test_k_hop_both_sides() -> None:
    """Lower Omega(log k), upper one layer a doubling of k: they differ by a constant factor."""
    sides = k_hop_sides(1024, tuple(2**e for e in range(9)))
    assert set(sides.layers_a_doubling) == {1}
    assert sides.lower.shown == "conditional"
    k = next(symbol for symbol in sides.lower.rounds.free_symbols if symbol.name == "k")
    assert sympy.limit(sides.lower.rounds / sympy.log(k, 2), k, sympy.oo).is_positive


@pytest.mark.parametrize(
    ("algorithm", "lower"), [(CONNECTIVITY, CONNECTIVITY_ROUNDS), (CYCLE_COUNTING, CYCLE_ROUNDS)]
)
@pytest.mark.slow
def test_graphs_both_sides(algorithm: object, lower: object) -> None:
    """Lower Omega(log N); upper grows by a bounded number of layers a doubling, so O(log N)."""
    sides = graph_sides(algorithm, lower, (256, 512, 1024, 2048), "2/3")  # type: ignore[arg-type]
    assert all(step <= 40 for step in sides.layers_a_doubling)
    per_log = [d / math.log2(n) for d, n in zip(sides.depths, sides.sizes, strict=True)]
    print(sides.sizes, sides.depths)
    assert max(per_log) <= 2 * min(per_log)


def test_refusals() -> None:
    with pytest.raises(InputError, match="take D >= 0, s >= 2, B >= 1"):
        full_information_rounds(4, 1, 4)
    with pytest.raises(InputError, match="takes no graphs"):
        graph_sides(COLUMNSORT, CYCLE_ROUNDS, (8,), "2/3")


def test_every_statement_has_a_hypothesis_or_says_that_it_has_none_and_a_width() -> None:
    statuses = {"proved here", "proved in the source", "conditional", "open"}
    for one in STATEMENTS:
        assert one.status in statuses
        assert all((one.task, one.models, one.width, one.says, one.source))
        if one.status == "conditional":
            assert any(name in one.hypothesis for name in ("conjecture", "OVC"))
        if '"' in one.says:
            assert "arXiv" in one.source
    named = " ".join(one.source for one in STATEMENTS)
    for paper in ("2412.02975", "2408.14332", "2505.18948", "2505.21024", "2503.01805"):
        assert paper in named


def test_the_page_shows_the_statements() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert with_table(page, statement_table(), TITLE) == page, (
        "run: python -m docs.statement_table docs/tables.md"
    )
