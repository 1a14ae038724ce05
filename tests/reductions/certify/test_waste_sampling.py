"""Waste of sample sort and of filtering is noticed: their plans made worse, a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mpc_sim import Cluster
from mpc_sim.algorithms import maximal_matching as matching, sample_sort as sorting
from mpc_sim.randomness import random_below, random_words
from mpc_sim.records import Words
from mpc_sim.stages.matching_plan import CERTAIN, MatchingPlan
from mpc_sim.stages.splitting import Level, SplitPlan, _split, plan_splitting
from mpc_sim.stages.tree import Tree
from reductions.certify import Certificate
from reductions.certify.run import simulate
from reductions.problems.maximal_matching import MAXIMAL_MATCHING
from reductions.problems.sample_sort import SAMPLE_SORT

N = 256
FALLING = np.arange(N)[::-1].copy()
CLUSTER: Cluster = SAMPLE_SORT.cluster(FALLING, "1/2")
SIZES = N, CLUSTER.block_words, CLUSTER.memory_words
Patch = pytest.MonkeyPatch


def failing(certificate: Certificate) -> set[str]:
    return {check.name for check in certificate.checks if check.status == "FAIL"}


def planned() -> SplitPlan:
    plan = plan_splitting(*SIZES, CLUSTER.n_machines, N)
    assert plan is not None
    return plan


def split(fan_out: int, depth: int = 1) -> SplitPlan:
    plan = _split(*SIZES, fan_out, depth, N)
    assert plan is not None
    return plan


def half_the_arity() -> SplitPlan:
    plan = planned()
    (level,) = plan.levels
    tree = Tree(level.tree.n_leaves, level.tree.arity // 2)
    return replace(plan, levels=(replace(level, tree=tree),))


def worst_words(level: Level) -> Words:
    """The words of which seed 0 makes as large a bucket as the level allows.

    The first S / f samples are the least words; those that fill their bucket are the next.
    """
    drawn = random_below(level.stride, random_words(0, 0, [0], level.samples))[0]
    at = np.arange(level.samples) * level.stride + drawn
    at, first = at[at < N], level.samples // level.fan_out
    others = np.setdiff1d(np.arange(N), at)
    own, groups = level.bucket - first, level.fan_out - 1
    cut = (np.array_split(left, groups) for left in (at[first:], others[own:]))
    rest = [one for bucket in zip(*cut, strict=True) for one in bucket]
    order = np.concatenate([at[:first], others[:own], *rest])
    words = np.empty(N, np.int64)
    words[order] = np.arange(N)
    return words


WASTE: dict[str, tuple[Callable[[], SplitPlan], str]] = {
    "a level too many": (lambda: split(4, depth=2), "rounds"),
    "trees of half the arity": (half_the_arity, "rounds"),
    "fan-outs for which no such tree is left": (lambda: split(9), "rounds"),
    "a fan-out too large": (lambda: split(planned().levels[0].fan_out + 1), "sent_words"),
    "buckets too large": (lambda: split(planned().levels[0].fan_out - 1), "local_memory"),
}


@pytest.mark.parametrize("waste", WASTE)
def test_sample_sort_that_takes_more(waste: str, monkeypatch: Patch) -> None:
    make, row = WASTE[waste]
    plan = make()
    words = worst_words(plan.levels[0]) if row == "local_memory" else FALLING
    monkeypatch.setattr(sorting, "plan_splitting", lambda *sizes: plan)
    certificate = simulate(SAMPLE_SORT, words, CLUSTER).certificate
    assert row in failing(certificate)
    assert certificate["output-mpc"].status == "PASS"


def test_the_largest_bucket_that_may_be_is_all_that_is_claimed() -> None:
    certificate = simulate(SAMPLE_SORT, worst_words(planned().levels[0]), CLUSTER).certificate
    assert failing(certificate) == set()
    assert certificate["local_memory"].slack == 1


def test_matching_in_a_phase_too_many(monkeypatch: Patch) -> None:
    graph = MAXIMAL_MATCHING.instance(40, 1)
    cluster = MAXIMAL_MATCHING.cluster(graph)
    assert failing(simulate(MAXIMAL_MATCHING, graph, cluster).certificate) == set()
    right = matching.plan_matching

    def longer(*sizes: int) -> MatchingPlan:
        plan = right(*sizes)
        assert plan is not None
        return replace(plan, left=(*plan.left, plan.left[-1]), rates=(CERTAIN // 2, *plan.rates))

    monkeypatch.setattr(matching, "plan_matching", longer)
    certificate = simulate(MAXIMAL_MATCHING, graph, cluster).certificate
    assert failing(certificate) == {"rounds"}
