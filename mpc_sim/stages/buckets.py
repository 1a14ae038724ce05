"""Buckets between splitters: how splitters are chosen, and records counted and dealt out.

Axes: R records (word, index), f buckets of a group, f - 1 splitters on every machine of it.
"""

from __future__ import annotations

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.records import Outbox, Records, Words
from mpc_sim.stages.columnsort import sort_locally
from mpc_sim.stages.elements import batch_slots, element_columns, element_table
from mpc_sim.stages.splitting import Level

FIELDS = ("word", "index")


def choose_splitters(samples: Records, fan_out: int) -> Records:
    """Cut the sorted samples of every machine into ``fan_out`` parts; the first of each but one.

    Of S samples those of rank floor(j S / f), j = 1 .. f - 1, are taken; fewer than f samples give
    some twice, which makes empty buckets.
    """
    samples = sort_locally(samples)
    starts = np.flatnonzero(samples.rank == 0)
    sizes = np.diff(starts, append=len(samples))
    ranks = np.arange(1, fan_out) * sizes[:, None] // fan_out
    return samples.take((starts[:, None] + ranks).ravel())


def buckets(records: Records, splitters: Records) -> Words:
    """Return int64[R]: how many splitters of its machine are at most a record."""
    n_splitters = len(splitters)
    machine = np.concatenate([splitters.machine, records.machine])
    keys = [np.concatenate([splitters[name], records[name]]) for name in FIELDS]
    is_record = np.arange(len(machine)) >= n_splitters
    order = np.lexsort([is_record, *keys[::-1], machine])
    below = np.empty(len(machine), np.int64)
    below[order] = np.cumsum(~is_record[order])
    owners = np.sort(splitters.machine)
    return below[n_splitters:] - np.searchsorted(owners, records.machine)


def count_buckets(
    records: Records, splitters: Records, machines: Words, fan_out: int, cluster: Cluster
) -> Records:
    """Count the records of every machine in each of f buckets: one record of f counts."""
    place = batch_slots(machines, cluster)[records.machine] * fan_out + buckets(records, splitters)
    counts = np.bincount(place, minlength=len(machines) * fan_out).reshape(-1, fan_out)
    return Records.of(machines, **element_columns(counts))


def deal(records: Records, own: Records, offset: Records, first: Words, level: Level) -> Outbox:
    """Deal the records of every bucket out to its subgroup, one machine after the other.

    Parameters
    ----------
    records : Records
        In order on every machine; channel ``records``.
    own : Records
        One record per machine: how many of them each bucket has.
    offset : Records
        How many records of each bucket lie on the machines before, in the same group. A machine
        without a record sends nothing.
    first : int64[machines of own]
        The first machine of its group.
    """
    counts = element_table(own, own.fields)
    has_offset = np.isin(own.machine, offset.machine)
    before = np.zeros_like(counts)
    before[has_offset] = element_table(offset, offset.fields)
    n_buckets = counts.size
    run = np.repeat(np.arange(n_buckets), counts.ravel())
    starts = np.cumsum(counts.ravel()) - counts.ravel()
    rank = before.ravel()[run] + np.arange(len(records)) - starts[run]
    holder, bucket = np.divmod(run, level.fan_out)
    to = first[holder] + bucket * level.within + rank % level.within
    goes = has_offset[holder]
    gone, outbox = records.take(goes), Outbox()
    outbox.send("records", source=gone.machine, to=to[goes], **gone.columns)
    return outbox
