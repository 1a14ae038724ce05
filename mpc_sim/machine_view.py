"""Looking into one machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.errors import UnknownMachine
from mpc_sim.records import Inbox


@dataclass(frozen=True)
class MachineView:
    """The memory of one machine at one round: the records of every channel, with field names."""

    machine: int
    round: int
    memory_words: int
    fields: Mapping[str, tuple[str, ...]]
    records: Mapping[str, tuple[tuple[int, ...], ...]]

    @classmethod
    def of(cls, inbox: Inbox, machine: int, cluster: Cluster, round: int) -> MachineView:
        """Cut one machine out of an inbox."""
        if not 0 <= machine < cluster.n_machines:
            raise UnknownMachine(
                f"there is no machine {machine}; machines are 0 .. {cluster.n_machines - 1}",
                machine=machine,
            )
        fields, rows = {}, {}
        for name, records in inbox.restrict([machine]).records.items():
            fields[name] = records.fields
            columns = [records[field].tolist() for field in records.fields]
            rows[name] = tuple(zip(*columns, strict=True)) if columns else ((),) * len(records)
        return cls(machine, round, cluster.memory_words, fields, rows)

    @property
    def words(self) -> int:
        """Words that the machine holds."""
        return sum(
            len(rows) * max(1, len(self.fields[name])) for name, rows in self.records.items()
        )

    def __getitem__(self, channel: str) -> tuple[tuple[int, ...], ...]:
        return self.records[channel]

    def changes(self, before: MachineView) -> str:
        """Say what has changed since an earlier round: records that are new (+) and gone (-).

        A record is the same if its channel, its fields and its words are.
        """
        lines = [f"{self._summary()}, {before.words} before round {before.round}"]
        for sign, one, other in (("+", self, before), ("-", before, self)):
            for name, rows in one.records.items():
                same = other.fields.get(name) == one.fields[name]
                left = Counter(other.records[name] if same else ())
                listed = [row for row in rows if not _taken(left, row)]
                if listed:
                    lines.append(f"  {sign} {one._channel(name)}: {_written(listed)}")
        return "\n".join(lines)

    def _summary(self) -> str:
        return (
            f"machine {self.machine} before round {self.round}: "
            f"{self.words} of {self.memory_words} words"
        )

    def _channel(self, name: str) -> str:
        return f"{name}({', '.join(self.fields[name])})"

    def __str__(self) -> str:
        lines = [self._summary()]
        for name, rows in self.records.items():
            lines.append(f"  {self._channel(name)}: {_written(rows)}")
        return "\n".join(lines)


def _written(rows: Iterable[tuple[int, ...]]) -> str:
    return " ".join("(" + ", ".join(map(str, row)) + ")" for row in rows) or "-"


def _taken(left: Counter[tuple[int, ...]], row: tuple[int, ...]) -> bool:
    """Take a record out of those that are left, if it is there."""
    if not left[row]:
        return False
    left[row] -= 1
    return True
