"""Past rounds of a simulation, kept within a budget of memory."""

from __future__ import annotations

from mpc_sim.records import Inbox


class KeptRounds:
    """The inboxes before some rounds: round 0 always, of the others the latest that fit.

    Parameters
    ----------
    first : Inbox
        Before round 0; not counted.
    """

    def __init__(self, first: Inbox, budget_bytes: int) -> None:
        self.first = first
        self.n_bytes = 0
        self._budget_bytes = budget_bytes
        self._inboxes: dict[int, Inbox] = {}

    def keep(self, round: int, inbox: Inbox) -> None:
        """Keep the inbox before a round, which is later than all that are kept."""
        if round == 0:
            return
        self._inboxes[round] = inbox
        self.n_bytes += _n_bytes(inbox)
        while self.n_bytes > self._budget_bytes:
            self._drop(next(iter(self._inboxes)))

    def rewind(self, round: int) -> tuple[int, Inbox]:
        """Return the latest kept round up to ``round`` and its inbox; later ones are forgotten."""
        for later in [kept for kept in self._inboxes if kept > round]:
            self._drop(later)
        return next(reversed(self._inboxes.items()), (0, self.first))

    def _drop(self, round: int) -> None:
        self.n_bytes -= _n_bytes(self._inboxes.pop(round))


def _n_bytes(inbox: Inbox) -> int:
    return sum(8 * len(records) * (1 + len(records.fields)) for records in inbox.records.values())
