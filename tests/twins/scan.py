"""The scan as a plain function of one machine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.scan import Scan, ScanAtOnce


def scan_twin(scan: Scan) -> Twin:
    """Return the twin of a scan.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> scan_twin(Scan(Addition(), ("word",), ("word",), ("sum",))).shape.prefix
    ('sum',)
    """

    def step(round: int, memory: Memory) -> None:
        tree, here = scan.tree(memory.cluster), memory.machine
        for record in memory[scan.channel]:
            memory.keep(scan.channel, *record)
        if here >= tree.n_leaves:
            return
        levels = tree.levels
        level = round if round <= levels else 2 * levels - round
        for below in range(1, level):
            for element in memory[f"level {below}"]:
                memory.keep(f"level {below}", *element)
        if here % tree.arity**level != 0:
            return
        prefixes = []
        if round <= levels:
            total = scan.operation.identity
            if round == 0:
                for record in memory[scan.channel]:
                    total = combine(scan.operation, total, operand(scan, record))
            else:
                first, *others = memory["total"]
                total = first
                for element in others:
                    prefixes.append(total)
                    total = combine(scan.operation, total, element)
            if round < levels:
                for prefix in prefixes:
                    memory.keep(f"level {round}", *prefix)
                above = tree.arity ** (round + 1)
                memory.send("total", here - here % above, *total)
                return
            before = scan.operation.identity
        else:
            prefixes = memory[f"level {level}"]
            (before,) = memory["before"]
        memory.keep("before", *before)
        for child, prefix in enumerate(prefixes, start=1):
            to = here + child * tree.arity ** (level - 1)
            memory.send("before", to, *combine(scan.operation, before, prefix))

    return per_machine(scan, step, lambda memory: put_out(scan, memory))


def scan_at_once_twin(scan: ScanAtOnce) -> Twin:
    """Return the twin of a scan in one round.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> scan_at_once_twin(ScanAtOnce(Addition(), ("word",), ("word",), ("sum",))).shape.prefix
    ('sum',)
    """

    def step(round: int, memory: Memory) -> None:
        total = scan.operation.identity
        for record in memory[scan.channel]:
            memory.keep(scan.channel, *record)
            total = combine(scan.operation, total, operand(scan, record))
        for later in range(memory.machine + 1, memory.cluster.n_input_machines):
            memory.send("before", later, *total)

    return per_machine(scan, step, lambda memory: put_out(scan, memory))


def put_out(scan: Scan, memory: Memory) -> Mapping[str, tuple[tuple[str, ...], list[Row]]]:
    """Return the records of a machine with their prefixes, and what all before it combine to.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> from mpc_sim.stages.operations import Addition
    >>> scan = Scan(Addition(), ("word",), ("word",), ("sum",))
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> put_out(scan, Memory(1, cluster, {"records": [(2,), (3,)], "before": [(4,)]}))["records"]
    (('word', 'sum'), [(2, 6), (3, 9)])
    """
    before = scan.operation.identity
    if scan.n_rounds(memory.cluster):
        for element in memory["before"]:
            before = combine(scan.operation, before, element)
    here, rows = before, []
    for record in memory[scan.channel]:
        passed = here
        here = combine(scan.operation, here, operand(scan, record))
        rows.append((*record, *(here if scan.inclusive else passed)))
    told = [before] if memory.machine < scan.n_machines(memory.cluster) else []
    return {scan.channel: (scan.fields + scan.prefix, rows), "before": (scan.prefix, told)}


def operand(scan: Scan, record: Row) -> Row:
    """Return the element of a record.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> operand(Scan(Addition(), ("key", "word"), ("word",), ("sum",)), (7, 3))
    (3,)
    """
    return tuple(record[scan.fields.index(name)] for name in scan.operand)


def combine(operation: Operation, left: Row, right: Row) -> Row:
    """Combine two elements.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Maximum
    >>> combine(Maximum(), (3,), (4,))
    (4,)
    """
    met = operation.combine(np.array([left], np.int64), np.array([right], np.int64))
    return tuple(met[0].tolist())
