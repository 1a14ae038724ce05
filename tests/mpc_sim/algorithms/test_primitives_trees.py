"""Scan, broadcast, converge-cast, aggregate, prefix sums, list ranking, circuits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from cases.operations import AffineMaps, Segmented
from cases.primitives_trees import combined, rows_of_ledger
from mpc_sim import (
    Ledger,
    Protocol,
    Simulation,
    assert_local,
    fit_cluster,
)
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.errors import WordOverflow
from mpc_sim.stages.converge_cast import converge_cast
from mpc_sim.stages.operations import Addition, Both, Keyed, Last, Maximum, Operation, Packed
from mpc_sim.stages.tree import Tree, plan_tree
from reductions import compile_protocol
from reductions.problems.aggregate import AGGREGATE
from reductions.problems.boolean_circuit import BOOLEAN_CIRCUIT, DEPTH
from reductions.problems.broadcast import BROADCAST
from reductions.problems.converge_cast import CONVERGE_CAST
from reductions.problems.list_ranking import LIST_RANKING
from reductions.problems.prefix_sum import PREFIX_SUM
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from twins.aggregate import aggregate_twin
from twins.boolean_circuit import boolean_circuit_twin
from twins.broadcast import broadcast_twin
from twins.converge_cast import converge_cast_twin
from twins.list_ranking import list_ranking_twin
from twins.prefix_sum import prefix_sum_twin

Words = NDArray[np.int64]

EPSILONS = ("9/20", "1/2", "2/3")


def affine_prefixes(words: Words) -> Words:
    """Compositions of the maps x -> (w // 7) x + w % 7 modulo 7, by a plain loop."""
    slope, offset, packed = 1, 0, []
    for word in words.tolist():
        a, b = divmod(word, 7)
        slope, offset = slope * a % 7, (offset * a + b) % 7
        packed.append(7 * slope + offset)
    return np.array(packed)


COMPOSE = replace(
    PREFIX_SUM,
    protocol=lambda n: prefix_sum(Packed(AffineMaps(7), 7)),
    problem=Problem.of_words(
        name="prefix-sum",
        statement="compositions of maps",
        instance=lambda n, seed: np.random.default_rng(seed).integers(0, 49, n),
        hard={name: lambda n, make=make: make(n) % 49 for name, make in PREFIX_SUM.hard.items()},
        oracle=affine_prefixes,
        largest_word=lambda words: 48,
    ),
)
ALGORITHMS: dict[str, ProtocolSolver] = {
    "broadcast": BROADCAST,
    "converge-cast": CONVERGE_CAST,
    "aggregate": AGGREGATE,
    "prefix-sum": PREFIX_SUM,
    "prefix-sum of maps": COMPOSE,
    "list-ranking": LIST_RANKING,
    "boolean-circuit": BOOLEAN_CIRCUIT,
}
TWINS: dict[str, Callable[[int], Protocol]] = {
    "broadcast": lambda n: broadcast_twin(),
    "converge-cast": lambda n: converge_cast_twin(Maximum()),
    "aggregate": lambda n: aggregate_twin(Addition()),
    "prefix-sum": lambda n: prefix_sum_twin(Addition()),
    "prefix-sum of maps": lambda n: prefix_sum_twin(Packed(AffineMaps(7), 7)),
    "list-ranking": list_ranking_twin,
    "boolean-circuit": lambda n: boolean_circuit_twin(DEPTH),
}
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)


def measured(ledger: Ledger) -> dict[str, int]:
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def run(algorithm: ProtocolSolver, words: Words, epsilon: str) -> Simulation:
    """Run, compare with the oracle, check every bound."""
    cluster = algorithm.cluster(words, epsilon)
    sim = Simulation(algorithm.protocol(len(words)), cluster, words)
    assert sim.run().tolist() == algorithm.oracle(words).tolist()
    assert cluster.memory_factor is not None
    assert cluster.memory_factor <= 16
    used = measured(sim.ledger)
    for bound in algorithm.bounds_of(cluster):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


# --- every algorithm ---


@every_algorithm
@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 300])
def test_hard_inputs_and_bounds(name: str, n: int) -> None:
    algorithm = ALGORITHMS[name]
    for which, make in enumerate(algorithm.hard.values()):
        run(algorithm, make(n), EPSILONS[(which + n) % 3])


@every_algorithm
def test_inputs_shorter_than_a_memory(name: str) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(5, 1)
    cluster = algorithm.cluster(words, "1")
    assert cluster.n_words < cluster.memory_words or cluster.n_input_machines == 1
    sim = Simulation(algorithm.protocol(5), cluster, words)
    assert sim.run().tolist() == algorithm.oracle(words).tolist()


