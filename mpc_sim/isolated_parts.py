"""What a part of the machines does in a clean process, and how parts compare with the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mpc_sim.clean_process import Answer, Failed
from mpc_sim.cluster import Cluster
from mpc_sim.placement import read_output
from mpc_sim.protocol import Protocol, act, left_by
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.routing import Traffic, collect

Rows = Mapping[str, tuple[Words, Words, dict[str, Words]]]
Shape = tuple[int, tuple[Channel, ...]]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows by their columns; the first one is their machine."""

    columns: tuple[Words, ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    def equals(self, other: Table) -> bool:
        """Return whether all columns are equal."""
        return all(map(np.array_equal, self.columns, other.columns))


Tables = Callable[[Rows | None], dict[str, Table]]
"""Tables of what the ordinary run sends, or of rows of its parts, in one order."""


@dataclass(frozen=True, eq=False)
class Task:
    """A round, or the output map, on the memory of all machines."""

    where: str
    round: int
    cluster: Cluster
    inbox: Inbox
    act: Callable[..., tuple[Shape, Rows]]

    @property
    def is_output(self) -> bool:
        return self.act is output_of

    def on(self, part: Inbox) -> Callable[[Protocol], Any]:
        """Return the task of a part, which holds nothing else."""
        return partial(with_part, self.act, self.round, part, self.cluster)


class Different(Exception):
    """How the parts differ from the whole; of what kind, where that is known."""

    def __init__(self, text: str, machine: int | None, kind: str = "") -> None:
        super().__init__(text)
        self.machine, self.kind = machine, kind


# --- what a worker does ---


def with_part(
    run: Callable[..., tuple[Shape, Rows]],
    round: int,
    inbox: Inbox,
    cluster: Cluster,
    protocol: Protocol,
) -> tuple[Shape, Rows]:
    """Let the machines of one part act; no step writes into their memory."""
    return run(protocol, round, inbox.freeze(), cluster)


def step_of(protocol: Protocol, round: int, inbox: Inbox, cluster: Cluster) -> tuple[Shape, Rows]:
    """Return the shape of a round, and what its step sends."""
    shape = protocol.n_rounds(cluster), protocol.channels(round, cluster)
    outbox = act(protocol, round, inbox, cluster)
    return shape, {channel: outbox.rows(channel) for channel in outbox}


def output_of(protocol: Protocol, round: int, inbox: Inbox, cluster: Cluster) -> tuple[Shape, Rows]:
    """Return how many rounds there are, and what the output map leaves."""
    records = left_by(protocol, inbox, cluster)["output"]
    machine = records.machine
    return (protocol.n_rounds(cluster), ()), {"output": (machine, machine, dict(records.columns))}


# --- what is compared ---


def joined(task: Task, waiting: list[tuple[Words, Answer]], patience: float, shape: Shape) -> Rows:
    """Return the rows of all parts together.

    Raises
    ------
    Different
        A part fails, has another shape, or acts for a machine that it has not.
    """
    rows: dict[str, list[tuple[Words, Words, dict[str, Words]]]] = {}
    for part, answer in waiting:
        here = f"in isolation, on {len(part)} of {len(task.inbox.machines)} machines,"
        try:
            found_shape, found = answer(patience)
        except Failed as error:
            machine = int(part[0])
            raise Different(f"{here} machine {machine} fails: {error}", machine) from error
        if found_shape != shape:
            machine = int(part[0])
            text = f"{here} machine {machine} has other rounds or channels than in the run"
            raise Different(text, machine, "shape")
        for name, (source, to, columns) in found.items():
            strangers = np.unique(source[~np.isin(source, part)])
            if len(strangers):
                machine = int(strangers[0])
                text = f"{here} it acts for machine {machine}, which is not among them"
                raise Different(text, machine, "ownership")
            rows.setdefault(name, []).append((source, to, columns))
    outbox = Outbox()
    for name, parts in rows.items():
        for source, to, columns in parts:
            outbox.send(name, source=source, to=to, **columns)
    return {name: outbox.rows(name) for name in outbox}


def message_tables(traffic: Traffic, rows: Rows | None) -> dict[str, Table]:
    """Tables of messages, [R, 2 + fields], by source and emission: of a round, or of its parts."""
    if rows is not None:
        outbox = Outbox()
        for name, (source, to, columns) in rows.items():
            outbox.send(name, source=source, to=to, **columns)
        channels = [part.channel for part in traffic.messages]
        traffic = collect(
            outbox,
            channels,
            traffic.batch,
            traffic.cluster,
            round=traffic.round,
            label=traffic.label,
        )
    return {
        part.channel.name: Table((part.source, part.to, *part.columns.values()))
        for part in traffic.messages
    }


def output_table(output: Words, cluster: Cluster, rows: Rows | None) -> dict[str, Table]:
    """Tables of output words, [N, 2]: their machine and they, of a run or of its parts."""
    if rows is not None:
        source, _, columns = rows.get("output", (np.zeros(0, np.int64),) * 2 + ({},))
        order = np.argsort(source, kind="stable")
        named = {name: column[order] for name, column in columns.items()}
        held = {"output": Records(tuple(named), source[order], named)}
        output = read_output(Inbox(np.arange(cluster.n_machines), held), cluster)
    machine = np.arange(cluster.n_words) // cluster.block_words
    return {"output": Table((machine, output))}


def difference(
    ordinary: dict[str, Table], found: dict[str, Table]
) -> tuple[int, tuple[str, int] | None]:
    """Return how many rows differ, and channel and lowest machine of the first that does.

    A row that one side has and the other has not counts as one.
    """
    different, first = 0, None
    for name, table in ordinary.items():
        other = found[name]
        if table.equals(other):
            continue
        tables = [np.column_stack(one.columns) for one in (table, other)]
        n_machines = 1 + max(one[:, 0].max(initial=0) for one in tables)
        counts = [np.bincount(one[:, 0], minlength=n_machines) for one in tables]
        aligned = counts[0] == counts[1]
        pairs = [one[aligned[one[:, 0]]] for one in tables]
        rows = (pairs[0] != pairs[1]).any(axis=1)
        by_machine = np.bincount(pairs[0][rows, 0], minlength=n_machines)
        by_machine += np.where(aligned, 0, np.maximum(*counts))
        different += int(by_machine.sum())
        first = first or (name, int(np.argmax(by_machine > 0)))
    return different, first
