"""Looking into one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.errors import UnknownMachine
from mpc_sim.records import Inbox


@dataclass(frozen=True)
class MachineView:
    """The memory of one machine at one round: the records of every channel, with field names.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 9, "2/3"), [0, 0, 1, 2, 1, 0, 1, 2, 0])
    >>> print(sim.machine(1))
    machine 1 before round 0: 4 of 20 words
      input(word): (0) (1) (2) (0)
    """

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

    def __str__(self) -> str:
        lines = [
            f"machine {self.machine} before round {self.round}: "
            f"{self.words} of {self.memory_words} words"
        ]
        for name, rows in self.records.items():
            listed = " ".join("(" + ", ".join(map(str, row)) + ")" for row in rows) or "-"
            lines.append(f"  {name}({', '.join(self.fields[name])}): {listed}")
        return "\n".join(lines)
