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

from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.columns import first_rows, rank_in_group
from mpc_sim.compose import LocalStage, Stages, sequence
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.records import Inbox, Records, Words
from mpc_sim.simulation import Simulation
from mpc_sim.stages.columnsort import sort_locally
from mpc_sim.stages.component_labels import label_components
from mpc_sim.stages.contraction import EDGE, PARENT
from mpc_sim.stages.edges_home import EdgesHome, items
from mpc_sim.stages.first_of_run import FIELDS
from mpc_sim.stages.look_up import Items, look_up
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.smallest_neighbours import smallest_neighbours
from mpc_sim.stages.waiting import Wait, share

COIN_BITS = 16


def ball_size(shape: GraphShape) -> int:
    """Return b >= 2 with b^2 <= 2 N^(1/2): balls of balls have at most 2 n N^(1/2) words."""
    return max(2, math.isqrt(2 * math.isqrt(shape.n_words)))


def leader_odds(ball: int) -> int:
    """Return p 2^16 with p about 1 - b^(-1 / (b - 1)), where p + (1 - p)^b is least."""
    return round((1 - math.pow(ball, -1 / (ball - 1))) * (1 << COIN_BITS))


def contractions(shape: GraphShape, ball: int) -> int:
    """Return the least c with n q^c / b <= 1/N."""
    chance = leader_odds(ball) / 2**COIN_BITS
    log_left = math.log(chance + (1 - chance) ** ball)
    return max(0, math.ceil(math.log(shape.n_words * shape.n_vertices / ball) / -log_left))


def doublings_of(diameter: int) -> int:
    """Return ceil(log2 D), after which a ball reaches as far as D."""
    return (diameter - 1).bit_length()


def is_leader(seed: int, phase: int, labels: Words, ball: int) -> NDArray[np.bool_]:
    """Return the public coins of labels in a phase."""
    coins = random_words(seed, phase, labels, 1)[:, 0] >> np.uint64(64 - COIN_BITS)
    leads: NDArray[np.bool_] = coins < np.uint64(leader_odds(ball))
    return leads


@dataclass(frozen=True)
class FileBalls(LocalStage):
    """Every label files place j of its ball, and asks for all places of the balls of its ball.

    Place j of label u is key u b + j. At most (b - 1) + b (b - 1) = b^2 - 1 records per label.
    """

    shape: GraphShape
    ball: int

    def check(self, cluster: Cluster) -> None:
        largest = (self.shape.n_vertices + 1) * self.ball
        if largest >= cluster.word_limit:
            raise ShapeError(
                f"balls of {self.ball} of {self.shape.n_vertices} labels: words go up to "
                f"{largest}, word_bits = {cluster.word_bits}: raise word_bits or largest_word",
                word=largest,
            )

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        balls, places = inbox["ball"], self.ball - 1
        own, member = balls["own"], balls["member"]
        place = _place(balls)
        entry = own * self.ball + place
        zero = np.zeros_like(own)
        others = (member[:, None] * self.ball + np.arange(places)).ravel()
        records = _grouped(
            inbox,
            np.concatenate([balls.machine, balls.machine, np.repeat(balls.machine, places)]),
            np.concatenate([entry, entry, others]),
            np.concatenate([zero, own, np.repeat(own, places)]),
            np.concatenate([member, zero, np.zeros_like(others)]),
        )
        waits = {name: inbox[name] for name in inbox if name != "ball"}
        return Inbox(inbox.machines, {**waits, "records": records})


@dataclass(frozen=True)
class Unite(LocalStage):
    """Every label keeps the b - 1 smallest others of all that it received."""

    ball: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        received = inbox["answer"]
        met = Records.of(received.machine, own=received["asker"], member=received["value"])
        met = sort_locally(met.take(met["own"] != met["member"]))
        same = (met["own"][1:] == met["own"][:-1]) & (met["member"][1:] == met["member"][:-1])
        met = met.take(np.append(True, ~same)[: len(met)])
        waits = {name: inbox[name] for name in inbox if name != "answer"}
        return Inbox(inbox.machines, {**waits, "ball": met.take(_place(met) < self.ball - 1)})


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
        machine, vertex = items(self.shape.n_vertices, inbox.machines, cluster)
        name = vertex + 1
        if not self.is_last:
            leads = ~self._leads(balls["own"]) & self._leads(balls["member"])
            balls = balls.take(leads)
        chosen = balls.take(balls["own"] != np.append(0, balls["own"])[: len(balls)])
        joined = name.copy()
        size = share(self.shape.n_vertices, cluster)
        at = (
            first_rows(vertices.machine, cluster.n_machines)[chosen.machine]
            + (chosen["own"] - 1) % size
        )
        joined[at] = chosen["member"]
        if self.is_last:
            joined = np.minimum(joined, name)
        half = 2 * edges["edge"] + 1
        records = _grouped(
            inbox,
            np.concatenate([machine, edges.machine, edges.machine]),
            np.concatenate([name, edges["left"], edges["right"]]),
            np.concatenate([np.zeros_like(name), half, half + 1]),
            np.concatenate([joined, np.zeros(2 * len(edges), np.int64)]),
        )
        parent = np.where(joined != name, joined, vertices["parent"])
        parents = Records.of(machine, parent=parent)
        return Inbox(inbox.machines, {"records": records, "parent": parents})

    def _leads(self, labels: Words) -> NDArray[np.bool_]:
        return is_leader(self.seed, self.phase, labels, self.ball)