@every_algorithm
@settings(max_examples=20)
@given(data=st.data())
def test_oracle(name: str, data: st.DataObject) -> None:
    algorithm = ALGORITHMS[name]
    n = data.draw(st.integers(1, 50))
    epsilon = data.draw(st.sampled_from(EPSILONS))
    if name == "list-ranking":
        order = np.array(data.draw(st.permutations(range(n))))
        words = np.full(n, n)
        words[order[:-1]] = order[1:]
        ends = data.draw(st.lists(st.sampled_from(range(n)), max_size=3))
        words[ends] = ends
        if data.draw(st.booleans()):
            words[order[-1]] = order[0]  # a cycle, unless it was cut
    else:
        most = {"prefix-sum of maps": 48, "boolean-circuit": max(8, n // 3 + 1)}.get(name, 99)
        words = np.array(data.draw(st.lists(st.integers(0, most), min_size=n, max_size=n)))
    run(algorithm, words, epsilon)


GRID = [(256, "1/2"), (1024, "9/20"), (1024, "1/2"), (1024, "2/3"), (4096, "2/3"), (16384, "1/2")]
LARGER = [(32768, "1/2"), (32768, "2/3")]  # where the sort of circuits has s <= N / 8


@every_algorithm
def test_bounds_on_a_grid(name: str) -> None:
    algorithm = ALGORITHMS[name]
    least_slack: dict[str, float] = {}
    scarce = 0
    for n, epsilon in GRID + LARGER if name == "boolean-circuit" else GRID:
        for seed in (0, 1) if n <= 1024 else (0,):
            sim = run(algorithm, algorithm.instance(n, seed), epsilon)
            scarce += sim.cluster.memory_words <= n / 8
            for bound in algorithm.bounds_of(sim.cluster):
                slack = bound.check(measured(sim.ledger)[bound.quantity]).slack
                least_slack[bound.quantity] = min(
                    least_slack.get(bound.quantity, 99.0), slack or 99.0
                )
    assert scarce > 0
    assert max(least_slack.values()) <= 4, least_slack


@every_algorithm
def test_canary_bounds(name: str) -> None:
    """A measurement that is larger by one than an exact bound fails."""
    algorithm = ALGORITHMS[name]
    sim = run(algorithm, algorithm.instance(64, 0), "1/2")
    bounds = {bound.quantity: bound for bound in algorithm.bounds_of(sim.cluster)}
    assert bounds["rounds"].kind == "exact"
    assert bounds["rounds"].check(sim.ledger.n_rounds + 1).status == "FAIL"
    over = bounds["local_memory"].value + 1
    assert bounds["local_memory"].check(over).status == "FAIL"


@every_algorithm
@pytest.mark.parametrize(("n", "epsilon"), [(1, "1/2"), (5, "2/3"), (24, "9/20"), (60, "1/2")])
def test_twin(name: str, n: int, epsilon: str) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(n, 3)
    cluster = algorithm.cluster(words, epsilon)
    columnar = Simulation(algorithm.protocol(n), cluster, words)
    twin = Simulation(TWINS[name](n), cluster, words)
    assert columnar.run().tolist() == twin.run().tolist()
    assert rows_of_ledger(columnar.ledger) == rows_of_ledger(twin.ledger)


@every_algorithm
@pytest.mark.parametrize("n", [3, 40])
def test_local(name: str, n: int) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(n, 2)
    assert_local(algorithm.protocol(n), algorithm.cluster(words, "1/2"), words)


@every_algorithm
@pytest.mark.parametrize(("n", "epsilon"), [(1, "1/2"), (12, "2/3"), (30, "1/2")])
def test_compiled(name: str, n: int, epsilon: str) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(n, 4)
    cluster = algorithm.cluster(words, epsilon)
    protocol = algorithm.protocol(n)
    transformer = compile_protocol(protocol, cluster)
    assert len(transformer.layers) == protocol.n_rounds(cluster) + 1
    assert transformer.run(words).tolist() == algorithm.oracle(words).tolist()


@pytest.mark.parametrize("operation", [Addition(), Addition(2), Maximum()], ids=repr)
@pytest.mark.parametrize("epsilon", ["1/5", "1/4", "1/3", "1/2"])
@pytest.mark.parametrize("c_s", [None, 1, 2])
def test_full_degree(operation: Operation, epsilon: str, c_s: int | None) -> None:
    """SUM, parity, OR: no run below ceil(log_s N) - 1 deliveries."""
    n = 1000
    words = np.random.default_rng(0).integers(0, 2, n)
    for protocol in (aggregate(operation), converge_cast(operation)):
        cluster = fit_cluster(protocol, n, epsilon, memory_factor=c_s, largest_word=n)
        sim = Simulation(protocol, cluster, words)
        total = reduce(lambda x, y: combined(operation, (x,), (y,))[0], words.tolist(), 0)
        assert sim.run()[0] == total
        least, reach = 0, 1
        while reach < n:
            least, reach = least + 1, reach * cluster.memory_words
        assert sim.ledger.n_rounds >= least - 1


digit = st.integers(0, 6)
OPERATIONS: list[tuple[Operation, st.SearchStrategy[tuple[int, ...]]]] = [
    (Addition(), st.tuples(st.integers(0, 2**62))),
    (Addition(2**62), st.tuples(st.integers(0, 2**62 - 1))),
    (Addition(5), st.tuples(st.integers(0, 4))),
    (Maximum(), st.tuples(digit)),
    (Last(), st.tuples(digit)),
    (Last(2), st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 3), digit))),
    (AffineMaps(7), st.tuples(digit, digit)),
    (AffineMaps(2**31 - 1), st.tuples(*[st.integers(0, 2**31 - 2)] * 2)),
    (Packed(AffineMaps(7), 7), st.tuples(st.integers(0, 48))),
    (Segmented(AffineMaps(7)), st.tuples(st.integers(0, 1), digit, digit)),
    (Both(Maximum(), AffineMaps(7)), st.tuples(digit, digit, digit)),
]


