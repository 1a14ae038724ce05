"""Connected components in rounds that follow log D: capped balls, leaders, contraction.

Input and output as for connectivity: word v < n is the smallest vertex of the component of v. D
bounds the diameter of every component, and is given. If it was too small, or by bad luck, an edge
may be left between two labels; then every word is the failure word.

A label stands for vertices known to be connected. In a phase every live label v learns a ball S(v):
itself and its b - 1 smallest neighbours; then ceil(log2 D) times itself and the b - 1 smallest
others in the union of S(u) over u in S(v). By induction S(v) has b labels, or is all within
distance 1, 2, 4, ..: a union of fewer than b labels is of whole balls. So in the end S(v) has b
labels, or is the whole component; identifying labels never makes a diameter larger. Public coins
make leaders, with probability p. Any other label joins the smallest leader of its ball, if it has
one; leaders stay, so trees of joins have depth 1. The balls do not depend on the coins: a label of
a component with at least b labels is left with probability q = p + (1 - p)^b, about
(1 + ln b) / b. After c phases at most n q^c of these are expected to be left, and they are never
fewer than b, so there are some with probability at most n q^c / b (Markov); c is the least that
makes it at most 1/N. In one more phase all join the smallest of their ball.

If all edges are done, their labels are right whatever D was: nothing ever joins across components,
and if the last joins of neighbours agree, those of a component do, the smallest joining itself.

Axes: V = ceil(n / P) vertices and E = ceil(m / P) edges on a machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.algorithms.component_labels import label_components
from mpc_sim.algorithms.contraction import EDGE, PARENT
from mpc_sim.algorithms.edges_home import EdgesHome
from mpc_sim.algorithms.first_of_run import FIELDS as TRIPLE
from mpc_sim.algorithms.look_up import Items, list_fields, look_up
from mpc_sim.algorithms.repeat import Repeat
from mpc_sim.algorithms.waiting import Wait, share
from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.compose import LocalStage, Sequence, sequence
from mpc_sim.errors import InputError
from mpc_sim.graphs import Graph, GraphShape
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.records import Inbox, Records, Words, rank_in_group
from mpc_sim.simulation import Simulation

COIN_BITS = 16


def ball_size(shape: GraphShape) -> int:
    """Return b, at least 2, with b^2 <= 2 N^(1/2): balls of balls have at most 2 n N^(1/2) words.

    Examples
    --------
    >>> ball_size(GraphShape(4, 0)), ball_size(GraphShape(1000, 12))
    (2, 8)
    """
    return max(2, math.isqrt(2 * math.isqrt(shape.n_words)))


def leader_odds(ball: int) -> int:
    """Return p 2^16 with p about 1 - b^(-1 / (b - 1)), where p + (1 - p)^b is least.

    Examples
    --------
    >>> leader_odds(2) / 2**16
    0.5
    """
    return round((1 - math.pow(ball, -1 / (ball - 1))) * (1 << COIN_BITS))


def contractions(shape: GraphShape, ball: int) -> int:
    """Return the least c with n q^c / b <= 1/N.

    Examples
    --------
    >>> contractions(GraphShape(4, 3), 4), contractions(GraphShape(1000, 1000), 14)
    (4, 10)
    """
    chance = leader_odds(ball) / 2**COIN_BITS
    log_left = math.log(chance + (1 - chance) ** ball)
    return max(0, math.ceil(math.log(shape.n_words * shape.n_vertices / ball) / -log_left))


def doublings_of(diameter: int) -> int:
    """Return ceil(log2 D), after which a ball reaches as far as D.

    Examples
    --------
    >>> [doublings_of(diameter) for diameter in (1, 2, 3, 8, 9)]
    [0, 1, 2, 3, 4]
    """
    return (diameter - 1).bit_length()


def is_leader(seed: int, phase: int, labels: Words, ball: int) -> NDArray[np.bool_]:
    """Return the public coins of labels in a phase.

    Examples
    --------
    >>> is_leader(0, 0, np.arange(1, 9), 4).tolist()
    [False, False, False, True, False, False, True, False]
    """
    coins = random_words(seed, phase, labels, 1)[:, 0] >> np.uint64(64 - COIN_BITS)
    leads: NDArray[np.bool_] = coins < np.uint64(leader_odds(ball))
    return leads


@dataclass(frozen=True)
class FileEdges(LocalStage):
    """Every live edge files each end under the other, and every vertex asks for its own name."""

    shape: GraphShape

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges, vertices = inbox["edge"], inbox["parent"]
        name = vertices.machine * share(self.shape.n_vertices, cluster) + vertices.rank + 1
        left, right = edges["left"], edges["right"]
        none = np.zeros(2 * len(edges), np.int64)
        return _with_records(
            inbox,
            np.concatenate([edges.machine, edges.machine, vertices.machine]),
            (
                np.concatenate([left, right, name]),
                np.concatenate([none, name]),
                np.concatenate([right, left, np.zeros_like(name)]),
            ),
        )


@dataclass(frozen=True)
class Unite(LocalStage):
    """Every label unites the lists that it was sent: itself and the b - 1 smallest others."""

    ball: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        answers = inbox["answer"]
        group = np.cumsum(np.append(0, np.diff(answers.machine) != 0)[: len(answers)])
        order = np.lexsort([answers["asker"], group])
        asker, machine = answers["asker"][order], answers.machine[order]
        starts = np.append(True, asker[1:] != asker[:-1])[: len(asker)]
        owner = np.cumsum(starts) - 1
        table = np.stack([answers[name][order] for name in list_fields("r", self.ball)], axis=1)
        row, value = np.repeat(owner, self.ball), table.ravel()
        other = (value > 0) & (value != np.repeat(asker, self.ball))
        row, value = row[other], value[other]
        sort = np.lexsort([value, row])
        row, value = row[sort], value[sort]
        new = np.append(True, (row[1:] != row[:-1]) | (value[1:] != value[:-1]))[: len(row)]
        row, value = row[new], value[new]
        place = rank_in_group(row) + 1
        fits = place < self.ball
        balls = np.zeros((int(starts.sum()), self.ball), np.int64)
        balls[:, 0] = asker[starts]
        balls[row[fits], place[fits]] = value[fits]
        columns = {name: balls[:, at] for at, name in enumerate(list_fields("r", self.ball))}
        waits = {name: inbox[name] for name in inbox if name != "answer"}
        return Inbox(inbox.machines, {**waits, "ball": Records.of(machine[starts], **columns)})


@dataclass(frozen=True)
class FileBalls(LocalStage):
    """Every label files its ball under its name, and asks for the balls of all that are in it."""

    ball: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        balls = inbox["ball"]
        member = np.stack([balls[name] for name in list_fields("r", self.ball)], axis=1).ravel()
        machine, own = (np.repeat(each, self.ball) for each in (balls.machine, balls["r0"]))
        is_one = member > 0
        machine, own, member = machine[is_one], own[is_one], member[is_one]
        none = np.zeros_like(own)
        waits = {name: inbox[name] for name in inbox if name != "ball"}
        return _with_records(
            Inbox(inbox.machines, waits),
            np.repeat(machine, 2),
            (
                np.stack([own, member], axis=1).ravel(),
                np.stack([none, own], axis=1).ravel(),
                np.stack([member, none], axis=1).ravel(),
            ),
        )


@dataclass(frozen=True)
class Join(LocalStage):
    """Labels join a leader of their ball, in the last phase its smallest; edges ask for it.

    Every vertex files what it joins, itself if nothing, under its name. A half-edge is an asker.
    """

    shape: GraphShape
    ball: int
    seed: int
    phase: int
    is_last: bool

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        balls, vertices, edges = inbox["ball"], inbox["parent"], inbox["edge"]
        table = np.stack([balls[name] for name in list_fields("r", self.ball)], axis=1)
        name, none = table[:, 0], np.iinfo(np.int64).max
        candidate = table > 0
        if not self.is_last:
            leads = is_leader(self.seed, self.phase, table.ravel(), self.ball)
            candidate &= leads.reshape(table.shape) & ~leads.reshape(table.shape)[:, :1]
        smallest = np.where(candidate, table, none).min(axis=1)
        joined = np.where(smallest == none, name, smallest)
        parent = np.where(joined != name, joined, vertices["parent"])
        half = 2 * edges["edge"] + 1
        left = _with_records(
            inbox,
            np.concatenate([vertices.machine, edges.machine, edges.machine]),
            (
                np.concatenate([name, edges["left"], edges["right"]]),
                np.concatenate([np.zeros_like(name), half, half + 1]),
                np.concatenate([joined, np.zeros(2 * len(edges), np.int64)]),
            ),
        )
        parents = Records.of(vertices.machine, parent=parent)
        return Inbox(inbox.machines, {"records": left["records"], "parent": parents})


@dataclass(frozen=True)
class Relabel(LocalStage):
    """Make edges of the labels that half-edges were told; an edge of equal labels is done."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        halves = inbox["answer"]
        group = np.cumsum(np.append(0, np.diff(halves.machine) != 0)[: len(halves)])
        halves = halves.take(np.lexsort([halves["asker"], group]))
        left, right = halves["r0"][0::2], halves["r0"][1::2]
        edges = Records.of(
            halves.machine[0::2], edge=(halves["asker"][0::2] - 1) // 2, left=left, right=right
        )
        live = edges.take(left != right)
        return Inbox(inbox.machines, {"edge": live, "parent": inbox["parent"]})