@dataclass(frozen=True)
class Relabel(LocalStage):
    """Make edges of the labels that half-edges received; an edge of equal labels is done."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        halves = sort_locally(inbox["answer"])
        left, right = halves["value"][0::2], halves["value"][1::2]
        edge = (halves["asker"][0::2] - 1) // 2
        edges = Records.of(halves.machine[0::2], edge=edge, left=left, right=right)
        live = edges.take(left != right)
        return Inbox(inbox.machines, {"edge": live, "parent": inbox["parent"]})


def _place(balls: Records) -> Words:
    """Number the members of every ball from 0; pairs lie sorted by owner."""
    return rank_in_group(balls["own"])


def _grouped(inbox: Inbox, machine: Words, key: Words, tag: Words, value: Words) -> Records:
    """Make records, those of a machine together, machines in the order of the batch."""
    at = np.zeros(int(inbox.machines.max(initial=0)) + 1, np.int64)
    at[inbox.machines] = np.arange(len(inbox.machines))
    order = np.argsort(at[machine], kind="stable")
    columns = zip(FIELDS, (key, tag, value), strict=True)
    return Records.of(machine[order], **{name: column[order] for name, column in columns})


def grow_balls(shape: GraphShape, diameter: int, ball: int, waits: tuple[Wait, ...]) -> Stages:
    """Return the stages from live edges to the balls of all labels: pairs (own, member).

    A label is not a member of its own ball, which has at most b - 1 pairs.
    """
    n = shape.n_vertices
    double = sequence(
        FileBalls(shape, ball),
        look_up(((n, ball * ball - 1),), (n, 1), ball * (ball - 1), waits),
        Unite(ball),
        name="double",
    )
    doubling = (Repeat((double,) * doublings_of(diameter)),) if diameter > 1 else ()
    return sequence(smallest_neighbours(shape, ball - 1, waits), *doubling)


def connectivity_log_diameter(
    shape: GraphShape,
    diameter: int,
    seed: int = 0,
    ball: int | None = None,
    phases: int | None = None,
) -> Stages:
    """Return the protocol that labels the components of graphs of a diameter up to D.

    Parameters
    ----------
    shape : GraphShape
        Without weights.
    diameter : int
        D, at least 1; n - 1 serves for all that is larger, as no component has a larger one. If a
        component has a larger one than D, the output is right or says that it failed.
    seed : int
        Of the public coins, at least 0.
    ball : int, optional
        b, at least 2; ``ball_size`` by default.
    phases : int, optional
        t, at least 1; one more than ``contractions`` by default: then the probability of a failure
        is at most 1/N if D is right.

    Returns
    -------
    Stages
        With S = 2 + 4^d + 2 L rounds of a sort, a scan and the way home (each with its own d and
        L): 1 + t (S1 + K S2 + S3) rounds, K = ceil(log2 D), then a converge-cast and a broadcast,
        and (ceil(log2 t) + 1) S for the labels. S1 is of 2 m records, S2 of n (b^2 - 1), S3 of
        n + 2 m, of 3 words each. With b = N^Theta(gamma), t is O(1 / gamma), so for a constant
        gamma the rounds are O(log D) sorts. gamma = 1/2 and b^2 <= 2 N^(1/2) serve epsilon >= 1/2.

    Raises
    ------
    InputError
        If the graph has weights, or a number is too small.

    References
    ----------
    Andoni, Song, Stein, Wang, Zhong, Parallel graph connectivity in log diameter rounds, FOCS 2018
    (capped balls by squaring, leaders). There b grows from phase to phase, which takes
    O(log(1 / gamma)) phases, O(log log n) at worst; here it is the same in all.
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
    diameter = max(1, min(diameter, shape.n_vertices - 1))
    n, m = shape.n_vertices, shape.n_edges
    parents, edges = Wait("parent", PARENT, n), Wait("edge", EDGE, m)
    names: Items = ((n, 1), (m, 2))
    bodies: list[Protocol] = [
        sequence(
            grow_balls(shape, diameter, b, (parents, edges)),
            Join(shape, b, seed, phase, phase == t - 1),
            look_up(names, (m, 2), 2, (parents,)),
            Relabel(),
            name=f"phase {phase + 1}",
        )
        for phase in range(t)
    ]
    return sequence(
        EdgesHome(shape), Repeat(tuple(bodies)), label_components(shape, t, has_tags=False)
    )


def guess_diameter(graph: Graph, cluster: Cluster, seed: int = 0) -> tuple[Words, int, int]:
    """Run the protocol for guesses of D until it does not fail, at last for D = n.

    A guess allows 0, 1, 2, 4, .. doublings, so D is guessed 1, 2, 4, 16, 256, ..: the doublings of
    all runs are fewer than 4 times those that D takes, and 2.

    Returns
    -------
    (int64[N], int, int)
        The output, the last guess, and the rounds of all runs together.
    """
    diameter, rounds = 1, 0
    while True:
        protocol = connectivity_log_diameter(graph.shape, diameter, seed)
        sim = Simulation(protocol, cluster, graph.words, keep_bytes=0)
        output = sim.run()
        rounds += sim.ledger.n_rounds
        if output[0] != failure_word(cluster) or diameter >= graph.n_vertices:
            return output, diameter, rounds
        diameter = min(max(2 * diameter, diameter**2), graph.n_vertices)
