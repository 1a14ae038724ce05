"""Columnsort: it sorts, on every depth, in the rounds and the memory that it promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

import oracles
from cases.per_machine import PerMachine, memories
from mpc_sim import Cluster, Inbox, Records, Simulation, assert_local, fit_cluster, sequence
from mpc_sim.errors import ShapeError
from mpc_sim.stages.columnsort import Columnsort, Matrix, columnsort, plan_columnsort


def machines_of(n: int, s: int, *, block: int = 1, n_machines: int | None = None) -> Cluster:
    """Machines of s words, as many as the plan or the blocks need."""
    plan = plan_columnsort(n, s, 10**9)
    assert plan is not None
    enough = max(plan.n_machines, -(-n // block)) if n_machines is None else n_machines
    return Cluster(n, s, enough, block, largest_word=255)


def run(cluster: Cluster, words: object) -> list[int]:
    return Simulation(columnsort(), cluster, words).run().tolist()  # type: ignore[arg-type]


CLUSTERS = {  # depth -> clusters
    1: [
        machines_of(1, 2),
        machines_of(1, 8, n_machines=5),
        machines_of(2, 2, block=2),
        machines_of(4, 3),
        machines_of(12, 6, block=5),
        machines_of(27, 9, block=9),
        machines_of(27, 10, block=4, n_machines=40),
        machines_of(72, 24, block=7),
        machines_of(100, 36, block=10),
        machines_of(500, 84, block=33),
        fit_cluster(columnsort(), 1000, "2/3", largest_word=255),
    ],
    2: [
        machines_of(5, 2),
        machines_of(8, 3, block=2),
        machines_of(16, 4, block=3),
        machines_of(27, 6, block=5),
        machines_of(32, 9, block=9),
        machines_of(200, 24, block=20),
        machines_of(1000, 45, block=31),
    ],
    3: [machines_of(12, 2), machines_of(16, 3, block=2), machines_of(20, 4, block=3)],
    4: [machines_of(20, 2, block=2)],
}
NAMED: dict[str, Callable[[int], object]] = {
    "sorted": np.arange,
    "reversed": lambda n: np.arange(n)[::-1],
    "all equal": lambda n: np.full(n, 7),
    "two values, alternating": lambda n: np.arange(n) % 2,
    "two values, the larger first": lambda n: (np.arange(n) < n // 2).astype(int),
    "one small word last": lambda n: (np.arange(n) < n - 1).astype(int),
    "organ pipe": lambda n: np.minimum(np.arange(n), np.arange(n)[::-1]),
    "many of every value": lambda n: np.arange(n) * 7919 % 5,
    "largest words": lambda n: 255 - np.arange(n) % 2,
}


EVERY_CLUSTER = [
    pytest.param(depth, c, id=f"depth {depth} n {c.n_words} s {c.memory_words} p {c.n_machines}")
    for depth, clusters in CLUSTERS.items()
    for c in clusters
]


@pytest.mark.parametrize(("depth", "cluster"), EVERY_CLUSTER)
def test_hard_instances_are_sorted_in_the_promised_rounds_and_memory(
    depth: int, cluster: Cluster
) -> None:
    n, ledgers = cluster.n_words, []
    for words in (make(n) for make in NAMED.values()):
        words = np.asarray(words) % cluster.word_limit
        sim = Simulation(columnsort(), cluster, words)
        assert sim.run().tolist() == sorted(words.tolist())
        assert sim.n_rounds == sim.ledger.n_rounds == 1 + 4**depth
        ledgers.append(str(sim.ledger))
    assert len(set(ledgers)) == 1  # oblivious: the words decide nothing about the loads
    plan = plan_columnsort(n, cluster.memory_words, cluster.n_machines)
    assert plan is not None
    assert plan.depth == depth
    assert sim.ledger.max_held_words <= max(cluster.block_words, plan.rows) <= cluster.memory_words
    assert sim.ledger.machines_used <= max(plan.n_machines, cluster.n_input_machines)


@pytest.mark.parametrize(("depth", "cluster"), EVERY_CLUSTER)
def test_every_step_is_local(depth: int, cluster: Cluster) -> None:
    words = np.random.default_rng(depth).integers(0, 8, cluster.n_words) % cluster.word_limit
    assert_local(columnsort(), cluster, words, n_batches=2)


@given(st.data())
def test_random_words_are_sorted(data: st.DataObject) -> None:
    depth = data.draw(st.sampled_from([1, 1, 1, 2, 3]))
    cluster = data.draw(st.sampled_from([c for c in CLUSTERS[depth] if c.n_words <= 80]))
    top = data.draw(st.sampled_from([1, 3, cluster.word_limit - 1]))
    words = st.lists(st.integers(0, top), min_size=cluster.n_words, max_size=cluster.n_words)
    drawn = data.draw(words)
    assert run(cluster, drawn) == sorted(drawn)


# --- the 0-1 principle: what sorts every input of zeros and ones sorts every input ---


@pytest.mark.parametrize(
    ("n", "s", "levels"),
    [
        pytest.param(12, 6, [(6, 2)], marks=pytest.mark.slow),
        (9, 8, [(6, 2)]),
        (8, 2, [(4, 2), (2, 2)]),
        pytest.param(9, 4, [(6, 2), (4, 2)], marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_input_of_zeros_and_ones_is_sorted(
    n: int, s: int, levels: list[tuple[int, int]]
) -> None:
    cluster = machines_of(n, s, block=min(3, s))
    plan = plan_columnsort(n, s, cluster.n_machines)
    assert plan is not None
    assert plan.levels == tuple(Matrix(*level) for level in levels)
    for zeros_and_ones in product((0, 1), repeat=n):
        assert run(cluster, zeros_and_ones) == sorted(zeros_and_ones)


@pytest.mark.parametrize(
    ("n", "s", "levels", "run_length"),
    [
        pytest.param(27, 9, [(9, 3)], 9, marks=pytest.mark.slow),
        (15, 8, [(8, 2)], 8),
        pytest.param(16, 4, [(8, 2), (4, 2)], 4, marks=pytest.mark.slow),
        pytest.param(12, 2, [(6, 2), (4, 2), (2, 2)], 2, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_input_of_zeros_and_ones_is_sorted_whatever_their_order_in_a_column(
    n: int, s: int, levels: list[tuple[int, int]], run_length: int
) -> None:
    """The first thing that is done to a run of a column's length is to sort it."""
    cluster = machines_of(n, s, block=s)
    plan = plan_columnsort(n, s, cluster.n_machines)
    assert plan is not None
    assert plan.levels == tuple(Matrix(*level) for level in levels)
    lengths = [min(run_length, n - low) for low in range(0, n, run_length)]
    for ones in product(*(range(length + 1) for length in lengths)):
        runs = [[1] * k + [0] * (length - k) for k, length in zip(ones, lengths, strict=True)]
        words = [word for part in runs for word in part]
        assert run(cluster, words) == sorted(words)


