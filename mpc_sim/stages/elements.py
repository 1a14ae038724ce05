"""Elements of w words as the rows of a table, and prefixes within groups of them.

Axes: R records, w words of an element, M machines of a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.records import Records, Words, rank_in_group
from mpc_sim.stages.operations import Operation


def element_table(records: Records, fields: tuple[str, ...]) -> Words:
    """Return int64[R, w]: some fields of records, a column each.

    Examples
    --------
    >>> element_table(Records.of([0, 0], key=[1, 2], word=[3, 4]), ("word", "key")).tolist()
    [[3, 1], [4, 2]]
    """
    return np.stack([records[name] for name in fields], axis=1)


def element_fields(width: int) -> tuple[str, ...]:
    """Return the names under which elements travel.

    Examples
    --------
    >>> element_fields(2)
    ('x0', 'x1')
    """
    return tuple(f"x{word}" for word in range(width))


def element_columns(table: Words, names: tuple[str, ...] = ()) -> dict[str, Words]:
    """Return the columns of int64[R, w] by name; by default under the names of travel.

    Examples
    --------
    >>> list(element_columns(np.zeros((3, 2), np.int64)))
    ['x0', 'x1']
    """
    named = names or element_fields(table.shape[1])
    return {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(named)}


def last_of_group(group: Words) -> NDArray[np.bool_]:
    """Tell which rows are the last of their group; equal values are neighbours.

    Examples
    --------
    >>> last_of_group(np.array([5, 5, 2])).tolist()
    [False, True, True]
    """
    is_last = np.ones(len(group), bool)
    np.not_equal(group[1:], group[:-1], out=is_last[:-1])
    return is_last


def scan_groups(operation: Operation, group: Words, elements: Words) -> Words:
    """Return the inclusive prefixes within every group, by doubling distances.

    Parameters
    ----------
    operation : Operation
    group : int64[R]
        Equal values are neighbours.
    elements : int64[R, w]

    Returns
    -------
    int64[R, w]

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> words = np.array([[1], [2], [3], [4], [5]])
    >>> scan_groups(Addition(), np.array([0, 0, 0, 1, 1]), words)[:, 0].tolist()
    [1, 3, 6, 4, 9]
    """
    rank = rank_in_group(group)
    distance = 1
    while distance <= rank.max(initial=0):
        row = np.flatnonzero(rank >= distance)
        scanned = elements.copy()
        scanned[row] = operation.combine(elements[row - distance], elements[row])
        elements, distance = scanned, 2 * distance
    return elements


def shift_groups(operation: Operation, group: Words, elements: Words) -> Words:
    """Turn inclusive prefixes into exclusive ones: every group moves by one, identity first.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> sums = np.array([[1], [3], [4]])
    >>> shift_groups(Addition(), np.array([0, 0, 1]), sums)[:, 0].tolist()
    [0, 1, 0]
    """
    shifted = np.concatenate([operation.repeat_identity(1), elements[:-1]])[: len(elements)]
    shifted[rank_in_group(group) == 0] = operation.identity
    return shifted


def reduce_groups(
    operation: Operation, group: Words, elements: Words, machines: Words, cluster: Cluster
) -> Words:
    """Return int64[M, w]: what the elements of every machine combine to, identity for none.

    Parameters
    ----------
    group : int64[R]
        The machine of every element; equal values are neighbours.
    machines : int64[M]

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=4, block_words=1)
    >>> owner, words = np.array([0, 0, 3]), np.array([[1], [2], [7]])
    >>> reduce_groups(Addition(), owner, words, np.array([3, 2, 0]), cluster)[:, 0].tolist()
    [7, 0, 3]
    """
    totals = operation.repeat_identity(len(machines))
    is_last = last_of_group(group)
    slot = batch_slots(machines, cluster)[group[is_last]]
    totals[slot] = scan_groups(operation, group, elements)[is_last]
    return totals


def batch_slots(machines: Words, cluster: Cluster) -> Words:
    """Return int64[P]: where a machine stands in a batch; 0 for machines that are not in it.

    Examples
    --------
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=4, block_words=1)
    >>> batch_slots(np.array([3, 1]), cluster).tolist()
    [0, 1, 0, 0]
    """
    slot = np.zeros(cluster.n_machines, np.int64)
    slot[machines] = np.arange(len(machines))
    return slot
