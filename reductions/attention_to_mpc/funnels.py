"""Sums of buckets without a sort: every bucket has a tree whose nodes are hashed to machines.

A leaf machine adds up the values of its tokens in each bucket and sends one record per bucket to
the node above; nodes do the same, L rounds long. At the root lies the sum of the bucket, and goes
back down the same tree, to every leaf that asked; under a causal mechanism what comes down is the
sum over the leaves before, as in a scan. Machines keep what their nodes received until the answer
has passed. `hashed_plan` says how much that is, with high probability.

A record is (group, c words of a key or code, node, m sums, count), node the sender on the way up,
the receiver on the way down.

Axes: n tokens, H heads, l tables, m value width, R records, k words of a bucket and node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from anna_model import Layer
from anna_model.fixed_point.attention import Precision
from mpc_sim import Channel, Cluster, Inbox, Outbox, Records
from mpc_sim.randomness import random_words
from mpc_sim.stages.elements import element_columns, element_fields, element_table
from mpc_sim.stages.loads import WithinReceipts, check_declared_loads
from reductions.arrays import Integers
from reductions.attention_to_mpc.buckets import AskAndOffer, record_fields
from reductions.attention_to_mpc.copies import REMEDY, answer_fields
from reductions.attention_to_mpc.hashed_plan import HashedPlan
from reductions.attention_to_mpc.tokens import in_batch_order


@dataclass(frozen=True)
class Funnels(WithinReceipts):
    """Send every query the sum and the count of its bucket: from channel ``row`` to ``answer``.

    Parameters
    ----------
    seed : int
        Public, at least 0; layers of one protocol take different ones.

    Notes
    -----
    2 L rounds. A leaf machine keeps its rows and computes its queries again at the end.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (invisible funnels); Liu et al., arXiv 2509.09001,
    Theorem 4.2 (meta machines).
    """

    late_imports: ClassVar[tuple[str, ...]] = AskAndOffer.late_imports

    plan: HashedPlan
    layer: Layer
    precision: Precision
    word_bits: int
    seed: int

    def n_rounds(self, cluster: Cluster) -> int:
        return 2 * self.plan.funnel.levels

    def label(self, round: int, cluster: Cluster) -> str:
        return "funnels: sums up" if round < self.plan.funnel.levels else "funnels: answers down"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        funnel, shape, held = self.plan.funnel, self.plan.shape, self.plan.leaves.held
        asked = 2 * shape.n_heads * held
        up = round < funnel.levels
        moved = (
            Channel("up", self.fields, funnel.capacity if round else asked, funnel.capacity)
            if up
            else Channel(
                "down",
                self.fields,
                funnel.capacity,
                asked if round == 2 * funnel.levels - 1 else funnel.capacity,
            )
        )
        return (
            Channel("row", element_fields(shape.row_words), held, local=True),
            moved,
            *(
                Channel(f"level {level}", self.fields, funnel.capacity, local=True)
                for level in self._kept(round)
            ),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        levels, outbox, rows = self.plan.funnel.levels, Outbox(), inbox["row"]
        outbox.keep("row", rows.machine, **rows.columns)
        below = min(round, 2 * levels - round)  # the level of the nodes that send
        heard = inbox["up" if round <= levels else f"level {below}"] if below else None
        for level in self._kept(round):
            kept = inbox["up" if round < levels and level == round else f"level {level}"]
            outbox.keep(f"level {level}", kept.machine, **kept.columns)
        if round >= levels:
            assert heard is not None
            told = inbox["down"] if round > levels else None
            self._send(outbox, "down", below - 1, *self._answers(heard, told))
            return outbox
        self._send(outbox, "up", below + 1, *self._sums(heard, inbox, cluster))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        shape, level = self.plan.shape, self.plan.leaves
        records = self._questions(inbox, cluster)
        machine, bucket = records.machine, element_table(records, self._bucket_fields)
        turn, sums = records["turn"], element_table(records, self._sum_fields)
        own = np.column_stack([machine, bucket])
        if shape.causal:
            heard = _prefixes(own, turn, sums)
        else:
            groups = _numbered(own)
            heard = _added(groups, sums)[groups] if not self.plan.funnel.levels else 0 * sums
        if self.plan.funnel.levels:
            down = inbox["down"]
            told = np.column_stack([down.machine, element_table(down, self._bucket_fields)])
            heard = heard + _looked_up(own, told, element_table(down, self._sum_fields))
        asks = turn % 2 == 1 if shape.causal else turn >= shape.n_tokens
        wanted = np.flatnonzero(asks & (heard[:, -1] > 0))
        token = turn[wanted] // 2 if shape.causal else turn[wanted] - shape.n_tokens
        table, head = np.divmod(bucket[wanted, 0] - 1, shape.n_heads)
        slot = (token * level.copies + table) % level.held * shape.n_heads + head
        order = in_batch_order(machine[wanted], inbox, cluster, slot)
        found = np.column_stack([slot, heard[wanted]])[order]
        columns = element_columns(found, answer_fields(self.plan))
        return Inbox(inbox.machines, {"answer": Records.of(machine[wanted][order], **columns)})

    def check(self, cluster: Cluster) -> None:
        check_declared_loads(self, cluster, REMEDY)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a record that moves."""
        return (*self._bucket_fields, "node", *self._sum_fields)

    @property
    def _bucket_fields(self) -> tuple[str, ...]:
        return record_fields(self.plan)[: 1 + self.plan.shape.code_words]

    @property
    def _sum_fields(self) -> tuple[str, ...]:
        return (*element_fields(self.plan.shape.value_width), "count")

    def _kept(self, round: int) -> range:
        """Return the levels whose records wait while a round delivers."""
        levels = self.plan.funnel.levels
        return range(1, (round if round < levels else 2 * levels - 1 - round) + 1)

    def _questions(self, inbox: Inbox, cluster: Cluster) -> Records:
        asking = AskAndOffer(self.plan, self.layer, self.precision, self.word_bits)
        return asking.finish(inbox, cluster)["records"]

    def _sums(
        self, heard: Records | None, inbox: Inbox, cluster: Cluster
    ) -> tuple[Integers, Integers, Integers]:
        """Return machine, bucket with node, and sums of every node that sends: one per bucket."""
        if heard is None:
            records = self._questions(inbox, cluster)
            node = records.machine
        else:
            records = heard
            node = records["node"] // self.plan.funnel.arity
        bucket = element_table(records, self._bucket_fields)
        keys = np.column_stack([records.machine, bucket, node])
        groups = _numbered(keys)
        sums = _added(groups, element_table(records, self._sum_fields))
        speaks = np.zeros((len(sums), keys.shape[1]), np.int64)
        speaks[groups] = keys
        return speaks[:, 0], speaks[:, 1:], sums

    def _answers(self, heard: Records, told: Records | None) -> tuple[Integers, Integers, Integers]:
        """Return machine, bucket with node, and sums for every child that sent to a node.

        Roots receive nothing: they know the sum of all.
        """
        bucket = element_table(heard, self._bucket_fields)
        sums, child = element_table(heard, self._sum_fields), heard["node"]
        parent = np.column_stack([heard.machine, bucket, child // self.plan.funnel.arity])
        answers = np.zeros_like(sums)
        if self.plan.shape.causal:
            answers = _prefixes(parent, child, sums) - sums
        elif told is None:
            groups = _numbered(parent)
            answers = _added(groups, sums)[groups]
        if told is not None:
            known = element_table(told, (*self._bucket_fields, "node"))
            of = np.column_stack([told.machine, known])
            answers = answers + _looked_up(parent, of, element_table(told, self._sum_fields))
        says = np.flatnonzero(answers[:, -1] > 0)
        return heard.machine[says], np.column_stack([bucket, child])[says], answers[says]

    def _send(
        self,
        outbox: Outbox,
        channel: str,
        level: int,
        source: Integers,
        node: Integers,
        sums: Integers,
    ) -> None:
        """Send records to the nodes above, on a level, or to the nodes of that level themselves."""
        above = node.copy()
        if channel == "up":
            above[:, -1] //= self.plan.funnel.arity
        to = above[:, -1] if level == 0 else self.home(level, above)
        columns = element_columns(np.column_stack([node, sums]), self.fields)
        outbox.send(channel, source=source, to=to, **columns)

    def home(self, level: int, nodes: Integers) -> Integers:
        """Return the machines of nodes int64[R, k] (bucket, node) of a level: hashed, int64[R]."""
        state = random_words(self.seed, level, nodes[:, 0], 1)[:, 0]
        for column in nodes.T[1:]:
            state = random_words(self.seed, level, state ^ column.astype(np.uint64), 1)[:, 0]
        return (state % np.uint64(self.plan.funnel.machines)).astype(np.int64)


def _numbered(keys: Integers) -> Integers:
    """Return int64[R]: equal rows have equal numbers, 0, 1, .. in the order of the rows' values."""
    if not len(keys):
        return np.zeros(0, np.int64)
    order = np.lexsort(keys.T[::-1])
    is_new = np.any(keys[order][1:] != keys[order][:-1], axis=1)
    numbers = np.zeros(len(keys), np.int64)
    numbers[order[1:]] = np.cumsum(is_new)
    return numbers


def _added(groups: Integers, sums: Integers) -> Integers:
    """Return the sums of every group, int64[groups, m]."""
    total = np.zeros((int(groups.max(initial=-1)) + 1, sums.shape[1]), np.int64)
    np.add.at(total, groups, sums)
    return total


def _prefixes(keys: Integers, turn: Integers, sums: Integers) -> Integers:
    """Return the inclusive prefix of every row among those of equal keys, by turn."""
    groups = _numbered(keys)
    order = np.lexsort((turn, groups))
    running = np.cumsum(sums[order], axis=0)
    starts = np.flatnonzero(np.append(True, np.diff(groups[order]) > 0))[: len(order)]
    before = np.repeat(running[starts] - sums[order][starts],
                       np.diff(starts, append=len(order)), axis=0)  # fmt: skip
    prefixes = np.zeros_like(sums)
    prefixes[order] = running - before
    return prefixes


def _looked_up(keys: Integers, known: Integers, sums: Integers) -> Integers:
    """Return the sums of the known row that equals each row, zeros where none does."""
    numbers = _numbered(np.concatenate([known, keys]))
    found = np.zeros((int(numbers.max(initial=-1)) + 1, sums.shape[1]), np.int64)
    found[numbers[: len(known)]] = sums
    looked_up: Integers = found[numbers[len(known) :]]
    return looked_up
