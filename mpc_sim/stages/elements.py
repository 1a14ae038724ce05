"""Elements of w words as the rows of a table, and prefixes within groups of them.

Axes: R records, w words of an element, M machines of a batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.columns import rank_in_group
from mpc_sim.records import Records, Words
from mpc_sim.stages.operations import Operation


def element_table(records: Records, fields: tuple[str, ...]) -> Words:
    """Return int64[R, w]: some fields of records, a column each."""
    return np.stack([records[name] for name in fields], axis=1)


def element_fields(width: int) -> tuple[str, ...]:
    """Return the names under which elements travel."""
    return tuple(f"x{word}" for word in range(width))


def element_columns(table: Words, names: tuple[str, ...] = ()) -> dict[str, Words]:
    """Return the columns of int64[R, w] by name; by default under the names of travel."""
    named = names or element_fields(table.shape[1])
    return {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(named)}


def last_of_group(group: Words) -> NDArray[np.bool_]:
    """Return which rows are the last of their group; equal values are neighbours."""
    is_last = np.ones(len(group), bool)
    np.not_equal(group[1:], group[:-1], out=is_last[:-1])
    return is_last


def scan_groups(operation: Operation, group: Words, elements: Words) -> Words:
    """Return the inclusive prefixes within every group, by doubling distances.

    Parameters
    ----------
    group : int64[R]
        Equal values are neighbours.
    elements : int64[R, w]

    Returns
    -------
    int64[R, w]
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
    """Turn inclusive prefixes into exclusive ones: every group moves by one, identity first."""
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
    """
    rank = rank_in_group(group)
    while rank.max(initial=0) > 0:  # neighbours in pairs, so that the work halves
        even, odd = np.flatnonzero(rank % 2 == 0), np.flatnonzero(rank % 2)
        elements = elements.copy()
        elements[odd - 1] = operation.combine(elements[odd - 1], elements[odd])
        elements, group, rank = elements[even], group[even], rank[even] // 2
    totals = operation.repeat_identity(len(machines))
    totals[batch_slots(machines, cluster)[group]] = elements
    return totals


def batch_slots(machines: Words, cluster: Cluster) -> Words:
    """Return int64[P]: where a machine stands in a batch; 0 for machines that are not in it."""
    slot = np.zeros(cluster.n_machines, np.int64)
    slot[machines] = np.arange(len(machines))
    return slot
