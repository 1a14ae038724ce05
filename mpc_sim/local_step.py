"""Protocols written as a plain Python function of one machine: for one's own, and as slow twins."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Self

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import is_integer
from mpc_sim.errors import ColumnError, OutputError, ShapeError, UnknownChannel
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records

Row = tuple[int, ...]
INT64 = range(-(2**63), 2**63)


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

    @property
    def n_words(self) -> int:
        """Words of the input, and of the output, that the machine owns."""
        block = self.cluster.block_words
        return max(0, min(block, self.cluster.n_words - self.machine * block))

    def send(self, channel: str, to: int, *words: int) -> None:
        """Send one record.

        Raises
        ------
        ColumnError
            If a word, or where it goes, is no integer of 64 bits.
        """
        for word in (to, *words):
            if not is_integer(word) or word not in INT64:
                raise ColumnError(
                    f"machine {self.machine} sends {word!r:.40} on channel {channel!r}; "
                    "words and machines are integers",
                    machine=self.machine,
                    channel=channel,
                )
        self.emitted.append((channel, int(to), words))

    def keep(self, channel: str, *words: int) -> None:
        """Keep one record until the next round."""
        self.send(channel, self.machine, *words)


class PerMachine(Protocol):
    """A protocol as a class that says what one machine does: what it has, sends, keeps and answers.

    A subclass is a ``@dataclass(frozen=True)``, its parameters are fields, and it defines
    ``n_rounds`` and ``channels`` like any :class:`Protocol`, ``step(self, round, memory)`` and
    ``output(self, memory)``. It runs, compiles and is certified like any other, and slowly: a
    Python object stands for every record.

    Raises
    ------
    ShapeError
        If a field is a lambda or a function inside a function, or the dataclass is not frozen.

    Notes
    -----
    A step sees one :class:`Memory`, so it is local in all that goes through it. ``label``,
    ``check`` and ``joint_limit`` are those of any protocol.

    References
    ----------
    Liu et al., arXiv 2509.09001, section 2.

    Examples
    --------
    >>> from mpc_sim import Channel, Cluster, Simulation
    >>> @dataclass(frozen=True)
    ... class Rotate(PerMachine):
    ...     "Every machine hands its words, plus ``add``, to the next machine."
    ...     add: int = 0
    ...     def n_rounds(self, cluster): return 1
    ...     def channels(self, round, cluster):
    ...         return (Channel("word", ("word",), cluster.block_words, cluster.block_words),)
    ...     def step(self, round, memory):
    ...         for (word,) in memory["input"]:
    ...             memory.send("word", (memory.machine + 1) % memory.cluster.n_machines, word)
    ...     def output(self, memory):
    ...         return [word + self.add for (word,) in memory["word"]]
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> Simulation(Rotate(add=1), cluster, [1, 2, 3, 4]).run().tolist()
    [4, 5, 2, 3]
    """

    @abstractmethod
    def step(self, round: int, memory: Memory) -> None:  # type: ignore[override]
        """Read ``memory[channel]``, a list of tuples; call ``memory.send`` and ``memory.keep``."""

    @abstractmethod
    def output(self, memory: Memory) -> list[int]:
        """Return the ``memory.n_words`` output words of the machine, after the last round."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Let ``step`` take a batch too, as every protocol does, one machine after the other.

        A step of (round, inbox, cluster) stays as it is: the same for all machines at once.
        """
        super().__init_subclass__(**arguments)
        of_machine = vars(cls).get("step")
        if of_machine is None or len(inspect.signature(of_machine).parameters) != 3:
            return

        @functools.wraps(of_machine)
        def step(
            self: PerMachine, round: int, memory: Memory | Inbox, cluster: Cluster | None = None
        ) -> Outbox | None:
            if cluster is None:
                return of_machine(self, round, memory)  # type: ignore[no-any-return]
            act = functools.partial(self.step, round)
            return _all_steps(act, round, memory, cluster, self.channels(round, cluster))  # type: ignore[arg-type]

        cls.step = step  # type: ignore[assignment, method-assign]

    def __new__(cls, *given: object, **named: object) -> Self:
        """Reject what could not be the same protocol in another process."""
        if dataclasses.is_dataclass(cls):
            if not cls.__dataclass_params__.frozen:
                raise ShapeError(
                    f"{cls.__name__} can be changed: make it a @dataclass(frozen=True)"
                )
            names = [one.name for one in dataclasses.fields(cls) if one.init]
            defaults = {one.name: one.default for one in dataclasses.fields(cls)}
            values = defaults | dict(zip(names, given, strict=False)) | named
            for name, value in values.items():
                if isinstance(value, FunctionType) and "<" in value.__qualname__:
                    raise ShapeError(
                        f"field {name!r} of {cls.__name__} is {value.__qualname__}, which another "
                        "process cannot find by name: define the function at the top of a module, "
                        "or make what it captures fields of the protocol"
                    )
        return super().__new__(cls)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Put out what ``output`` gives, machine after machine."""
        owners: list[int] = []
        words: list[int] = []
        for memory in memories(inbox, cluster):
            found = _output_words(self.output(memory), memory)
            owners += [memory.machine] * len(found)
            words += found
        return Inbox(inbox.machines, {"output": Records.of(owners, word=words)})


