"""Protocols written as a plain Python function of one machine: for teaching, and as slow twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.errors import UnknownChannel
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records

Row = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Memory:
    """The whole memory of one machine, and its only way to act.

    Parameters
    ----------
    machine : int
        Its id.
    cluster : Cluster
    records : mapping of str to list of tuples of int
        Its records by channel, in canonical order.

    Examples
    --------
    >>> cluster = Cluster(n_words=2, memory_words=4, n_machines=2, block_words=1)
    >>> memory = Memory(0, cluster, {"input": [(7,)]})
    >>> memory.send("word", 1, 7)
    >>> memory["input"], memory.emitted
    ([(7,)], [('word', 1, (7,))])
    """

    machine: int
    cluster: Cluster
    records: Mapping[str, list[Row]]
    emitted: list[tuple[str, int, Row]] = field(default_factory=list)

    def __getitem__(self, channel: str) -> list[Row]:
        try:
            return self.records[channel]
        except KeyError:
            raise UnknownChannel(
                f"no channel {channel!r} in this memory; it has {', '.join(self.records)}",
                channel=channel,
            ) from None

    def send(self, channel: str, to: int, *words: int) -> None:
        """Send one record."""
        self.emitted.append((channel, to, words))

    def keep(self, channel: str, *words: int) -> None:
        """Keep one record until the next round."""
        self.send(channel, self.machine, *words)


Step = Callable[[int, Memory], None]
Finish = Callable[[Memory], Mapping[str, tuple[tuple[str, ...], list[Row]]]]


@dataclass(frozen=True)
class PerMachine(Protocol):
    """A protocol of the shape of another, whose steps are plain functions of one machine.

    Use :func:`per_machine` to make one.
    """

    shape: Protocol
    step_of_machine: Step
    finish_of_machine: Finish

    def n_rounds(self, cluster: Cluster) -> int:
        return self.shape.n_rounds(cluster)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return self.shape.channels(round, cluster)

    def label(self, round: int, cluster: Cluster) -> str:
        return self.shape.label(round, cluster)

    def check(self, cluster: Cluster) -> None:
        self.shape.check(cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        fields = {channel.name: channel.fields for channel in self.channels(round, cluster)}
        outbox = Outbox()
        for memory in memories(inbox, cluster):
            self.step_of_machine(round, memory)
            for channel, to, words in memory.emitted:
                if channel not in fields or len(words) != len(fields[channel]):
                    raise UnknownChannel(
                        f"round {round}: machine {memory.machine} sends {len(words)} words on "
                        f"channel {channel!r}; declared are {fields}",
                        channel=channel,
                    )
                columns = dict(zip(fields[channel], words, strict=True))
                outbox.send(channel, source=memory.machine, to=to, **columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        owners: dict[str, list[int]] = {}
        rows: dict[str, list[Row]] = {}
        fields: dict[str, tuple[str, ...]] = {}
        for memory in memories(inbox, cluster):
            for channel, (names, held) in self.finish_of_machine(memory).items():
                fields[channel] = names
                owners.setdefault(channel, []).extend([memory.machine] * len(held))
                rows.setdefault(channel, []).extend(held)
        records = {}
        for channel, names in fields.items():
            table = np.array(rows[channel], np.int64).reshape(len(rows[channel]), len(names))
            columns = {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(names)}
            records[channel] = Records(names, np.array(owners[channel], np.int64), columns)
        return Inbox(inbox.machines, records)


def memories(inbox: Inbox, cluster: Cluster) -> Iterator[Memory]:
    """Give every machine of a batch its own memory, one after the other."""
    rows: dict[int, dict[str, list[Row]]] = {
        machine: {channel: [] for channel in inbox} for machine in inbox.machines.tolist()
    }
    for channel in inbox:
        records = inbox[channel]
        columns = [records[name].tolist() for name in records.fields]
        table = list(zip(*columns, strict=True)) if columns else [()] * len(records)
        for machine, row in zip(records.machine.tolist(), table, strict=True):
            rows[machine][channel].append(row)
    for machine, records_of_machine in rows.items():
        yield Memory(machine, cluster, records_of_machine)


def no_output_map(memory: Memory) -> Mapping[str, tuple[tuple[str, ...], list[Row]]]:
    """Raise, because no output map was given."""
    raise UnknownChannel(
        "per_machine was given no output map; pass finish=, a function of one machine"
    )


def per_machine(shape: Protocol, step: Step, finish: Finish = no_output_map) -> PerMachine:
    """Run a plain Python function of one machine's memory as a protocol, unchanged and slowly.

    Parameters
    ----------
    shape : Protocol
        Gives rounds, channels and labels; its own step is not used.
    step : callable
        (round, memory): reads ``memory[channel]`` as a list of tuples, calls ``memory.send`` and
        ``memory.keep``. It sees one machine and nothing else.
    finish : callable
        (memory) -> {channel: (fields, rows)}: the output map of one machine.

    Returns
    -------
    PerMachine
        Same limits, same ledger, same canonical order as the columnar protocol; a Python object for
        every record.

    Examples
    --------
    >>> from mpc_sim import Simulation
    >>> class Shape(Protocol):
    ...     def n_rounds(self, cluster): return 1
    ...     def channels(self, round, cluster): return (Channel("word", ("word",), 2, 2),)
    ...     def step(self, round, inbox, cluster): raise AssertionError("the twin acts instead")
    >>> def step(round, memory):
    ...     for (word,) in memory["input"]:
    ...         memory.send("word", (memory.machine + 1) % memory.cluster.n_machines, word)
    >>> rotate = per_machine(Shape(), step, lambda m: {"output": (("word",), m["word"])})
    >>> cluster = Cluster(n_words=4, memory_words=2, n_machines=2, block_words=2)
    >>> Simulation(rotate, cluster, [1, 2, 3, 4]).run().tolist()
    [3, 4, 1, 2]
    """
    return PerMachine(shape, step, finish)