@pytest.mark.parametrize(("operation", "element"), OPERATIONS, ids=lambda value: repr(value)[:40])
@given(data=st.data())
def test_operations_are_associative(
    operation: Operation, element: st.SearchStrategy[tuple[int, ...]], data: st.DataObject
) -> None:
    x, y, z = data.draw(element), data.draw(element), data.draw(element)
    left = combined(operation, tuple(combined(operation, x, y)), z)
    assert left == combined(operation, x, tuple(combined(operation, y, z)))
    if not isinstance(operation, Last | Segmented):
        assert combined(operation, operation.identity, x) == list(x)
    assert combined(operation, x, operation.identity) == list(x)


def test_keyed_is_associative_on_sorted_keys() -> None:
    operation, elements = Keyed(AffineMaps(7)), [(2, 3, 1), (2, 2, 5), (4, 6, 1), (0, 1, 0)]
    for x in elements[:1]:
        for y in elements[1:]:
            for z in elements[2:]:
                left = combined(operation, tuple(combined(operation, x, y)), z)
                assert left == combined(operation, x, tuple(combined(operation, y, z)))


def test_checked_sum_is_refused() -> None:
    protocol = prefix_sum(Addition())
    cluster = fit_cluster(protocol, 16, "1/2", largest_word=20)
    with pytest.raises(WordOverflow, match="words lie in"):
        Simulation(protocol, cluster, np.full(16, 20)).run()


@given(n=st.integers(1, 400), arity=st.integers(2, 30))
def test_every_leaf_hangs_in_the_tree(n: int, arity: int) -> None:
    tree, machines = Tree(n, arity), np.arange(n + 3)
    for level in range(tree.levels):
        nodes = machines[tree.hosts(level, machines)]
        above = tree.parent(level, nodes)
        hosts, children = np.unique(above, return_counts=True)
        assert hosts.tolist() == machines[tree.hosts(level + 1, machines)].tolist()
        assert children.tolist() == tree.n_children(level + 1, hosts).tolist()
        assert children.max() == tree.children(level + 1)
    assert machines[tree.hosts(tree.levels, machines)].tolist() == [0]


@given(n=st.integers(1, 300), most=st.integers(1, 40))
def test_planned_trees_have_the_fewest_levels(n: int, most: int) -> None:
    tree = plan_tree(n, max_arity=most)
    fitting = [Tree(n, arity).levels for arity in range(2, most + 1)]
    if tree is None:
        assert most == 1
        assert n > 1
    elif n > 1:
        assert tree.arity <= most
        assert tree.levels == min(fitting)
    bounded = plan_tree(n, max_arity=n, max_others=most)
    others = [t.levels for a in range(2, max(n, 2) + 1) if (t := Tree(n, a)).others <= most]
    assert (bounded.levels if bounded else None) == min(others, default=None)
