"""The ledger: words held, sent and received by every machine in every round."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.records import Words


@dataclass(frozen=True, eq=False)
class RoundLoads:
    """The loads of one round.

    Parameters
    ----------
    label : str
        Algorithm step.
    sent, received, held : int64[P]
        Words a machine sent (with what it kept), received from others, and held after the delivery.
    n_messages : int
        Messages between different machines.
    """

    label: str
    sent: Words
    received: Words
    held: Words
    n_messages: int


@dataclass(eq=False)
class Ledger:
    """What a run has used so far, a row a round; ``print`` shows a table of 80 columns.

    Parameters
    ----------
    cluster : Cluster
    input_held : int64[P]
        Words of input on every machine before round 0.
    rounds : list of RoundLoads

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 8, "2/3"), [0, 1, 0, 1, 1, 0, 0, 1])
    >>> _ = sim.run()
    >>> sim.ledger.n_rounds, sim.ledger.max_held_words <= sim.cluster.memory_words
    (8, True)
    """

    cluster: Cluster
    input_held: Words
    rounds: list[RoundLoads] = field(default_factory=list)

    @property
    def n_rounds(self) -> int:
        """Deliveries so far."""
        return len(self.rounds)

    @property
    def max_held_words(self) -> int:
        """Local memory: the most words that a machine held, the input load included."""
        return max([int(self.input_held.max())] + [int(row.held.max()) for row in self.rounds])

    @property
    def max_sent_words(self) -> int:
        """The most words that a machine sent in a round, what it kept included."""
        return max((int(row.sent.max()) for row in self.rounds), default=0)

    @property
    def max_received_words(self) -> int:
        """The most words that a machine received from others in a round."""
        return max((int(row.received.max()) for row in self.rounds), default=0)

    @property
    def machines_used(self) -> int:
        """Machines that ever held or sent a word."""
        used = self.input_held > 0
        for row in self.rounds:
            used = used | (row.held > 0) | (row.sent > 0)
        return int(np.count_nonzero(used))

    @property
    def total_words(self) -> int:
        """Words that crossed between machines in all rounds."""
        return sum(int(row.received.sum()) for row in self.rounds)

    def __str__(self) -> str:
        cluster = self.cluster
        s = cluster.memory_words
        held = int(self.input_held.max())
        lines = [
            f"N = {cluster.n_words} words, P = {cluster.n_machines} machines, s = {s} words, "
            f"{cluster.word_bits} bits a word",
            _row("round", "step", "max sent", "received", "held", "held/s", "messages"),
            _row("input", "", "", "", held, f"{held / s:.2f}", ""),
        ]
        for number, row in enumerate(self.rounds):
            sent, received, held = (int(load.max()) for load in (row.sent, row.received, row.held))
            share = f"{held / s:.2f}"
            lines.append(_row(number, row.label, sent, received, held, share, row.n_messages))
        if not cluster.is_scarce:
            lines.append("s >= N: one machine could hold the whole input; this shows nothing")
        return "\n".join(lines)


def _row(number: object, step: str, *cells: object) -> str:
    """Lay a line of the table out in 80 columns."""
    sent, received, held, share, messages = cells
    loads = f"{sent:>9}{received:>9}{held:>9}{share:>7}{messages:>11}"
    return f"{number:>5}  {step[:27]:<28}{loads}".rstrip()
