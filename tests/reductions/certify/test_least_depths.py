"""The least depths and levels, against their inequalities tried out one by one."""

from __future__ import annotations

import pytest

from mpc_sim import Cluster
from reductions.problems.least_depths import (
    least_groups,
    least_scan,
    least_sort,
    least_tree,
    tree_of_arity,
)


def cluster_of(memory: int, machines: int, n_words: int = 64) -> Cluster:
    block = max(1, min(memory, -(-n_words // machines)))
    return Cluster(n_words=n_words, memory_words=memory, n_machines=machines, block_words=block)


@pytest.mark.parametrize("slots", [1, 2, 7, 30, 64, 250])
@pytest.mark.parametrize("memory", [8, 20, 57, 100])
@pytest.mark.parametrize("words", [1, 2, 3])
def test_depth_one_is_leightons_condition(slots: int, memory: int, words: int) -> None:
    """At depth 1: some c | r with r c >= slots, r >= 2 (c - 1)^2, r w <= s and c <= P."""
    legal = [
        rows
        for rows in range(1, memory // words + 1)
        for columns in range(1, 41)
        if rows % columns == 0 and rows * columns >= slots and rows >= 2 * (columns - 1) ** 2
    ]
    try:
        found = least_sort(cluster_of(memory, 64), slots, words)
    except ValueError:
        assert not legal
        return
    assert (found.depth == 1) == bool(legal)
    assert not legal or found.rows == min(legal)


@pytest.mark.parametrize("leaves", [1, 2, 3, 16, 17, 100])
@pytest.mark.parametrize("arity", [2, 3, 10, 16])
def test_levels_are_the_least(leaves: int, arity: int) -> None:
    tree = tree_of_arity(leaves, arity)
    assert arity**tree.levels >= leaves
    assert tree.levels == 0 or arity ** (tree.levels - 1) < leaves
    assert tree.levels == 0 or tree.arity <= arity


def test_a_scan_has_room_for_its_elements() -> None:
    cluster = cluster_of(32, 16, 256)
    tree = least_scan(cluster, 256, 16, 1, 1)
    assert 16 + 1 + tree.others <= 32
    assert tree.levels == 1
    assert least_scan(cluster, 256, 16, 1, 1, waiting=9).levels == 2
    with pytest.raises(ValueError, match="does not fit"):
        least_scan(cluster, 256, 16, 2, 3)
    assert least_tree(cluster, 1).levels == 1


@pytest.mark.parametrize("memory", [2, 3, 4, 7])
def test_a_butterfly_has_the_fewest_levels(memory: int) -> None:
    """What machines meet and send fits s, and is what groups of sizes floor and ceil can have."""
    for machines in range(1, 70):
        cluster = Cluster(n_words=machines, memory_words=memory, n_machines=machines, block_words=1)
        legal = [
            levels
            for levels in range(8)
            if machines == memory**levels
            or (levels and machines <= memory * (memory - 1) ** (levels - 1))
        ]
        found = least_groups(cluster)
        if not legal:
            assert found is None
            continue
        assert found is not None
        assert found.levels == min(legal)
        assert found.met <= found.copies <= min(found.met + 1, memory)
        assert found.met**found.levels >= machines or machines == 1
