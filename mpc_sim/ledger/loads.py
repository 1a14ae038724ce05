"""Loads: what every machine held, sent and received in one round, or in the rounds of a step."""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.records import Words

LOADS = ("sent", "received", "held")


@dataclass(frozen=True, eq=False)
class RoundLoads:
    """The loads of one round of the protocol.

    Parameters
    ----------
    label : str
        Algorithm step; nested ones are joined by " / ", the outermost first.
    sent, received, held : int64[P], read-only
        Words a machine sent (with what it kept), received from others, and held after the round.
    n_messages : int
        Messages between different machines.
    n_deliveries : int
        What the round is charged; more than 1 only in the mode ``charge``.
    """

    label: str
    sent: Words
    received: Words
    held: Words
    n_messages: int
    n_deliveries: int = 1

    def __post_init__(self) -> None:
        for name in LOADS:
            object.__setattr__(self, name, read_only(getattr(self, name)))

    @property
    def max_sent_words(self) -> int:
        """The most words that a machine sent, what it kept included."""
        return int(self.sent.max())

    @property
    def max_received_words(self) -> int:
        """The most words that a machine received from others."""
        return int(self.received.max())

    @property
    def max_held_words(self) -> int:
        """The most words that a machine held after the round."""
        return int(self.held.max())

    @property
    def moved_words(self) -> int:
        """Words that crossed between machines."""
        return int(self.received.sum())


@dataclass(frozen=True)
class StepLoads:
    """The loads of consecutive rounds of one step: sums of counts, maxima of loads."""

    label: str
    first_round: int
    n_protocol_rounds: int
    n_rounds: int
    max_sent_words: int
    max_received_words: int
    max_held_words: int
    moved_words: int
    n_messages: int

    @classmethod
    def of(cls, label: str, numbered: list[tuple[int, RoundLoads]]) -> StepLoads:
        """Add up the rounds of a step, which come with their numbers."""
        rows = [row for _, row in numbered]
        return cls(
            label,
            numbered[0][0],
            len(rows),
            sum(row.n_deliveries for row in rows),
            max(row.max_sent_words for row in rows),
            max(row.max_received_words for row in rows),
            max(row.max_held_words for row in rows),
            sum(row.moved_words for row in rows),
            sum(row.n_messages for row in rows),
        )


def read_only(array: Words) -> Words:
    """Return a view that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view