def test_canary_columns_shorter_than_the_plan_asks_do_not_sort(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """c = 3 needs r >= 2 (c-1)^2 = 8; with r = 3 some input of zeros and ones stays unsorted."""
    plan = plan_columnsort(9, 9, 1)
    assert plan is not None
    short = replace(plan, levels=(Matrix(rows=3, columns=3),))
    monkeypatch.setattr(Columnsort, "plan", lambda self, cluster: short)
    cluster = Cluster(9, 9, 9, 3)
    inputs = [list(bits) for bits in product((0, 1), repeat=9)]
    assert any(run(cluster, words) != sorted(words) for words in inputs)


# --- plans ---


@given(st.integers(1, 5000), st.integers(2, 300), st.sampled_from([1, 2, 5, 20, 100, 10**6]))
def test_a_plan_keeps_its_constraints(n_slots: int, max_rows: int, max_machines: int) -> None:
    plan = plan_columnsort(n_slots, max_rows, max_machines)
    if plan is None:
        return
    to_sort, n_machines = n_slots, 1
    for level in plan.levels:
        assert level.rows % level.columns == 0
        assert level.rows >= 2 * (level.columns - 1) ** 2
        assert level.rows * level.columns >= to_sort
        to_sort = level.rows
        n_machines *= level.columns
    assert to_sort <= max_rows
    assert n_machines == plan.n_machines <= max_machines


def test_two_records_a_machine_are_enough() -> None:
    refused = [
        (n, rows)
        for n, rows in product(range(1, 300), range(2, 40))
        if plan_columnsort(n, rows, 10**9) is None
    ]
    assert refused == []


def test_a_plan_has_the_least_depth() -> None:
    wrong = {}
    for n, rows in product(range(1, 300), range(2, 60)):
        plan = plan_columnsort(n, rows, 10**9)
        if plan is not None and plan.depth != oracles.columnsort_depth(n, rows):
            wrong[n, rows] = plan.depth, oracles.columnsort_depth(n, rows)
    assert wrong == {}


@pytest.mark.parametrize("n", [10, 100, 1000, 10**4])
def test_a_plan_of_depth_1_has_the_shortest_columns(n: int) -> None:
    for n_machines in (2, 3, 5, 9, 1000):
        fits = [(r, c) for r, c in oracles.shortest_columns(n) if c <= n_machines]
        plan = plan_columnsort(n, n, n_machines)
        assert plan is not None
        assert (plan.depth, plan.rows) == (1, min(r for r, _ in fits))


@pytest.mark.parametrize(
    ("depth", "factor", "power"), [(1, 2 ** (1 / 3), 2 / 3), (2, 2 ** (5 / 9), 4 / 9)]
)
@pytest.mark.parametrize("n", [10**6, 10**7])
def test_the_memory_that_a_depth_needs(n: int, depth: int, factor: float, power: float) -> None:
    """1.26 N^(2/3) and 1.47 N^(4/9), up to the rounding of a column."""
    least = factor * n**power
    plan, smaller = (plan_columnsort(n, int(least * x), 10**9) for x in (1.05, 0.95))
    assert plan is not None
    assert plan.depth == depth
    assert smaller is None or smaller.depth > depth


def test_a_cluster_that_is_too_small_is_refused_by_name() -> None:
    with pytest.raises(ShapeError, match=r"s = 3 words hold 1 records .* raise epsilon or c_s"):
        Columnsort(("a", "b")).check(Cluster(4, 3, 40, 1))
    with pytest.raises(ShapeError, match=r"P = 3 machines of s = 5 words: raise"):
        Simulation(columnsort(), Cluster(12, 5, 3, 5), [0] * 12)
    Simulation(columnsort(), Cluster(12, 5, 4, 5), [0] * 12)


# --- records of several fields, and slots without a record ---


class SplitEven(PerMachine):
    """Even words become records (word mod 4, word // 4); odd words are dropped."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"].take(inbox["input"]["word"] % 2 == 0)
        low, high = words["word"] % 4, words["word"] // 4
        return Inbox(inbox.machines, {"records": Records.of(words.machine, low=low, high=high)})


@given(st.lists(st.integers(0, 63), min_size=1, max_size=40), st.integers(1, 4), st.booleans())
def test_fields_are_compared_in_order_and_gaps_close(
    words: list[int], block: int, spread: bool
) -> None:
    n = len(words)
    sort = Columnsort(("low", "high"), spread=spread)
    plan = plan_columnsort(n, 12, 10**9)
    assert plan is not None
    n_machines = max(plan.n_machines, -(-n // block)) + 1
    cluster = Cluster(n, 24, n_machines, block, largest_word=63)
    sim = Simulation(sequence(SplitEven((), lambda *_: []), sort), cluster, words)
    sim.goto(sim.n_rounds)
    out = -(-n // n_machines) if spread else block
    ranked = sorted((word % 4, word // 4) for word in words if word % 2 == 0)
    expected = {i: ranked[i * out : (i + 1) * out] for i in range(n_machines)}
    assert {i: sorted(memory["records"]) for i, memory in memories(sim.inbox).items()} == expected
