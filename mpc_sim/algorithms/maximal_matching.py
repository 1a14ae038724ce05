"""Maximal matching of a dense graph by filtering: samples are matched on one machine.

Axes: n vertices, m edges, M machines that hold input, T = ceil(m / M) edges of a machine, K phases.

In every phase each edge that is left goes to machine 0 with a probability such that the sample fits
there; machine 0 matches it greedily; all machines learn the new pairs, at most n words, and drop
the edges that meet them. In the last phase all edges that are left are sent, so the matching is
maximal. With s = c_s n^(1 + mu) memory about s / 4 edges are sampled and the edges fall by a factor
of about c_s n^mu / 3 per phase: O(c / mu) phases for m = n^(1 + c); ``matching_plan`` derives them.

The pairs reach all machines in two rounds, not along a tree: machine 0 deals them out, an equal
part to each machine, and every machine sends its part to all others. No machine sends more than
n + 2 M words of pairs.

The number of phases is fixed beforehand, and so is the most that a machine may send in each. If
chance gives it more, it sends an alarm instead, machine 0 sends the alarm to all, and every output
word is the failure word: with probability at most delta, 1 / N by default, for every graph.
There is no wrong output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.edge_rows import LoadEdges, MarkEdges
from mpc_sim.stages.elements import batch_slots
from mpc_sim.stages.loads import WithinCost
from mpc_sim.stages.matching_plan import MatchingPlan, plan_matching

EDGE = ("index", "u", "v")
PAIR = ("u", "v")


@dataclass(frozen=True)
class DropWeights(LocalStage):
    """Keep numbers and ends of the edges; nothing is matched yet."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges, none = inbox["edges"], np.zeros(0, np.int64)
        live = Records.of(edges.machine, **{name: edges[name] for name in EDGE})
        records = {"live": live, "listed": Records.of(none, index=none), "alarm": Records.of(none)}
        return Inbox(inbox.machines, records)


