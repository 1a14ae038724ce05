"""The evaluation of circuits as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.boolean_circuit import (
    SORT,
    UNDETERMINED,
    CopyValues,
    Evaluate,
    Kind,
    Place,
    Publish,
    PutOut,
    ReadCircuit,
    gates_per_machine,
)
from mpc_sim.compose import Carry, parallel, sequence
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.operations import Last
from twins.broadcast import Left, local_twin, n_output
from twins.scan import scan_twin

GATE = ("kind", "slot", "value")


def read_circuit(memory: Memory) -> Left:
    """Make the records (gate, tag) of the input words.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=6, memory_words=6, n_machines=2, block_words=3)
    >>> read_circuit(Memory(0, cluster, {"input": [(1,), (2,), (0,)]}))["records"][1]
    [(0, 1), (1, 2), (0, 8)]
    """
    n_gates = memory.cluster.n_words // 3
    rows: list[Row] = []
    first = memory.machine * memory.cluster.block_words
    for index, (word,) in enumerate(memory["input"], start=first):
        if index < n_gates:
            rows.append((index, min(word, Kind.NONE)))
        elif index < 3 * n_gates and word < n_gates:
            rows.append((word, len(Kind) + 2 * (index % n_gates) + index // n_gates - 1))
    return {"records": (("gate", "tag"), rows)}


def value_of(kind: int, left: int, right: int) -> int:
    """Return 1 + the value of a gate, 3 if unknown; operands likewise, 0 if absent.

    Examples
    --------
    >>> value_of(Kind.AND, 2, 1), value_of(Kind.AND, 2, 3), value_of(Kind.TRUE, 0, 0)
    (1, 3, 2)
    """
    if kind <= Kind.TRUE:
        return 1 + kind
    needed = (left,) if kind == Kind.NOT else (left, right)
    if kind == Kind.NONE or not all(operand in (1, 2) for operand in needed):
        return 1 + UNDETERMINED
    a, b = left - 1, right - 1
    if kind == Kind.NOT:
        return 2 - a
    if kind == Kind.NAND:
        return 2 - (a & b)
    return 1 + {Kind.AND: a & b, Kind.OR: a | b, Kind.XOR: a ^ b}[Kind(kind)]


def place_twin() -> Twin:
    """Return the twin of ``Place``.

    Examples
    --------
    >>> place_twin().shape
    Place()
    """

    def step(round: int, memory: Memory) -> None:
        first = memory.machine * memory.cluster.block_words
        for slot, (gate, tag) in enumerate(memory["records"], start=first):
            memory.keep("sorted", tag)
            if tag < len(Kind):
                memory.send("gate", gate // gates_per_machine(memory.cluster), tag, slot)

    def finish(memory: Memory) -> Left:
        gates: list[Row] = [(kind, slot, value_of(kind, 0, 0)) for kind, slot in memory["gate"]]
        return {"sorted": (("tag",), memory["sorted"]), "gate": (GATE, gates)}

    return per_machine(Place(), step, finish)


def publish_twin(layer: int) -> Twin:
    """Return the twin of ``Publish(layer)``.

    Examples
    --------
    >>> publish_twin(2).shape
    Publish(layer=2)
    """

    def step(round: int, memory: Memory) -> None:
        for (tag,) in memory["sorted"]:
            memory.keep("sorted", tag)
        for kind, slot, value in memory["gate"]:
            memory.keep("gate", kind, slot)
            memory.send("value", slot // memory.cluster.block_words, slot, value)

    def finish(memory: Memory) -> Left:
        told = {row[0]: row[1] for row in memory["value"]}
        first = memory.machine * memory.cluster.block_words
        tags = enumerate(memory["sorted"], start=first)
        records: list[Row] = [(tag, told.get(slot, 0)) for slot, (tag,) in tags]
        return {
            "records": (("tag", "value"), records),
            "gate": (("kind", "slot"), memory["gate"]),
        }

    return per_machine(Publish(layer), step, finish)


def evaluate_twin(layer: int) -> Twin:
    """Return the twin of ``Evaluate(layer)``.

    Examples
    --------
    >>> evaluate_twin(2).shape
    Evaluate(layer=2)
    """

    def step(round: int, memory: Memory) -> None:
        for kind, slot in memory["gate"]:
            memory.keep("gate", kind, slot)
        for tag, _, seen in memory["records"]:
            memory.keep("sorted", tag)
            if tag >= len(Kind):
                edge = tag - len(Kind)
                memory.send("edge", edge // 2 // gates_per_machine(memory.cluster), edge, seen)

    def finish(memory: Memory) -> Left:
        told = {row[0]: row[1] for row in memory["edge"]}
        first = memory.machine * gates_per_machine(memory.cluster)
        gates: list[Row] = []
        for gate, (kind, slot) in enumerate(memory["gate"], start=first):
            left, right = told.get(2 * gate, 0), told.get(2 * gate + 1, 0)
            gates.append((kind, slot, value_of(kind, left, right)))
        return {"sorted": (("tag",), memory["sorted"]), "gate": (GATE, gates)}

    return per_machine(Evaluate(layer), step, finish)


def put_out_twin() -> Twin:
    """Return the twin of ``PutOut``.

    Examples
    --------
    >>> put_out_twin().shape
    PutOut()
    """

    def step(round: int, memory: Memory) -> None:
        first = memory.machine * gates_per_machine(memory.cluster)
        for gate, (_, _, value) in enumerate(memory["gate"], start=first):
            memory.send("value", gate // memory.cluster.block_words, value - 1)

    def finish(memory: Memory) -> Left:
        values = memory["value"]
        rest: list[Row] = [(0,)] * (n_output(memory) - len(values))
        return {"output": (("word",), [*values, *rest])}

    return per_machine(PutOut(), step, finish)


def boolean_circuit_twin(depth: int) -> Protocol:
    """Return the twin of ``boolean_circuit(depth)``; the sort is the columnar one.

    Examples
    --------
    >>> from mpc_sim import fit_cluster, Simulation
    >>> words = [Kind.FALSE, Kind.NOT, Kind.XOR, 0, 0, 0, 0, 0, 1]
    >>> cluster = fit_cluster(boolean_circuit_twin(2), 9, "2/3", largest_word=13)
    >>> Simulation(boolean_circuit_twin(2), cluster, words).run().tolist()[:3]
    [0, 1, 1]
    """
    stages: list[Protocol] = [local_twin(ReadCircuit(), read_circuit), SORT, place_twin()]
    for layer in range(1, depth + 1):
        copy = CopyValues(Last(), ("tag", "value"), ("value",), ("seen",), layer=layer)
        stages += [
            publish_twin(layer),
            parallel(scan_twin(copy), Carry("gate", ("kind", "slot"))),
            evaluate_twin(layer),
        ]
    return sequence(*stages, put_out_twin())
