"""What the tests of the sorting primitives share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from mpc_sim import (
    Cluster,
    Protocol,
    Simulation,
)
from reductions.bounds import Bound
from reductions.problems.columnsort import COLUMNSORT
from reductions.problems.equi_join import EQUI_JOIN
from reductions.problems.k_hop import HOPS, K_HOP
from reductions.problems.multi_search import MULTI_SEARCH
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.reduce_by_key import REDUCE_BY_KEY
from reductions.problems.remove_duplicates import REMOVE_DUPLICATES
from reductions.problems.sample_sort import SAMPLE_SORT
from twins.columnsort import columnsort_twin
from twins.equi_join import equi_join_twin
from twins.k_hop import k_hop_twin
from twins.multi_search import multi_search_twin
from twins.reduce_by_key import reduce_by_key_twin
from twins.remove_duplicates import remove_duplicates_twin
from twins.sample_sort import sample_sort_twin

Words = NDArray[np.int64]
EPSILONS = ("9/20", "1/2", "2/3")
TWINS: dict[str, tuple[ProtocolSolver, Callable[[int], Protocol]]] = {
    "columnsort": (COLUMNSORT, lambda n: columnsort_twin()),
    "sample_sort": (SAMPLE_SORT, lambda n: sample_sort_twin()),
    "multi_search": (MULTI_SEARCH, lambda n: multi_search_twin()),
    "remove_duplicates": (REMOVE_DUPLICATES, lambda n: remove_duplicates_twin()),
    "reduce_by_key": (REDUCE_BY_KEY, reduce_by_key_twin),
    "equi_join": (EQUI_JOIN, equi_join_twin),
    "k_hop": (K_HOP, lambda n: k_hop_twin(HOPS)),
}
ALGORITHMS = [algorithm for algorithm, _ in TWINS.values()]
BOUNDS: dict[tuple[str, tuple[int, ...]], list[Bound]] = {}
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.name)
every_epsilon = pytest.mark.parametrize("epsilon", EPSILONS)


def run(algorithm: ProtocolSolver, words: Words, epsilon: str) -> Simulation:
    """Run under all limits and compare with the oracle."""
    sim = Simulation(algorithm.protocol(len(words)), algorithm.cluster(words, epsilon), words)
    np.testing.assert_array_equal(sim.run(), algorithm.oracle(words))
    return sim


def measured(sim: Simulation) -> dict[str, int]:
    ledger = sim.ledger
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def within_bounds(algorithm: ProtocolSolver, sim: Simulation) -> dict[str, float]:
    """Compare every quantity with its bound; the slack of each."""
    found = measured(sim)
    cluster = sim.cluster
    sizes = (cluster.n_words, cluster.memory_words, cluster.n_machines, cluster.block_words)
    if (algorithm.name, sizes) not in BOUNDS:
        BOUNDS[algorithm.name, sizes] = [
            replace(bound, expression=sympy.Integer(bound.value))
            for bound in algorithm.bounds_of(cluster)
        ]
    checks = [bound.check(found[bound.quantity]) for bound in BOUNDS[algorithm.name, sizes]]
    assert [check.name for check in checks] == list(found)
    assert all(check.status == "PASS" for check in checks), [
        check.explain() for check in checks if check.status != "PASS"
    ]
    return {check.name: check.slack or 1.0 for check in checks}


# --- twins, locality, transformers ---


def compare(columnar: Protocol, twin: Protocol, cluster: Cluster, words: Words) -> list[str]:
    """Every difference between two protocols: output, and ledger row by row."""
    one, other = Simulation(columnar, cluster, words), Simulation(twin, cluster, words)
    faults = []
    if one.run().tolist() != other.run().tolist():
        faults.append("output")
    if one.n_rounds != other.n_rounds:
        return [*faults, "rounds"]
    for number, (mine, theirs) in enumerate(
        zip(one.ledger.rounds, other.ledger.rounds, strict=True)
    ):
        same = (
            mine.label == theirs.label
            and mine.n_messages == theirs.n_messages
            and np.array_equal(mine.sent, theirs.sent)
            and np.array_equal(mine.received, theirs.received)
            and np.array_equal(mine.held, theirs.held)
        )
        if not same:
            faults.append(f"round {number}: {mine.label}")
    return faults
