"""Butterfly: what all records combine to arrives at every machine, in as few rounds as can be.

Axes: M machines that hold records, w words of an element, L levels. A group of level t is a run of
neighbouring machines; the G_t groups of a level differ in size by at most one machine, G_0 = M and
G_L = 1, and a group lies in one of the level above. In round t every machine knows what its group
of level t combines to, and learns the same of every group beside its own in the group above.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.elements import element_columns, element_fields, element_table, reduce_groups
from mpc_sim.stages.loads import WithinCost
from mpc_sim.stages.operations import Operation


@dataclass(frozen=True)
class Groups:
    """Nested groups of the machines 0 .. M - 1, G_t of them on level t.

    Group g of a level begins at machine floor(g M / G_t). From level 1 on G_(t+1) divides G_t, so
    that groups nest; on level 0 every machine is a group.
    """

    counts: tuple[int, ...]

    @property
    def n_leaves(self) -> int:
        """M."""
        return self.counts[0]

    @property
    def levels(self) -> int:
        """L."""
        return len(self.counts) - 1

    def start(self, level: int, group: Words) -> Words:
        """Return the first machine of each group."""
        return group * self.n_leaves // self.counts[level]

    def group(self, level: int, machine: Words) -> Words:
        """Return the group of each machine: the last that begins at it or before."""
        return ((machine + 1) * self.counts[level] - 1) // self.n_leaves

    def most_children(self, level: int) -> int:
        """Return the most groups of the level below that a group of a level >= 1 consists of."""
        return ceil_div(self.counts[level - 1], self.counts[level])

    def most_copies(self, level: int) -> int:
        """Return the most words that a machine sends to fill a level: one more where sizes differ.

        A group of z machines serves one of z + 1 with one copy more. If not all groups of the level
        below have one size, then some group above has children of both.
        """
        is_uneven = level > 1 and self.n_leaves % self.counts[level - 1] > 0
        return self.most_children(level) + is_uneven


@lru_cache(maxsize=1024)
def plan_groups(n_leaves: int, most: int) -> Groups | None:
    """Return groups of the fewest levels in which a machine sends and holds ``most`` elements.

    L is the least with M = most^L or M <= most (most - 1)^(L - 1), b = most. Where M = b^L all
    groups of a level have one size and b children. Otherwise the groups of level 1 have at most b
    machines and those above c or c - 1 children, c < b: c is the least with b c^(L-1) >= M, and as
    few levels as suffice have c, the others c - 1. Then M > G_1 b (c - 1) / c, so that G_1 groups
    of at least c - 1 machines each exist. Of c children at most c - 1 are larger than the smallest
    by a machine; the c - 1 or more machines of a small one share the c - 1 copies that these need
    beyond one per machine, one each: c + 1 <= b words.

    Parameters
    ----------
    n_leaves : int
        M, at least 1.
    most : int
        b.

    Returns
    -------
    Groups or None
        None for b < 3 unless M is a power of b.
    """
    levels, reach = 0, 1
    while not (n_leaves == reach or (levels and n_leaves <= most * (most - 1) ** (levels - 1))):
        if most < 3 and (most < 2 or reach > n_leaves):
            return None
        levels, reach = levels + 1, reach * most
    if levels == 0:
        return Groups((1,))
    if n_leaves == reach:
        arities = [most] * (levels - 1)
    else:
        arity = 1
        while most * arity ** (levels - 1) < n_leaves:
            arity += 1
        arities = [arity - 1] * (levels - 1)
        for level in range(levels - 1):
            if most * int(np.prod(arities)) < n_leaves:
                arities[level] = arity
    counts = [1]
    for arity in arities:
        counts.append(counts[-1] * arity)
    return Groups((n_leaves, *reversed(counts)))


@dataclass(frozen=True)
class Butterfly(WithinCost):
    """Combine all records, in the order (machine, rank), into one on every machine with input.

    It reads channel ``channel`` and leaves channel ``word`` on each of the M machines. With M <= s
    / w machines it is one round in which every machine sends its own total to all.

    Parameters
    ----------
    operation : Operation
        Associative; it need not be commutative.
    operand : tuple of str
        The w fields of the records that are combined, and of the result.

    References
    ----------
    Butterflies of arity s: Goodrich, Sitchinava, Zhang, arXiv 1101.1902; that fewer rounds do not
    suffice: Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018).
    """

    operation: Operation
    operand: tuple[str, ...]
    channel: str = "records"

    def groups(self, cluster: Cluster) -> Groups:
        """Return the groups for a cluster, or reject it."""
        n_leaves, w = cluster.n_input_machines, self.operation.words
        groups = plan_groups(n_leaves, cluster.memory_words // w)
        if groups is None:
            raise ShapeError(
                f"butterfly of elements of {w} words over {n_leaves} machines needs {3 * w} words "
                f"of local memory; s = {cluster.memory_words}: raise epsilon or c_s",
                memory_words=cluster.memory_words,
            )
        return groups

    def check(self, cluster: Cluster) -> None:
        self.groups(cluster)
        super().check(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return self.groups(cluster).levels

    def cost(self, cluster: Cluster) -> Cost:
        """Rounds L, the least with M = b^L or M <= b (b - 1)^(L - 1), b = floor(s / w).

        L = ceil(log_b M) unless M lies between b (b - 1)^(L - 1) and b^L, exclusively.
        """
        groups, w = self.groups(cluster), self.operation.words
        levels = range(1, groups.levels + 1)
        met = max((groups.most_children(level) for level in levels), default=0)
        copies = max((groups.most_copies(level) for level in levels), default=0)
        return Cost(
            rounds=groups.levels,
            held=w * met,
            sent=w * copies,
            received=w * max(met - 1, 0),
            machines=groups.n_leaves,
        ).naming(butterfly_children=met, butterfly_copies=copies)

    def label(self, round: int, cluster: Cluster) -> str:
        return "all to all" if self.groups(cluster).levels == 1 else "butterfly"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        groups, element = self.groups(cluster), element_fields(self.operation.words)
        copies, met = groups.most_copies(round + 1), groups.most_children(round + 1)
        return (Channel("total", element, copies, met - 1),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        groups, outbox = self.groups(cluster), Outbox()
        machines, totals = self._totals(inbox, cluster, is_met=round > 0)
        row, to = receivers(groups, round, machines)
        outbox.send("total", source=machines[row], to=to, **element_columns(totals[row]))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        is_met = self.n_rounds(cluster) > 0
        machines, totals = self._totals(inbox, cluster, is_met=is_met)
        word = Records.of(machines, **element_columns(totals, self.operand))
        return Inbox(inbox.machines, {"word": word})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("word", self.operand, 1, local=True),)

    def _totals(self, inbox: Inbox, cluster: Cluster, *, is_met: bool) -> tuple[Words, Words]:
        """Return the machines of the groups and what each knows; totals arrive in their order."""
        machines = inbox.machines[inbox.machines < self.groups(cluster).n_leaves]
        met = inbox["total" if is_met else self.channel]
        elements = element_table(met, met.fields if is_met else self.operand)
        totals = reduce_groups(self.operation, met.machine, elements, machines, cluster)
        return machines, totals


def receivers(groups: Groups, level: int, machines: Words) -> tuple[Words, Words]:
    """Return which machines a level's totals go to: rows of ``machines``, and who receives each.

    The machine at place o of its group sends to place o of every group beside it, its own included.
    The last place z of a group that is larger than the sender's by one is served by the sender at
    place d mod z, d the distance of the two groups around the group above, less 1: distances differ
    among the groups beside it.

    Parameters
    ----------
    level : int
        Of the groups whose totals are sent; below L.
    machines : int64[R]

    Returns
    -------
    (int64[C], int64[C])
    """
    own = groups.group(level, machines)
    size = groups.start(level, own + 1) - groups.start(level, own)
    place = machines - groups.start(level, own)
    above = groups.group(level + 1, machines)
    first = groups.group(level, groups.start(level + 1, above))
    count = groups.group(level, groups.start(level + 1, above + 1) - 1) - first + 1
    row = np.repeat(np.arange(len(machines)), count)
    child = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    start = groups.start(level, first[row] + child)
    length = groups.start(level, first[row] + child + 1) - start
    distance = (first[row] + child - own[row] - 1) % count[row]
    is_sent = np.stack(
        [
            place[row] < length,
            (length > size[row]) & (distance % size[row] == place[row]),
        ],
        axis=1,
    )
    to = np.stack([start + place[row], start + size[row]], axis=1)
    return np.repeat(row, 2)[is_sent.ravel()], to[is_sent]
