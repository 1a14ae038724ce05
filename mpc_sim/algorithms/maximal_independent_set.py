"""Maximal independent set by random priorities, a constant number of rounds per phase (Luby 1986).

In a phase every undecided vertex draws a priority; a vertex whose priority is above those of all
its undecided neighbours joins the set, and its neighbours leave. Priorities are a public hash of
(seed, phase, vertex), so that a half-edge knows those of both of its ends; ties go by the vertex.

Half-edges lie sorted by their vertex, see ``half_edges``. Steps of a phase, with their
rounds: does a neighbour beat the vertex (2, for the machines of a run to agree), send "joined" to
the reverse (1), has a neighbour joined (2), send "left" to the reverse (1). The machine of its head
leads a run that spans machines; those after it send votes and receive the verdict. A machine leads
at most one run, its last.

For an edge vw let v have the largest priority among the neighbours of both ends: probability at
least 1 / (d(v) + d(w)); then v joins and the d(w) edges of w go. An edge is counted in this way at
most twice, once for each end, so at least half of the edges go in expectation (Metivier, Robson,
Saheb-Djahromi, Zemmari 2011). After K = ceil(log2(m / delta)) phases the expected number of edges
is at most delta, and by Markov's inequality none is left but with probability delta; equal
priorities of 64 bits add at most n^2 K / 2^65. Then two rounds more let all that is left join.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.columns import first_rows
from mpc_sim.compose import Carry, LocalStage, parallel, sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.half_edges import (
    ALIVE,
    HALF,
    REMEDY,
    half_edges,
    slots_per_machine,
)
from mpc_sim.stages.loads import WithinReceipts, check_declared_loads
from mpc_sim.stages.operations import Maximum

HIT, JOINED, LEFT = 2, 4, 8
"""States of a half-edge other than ``ALIVE``; the last two are those of its vertex."""

LARGEST_STATE = 15
"""All bits of a state; ``word_bits`` must allow it."""

UNDECIDED = 2


def beaten(records: Records, seed: int, phase: int) -> NDArray[np.bool_]:
    """Return which half-edges are alive and lead to an end of higher priority."""
    own = random_words(seed, phase, records["vertex"], 1)[:, 0]
    others = random_words(seed, phase, records["other"], 1)[:, 0]
    above = (others > own) | ((others == own) & (records["other"] > records["vertex"]))
    is_beaten: NDArray[np.bool_] = (records["state"] & ALIVE != 0) & above
    return is_beaten


@dataclass(frozen=True)
class HalfEdgeStage(WithinReceipts):
    """What the stages of a phase have in common: half-edges wait, with the leader of a machine."""

    shape: GraphShape

    def check(self, cluster: Cluster) -> None:
        if cluster.word_limit <= LARGEST_STATE:
            raise ShapeError(
                f"states go up to {LARGEST_STATE}; word_bits = {cluster.word_bits}: "
                "raise word_bits or largest_word",
                word=LARGEST_STATE,
            )
        check_declared_loads(self, cluster, REMEDY)

    def own(self, cluster: Cluster) -> tuple[Channel, ...]:
        """Return the channels that wait."""
        slots = slots_per_machine(cluster)
        return (
            Channel("half", HALF, slots, local=True),
            Channel("leader", ("head",), 1, local=True),
        )

    def followers(self, cluster: Cluster) -> int:
        """Return F, the most machines into which one run goes on: it has at most n records."""
        slots = slots_per_machine(cluster)
        most = min(self.shape.n_vertices - 1, self.shape.n_edges)
        return min(ceil_div(cluster.n_words, slots) - 1, ceil_div(most, slots))


@dataclass(frozen=True)
class Agree(HalfEdgeStage):
    """Answer a question for every vertex, if any of its half-edges says yes: two rounds.

    A vertex joins if the answer to ``beaten`` is no, and leaves if that to ``hit`` is yes.
    """

    question: Literal["beaten", "hit"]
    phase: int
    seed: int

    def n_rounds(self, cluster: Cluster) -> int:
        return 2

    def label(self, round: int, cluster: Cluster) -> str:
        return f"phase {self.phase}: {self.question}, {('vote', 'verdict')[round]}"

    def cost(self, cluster: Cluster) -> Cost:
        return super().cost(cluster).naming(followers=self.followers(cluster))

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        followers = self.followers(cluster)
        if round == 0:
            return (*self.own(cluster), Channel("vote", ("bit",), 1, followers))
        return (
            *self.own(cluster),
            Channel("verdict", ("bit",), followers, 1),
            Channel("own verdict", ("bit",), 1, local=True),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, leader = inbox["half"], inbox["leader"]
        outbox = Outbox()
        outbox.keep("half", records.machine, **records.columns)
        outbox.keep("leader", leader.machine, head=leader["head"])
        runs = _Runs.of(records, self._says_yes(records), cluster)
        if round == 0:
            bit = runs.answer[runs.first[leader.machine]]
            outbox.send("vote", source=leader.machine, to=leader["head"], bit=bit)
            return outbox
        votes = inbox["vote"]
        begins = np.flatnonzero(votes.rank == 0)
        leads, count = votes.machine[begins], np.diff(begins, append=len(votes))
        yes = np.maximum.reduceat(votes["bit"], begins) if len(begins) else begins
        yes = yes | runs.answer[runs.last[leads]]
        outbox.keep("own verdict", leads, bit=yes)
        to = votes.machine + 1 + votes.rank
        outbox.send("verdict", source=votes.machine, to=to, bit=np.repeat(yes, count))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["half"]
        runs = _Runs.of(records, self._says_yes(records), cluster)
        answer = runs.answer.copy()
        for verdict, place in ((inbox["verdict"], runs.first), (inbox["own verdict"], runs.last)):
            answer[place[verdict.machine]] |= verdict["bit"]
        yes, state = answer[runs.run] == 1, records["state"] & ~HIT
        undecided = state & (JOINED | LEFT) == 0
        if self.question == "beaten":
            state = np.where(undecided & ~yes, state | JOINED, state)
        else:
            state = np.where(undecided & yes, state | LEFT, state)
        decided = Records.of(records.machine, **(dict(records.columns) | {"state": state}))
        return Inbox(inbox.machines, {"half": decided, "leader": inbox["leader"]})

    def _says_yes(self, records: Records) -> Words:
        if self.question == "hit":
            return (records["state"] & HIT) // HIT
        return beaten(records, self.seed, self.phase).astype(np.int64)


@dataclass(frozen=True)
class Tell(HalfEdgeStage):
    """Live half-edges whose vertex joined or left send this to their reverse; both are done."""

    news: int
    phase: int

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return f"phase {self.phase}: {'joined' if self.news == JOINED else 'left'}"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        slots = slots_per_machine(cluster)
        return (*self.own(cluster), Channel("news", ("slot",), slots, slots))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, leader = inbox["half"], inbox["leader"]
        sends = (records["state"] & ALIVE != 0) & (records["state"] & self.news != 0)
        state = np.where(sends, records["state"] & ~ALIVE, records["state"])
        outbox = Outbox()
        outbox.keep("half", records.machine, **(dict(records.columns) | {"state": state}))
        outbox.keep("leader", leader.machine, head=leader["head"])
        slot = records["reverse"][sends]
        to = slot // slots_per_machine(cluster)
        outbox.send("news", source=records.machine[sends], to=to, slot=slot)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records, news = inbox["half"], inbox["news"]
        row = first_rows(records.machine, cluster.n_machines)[news.machine]
        row = row + news["slot"] % slots_per_machine(cluster)
        state = records["state"].copy()
        state[row] = state[row] & ~ALIVE | (HIT if self.news == JOINED else 0)
        half = Records.of(records.machine, **(dict(records.columns) | {"state": state}))
        return Inbox(inbox.machines, {"half": half, "leader": inbox["leader"]})


@dataclass(frozen=True)
class WriteVertices(WithinReceipts):
    """Heads write 1 for joined, 0 for left; an undecided head votes for failure."""

    shape: GraphShape

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "write vertices"

    def check(self, cluster: Cluster) -> None:
        check_declared_loads(self, cluster, REMEDY)
        children = VOTE.tree(cluster).arity
        if cluster.block_words + children > cluster.memory_words:
            raise ShapeError(
                f"the output, {cluster.block_words} words per machine, and a tree of arity "
                f"{children} do not fit s = {cluster.memory_words}: raise {REMEDY}",
                memory_words=cluster.memory_words,
            )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        slots = min(slots_per_machine(cluster), self.shape.n_vertices)
        return (Channel("answer", ("word",), slots, cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        half = inbox["half"]
        slot = half.machine * slots_per_machine(cluster) + half.rank
        heads = half.take(half["reverse"] == slot)
        state = heads["state"]
        word = np.where(state & JOINED, 1, np.where(state & LEFT, 0, UNDECIDED))
        to = heads["vertex"] // cluster.block_words
        outbox = Outbox()
        outbox.send("answer", source=heads.machine, to=to, word=word)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        answer = inbox["answer"]
        owner, start = output_places(inbox.machines, cluster)
        word = np.zeros(len(owner), np.int64)
        word[start[answer.machine] + answer.rank] = answer["word"]
        failed = (word == UNDECIDED).astype(np.int64)
        return Inbox(
            inbox.machines,
            {"answer": Records.of(owner, word=word), "vote": Records.of(owner, failed=failed)},
        )


@dataclass(frozen=True)
class AllOrNothing(LocalStage):
    """Put the answers out, or the failure word everywhere."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        answer, received = inbox["answer"], inbox["word"]
        failed = np.zeros(cluster.n_machines, bool)
        failed[received.machine] = received["failed"] == 1
        word = np.where(failed[answer.machine], failure_word(cluster), answer["word"])
        return Inbox(inbox.machines, {"output": Records.of(answer.machine, word=word)})


