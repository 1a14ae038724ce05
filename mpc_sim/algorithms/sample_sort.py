"""Sample sort: O(1 / epsilon) levels of about sqrt(s) random splitters, O(1 / epsilon^2) rounds.

All machines are one group at first. On every level one record of each stride of a group is drawn at
random; the last machine of the group, its leader, sorts these samples, cuts them into f parts of
the same size, and hands the f - 1 splitters to all machines of the group down a tree. How many
records of a machine fall in each bucket goes up the same tree. If no bucket is larger than was
declared, every machine learns how many records of each bucket lie before its own, and deals them
out to the subgroup of the bucket, one machine after the other: all loads are certain. If one is
larger, the group has failed: its records go no further. After the last level a group is one
machine, which sorts what it has. Then the sizes of the buckets go up a tree and their prefix sums
come down, if the sizes add up to N; with them every word goes to its place in the output. If they
do not, some group has failed, no word is sent, and every output word is the failure word. Ties are
broken by the index, so that equal words split like others.

The bucket sizes that are declared hold with probability 1 - delta for every input, delta = 1 / N
by default (``splitting`` derives them); so that is a bound on the probability of
failure. All random words are a function of (seed, round, group).

A level goes up and down a tree whose arity is about sqrt(s) as well, so of L levels the one with j
below it takes O(j) rounds: O(L^2) in all, L = O(1 / epsilon), a constant for a fixed epsilon. A
sort that moves records before it counts them needs O(L), and can overfill a machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.compose import sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import InputError, ShapeError, WordOverflow
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_below, random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.blocks import NumberWords, WriteInOrder
from mpc_sim.stages.buckets import FIELDS, choose_splitters, count_buckets, deal
from mpc_sim.stages.columnsort import sort_locally
from mpc_sim.stages.elements import element_fields, element_table
from mpc_sim.stages.loads import WithinReceipts
from mpc_sim.stages.splitting import SplitPlan, plan_splitting
from mpc_sim.stages.tally import Tally


@dataclass(frozen=True)
class Split(WithinReceipts):
    """Bring the records of channel ``records`` (word, index) into order, machine by machine.

    It leaves channel ``sorted`` (word): each of the first M machines holds a bucket in order, and
    buckets grow with the machine; their sizes are random. Of a group that failed it leaves nothing.

    Parameters
    ----------
    seed : int
        Public, at least 0.
    inverse_failure : int, optional
        1 / delta; N by default.
    """

    seed: int
    inverse_failure: int | None = None

    def plan(self, cluster: Cluster) -> SplitPlan:
        """Return the levels and their loads on a cluster, or reject it."""
        plan = plan_splitting(
            cluster.n_words,
            cluster.block_words,
            cluster.memory_words,
            cluster.n_machines,
            cluster.n_words if self.inverse_failure is None else self.inverse_failure,
        )
        if plan is None:
            raise ShapeError(
                f"sample sort of {cluster.n_words} words does not fit "
                f"P = {cluster.n_machines} machines of s = {cluster.memory_words} words: "
                "raise epsilon, c_s or c_p",
                memory_words=cluster.memory_words,
                n_machines=cluster.n_machines,
            )
        return plan

    def check(self, cluster: Cluster) -> None:
        self.plan(cluster)
        super().check(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return self.plan(cluster).n_rounds

    def label(self, round: int, cluster: Cluster) -> str:
        plan = self.plan(cluster)
        if not plan.levels:
            return "sample sort: gather"
        number, inner = plan.locate(round)
        depth = plan.levels[number].tree.levels
        steps = [
            "sample",
            *(name for name in ("splitters", "count", "offsets") for _ in range(depth)),
        ]
        return f"sample sort {number}: {[*steps, 'route'][inner]}"

    def cost(self, cluster: Cluster) -> Cost:
        """As declared; numbers of every level, and the buckets that are ranked at the end."""
        plan = self.plan(cluster)
        levels, trees = plan.levels, [level.tree for level in plan.levels]
        return (
            super()
            .cost(cluster)
            .naming(
                level_load=[level.load for level in levels],
                leader_load=[level.leader_load for level in levels],
                samples=[level.samples for level in levels],
                fan_out=[level.fan_out for level in levels],
                level_received=[level.received for level in levels],
                tree_arity=[tree.arity for tree in trees],
                tree_levels=[tree.levels for tree in trees],
                tree_others=[tree.others for tree in trees],
                buckets=plan.n_machines,
                bucket=plan.bucket,
                rank_levels=plan.tree.levels,
                rank_others=plan.tree.others,
            )
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        plan = self.plan(cluster)
        if not plan.levels:
            return (Channel("records", FIELDS, cluster.block_words, plan.bucket),)
        number, inner = plan.locate(round)
        level = plan.levels[number]
        depth = level.tree.levels
        kept = Channel("records", FIELDS, level.load, local=True)
        if inner == 0:
            return (kept, Channel("sample", FIELDS, level.drawn, level.samples))
        if inner <= depth:
            most = level.tree.children(depth + 1 - inner) * level.splitters
            return (kept, Channel("splitter", FIELDS, most, level.splitters))
        if inner <= 3 * depth:
            return (kept, *Tally(level.tree, level.fan_out).channels(inner - 1 - depth))
        return (Channel("records", FIELDS, level.load, level.received),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan, records = self.plan(cluster), inbox["records"]
        if round == 0:
            self._reject_failure_words(records, cluster)
        if not plan.levels:
            outbox = Outbox()
            to = np.zeros_like(records.machine)
            outbox.send("records", source=records.machine, to=to, **records.columns)
            return outbox
        number, inner = plan.locate(round)
        level, depth = plan.levels[number], plan.levels[number].tree.levels
        if inner == 0:
            return self._sample(round, number, records, plan)
        if inner <= depth:
            return self._send_splitters(number, depth - inner, inbox, plan)
        if inner <= 3 * depth:
            return self._count(number, inner - 1 - depth, inbox, plan, cluster)
        own = inbox["own"]
        return deal(records, own, inbox["offset"], plan.group(number, own.machine), level)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = sort_locally(inbox["records"])
        return Inbox(inbox.machines, {"sorted": Records.of(records.machine, word=records["word"])})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("sorted", ("word",), self.plan(cluster).bucket, local=True),)

    def _sample(self, round: int, number: int, records: Records, plan: SplitPlan) -> Outbox:
        """Send the leader one slot of every stride of its group, where the slot is filled.

        On level 0 the slot of a record is its index; later the records of a group are dealt out
        evenly, and number j of the i-th of G machines has slot j G + i.
        """
        level, first = plan.levels[number], plan.group(number, records.machine)
        dealt = records.rank * level.machines + records.machine - first
        slot = dealt if number else records["index"]
        groups, group = np.unique(first, return_inverse=True)
        words = random_words(self.seed, round, groups, level.samples)
        drawn = random_below(level.stride, words)[group, slot // level.stride]
        sample = records.take(drawn == slot % level.stride)
        to = sample.machine + plan.to_leader(number, sample.machine)
        outbox = Outbox()
        outbox.keep("records", records.machine, **records.columns)
        outbox.send("sample", source=sample.machine, to=to, **sample.columns)
        return outbox

    def _send_splitters(self, number: int, below: int, inbox: Inbox, plan: SplitPlan) -> Outbox:
        """Hand the splitters to the nodes of the tree on level ``below``."""
        level, records = plan.levels[number], inbox["records"]
        at_leader = below + 1 == level.tree.levels
        known = choose_splitters(inbox["sample"], level.fan_out) if at_leader else inbox["splitter"]
        copies = level.tree.n_children(below + 1, plan.to_leader(number, known.machine))
        row = np.repeat(np.arange(len(known)), copies)
        child = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
        sent = known.take(row)
        to = sent.machine - child * level.tree.reach(below)
        outbox = Outbox()
        outbox.keep("records", records.machine, **records.columns)
        outbox.send("splitter", source=sent.machine, to=to, **sent.columns)
        return outbox

    def _count(
        self, number: int, round: int, inbox: Inbox, plan: SplitPlan, cluster: Cluster
    ) -> Outbox:
        """Run a round of the tally of the buckets; a group passes if no bucket is too large."""
        level, records, machines = plan.levels[number], inbox["records"], inbox.machines
        to_leader = plan.to_leader(number, machines)
        if round:
            own = inbox["own"]
        else:
            records = sort_locally(records)
            spanned = machines[(to_leader >= 0) & (to_leader < level.span)]
            own = count_buckets(records, inbox["splitter"], spanned, level.fan_out, cluster)

        def passes(totals: Words) -> NDArray[np.bool_]:
            fits: NDArray[np.bool_] = np.all(totals <= level.bucket, axis=1)
            return fits

        tally = Tally(level.tree, level.fan_out)
        outbox = tally.step(round, inbox, own, to_leader, passes, cluster)
        outbox.keep("records", records.machine, **records.columns)
        return outbox

    def _reject_failure_words(self, records: Records, cluster: Cluster) -> None:
        """Reject an input word that is the failure word."""
        failure = failure_word(cluster)
        if np.any(records["word"] == failure):
            raise WordOverflow(
                f"sample sort: the input word {failure} is kept for failed runs: "
                "raise word_bits or largest_word",
                word=failure,
            )


@dataclass(frozen=True)
class RankWords(WithinReceipts):
    """Give every sorted word its rank, if the buckets hold N words together.

    It reads channel ``sorted`` (word) and leaves channel ``placed`` (word, position), with nothing
    in it if some group has failed.
    """

    split: Split

    def tally(self, cluster: Cluster) -> Tally:
        """Return the tally of one count per bucket."""
        return Tally(self.split.plan(cluster).tree, 1)

    def n_rounds(self, cluster: Cluster) -> int:
        return self.tally(cluster).n_rounds

    def label(self, round: int, cluster: Cluster) -> str:
        return "rank: sizes" if 2 * round < self.n_rounds(cluster) else "rank: offsets"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (*self.split.leaves(cluster), *self.tally(cluster).channels(round))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words, tally, machines = inbox["sorted"], self.tally(cluster), inbox.machines
        own = inbox["own"] if round else self._sizes(words, machines, tally, cluster)
        outbox = tally.step(
            round,
            inbox,
            own,
            tally.tree.n_leaves - 1 - machines,
            lambda totals: totals[:, 0] == cluster.n_words,
            cluster,
        )
        outbox.keep("sorted", words.machine, **words.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["sorted"]
        start = np.zeros(cluster.n_machines, np.int64)
        if self.n_rounds(cluster):
            offset = inbox["offset"]
            start[offset.machine] = element_table(offset, offset.fields)[:, 0]
            words = words.take(np.isin(words.machine, offset.machine))
        position = start[words.machine] + words.rank
        placed = Records.of(words.machine, word=words["word"], position=position)
        return Inbox(inbox.machines, {"placed": placed})

    def _sizes(self, words: Records, machines: Words, tally: Tally, cluster: Cluster) -> Records:
        """Return how many words every machine of the tree has."""
        leaves = machines[machines < tally.tree.n_leaves]
        sizes = np.bincount(words.machine, minlength=cluster.n_machines)[leaves]
        return Records.of(leaves, **dict.fromkeys(element_fields(1), sizes))


@dataclass(frozen=True)
class WriteOrFail(WriteInOrder):
    """Write words to the output in order; a machine that gets none puts out failure words.

    Either all N words are written or none is.
    """

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = super().finish(inbox, cluster)["output"]
        is_placed = np.isin(words.machine, inbox["word"].machine)
        word = np.where(is_placed, words["word"], failure_word(cluster))
        return Inbox(inbox.machines, {"output": Records.of(words.machine, word=word)})


def sample_sort(seed: int = 0, inverse_failure: int | None = None) -> Protocol:
    """Return the protocol that sorts the N input words with random splitters.

    Parameters
    ----------
    seed : int
        Public, at least 0. Use another one for another sample sort of the same run.
    inverse_failure : int, optional
        1 / delta, at least 1; N by default. The probability that the run fails is at most delta,
        for every input.

    Returns
    -------
    Protocol
        On L levels with trees of T_1 .. T_L rounds, and T rounds for the tree of all buckets: the
        sum of 2 + 3 T_i, then 2 T + 1; exactly. If one machine holds all N records: 2 rounds, and
        it cannot fail. The output words lie in the blocks of the input, in increasing order, or all
        of them are the failure word 2^word_bits - 1, which is rejected in the input.

    Raises
    ------
    InputError
        If the seed is negative, or ``inverse_failure`` is less than 1.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (sorting with about sqrt(s) splitters).
    """
    if seed < 0:
        raise InputError(f"seed = {seed}: choose it at least 0")
    if inverse_failure is not None and inverse_failure < 1:
        raise InputError(f"inverse_failure = {inverse_failure}: choose it at least 1")
    split = Split(seed, inverse_failure)
    return sequence(NumberWords(), split, RankWords(split), WriteOrFail(("word",), split))
