"""One cycle or two: count the cycles of a graph where every vertex has two edges, by contraction.

Input: a graph as N = n + 2 m words, m = n: the vertices 0 .. n - 1 and then both ends of every
edge. The words of all vertices put out the number of cycles, those of edges 0. If some vertex does
not have exactly two edges the words of all vertices are 0, which is no number of cycles. If the
phases did not suffice, which has probability at most 1/N, every word is the failure word.

The promise is checked by one sort of the 2 m ends: every vertex has two edges if and only if the
ends at places 2 v and 2 v + 1 are v, for all v. Every cycle ends as one label, and a label that
never joined another is the parent of itself, so no label needs to be sent: one converge-cast counts
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.algorithms.connectivity import checked_phases
from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.compose import LocalStage, Stages, sequence
from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Inbox, Records
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.contraction import EDGE, PARENT, contraction
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.edges_home import EdgesHome
from mpc_sim.stages.first_of_run import SortShares
from mpc_sim.stages.operations import Addition, Both, Maximum
from mpc_sim.stages.waiting import Wait, beside, share

COUNTS = ("cycles", "live", "broken")


@dataclass(frozen=True)
class Ends(LocalStage):
    """Make a record of each end of every edge."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges = inbox["edge"]
        ends = np.stack([edges["left"], edges["right"]], axis=1).ravel()
        records = Records.of(np.repeat(edges.machine, 2), end=ends)
        return Inbox(inbox.machines, {**inbox.records, "records": records})


@dataclass(frozen=True)
class CheckDegrees(LocalStage):
    """Note on every machine whether a sorted end of its own is not that of its place.

    Where an edge is a loop its ends are missing, so the machine of the last places notes that too.
    """

    n_vertices: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        ends, held = inbox["records"], share(2 * self.n_vertices, cluster)
        place = ends.machine * held + ends.rank
        wrong = np.bincount(
            ends.machine, weights=ends["end"] != place // 2 + 1, minlength=cluster.n_machines
        )
        there = np.bincount(ends.machine, minlength=cluster.n_machines)
        machines = inbox.machines
        due = np.clip(2 * self.n_vertices - machines * held, 0, held)
        broken = (wrong[machines] > 0) | (there[machines] != due)
        flag = Records.of(machines, broken=broken.astype(np.int64))
        kept = {name: inbox[name] for name in ("edge", "parent")}
        return Inbox(machines, {**kept, "broken": flag})


@dataclass(frozen=True)
class CountHere(LocalStage):
    """Sum up every machine: labels that are left, whether an edge is alive, a vertex broken."""

    n_vertices: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        vertices, edges, flag = inbox["parent"], inbox["edge"], inbox["broken"]
        name = vertices.machine * share(self.n_vertices, cluster) + vertices.rank + 1
        roots = vertices.machine[vertices["parent"] == name]
        counts = Records.of(
            flag.machine,
            cycles=np.bincount(roots, minlength=cluster.n_machines)[flag.machine],
            live=np.bincount(edges.machine, minlength=cluster.n_machines)[flag.machine],
            broken=flag["broken"],
        )
        return Inbox(inbox.machines, {"records": counts})


@dataclass(frozen=True)
class WriteCount(LocalStage):
    """Put the number of cycles out for the vertices: 0 if the promise is broken."""

    n_vertices: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        received = inbox["word"]
        counted = np.where(received["broken"] > 0, 0, received["cycles"])
        failed = (received["live"] > 0) & (received["broken"] == 0)
        answer, of_edges = np.zeros((2, cluster.n_machines), np.int64)
        answer[received.machine] = np.where(failed, failure_word(cluster), counted)
        of_edges[received.machine] = np.where(failed, failure_word(cluster), 0)
        owner, _ = output_places(inbox.machines, cluster)
        place = owner * cluster.block_words + Records.of(owner).rank
        word = np.where(place < self.n_vertices, answer[owner], of_edges[owner])
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


def cycle_counting(shape: GraphShape, seed: int = 0, phases: int | None = None) -> Stages:
    """Return the protocol that counts cycles where every vertex has two edges.

    Parameters
    ----------
    shape : GraphShape
        Without weights, as many edges as vertices.
    seed : int
        Of the public coins, at least 0.
    phases : int, optional
        As for ``connectivity``.

    Returns
    -------
    Stages
        2 + 4^d for reading and for the promise, 2 + 4^d + 2 L for each of t phases, then a
        converge-cast and a broadcast of three words, exactly.

    Raises
    ------
    InputError
        If the graph has weights, or edges and vertices differ in number, or a number is negative.

    References
    ----------
    Yaroslavtsev, Vadapalli, arXiv 1710.01431: the 1-vs-2-cycle problem, conjectured to need
    Omega(log n) rounds; Reif, Harvard TR-08-85 (random mates).
    """
    n = shape.n_vertices
    if shape.is_weighted or shape.n_edges != n:
        raise InputError(
            f"{n} vertices and {shape.n_edges} edges{' with weights' * shape.is_weighted}: where "
            "every vertex has two edges there are as many edges as vertices; leave weights out"
        )
    t = checked_phases(shape, seed, phases)
    parents, flag = Wait("parent", PARENT, n), Wait("broken", ("broken",))
    stages: list[Protocol] = [
        EdgesHome(shape),
        Ends(),
        beside(SortShares(("end",), n_items=n, per_item=2), (parents, Wait("edge", EDGE, n))),
        CheckDegrees(n),
    ]
    if t:
        waits = (parents, flag)
        stages.append(contraction(shape, seed, t, prefers_leaders=True, waits=waits))
    cast = ConvergeCast(Both(Addition(), Both(Maximum(), Maximum())), COUNTS, everywhere=True)
    return sequence(*stages, CountHere(n), cast, Broadcast(COUNTS, everywhere=True), WriteCount(n))