@dataclass(frozen=True)
class MatchInPhases(WithinCost):
    """Sample, match, send the pairs to all: three rounds per phase.

    It reads and leaves channels ``live``, the edges whose ends are both free, ``listed``, those
    that are matched, and ``alarm``, held by all machines after something did not fit.

    Parameters
    ----------
    inverse_failure : int
        1 / delta.
    """

    shape: GraphShape
    seed: int
    inverse_failure: int

    def plan(self, cluster: Cluster) -> MatchingPlan:
        """Return rates and loads, or reject the cluster."""
        plan = plan_matching(
            self.shape.n_vertices,
            self.shape.n_edges,
            cluster.n_input_machines,
            cluster.memory_words,
            LoadEdges(self.shape, self.seed).held(cluster),
            self.inverse_failure,
        )
        if plan is None:
            raise ShapeError(
                f"matching: samples of {self.shape.n_edges} edges do not fit one machine of "
                f"s = {cluster.memory_words} words with its own edges: raise c_s or mu",
                memory_words=cluster.memory_words,
            )
        return plan

    def check(self, cluster: Cluster) -> None:
        plan, n_machines = self.plan(cluster), cluster.n_input_machines
        need = 3 * plan.held + max(
            2 * self.pairs, n_machines, 1 + 2 * self.dealt(cluster) * n_machines
        )
        if need > cluster.memory_words:
            raise ShapeError(
                f"matching: a machine may need {need} words to send pairs; local memory is "
                f"{cluster.memory_words}: raise c_s or mu",
                words=need,
            )
        super().check(cluster)

    @property
    def pairs(self) -> int:
        """The most pairs of a matching, at least 1."""
        return max(1, self.shape.n_vertices // 2)

    def dealt(self, cluster: Cluster) -> int:
        """Return the most pairs that a machine is dealt."""
        return ceil_div(self.pairs, cluster.n_input_machines)

    def n_rounds(self, cluster: Cluster) -> int:
        return 3 * self.plan(cluster).n_phases

    def label(self, round: int, cluster: Cluster) -> str:
        return f"phase {round // 3}: {('sample', 'deal', 'send')[round % 3]}"

    def cost(self, cluster: Cluster) -> Cost:
        plan = self.plan(cluster)
        return (
            super()
            .cost(cluster)
            .naming(
                phases=plan.n_phases, quota=plan.quota, pairs=self.pairs, dealt=self.dealt(cluster)
            )
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        plan, n_machines = self.plan(cluster), cluster.n_input_machines
        waiting = (
            Channel("live", EDGE, plan.held, local=True),
            Channel("listed", ("index",), min(plan.held, self.pairs), local=True),
        )
        dealt = self.dealt(cluster)
        moved = (
            (
                Channel("sample", PAIR, plan.quota, (n_machines - 1) * plan.quota),
                Channel("alarm", (), 1, n_machines - 1),
            ),
            (Channel("pair", PAIR, self.pairs, dealt), Channel("alarm", (), n_machines, 1)),
            (
                Channel("pair", PAIR, dealt * n_machines, self.pairs),
                Channel("alarm", (), 1, local=True),
            ),
        )
        return (*waiting, *moved[round % 3])

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        if round > 0 and round % 3 == 0:
            inbox = self.finish(inbox, cluster)
        outbox = Outbox()
        for name in ("live", "listed"):
            outbox.keep(name, inbox[name].machine, **inbox[name].columns)
        if round % 3 == 0:
            self._sample(round // 3, inbox, cluster, outbox)
        elif round % 3 == 1:
            self._deal(inbox, cluster, outbox)
        else:
            self._send_pairs(inbox, cluster, outbox)
        return outbox

    def _sample(self, phase: int, inbox: Inbox, cluster: Cluster, outbox: Outbox) -> None:
        """Send the sample, or an alarm where it exceeds the quota or where one was raised."""
        plan, live = self.plan(cluster), inbox["live"]
        words = random_words(self.seed, 1 + phase, live["index"], 1)[:, 0]
        drawn = (words >> np.uint64(32)).astype(np.int64) < plan.rates[phase]
        sample = live.take(drawn)
        slot = batch_slots(inbox.machines, cluster)
        is_over = np.bincount(slot[sample.machine], minlength=len(inbox.machines)) > plan.quota
        is_over[slot[inbox["alarm"].machine]] = True
        sample, alarmed = sample.take(~is_over[slot[sample.machine]]), inbox.machines[is_over]
        to = np.zeros_like(sample.machine)
        outbox.send("sample", source=sample.machine, to=to, u=sample["u"], v=sample["v"])
        outbox.send("alarm", source=alarmed, to=np.zeros_like(alarmed))

    def _deal(self, inbox: Inbox, cluster: Cluster, outbox: Outbox) -> None:
        """Machine 0 deals out the pairs of its sample, or sends the alarm to all."""
        sample, n_machines = inbox["sample"], cluster.n_input_machines
        if len(inbox["alarm"]):
            to = np.arange(n_machines)
            outbox.send("alarm", source=np.zeros_like(to), to=to)
            return
        pairs = sample.take(matched_greedily(sample["u"], sample["v"]))
        to = np.arange(len(pairs)) % n_machines
        outbox.send("pair", source=pairs.machine, to=to, **pairs.columns)

    def _send_pairs(self, inbox: Inbox, cluster: Cluster, outbox: Outbox) -> None:
        """Every machine sends to all machines the pairs that it was dealt."""
        pairs, n_machines = inbox["pair"], cluster.n_input_machines
        outbox.keep("alarm", inbox["alarm"].machine)
        copies = pairs.take(np.repeat(np.arange(len(pairs)), n_machines))
        to = np.tile(np.arange(n_machines), len(pairs))
        outbox.send("pair", source=copies.machine, to=to, **copies.columns)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        live, listed, pairs = inbox["live"], inbox["listed"], inbox["pair"]
        slot = batch_slots(inbox.machines, cluster)
        mate = np.full((len(inbox.machines), self.shape.n_vertices), -1)
        mate[slot[pairs.machine], pairs["u"]] = pairs["v"]
        mate[slot[pairs.machine], pairs["v"]] = pairs["u"]
        one, other = (mate[slot[live.machine], live[end]] for end in PAIR)
        new = live.take(one == live["v"])
        owner = np.concatenate([listed.machine, new.machine])
        index = np.concatenate([listed["index"], new["index"]])
        order = np.argsort(slot[owner], kind="stable")
        records = {
            "live": live.take((one < 0) & (other < 0)),
            "listed": Records.of(owner[order], index=index[order]),
            "alarm": inbox["alarm"],
        }
        return Inbox(inbox.machines, records)


def matched_greedily(u: Words, v: Words) -> Words:
    """Return the edges of a greedy matching: in the order of (u, v), those with both ends free.

    The order does not depend on where an edge lay, so neither do later phases.
    """
    order = np.lexsort([v, u])
    taken: set[int] = set()
    chosen = []
    for edge, one, other in zip(order.tolist(), u[order].tolist(), v[order].tolist(), strict=True):
        if one not in taken and other not in taken:
            taken |= {one, other}
            chosen.append(edge)
    return np.array(chosen, np.int64)


def maximal_matching(
    shape: GraphShape, seed: int = 0, inverse_failure: int | None = None
) -> Protocol:
    """Return the protocol that marks the edges of a maximal matching.

    All output words of an edge are 1 if it is matched and 0 otherwise; those of vertices are 0.
    Weights are not looked at. If chance was bad, every output word is the failure word.

    Parameters
    ----------
    seed : int
        Public, at least 0.
    inverse_failure : int, optional
        1 / delta; N by default.

    Returns
    -------
    Protocol
        2 + 3 K rounds, exactly, for the K phases that ``plan_matching`` derives.

    Raises
    ------
    InputError
        If the seed is negative or 1 / delta is not positive.

    References
    ----------
    Lattanzi, Moseley, Suri, Vassilvitskii, Filtering: a method for solving graph problems in
    MapReduce, SPAA 2011, section on maximal matchings.
    """
    if seed < 0 or (inverse_failure is not None and inverse_failure < 1):
        raise InputError(
            f"seed = {seed}, 1 / delta = {inverse_failure}: the seed is at least 0, 1 / delta 1"
        )
    inverse = shape.n_words if inverse_failure is None else inverse_failure
    most = min(max(1, shape.n_edges), max(1, shape.n_vertices // 2))
    return sequence(
        LoadEdges(shape, seed),
        DropWeights(),
        MatchInPhases(shape, seed, inverse),
        MarkEdges(shape, most),
    )
