"""What waits on its machine, and is charged, while other stages run.

Items 0 .. k - 1 lie evenly on all P machines: item i on machine i // ceil(k / P).
"""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.compose import Carry, Parallel
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel
from mpc_sim.stages.loads import check_declared_loads
from mpc_sim.stages.scan import Scan

REMEDY = "c_p, gamma, epsilon or c_s"


def share(n_items: int, cluster: Cluster) -> int:
    """Return ceil(k / P), at least 1: the items of a machine."""
    return ceil_div(max(1, n_items), cluster.n_machines)


@dataclass(frozen=True)
class Wait(Carry):
    """Carry a channel of at most ``share(n_items)`` records per machine.

    Parameters
    ----------
    channel : str
    fields : tuple of str
    n_items : int
        1 for one record on every machine.
    """

    n_items: int = 1

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel(self.channel, self.fields, share(self.n_items, cluster), local=True),)

    def words(self, cluster: Cluster) -> int:
        """Return the most words of a machine that wait."""
        return share(self.n_items, cluster) * max(1, len(self.fields))


@dataclass(frozen=True)
class ScanBeside(Scan):
    """A scan that leaves room for what waits."""

    waits: tuple[Wait, ...] = ()

    def beside_words(self, cluster: Cluster) -> int:
        return sum(wait.words(cluster) for wait in self.waits)


@dataclass(frozen=True)
class Beside(Parallel):
    """A parallel composition that rejects a cluster where its parts together do not fit."""

    def check(self, cluster: Cluster) -> None:
        super().check(cluster)
        check_declared_loads(self, cluster, REMEDY)


def beside(stage: Protocol, waits: tuple[Wait, ...]) -> Beside:
    """Run a stage while some channels wait."""
    return Beside((stage, *waits))
