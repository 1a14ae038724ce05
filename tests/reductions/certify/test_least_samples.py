"""Fewest levels of sample sort and phases of filtering, beside what the protocols plan."""

from __future__ import annotations

import math

import pytest

from mpc_sim import Cluster
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.stages.matching_plan import plan_matching
from mpc_sim.stages.splitting import plan_splitting
from reductions.problems import least_phases, least_splits

SIZES = (1, 2, 7, 40, 64, 100, 256, 1000, 4096, 20000)
EPSILONS = ("1/3", "2/5", "9/20", "1/2", "2/3", "4/5")


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("c_s", [8, 16, 32])
def test_levels_and_loads_are_those_that_sample_sort_plans(epsilon: str, c_s: int) -> None:
    for n in SIZES:
        cluster = Cluster.from_exponents(n, epsilon, memory_factor=c_s, machine_factor=2)
        block, machines = cluster.block_words, cluster.n_machines
        plan = plan_splitting(n, block, cluster.memory_words, machines, n)
        if plan is None:
            with pytest.raises(ValueError, match="are not split"):
                least_splits.least_splits(cluster)
            continue
        least = least_splits.least_splits(cluster)
        assert (least.bucket, least.tree.leaves) == (plan.bucket, plan.n_machines)
        assert least.tree.levels == plan.tree.levels
        assert least.tree.others == plan.tree.others
        assert [
            (one.load, one.leader, one.samples, one.fan_out, one.received, one.words)
            for one in least.levels
        ] == [
            (one.load, one.leader_load, one.samples, one.fan_out, one.received, one.words)
            for one in plan.levels
        ]
        assert [(one.tree.arity, one.tree.levels, one.tree.others) for one in least.levels] == [
            (one.tree.arity, one.tree.levels, one.tree.others) for one in plan.levels
        ]


@pytest.mark.parametrize(("part", "chance", "unlikely"), [(5, 0.1, 8), (40, 0.3, 20), (1, 0.5, 1)])
def test_a_window_is_the_least_that_is_unlikely(part: int, chance: float, unlikely: float) -> None:
    """The entropy as it is written, window after window."""
    window = math.floor(part / chance) + 1
    while True:
        share = part / window
        entropy = share * math.log(share / chance)
        entropy += (1 - share) * math.log((1 - share) / (1 - chance))
        if window * entropy >= unlikely:
            break
        window += 1
    assert least_splits._window(part, chance, unlikely) == window


def test_phases_are_those_that_matching_plans() -> None:
    seen = set()
    for n in (8, 60, 300, 2000):
        for degree in (2, n // 4, n // 2):
            shape = GraphShape(n, n * degree // 2)
            for machines in (1, 7, 50):
                held = ceil_div(shape.n_edges, machines)
                for quota in {q for q in (1, 9, 60, 300, held) if q <= held}:
                    memory = 3 * held + (2 * quota + 1) * machines
                    plan = plan_matching(n, shape.n_edges, machines, memory, held, shape.n_words)
                    if plan is None:
                        continue
                    seen.add(plan.n_phases)
                    least = least_phases.least_phases(shape, machines, held, quota)
                    assert least == plan.n_phases
    assert seen >= {1, 2, 3, 4}


def test_no_phases_suffice_for_small_samples() -> None:
    with pytest.raises(ValueError, match="whose samples fit"):
        least_phases.least_phases(GraphShape(100, 2000), 1, 2000, 50)


@pytest.mark.parametrize(("quota", "unlikely"), [(1, 0.5), (9, 20.0), (3000, 40.0)])
def test_the_mean_is_where_chernoffs_bound_is_met(quota: int, unlikely: float) -> None:
    mean = least_phases._mean(quota, unlikely)
    count = quota + 1
    assert 0 < mean < count
    assert count * math.log(count / mean) - count + mean == pytest.approx(unlikely, rel=1e-9)