Step = Callable[[int, Memory], None]
Finish = Callable[[Memory], Mapping[str, tuple[tuple[str, ...], list[Row]]]]


@dataclass(frozen=True)
class Twin(Protocol):
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

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        return self.shape.joint_limit(round, cluster)

    def label(self, round: int, cluster: Cluster) -> str:
        return self.shape.label(round, cluster)

    def check(self, cluster: Cluster) -> None:
        self.shape.check(cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        act = functools.partial(self.step_of_machine, round)
        return _all_steps(act, round, inbox, cluster, self.channels(round, cluster))

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


def _all_steps(
    act: Callable[[Memory], object],
    round: int,
    inbox: Inbox,
    cluster: Cluster,
    channels: tuple[Channel, ...],
) -> Outbox:
    """Let every machine of a batch act, and gather the rows of every channel in their order."""
    fields = {channel.name: channel.fields for channel in channels}
    rows: dict[str, list[Row]] = {name: [] for name in fields}
    for memory in memories(inbox, cluster):
        act(memory)
        for channel, to, words in memory.emitted:
            if channel not in fields or len(words) != len(fields[channel]):
                declared = ", ".join(f"{name}({', '.join(of)})" for name, of in fields.items())
                raise UnknownChannel(
                    f"round {round}: machine {memory.machine} sends {len(words)} words on "
                    f"channel {channel!r}; declared are {declared or 'none'}",
                    round=round,
                    machine=memory.machine,
                    channel=channel,
                )
            rows[channel].append((memory.machine, to, *words))
    outbox = Outbox()
    for channel, found in rows.items():
        if found:
            source, to, *columns = np.array(found, np.int64).T
            named = dict(zip(fields[channel], columns, strict=True))
            outbox.send(channel, source=source, to=to, **named)
    return outbox


def _output_words(found: object, memory: Memory) -> list[int]:
    """Return what the output of a machine gives, if it is its words.

    Raises
    ------
    OutputError
    """
    words = found.tolist() if isinstance(found, np.ndarray) else found
    where = f"the output of machine {memory.machine}"
    if not isinstance(words, list | tuple):
        raise OutputError(
            f"{where} is {words!r:.40}; return the list of its {memory.n_words} words",
            machine=memory.machine,
        )
    if len(words) != memory.n_words:
        raise OutputError(
            f"{where} has {len(words)} words, not {memory.n_words}", machine=memory.machine
        )
    for word in words:
        if not is_integer(word) or word not in INT64:
            raise OutputError(
                f"{where} has the word {word!r:.40}; words are integers", machine=memory.machine
            )
    return [int(word) for word in words]


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


def per_machine(shape: Protocol, step: Step, finish: Finish = no_output_map) -> Twin:
    """Run a plain Python function of one machine's memory in the shape of another protocol, slowly.

    It makes the twin that a columnar protocol is tested against; for a protocol of your own see
    :class:`PerMachine`.

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
    Twin
        A protocol: same limits, same ledger, same canonical order as the columnar one; a Python
        object for every record.

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
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> Simulation(rotate, cluster, [1, 2, 3, 4]).run().tolist()
    [3, 4, 1, 2]
    """
    return Twin(shape, step, finish)
