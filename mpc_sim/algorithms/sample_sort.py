"""Sample sort on many levels: about sqrt(s) random splitters a level, O(1 / epsilon) rounds.

All machines are one group at first. On every level the records of a group are sampled at random;
the last machine of the group, its leader, sorts the samples, cuts them into f parts of the same
size, and hands the f - 1 splitters to all machines of the group along a tree; then every record
goes to a random machine of the subgroup of its bucket. After the last level a group is one machine:
it sorts what it has, an addition scan of the counts gives every word its rank, and the words are
written to the output. Ties are broken by the index, so that equal words split like others.

The loads that are declared hold with probability 1 - delta for every input, delta = 1 / N unless
told otherwise (``splitting`` derives them). A load beyond them raises ``ChannelExceeded`` or
``MemoryExceeded``; there is no wrong output. All random words are a function of (seed, round,
machine).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.algorithms.blocks import NumberWords, WriteInOrder
from mpc_sim.algorithms.columnsort import sort_locally
from mpc_sim.algorithms.operations import Addition
from mpc_sim.algorithms.scan import Scan
from mpc_sim.algorithms.splitting import SplitPlan, plan_splitting
from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, parallel, sequence
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import RandomWords, random_below, random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words

FIELDS = ("word", "index")


@dataclass(frozen=True)
class Split(Protocol):
    """Bring the records of channel ``records`` (word, index) into order, machine by machine.

    It leaves channel ``sorted`` (word): each of the first M machines holds a bucket in order, and
    buckets grow with the machine; their sizes are random.

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
        """Return the levels and their loads on a cluster, or refuse it."""
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
        level, inner = plan.locate(round)
        name = {0: "sample", 1 + plan.levels[level].broadcast_rounds: "route"}
        return f"sample sort {level}: {name.get(inner, 'splitters')}"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        plan = self.plan(cluster)
        if not plan.levels:
            return (Channel("records", FIELDS, cluster.block_words, plan.bucket),)
        number, inner = plan.locate(round)
        level = plan.levels[number]
        kept = Channel("records", FIELDS, level.load, local=True)
        if inner == 0:
            return (kept, Channel("sample", FIELDS, level.drawn, level.samples))
        if inner <= level.broadcast_rounds:
            most = level.arity * level.splitters
            return (kept, Channel("splitter", FIELDS, most, level.splitters))
        after = plan.levels[number + 1].load if number + 1 < len(plan.levels) else plan.bucket
        return (Channel("records", FIELDS, level.load, after),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan, outbox, records = self.plan(cluster), Outbox(), inbox["records"]
        if not plan.levels:
            to = np.zeros_like(records.machine)
            outbox.send("records", source=records.machine, to=to, **records.columns)
            return outbox
        number, inner = plan.locate(round)
        level = plan.levels[number]
        first = plan.group(number, records.machine)
        if inner == 1 + level.broadcast_rounds:
            within = level.machines // level.fan_out
            bucket = buckets(records, inbox["splitter"])
            to = first + bucket * within + random_below(within, self._draw(round, records))
            outbox.send("records", source=records.machine, to=to, **records.columns)
            return outbox
        outbox.keep("records", records.machine, **records.columns)
        if inner == 0:
            drawn = (self._draw(round, records) >> np.uint64(32)).astype(np.int64) < level.rate
            sample, leader = records.take(drawn), first[drawn] + level.span - 1
            outbox.send("sample", source=sample.machine, to=leader, **sample.columns)
            return outbox
        known = (
            choose_splitters(inbox["sample"], level.fan_out) if inner == 1 else inbox["splitter"]
        )
        reached = level.arity ** (inner - 1)
        first = plan.group(number, known.machine)
        row = np.repeat(np.arange(len(known)), level.arity)
        to = known.machine[row] - reached * np.tile(np.arange(level.arity), len(known))
        told = known.take(row[to >= first[row]])
        outbox.send("splitter", source=told.machine, to=to[to >= first[row]], **told.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = sort_locally(inbox["records"])
        return Inbox(inbox.machines, {"sorted": Records.of(records.machine, word=records["word"])})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("sorted", ("word",), self.plan(cluster).bucket, local=True),)

    def _draw(self, round: int, records: Records) -> RandomWords:
        """Return one random word a record: number ``rank`` of its machine in this round."""
        starts = np.flatnonzero(records.rank == 0)
        sizes = np.diff(starts, append=len(records))
        words = random_words(self.seed, round, records.machine[starts], int(sizes.max(initial=0)))
        return words[np.repeat(np.arange(len(starts)), sizes), records.rank]


def choose_splitters(samples: Records, fan_out: int) -> Records:
    """Cut the sorted samples of every machine into ``fan_out`` parts; the first of each but one.

    Of S samples those of rank floor(j S / f), j = 1 .. f - 1, are taken; fewer than f samples give
    some twice, which makes empty buckets.

    Examples
    --------
    >>> samples = Records.of(machine=[4] * 6, word=[9, 1, 5, 3, 7, 8], index=[0, 1, 2, 3, 4, 5])
    >>> choose_splitters(samples, 3)["word"].tolist()
    [5, 8]
    """
    samples = sort_locally(samples)
    starts = np.flatnonzero(samples.rank == 0)
    sizes = np.diff(starts, append=len(samples))
    ranks = np.arange(1, fan_out) * sizes[:, None] // fan_out
    return samples.take((starts[:, None] + ranks).ravel())


def buckets(records: Records, splitters: Records) -> Words:
    """Return int64[R]: how many splitters of its machine are at most a record.

    Examples
    --------
    >>> splitters = Records.of(machine=[2, 2], word=[5, 8], index=[2, 5])
    >>> records = Records.of(machine=[2, 2, 2, 2], word=[5, 5, 9, 1], index=[1, 2, 0, 9])
    >>> buckets(records, splitters).tolist()
    [0, 1, 2, 0]
    """
    n_splitters = len(splitters)
    machine = np.concatenate([splitters.machine, records.machine])
    keys = [np.concatenate([splitters[name], records[name]]) for name in FIELDS]
    is_record = np.arange(len(machine)) >= n_splitters
    order = np.lexsort([is_record, *keys[::-1], machine])
    below = np.empty(len(machine), np.int64)
    below[order] = np.cumsum(~is_record[order])
    owners = np.sort(splitters.machine)
    return below[n_splitters:] - np.searchsorted(owners, records.machine)


@dataclass(frozen=True)
class CountWords(LocalStage):
    """Count the sorted words of every machine: records (count), one on each that has words."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["sorted"]
        starts = np.flatnonzero(words.rank == 0)
        counts = Records.of(words.machine[starts], count=np.diff(starts, append=len(words)))
        return Inbox(inbox.machines, {"sorted": words, "count": counts})


@dataclass(frozen=True)
class ScanCounts(Scan):
    """An addition scan of one count a bucket; the buckets wait beside it."""

    split: Split = Split(0)

    def beside_words(self, cluster: Cluster) -> int:
        return self.split.plan(cluster).bucket

    def n_held(self, cluster: Cluster) -> int:
        return 1

    def _n_leaves(self, cluster: Cluster) -> int:
        return self.split.plan(cluster).n_machines


@dataclass(frozen=True)
class Wait(LocalStage):
    """What a stage leaves waits, unchanged and charged, while another part runs."""

    stage: Protocol

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {left.name: inbox[left.name] for left in self.leaves(cluster)})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.stage.leaves(cluster)


@dataclass(frozen=True)
class Rank(LocalStage):
    """The rank of every sorted word: the count of the machines before, and its place on its own."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words, before = inbox["sorted"], inbox["before"]
        start = np.zeros(cluster.n_machines, np.int64)
        start[before.machine] = before["start"]
        position = start[words.machine] + words.rank
        placed = Records.of(words.machine, word=words["word"], position=position)
        return Inbox(inbox.machines, {"placed": placed})


def sample_sort(seed: int = 0, inverse_failure: int | None = None) -> Protocol:
    """Return the protocol that sorts the N input words with random splitters.

    Parameters
    ----------
    seed : int
        Public, at least 0. Use another one for another sample sort of the same run.
    inverse_failure : int, optional
        1 / delta, at least 1: the declared loads hold with probability 1 - delta. N by default.

    Returns
    -------
    Protocol
        On L levels with broadcasts of T_1 .. T_L rounds: the sum of 2 + T_i, then the scan, then 1;
        exactly. The output words lie in the blocks of the input, in increasing order.

    Raises
    ------
    InputError
        If the seed is negative, or ``inverse_failure`` is less than 1.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902, section 4 (sorting with about sqrt(s) splitters).

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=64, memory_words=96, n_machines=16, block_words=8)
    >>> words = np.arange(64) * 37 % 64
    >>> sim = Simulation(sample_sort(seed=7), cluster, words)
    >>> sim.run().tolist() == list(range(64)), sim.n_rounds
    (True, 7)
    """
    if seed < 0:
        raise InputError(f"seed = {seed}: choose it at least 0")
    if inverse_failure is not None and inverse_failure < 1:
        raise InputError(f"inverse_failure = {inverse_failure}: choose it at least 1")
    split = Split(seed, inverse_failure)
    counts = ScanCounts(
        Addition(), ("count",), ("count",), ("start",), "count", inclusive=False, split=split
    )
    return sequence(
        NumberWords(),
        split,
        CountWords(),
        parallel(counts, Wait(split)),
        Rank(),
        WriteInOrder(("word",), split),
    )