def _with_records(inbox: Inbox, machine: Words, columns: tuple[Words, Words, Words]) -> Inbox:
    """Add triples, those of a machine together, machines in the order of the batch."""
    at = np.zeros(int(inbox.machines.max(initial=0)) + 1, np.int64)
    at[inbox.machines] = np.arange(len(inbox.machines))
    order = np.argsort(at[machine], kind="stable")
    named = {name: column[order] for name, column in zip(TRIPLE, columns, strict=True)}
    return Inbox(inbox.machines, {**inbox.records, "records": Records.of(machine[order], **named)})


def connectivity_log_diameter(
    shape: GraphShape,
    diameter: int,
    seed: int = 0,
    ball: int | None = None,
    phases: int | None = None,
) -> Sequence:
    """Return the protocol that labels the components of graphs of a diameter up to D.

    Parameters
    ----------
    shape : GraphShape
        Without weights.
    diameter : int
        D, at least 1. If a component has a larger one, the output is right or says that it failed.
    seed : int
        Of the public coins, at least 0.
    ball : int, optional
        b, at least 2; ``ball_size`` by default.
    phases : int, optional
        t, at least 1; one more than ``contractions`` by default: then the probability of a failure
        is at most 1/N if D is right.

    Returns
    -------
    Sequence
        With S = 2 + 4^d + 2 L rounds of a look-up (each with its own d and L): 1 + t (2 S + K S')
        rounds, K = ceil(log2 D), then a converge-cast and a broadcast, and (ceil(log2 t) + 1) S for
        the labels. S' is of 2 n b records of 3 words, S of n + 2 m. With b = N^Theta(gamma), t is
        O(1 / gamma). gamma = 1/2 and b^2 <= 2 N^(1/2) serve epsilon >= 1/2.

    Raises
    ------
    InputError
        If the graph has weights, or a number is too small.

    References
    ----------
    Andoni, Song, Stein, Wang, Zhong, Parallel graph connectivity in log diameter rounds, FOCS 2018
    (capped balls by squaring, leaders). There b grows from phase to phase, which takes O(log log)
    phases at any gamma; here it is the same in all.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> graph = Graph.of(5, [(4, 2), (1, 3), (2, 4)])
    >>> protocol = connectivity_log_diameter(graph.shape, 1)
    >>> cluster = fit_cluster(protocol, len(graph.words), "2/3", "1/2", largest_word=20)
    >>> Simulation(protocol, cluster, graph.words).run().tolist()
    [0, 1, 2, 1, 2, 0, 0, 0, 0]
    """
    b = ball_size(shape) if ball is None else ball
    if shape.is_weighted:
        raise InputError("connectivity_log_diameter takes no weights; leave them out")
    if diameter < 1 or seed < 0 or b < 2 or (phases is not None and phases < 1):
        raise InputError(
            f"diameter = {diameter}, seed = {seed}, ball = {b}, phases = {phases}: "
            "give at least 1, 0, 2 and 1"
        )
    if not shape.n_edges:
        return sequence(EdgesHome(shape), label_components(shape, 0, has_tags=False))
    t = contractions(shape, b) + 1 if phases is None else phases
    n, m = shape.n_vertices, shape.n_edges
    parents, edges = Wait("parent", PARENT, n), Wait("edge", EDGE, m)
    everything: Items = ((n, 1), (m, 2))
    double = sequence(
        FileBalls(b), look_up(b, ((n, 2 * b),), (n, 1), b, (parents, edges)), Unite(b),
        name="double",
    )  # fmt: skip
    doubling = (Repeat((double,) * doublings_of(diameter)),) if diameter > 1 else ()
    bodies: list[Protocol] = [
        sequence(
            FileEdges(shape),
            look_up(b, everything, (n, 1), 1, (parents, edges)),
            Unite(b),
            *doubling,
            Join(shape, b, seed, phase, phase == t - 1),
            look_up(1, everything, (m, 2), 2, (parents,)),
            Relabel(),
            name=f"phase {phase + 1}",
        )
        for phase in range(t)
    ]
    return sequence(
        EdgesHome(shape), Repeat(tuple(bodies)), label_components(shape, t, has_tags=False)
    )


def guess_diameter(graph: Graph, cluster: Cluster, seed: int = 0) -> tuple[Words, int, int]:
    """Run the protocol for D = 1, 2, 4, .. until it does not fail, at last for D >= n.

    Returns
    -------
    (int64[N], int, int)
        The output, the last D, and the rounds of all runs together.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.graph_instances import path
    >>> graph = path(5)
    >>> protocol = connectivity_log_diameter(graph.shape, 8)
    >>> cluster = fit_cluster(protocol, len(graph.words), "2/3", "1/2", largest_word=27)
    >>> output, diameter, rounds = guess_diameter(graph, cluster)
    >>> output.tolist()[:5]
    [0, 0, 0, 0, 0]
    """
    diameter, rounds = 1, 0
    while True:
        protocol = connectivity_log_diameter(graph.shape, diameter, seed)
        sim = Simulation(protocol, cluster, graph.words, keep_bytes=0)
        output = sim.run()
        rounds += sim.ledger.n_rounds
        if output[0] != failure_word(cluster) or diameter >= graph.n_vertices:
            return output, diameter, rounds
        diameter *= 2
