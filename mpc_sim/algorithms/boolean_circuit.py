"""Evaluation of a Boolean circuit of depth d that is given in the input words; fan-out by join.

N input words are G = floor(N / 3) gates of three words each: gate g has its kind in word g, its
left operand in word G + g and its right operand in word 2 G + g; up to two words are left over.
Kinds are listed in ``Kind``; an operand is the number of a gate. Output word g is the value of gate
g, 0 or 1, or 2 if it is not determined within d layers (it lies deeper, on a cycle, or on an
operand or kind that does not exist). Words that are no gate put out 0.

Every input word becomes one record: (g, kind) for the gate itself and (operand, 8 + edge) for each
of its two operands, edge = 2 g or 2 g + 1. Sorted, every gate stands before all edges that read it,
so a scan that copies the last value along serves any fan-out. For each layer the gates send their
values from home to that place, the scan copies them to the edges, and the edges take them home.

Axes: B = block words, T = ceil(G / P) gates that live on a machine, gate g on machine g // T.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import first_rows
from mpc_sim.compose import Carry, LocalStage, Stages, parallel, sequence
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Last
from mpc_sim.stages.scan import Scan

SORT = Columnsort(("gate", "tag"))
REMEDY = "epsilon, c_s or c_p"
UNDETERMINED = 2
"""The output word of a gate without a value; inside, 1 + value travels, so 3."""


class Kind(IntEnum):
    """What a gate computes; NOT reads its left operand only, inputs read none."""

    FALSE = 0
    TRUE = 1
    NOT = 2
    AND = 3
    OR = 4
    XOR = 5
    NAND = 6
    NONE = 7


def gates_per_machine(cluster: Cluster) -> int:
    """Return T = ceil(G / P), at least 1."""
    return max(1, ceil_div(cluster.n_words // 3, cluster.n_machines))


def largest_tag(n_words: int) -> int:
    """Return the largest word of a sorted record, 7 + 2 G; word_bits must allow it."""
    return len(Kind) - 1 + 2 * (n_words // 3)


@dataclass(frozen=True)
class ReadCircuit(LocalStage):
    """Make a record (gate, tag) of every word; an operand that does not exist makes none."""

    def check(self, cluster: Cluster) -> None:
        largest = largest_tag(cluster.n_words)
        if largest >= cluster.word_limit:
            raise ShapeError(
                f"circuit of {cluster.n_words // 3} gates: words go up to {largest}, "
                f"word_bits = {cluster.word_bits}: raise word_bits or largest_word",
                word=largest,
            )

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words, n_gates = inbox["input"], cluster.n_words // 3
        index = words.machine * cluster.block_words + words.rank
        part, gate = index // max(n_gates, 1), index % max(n_gates, 1)
        edge_tag = len(Kind) + 2 * gate + part - 1
        is_gate, is_edge = part == 0, (part >= 1) & (part < 3) & (words["word"] < n_gates)
        records = Records.of(
            words.machine,
            gate=np.where(is_gate, gate, words["word"]),
            tag=np.where(is_gate, np.minimum(words["word"], Kind.NONE), edge_tag),
        )
        return Inbox(inbox.machines, {"records": records.take((is_gate | is_edge) & (n_gates > 0))})


@dataclass(frozen=True)
class Place(OneRound):
    """Send every gate home, with its kind and the slot where the edges that read it begin."""

    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return "gates home"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block, gates = cluster.block_words, gates_per_machine(cluster)
        return (
            Channel("sorted", ("tag",), block, local=True),
            Channel("gate", ("kind", "slot"), block, gates),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records = inbox["records"]
        slot = records.machine * cluster.block_words + records.rank
        is_gate = records["tag"] < len(Kind)
        outbox = Outbox()
        outbox.keep("sorted", records.machine, tag=records["tag"])
        outbox.send(
            "gate",
            source=records.machine[is_gate],
            to=records["gate"][is_gate] // gates_per_machine(cluster),
            kind=records["tag"][is_gate],
            slot=slot[is_gate],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        gates = inbox["gate"]  # in the order of the sort, so by number
        nothing = np.zeros(len(gates), np.int64)
        values = _evaluate(gates["kind"], nothing, nothing)
        return Inbox(inbox.machines, {"sorted": inbox["sorted"], "gate": _valued(gates, values)})


@dataclass(frozen=True)
class Publish(OneRound):
    """Send every gate's value from home to the slot before the edges that read it."""

    layer: int
    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return f"layer {self.layer}: publish"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block, gates = cluster.block_words, gates_per_machine(cluster)
        return (
            Channel("sorted", ("tag",), block, local=True),
            Channel("gate", ("kind", "slot"), gates, local=True),
            Channel("value", ("slot", "value"), gates, block),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, gates = inbox["sorted"], inbox["gate"]
        outbox = Outbox()
        outbox.keep("sorted", records.machine, tag=records["tag"])
        outbox.keep("gate", gates.machine, kind=gates["kind"], slot=gates["slot"])
        outbox.send(
            "value",
            source=gates.machine,
            to=gates["slot"] // cluster.block_words,
            slot=gates["slot"],
            value=gates["value"],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records, received = inbox["sorted"], inbox["value"]
        start = first_rows(records.machine, cluster.n_machines)
        value = np.zeros(len(records), np.int64)
        value[start[received.machine] + received["slot"] % cluster.block_words] = received["value"]
        published = Records.of(records.machine, tag=records["tag"], value=value)
        return Inbox(inbox.machines, {"records": published, "gate": inbox["gate"]})


@dataclass(frozen=True)
class CopyValues(Scan):
    """The scan that copies every gate's value to the edges that read it, the gates waiting."""

    layer: int = 1

    def beside_words(self, cluster: Cluster) -> int:
        return 2 * gates_per_machine(cluster)

    def label(self, round: int, cluster: Cluster) -> str:
        return f"layer {self.layer}: {super().label(round, cluster)}"


@dataclass(frozen=True)
class Evaluate(OneRound):
    """Send the values on the edges home, where the gates that read them are evaluated."""

    layer: int
    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return f"layer {self.layer}: evaluate"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block, gates = cluster.block_words, gates_per_machine(cluster)
        return (
            Channel("sorted", ("tag",), block, local=True),
            Channel("gate", ("kind", "slot"), gates, local=True),
            Channel("edge", ("edge", "value"), block, 2 * gates),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, gates = inbox["records"], inbox["gate"]
        outbox = Outbox()
        outbox.keep("sorted", records.machine, tag=records["tag"])
        outbox.keep("gate", gates.machine, kind=gates["kind"], slot=gates["slot"])
        edges = records.take(records["tag"] >= len(Kind))
        edge = edges["tag"] - len(Kind)
        outbox.send(
            "edge",
            source=edges.machine,
            to=edge // 2 // gates_per_machine(cluster),
            edge=edge,
            value=edges["seen"],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        gates, edges = inbox["gate"], inbox["edge"]
        start = first_rows(gates.machine, cluster.n_machines)
        row = start[edges.machine] + edges["edge"] // 2 - edges.machine * gates_per_machine(cluster)
        operands = np.zeros((len(gates), 2), np.int64)
        operands[row, edges["edge"] % 2] = edges["value"]
        values = _evaluate(gates["kind"], operands[:, 0], operands[:, 1])
        return Inbox(inbox.machines, {"sorted": inbox["sorted"], "gate": _valued(gates, values)})


@dataclass(frozen=True)
class PutOut(OneRound):
    """Send every gate's value to the machine that puts it out."""

    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return "values out"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("value", ("value",), gates_per_machine(cluster), cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        gates = inbox["gate"]
        number = gates.machine * gates_per_machine(cluster) + gates.rank
        outbox = Outbox()
        to = number // cluster.block_words
        outbox.send("value", source=gates.machine, to=to, value=gates["value"] - 1)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        received, machines = inbox["value"], inbox.machines  # by source, so by number
        owner, start = output_places(machines, cluster)
        word = np.zeros(len(owner), np.int64)
        word[start[received.machine] + received.rank] = received["value"]
        return Inbox(machines, {"output": Records.of(owner, word=word)})


def boolean_circuit(depth: int) -> Stages:
    """Return the protocol that evaluates the first d layers of a circuit of N // 3 gates.

    Parameters
    ----------
    depth : int
        d, at least 0: an input has depth 0, another gate one more than its deepest operand.

    Returns
    -------
    Stages
        3 + 4^c + 2 d (L + 1) rounds, exactly: c the depth of the sort, L the levels of the scan.

    Raises
    ------
    InputError
        If the depth is negative.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (circuits and PRAMs in rounds; here concurrent
    reads go by one sort and scans).
    """
    if depth < 0:
        raise InputError(f"depth = {depth}: a circuit has at least 0 layers")
    stages: list[Protocol] = [ReadCircuit(), SORT, Place()]
    for layer in range(1, depth + 1):
        copy = CopyValues(Last(), ("tag", "value"), ("value",), ("seen",), layer=layer)
        stages += [Publish(layer), parallel(copy, Carry("gate", ("kind", "slot"))), Evaluate(layer)]
    return sequence(*stages, PutOut())


def _evaluate(kind: Words, left: Words, right: Words) -> Words:
    """Return 1 + the value of every gate, 3 if unknown; operands as 1 + value, 0 or 3 unknown."""
    has_left, has_right = (left == 1) | (left == 2), (right == 1) | (right == 2)
    a, b = left == 2, right == 2
    values = np.select(
        [kind == one for one in (Kind.TRUE, Kind.NOT, Kind.AND, Kind.OR, Kind.XOR, Kind.NAND)],
        [np.ones_like(a), ~a, a & b, a | b, a ^ b, ~(a & b)],
        False,
    )
    is_input = kind <= Kind.TRUE
    is_known = is_input | (kind == Kind.NOT) & has_left
    is_known |= (kind > Kind.NOT) & (kind < Kind.NONE) & has_left & has_right
    return np.where(is_known, 1 + values.astype(np.int64), 1 + UNDETERMINED)


def _valued(gates: Records, values: Words) -> Records:
    """Return the gates at home with their values."""
    return Records.of(gates.machine, kind=gates["kind"], slot=gates["slot"], value=values)
