"""Partners are counted on runs: the other machines that each one sends to and receives from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mpc_sim import Cluster, Ledger, MPCError, Protocol, Simulation
from mpc_sim.errors import ChannelExceeded, MemoryExceeded, SendExceeded
from mpc_sim.records import Words
from mpc_sim.routing import Traffic
from reductions.mpc_to_anna.fan_out.bounded import BoundedFanOut


class FanOutOverload(MPCError):
    """Too many records met on one machine on their way; another seed draws other waypoints."""


@dataclass(frozen=True, eq=False)
class PartnerRun:
    """A finished run.

    Parameters
    ----------
    output : int64[N]
    sent_partners, received_partners : int
        The most other machines that a machine sent to, and received from, in one round.
    ledger : Ledger

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster = Cluster(n_words=16, memory_words=16, n_machines=4, block_words=4)
    >>> run_with_partners(columnsort(), cluster, np.arange(16)).measured["rounds"]
    5
    """

    output: Words
    sent_partners: int
    received_partners: int
    ledger: Ledger

    @property
    def measured(self) -> dict[str, int]:
        """What the bounds are compared with, by the name of the quantity."""
        return {
            "rounds": self.ledger.n_rounds,
            "sent_partners": self.sent_partners,
            "received_partners": self.received_partners,
            "local_memory": self.ledger.max_held_words,
            "sent_words": self.ledger.max_sent_words,
            "received_words": self.ledger.max_received_words,
            "machines": self.ledger.machines_used,
        }


def most_partners(traffic: Traffic) -> tuple[int, int]:
    """Return the most other machines that a machine sends to, and receives from, in a round.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster = Cluster(n_words=32, memory_words=16, n_machines=4, block_words=8)
    >>> most_partners(Simulation(columnsort(), cluster, np.arange(32)).peek())
    (1, 1)
    """
    n_machines = traffic.cluster.n_machines
    pairs = [part.source * n_machines + part.to for part in traffic.messages]
    source, to = np.divmod(np.unique(np.concatenate([*pairs, np.zeros(0, np.int64)])), n_machines)
    others = source != to
    most_to, most_from = (
        int(np.bincount(side[others], minlength=1).max()) for side in (source, to)
    )
    return most_to, most_from


def run_with_partners(protocol: Protocol, cluster: Cluster, words: ArrayLike) -> PartnerRun:
    """Run any protocol and count the partners of every machine in every round.

    Raises
    ------
    FanOutOverload
        In a protocol with bounded fan-out, if more records meet on a machine on their way than is
        declared. (A protocol inside whose machines receive more than it declares does that, too.)
    MPCError
        Another limit of the model is broken.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> from reductions.mpc_to_anna.fan_out import bounded_fan_out, fan_out_cluster
    >>> cluster = Cluster(n_words=256, memory_words=96, n_machines=16, block_words=16)
    >>> words = np.arange(256)[::-1]
    >>> plain = run_with_partners(columnsort(), cluster, words)
    >>> bounded = bounded_fan_out(columnsort(), cluster, partners=1)
    >>> run = run_with_partners(bounded, fan_out_cluster(bounded), words)
    >>> np.array_equal(plain.output, run.output)
    True
    >>> plain.sent_partners, run.sent_partners, plain.received_partners, run.received_partners
    (5, 1, 5, 1)
    """
    simulation = Simulation(protocol, cluster, words, keep_bytes=0)
    most_to = most_from = 0
    while not simulation.finished:
        sends, receives = most_partners(simulation.peek())
        most_to, most_from = max(most_to, sends), max(most_from, receives)
        try:
            simulation.step()
        except (ChannelExceeded, MemoryExceeded, SendExceeded) as error:
            if _is_random(protocol, simulation.round):
                raise FanOutOverload(
                    f"{error}: too many records meet on their way; try another seed",
                    **error.details,
                ) from error
            raise
    return PartnerRun(simulation.output(), most_to, most_from, simulation.ledger)


def _is_random(protocol: Protocol, round: int) -> bool:
    """Whether what arrives in a round depends on the waypoints: not what a last hop brings."""
    if not isinstance(protocol, BoundedFanOut):
        return False
    return protocol.locate(round)[1] < 2 * protocol.digits.n_hops - 1
