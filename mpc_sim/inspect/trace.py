"""A trace: what every machine held and what it sent to whom, round by round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mpc_sim.errors import LedgerError
from mpc_sim.ledger.ledger import Ledger
from mpc_sim.ledger.page import ledger_page
from mpc_sim.machine_view import MachineView
from mpc_sim.pages import Matrix, Page, Section, Side, save_page
from mpc_sim.records import Inbox, Words
from mpc_sim.routing import Traffic
from mpc_sim.simulation import Simulation

PAIRS = "Words from a machine (down) to a machine (across)"


@dataclass(frozen=True, eq=False)
class Flow:
    """The words that machines send to each other in a round, what they keep included.

    Parameters
    ----------
    source, to, words : int64[E]
        Pairs of machines in increasing order, each once.
    """

    source: Words
    to: Words
    words: Words

    @classmethod
    def of(cls, traffic: Traffic) -> Flow:
        """Add up the messages of a round by pair."""
        P = traffic.cluster.n_machines
        parts = traffic.messages
        pairs = np.concatenate([part.source * P + part.to for part in parts] or [_NOTHING])
        charged = np.concatenate(
            [np.full(len(part.to), part.channel.words) for part in parts] or [_NOTHING]
        )
        found, which = np.unique(pairs, return_inverse=True)
        words = np.zeros(len(found), np.int64)
        np.add.at(words, which, charged)
        return cls(*np.divmod(found, P), words)

    def matrix(self, limit: int) -> Matrix:
        """Return the flow as a page shows it, against a limit."""
        return Matrix("words sent", self.source, self.to, self.words, limit)


_NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Trace:
    """All that can be seen of a run: the memory of every machine and the words between any two.

    `Simulation.trace` makes it. It takes the memory of all rounds together.

    Parameters
    ----------
    ledger : Ledger
        Of R rounds.
    inboxes : tuple of Inbox
        R + 1: before round 0, and after every round.
    flows : tuple of Flow
        One per round.
    """

    ledger: Ledger
    inboxes: tuple[Inbox, ...]
    flows: tuple[Flow, ...]

    @classmethod
    def of(cls, sim: Simulation) -> Trace:
        """Replay the rounds of a simulation, which is where it was afterwards."""
        end = sim.round
        sim.goto(0)
        inboxes, flows = [sim.inbox], []
        for _ in range(end):
            flows.append(Flow.of(sim.peek()))
            sim.step()
            inboxes.append(sim.inbox)
        seen = Ledger(sim.cluster, sim.ledger.input_held, list(sim.ledger.rounds))
        return cls(seen, tuple(inboxes), tuple(flows))

    def __str__(self) -> str:
        return str(self.ledger)

    @property
    def n_rounds(self) -> int:
        """R, the rounds that were run."""
        return len(self.flows)

    def machine(self, machine: int, round: int) -> MachineView:
        """Return the memory of one machine before a round; R is after the last.

        Raises
        ------
        UnknownMachine
        """
        return MachineView.of(self.inboxes[round], machine, self.ledger.cluster, round)

    def save_html(self, path: str | Path, *, title: str = "A run, round by round") -> None:
        """Write a page that steps through the run: one file, without a kernel or a network.

        In addition to the heat map of `Ledger.save_html` it shows at every round the matrix of
        words between machines, and the memory of the chosen machine with what is new in it.

        Raises
        ------
        LedgerError
            If it cannot be written.

        Notes
        -----
        The file holds every word of every memory: some 4/3 bytes for each byte of the words that
        all machines hold in all rounds, or less.
        """
        save_page(path, self.page(title), LedgerError)

    def page(self, title: str) -> Page:
        """Return what the page shows."""
        s = self.ledger.cluster.memory_words
        return replace(
            ledger_page(self.ledger, title, ("held", "sent", "received")),
            pairs=PAIRS,
            matrices=((), *((flow.matrix(s),) for flow in self.flows)),
            sides=tuple((memory_side("memory", inbox),) for inbox in self.inboxes),
        )


def memory_side(title: str, inbox: Inbox) -> Side:
    """Return the memory of all machines as a page shows it."""
    return Side(title, tuple(_sections(inbox)))


def _sections(inbox: Inbox) -> Iterable[Section]:
    for name, records in inbox.records.items():
        columns = tuple(records[field] for field in records.fields)
        yield Section(name, records.fields, records.machine, columns)
