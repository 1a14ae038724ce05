"""The butterfly: right for any order and any number of machines, in as few rounds as can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from cases.operations import AffineMaps
from mpc_sim import Cluster, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.compose import sequence
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import FillBlocks
from mpc_sim.stages.butterfly import Butterfly, Groups, plan_groups
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.operations import Addition, Packed

MAPS = Packed(AffineMaps(7), 7)


def butterfly(stage: type[Butterfly] = Butterfly) -> Protocol:
    return sequence(Rename("input", "records"), stage(MAPS, ("word",)), FillBlocks())


def composed(words: list[int]) -> int:
    """The maps x -> (w // 7) x + w % 7 modulo 7, one after the other."""
    slope, offset = 1, 0
    for word in words:
        slope, offset = slope * (word // 7) % 7, (offset * (word // 7) + word % 7) % 7
    return 7 * slope + offset


def cluster_of(n_machines: int, memory_words: int, block: int = 1) -> Cluster:
    return Cluster(
        n_words=n_machines * block,
        memory_words=memory_words,
        n_machines=n_machines,
        block_words=block,
        largest_word=48,
    )


def least_levels(n_machines: int, arity: int) -> int:
    levels = 0
    while arity**levels < n_machines:
        levels += 1
    return levels


@pytest.mark.parametrize("memory_words", [2, 3, 4, 5, 8])
def test_every_number_of_machines(memory_words: int) -> None:
    """Order kept, cost exact, rounds least where M = s^L or M <= s (s - 1)^(L - 1)."""
    for n_machines in (*range(1, 30), 36, 48, 49, 63, 64, 81, 100, 125, 128):
        groups, most = plan_groups(n_machines, memory_words), memory_words - 1
        fits = [
            level
            for level in range(9)
            if n_machines == memory_words**level
            or (level and n_machines <= memory_words * most ** (level - 1))
        ]
        if groups is None:
            assert memory_words == 2
            assert not fits
            continue
        assert groups.levels == fits[0]
        cluster = cluster_of(n_machines, memory_words)
        words = np.random.default_rng(n_machines).integers(0, 49, n_machines)
        sim = Simulation(butterfly(), cluster, words)
        assert set(sim.run().tolist()) == {composed(words.tolist())}
        cost = butterfly().cost(cluster)
        assert (sim.ledger.n_rounds, sim.ledger.max_sent_words) == (cost.rounds, cost.sent)
        assert sim.ledger.max_received_words == cost.received


@pytest.mark.parametrize(
    ("n_machines", "memory_words", "block"),
    [(64, 64, 64), (128, 64, 32), (16, 4, 4), (64, 4, 2), (12, 4, 1), (36, 4, 3), (27, 3, 3)],
)
def test_upper_is_lower_on_the_grid(n_machines: int, memory_words: int, block: int) -> None:
    """M = s^L or M <= s (s - 1)^(L - 1): ceil(log_s(N / block)) rounds, which a sum needs."""
    cluster = cluster_of(n_machines, memory_words, block)
    needs = least_levels(cluster.n_words // block, memory_words)
    assert aggregate(Addition(2)).n_rounds(cluster) == needs


def test_trees_remain_where_a_butterfly_of_two_words_has_no_groups() -> None:
    cluster = cluster_of(3, 2)
    with pytest.raises(ShapeError, match=r"over 3 machines needs 3 words .* s = 2: raise epsilon"):
        butterfly().check(cluster)
    assert aggregate(MAPS).n_rounds(cluster) == 4


def test_local() -> None:
    words = np.random.default_rng(0).integers(0, 49, 36)
    assert_local(butterfly(), cluster_of(18, 4, 2), words)


# --- canaries ---


@dataclass(frozen=True)
class Wider(Butterfly):
    """Planned for one word more than there is."""

    def groups(self, cluster: Cluster) -> Groups:
        groups = plan_groups(cluster.n_input_machines, cluster.memory_words + 1)
        assert groups is not None
        return groups


@dataclass(frozen=True)
class Commutes(Butterfly):
    """Neighbours in pairs change places."""

    def _totals(self, inbox, cluster, *, is_met):  # type: ignore[no-untyped-def]
        machines, totals = super()._totals(inbox, cluster, is_met=is_met)
        return machines, totals if is_met else totals[np.arange(len(totals)) ^ 1]


def test_canary_a_word_too_many_is_stopped() -> None:
    with pytest.raises(ShapeError, match="declares 5 words per machine; local memory is 4"):
        Simulation(butterfly(Wider), cluster_of(5, 4), np.arange(5)).run()


def test_canary_another_order_is_noticed() -> None:
    words = np.random.default_rng(1).integers(0, 49, 8)
    found = Simulation(butterfly(Commutes), cluster_of(8, 8), words).run()
    assert found[0] != composed(words.tolist())
