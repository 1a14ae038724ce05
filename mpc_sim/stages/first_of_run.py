"""Sort records by key and give every record the value of the first of its key.

Axes: records (key, tag, value) of three words, keys from 1 on; ``per_item`` of them at most for
each of k items that lie evenly on all machines. A key may have any number of records: nothing is
gathered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.compose import sequence
from mpc_sim.records import Records, Words
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.operations import Keyed, Operation
from mpc_sim.stages.waiting import Beside, ScanBeside, Wait, beside, share

FIELDS = ("key", "tag", "value")
ELEMENT = ("key", "value")


@dataclass(frozen=True)
class First(Operation):
    """The first word that is not 0: copies along."""

    @property
    def words(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,)

    def combine(self, left: Words, right: Words) -> Words:
        return np.where(left != 0, left, right)


@dataclass(frozen=True)
class SortShares(Columnsort):
    """Columnsort of records that lie evenly on all machines, and so does the result."""

    n_items: int = 1
    per_item: int = 1

    def _held(self, cluster: Cluster) -> int:
        return self.per_item * share(self.n_items, cluster)

    def _out(self, cluster: Cluster) -> int:
        return share(self._n_slots(cluster), cluster)

    def _n_slots(self, cluster: Cluster) -> int:
        return self.per_item * max(1, self.n_items)


def first_of_run(n_items: int, per_item: int, waits: tuple[Wait, ...] = ()) -> Beside:
    """Return the stage that adds to every record what the first record of its key has for value.

    Field ``run`` is the key if another record of it comes before, else something smaller, and
    ``first`` the value of the first of them. Values of first records are not 0.

    Parameters
    ----------
    waits : tuple of Wait
        What waits meanwhile.

    Returns
    -------
    Beside
        1 + 4^d + 2 L rounds. ceil(per_item n_items / P) records lie on a machine afterwards.
    """
    scan = ScanBeside(
        Keyed(First()),
        FIELDS,
        ELEMENT,
        ("run", "first"),
        inclusive=False,
        n_slots=per_item * max(1, n_items),
        spread=True,
        waits=waits,
    )
    return beside(sequence(SortShares(FIELDS, n_items=n_items, per_item=per_item), scan), waits)


def value_of_run(records: Records) -> tuple[NDArray[np.bool_], Words]:
    """Return which records are the first of their key, and the value that the key goes by."""
    is_first = records["run"] != records["key"]
    return is_first, np.where(is_first, records["value"], records["first"])
