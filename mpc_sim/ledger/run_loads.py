"""The loads of a run: words held, sent and received by every machine in every round."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.labels import outermost
from mpc_sim.ledger.loads import RoundLoads, StepLoads, read_only
from mpc_sim.records import Words


@dataclass(eq=False)
class RunLoads:
    """What a `Ledger` counts; R rounds, P machines. Its tables, pages and differences read this."""

    cluster: Cluster
    input_held: Words
    rounds: list[RoundLoads] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.input_held = read_only(self.input_held)

    @property
    def n_rounds(self) -> int:
        """Deliveries so far, every one that was charged."""
        return sum(row.n_deliveries for row in self.rounds)

    @property
    def n_protocol_rounds(self) -> int:
        """Rounds of the protocol so far; an overfull one counts once."""
        return len(self.rounds)

    @property
    def n_logical_rounds(self) -> int:
        """Steps so far: consecutive rounds with the same outermost label count once."""
        return sum(1 for _ in groupby(self.labels, outermost))

    @property
    def labels(self) -> tuple[str, ...]:
        """The nested step label of every round."""
        return tuple(row.label for row in self.rounds)

    @property
    def sent(self) -> Words:
        """int64[R, P]: words that a machine sent in a round, what it kept included."""
        return self.stacked("sent")

    @property
    def received(self) -> Words:
        """int64[R, P]: words that a machine received from others in a round."""
        return self.stacked("received")

    @property
    def held(self) -> Words:
        """int64[R, P]: words that a machine held after a round."""
        return self.stacked("held")

    @property
    def max_held_words(self) -> int:
        """Local memory: the most words that a machine held, the input load included."""
        return max([int(self.input_held.max())] + [row.max_held_words for row in self.rounds])

    @property
    def max_sent_words(self) -> int:
        """The most words that a machine sent in a round of the protocol, what it kept included."""
        return max((row.max_sent_words for row in self.rounds), default=0)

    @property
    def max_received_words(self) -> int:
        """The most words that a machine received from others in a round."""
        return max((row.max_received_words for row in self.rounds), default=0)

    @property
    def used_share(self) -> NDArray[np.float64]:
        """float64[R]: the most words that a machine sent or held in a round, over s.

        At most 1, but for overfull sendings in the mode ``charge``.
        """
        used = [max(row.max_sent_words, row.max_held_words) for row in self.rounds]
        return np.array(used, np.float64) / self.cluster.memory_words

    @property
    def machines_used(self) -> int:
        """Machines that ever held or sent a word."""
        used = self.input_held > 0
        for row in self.rounds:
            used = used | (row.held > 0) | (row.sent > 0)
        return int(np.count_nonzero(used))

    @property
    def total_words(self) -> int:
        """Total communication: words that crossed between machines in all rounds."""
        return sum(row.moved_words for row in self.rounds)

    @property
    def total_messages(self) -> int:
        """Messages between different machines in all rounds."""
        return sum(row.n_messages for row in self.rounds)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return one column per quantity, one row per round, as data frames take it."""
        columns: dict[str, list[Any]] = {
            "round": list(range(len(self.rounds))),
            "step": list(self.labels),
            "deliveries": [row.n_deliveries for row in self.rounds],
            "max_sent_words": [row.max_sent_words for row in self.rounds],
            "max_received_words": [row.max_received_words for row in self.rounds],
            "max_held_words": [row.max_held_words for row in self.rounds],
            "moved_words": [row.moved_words for row in self.rounds],
            "messages": [row.n_messages for row in self.rounds],
        }
        arrays = {
            name: np.array(column, str if name == "step" else np.int64)
            for name, column in columns.items()
        }
        return arrays | {"used_share": self.used_share}

    def steps(self, depth: int = 1) -> tuple[StepLoads, ...]:
        """Add up consecutive rounds whose ``depth`` outermost step names are equal.

        Parameters
        ----------
        depth : int
            With 1 there is an entry a logical round.
        """
        numbered = groupby(enumerate(self.rounds), lambda row: outermost(row[1].label, depth))
        return tuple(StepLoads.of(label, list(rows)) for label, rows in numbered)

    def stacked(self, name: str) -> Words:
        """int64[R, P]: one of the loads of every machine, one row per round."""
        rows = [getattr(row, name) for row in self.rounds]
        return np.array(rows, np.int64).reshape(-1, self.cluster.n_machines)