VOTE = ConvergeCast(Maximum(), ("failed",), "vote")
TOLD = Broadcast(("failed",))
WAIT = Carry("answer", ("word",))


def phases(shape: GraphShape, inverse_failure: int) -> int:
    """Return K = ceil(log2(m / delta)), 0 if there is no edge."""
    return (max(1, shape.n_edges * inverse_failure) - 1).bit_length() if shape.n_edges else 0


def maximal_independent_set(
    shape: GraphShape,
    seed: int = 0,
    inverse_failure: int | None = None,
    n_phases: int | None = None,
) -> Protocol:
    """Return the protocol that puts out 1 for the vertices of a maximal independent set, else 0.

    Words of edges put out 0. If vertices are undecided in the end, every word is the failure word.

    Parameters
    ----------
    shape : GraphShape
        Without weights.
    seed : int
        Public, at least 0.
    inverse_failure : int, optional
        1 / delta, at least 1; N by default.
    n_phases : int, optional
        Phases; by default K = ceil(log2(m / delta)), so many that the protocol fails with
        probability at most delta.

    Returns
    -------
    Protocol
        1 + 4^d rounds of columnsort on N records, 2 L of a scan, 2 to meet, 6 K + 2, 1 to write,
        and those of a converge-cast and a broadcast; exactly. With T = ceil(N / P), E = ceil(m / P)
        and F <= n / T machines that a run goes on into, a machine holds at most 2 r words in the
        sort, 2 T + 6 E + 1 where edges meet, and 4 T + F + 2 or 5 T + 1 in a phase.

    Raises
    ------
    InputError
        If the seed or the number of phases is negative, or ``inverse_failure`` is less than 1.

    References
    ----------
    Luby, A simple parallel algorithm for the maximal independent set problem, SIAM J. Comput. 15
    (1986); Metivier, Robson, Saheb-Djahromi, Zemmari, An optimal bit complexity randomized
    distributed MIS algorithm, Distributed Computing 23 (2011).
    """
    if seed < 0:
        raise InputError(f"seed = {seed}: choose it at least 0")
    if inverse_failure is not None and inverse_failure < 1:
        raise InputError(f"inverse_failure = {inverse_failure}: choose it at least 1")
    if n_phases is not None and n_phases < 0:
        raise InputError(f"n_phases = {n_phases}: choose it at least 0")
    inverse = shape.n_words if inverse_failure is None else inverse_failure
    count = phases(shape, inverse) if n_phases is None else n_phases
    stages: list[Protocol] = []
    for phase in range(count):
        stages += [
            Agree(shape, "beaten", phase, seed),
            Tell(shape, JOINED, phase),
            Agree(shape, "hit", phase, seed),
            Tell(shape, LEFT, phase),
        ]
    return sequence(
        *half_edges(shape),
        *stages,
        Agree(shape, "beaten", count, seed),
        WriteVertices(shape),
        parallel(VOTE, WAIT),
        parallel(TOLD, WAIT),
        AllOrNothing(),
    )


@dataclass(frozen=True, eq=False)
class _Runs:
    """The parts of runs that lie on machines: the run of every record, and whether one says yes."""

    run: Words
    answer: Words
    first: Words
    last: Words

    @classmethod
    def of(cls, records: Records, says_yes: Words, cluster: Cluster) -> _Runs:
        """Return the runs; ``first`` and ``last`` give the run of a machine by its id."""
        vertex, machine = records["vertex"], records.machine
        begins = np.ones(len(records), bool)
        begins[1:] = (vertex[1:] != vertex[:-1]) | (machine[1:] != machine[:-1])
        starts = np.flatnonzero(begins)
        answer = np.maximum.reduceat(says_yes, starts) if len(starts) else starts
        first, last = np.zeros((2, cluster.n_machines), np.int64)
        last[machine[starts]] = np.arange(len(starts))
        first[machine[starts[::-1]]] = np.arange(len(starts))[::-1]
        return cls(np.cumsum(begins) - 1, answer, first, last)
