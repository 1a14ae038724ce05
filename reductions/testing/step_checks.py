"""The checks of one round: each machine acts on its own inbox, and on nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from mpc_sim import Inbox, Protocol
from mpc_sim.errors import UnknownChannel
from reductions.arrays import Integers
from reductions.testing.emission import (
    Emission,
    Moment,
    first_difference,
    first_write,
    strangers,
    writable_copy,
)
from reductions.testing.not_conforming import NotConforming

N_BATCHES = 3
N_ORDERS = 2
N_SEEDS = 8


@dataclass(frozen=True, eq=False)
class StepChecks:
    """The checks of one round (or of the output map) on the inboxes of all machines.

    Parameters
    ----------
    inbox : Inbox
        Of every machine of the cluster, read-only.
    fresh : Protocol
        A copy of the protocol that has not run.
    rng : numpy.random.Generator
        Of the batches.
    """

    moment: Moment
    inbox: Inbox
    fresh: Protocol
    rng: np.random.Generator

    def run(self) -> Emission:
        """Go through all checks and return what the machines emit.

        Raises
        ------
        NotConforming
            Naming check, round, machine and channel.
        """
        whole = self._without_writing()
        self._again(whole)
        self._fresh(whole)
        self._on_batches(whole)
        self._in_other_orders(whole)
        return whole

    def later(self, whole: Emission) -> None:
        """Run the round once more, after others have run.

        Raises
        ------
        NotConforming
        """
        difference = first_difference(whole, self._emission(), self.inbox.machines)
        if difference:
            self._fail(
                "hidden state",
                "emits other rows on the same inbox after other rounds have run; what a machine "
                "needs later it keeps in a channel",
                difference,
            )

    def _without_writing(self) -> Emission:
        copy = writable_copy(self.inbox)
        try:
            whole = self.moment.emits(copy)
        except UnknownChannel as error:
            self._fail("budget", str(error), cause=error)
        except Exception as error:
            self._fail("step", f"raises {type(error).__name__}: {error}", cause=error)
        written = first_write(self.inbox, copy)
        if written:
            machine, channel = written
            self._fail(
                "inbox",
                f"writes into {'the list of machines' if channel == 'machines' else 'its inbox'}; "
                "copy a column before changing it",
                (machine, channel),
            )
        return whole

    def _again(self, whole: Emission) -> None:
        difference = first_difference(whole, self._emission(), self.inbox.machines)
        if not difference:
            return
        if self._follows_generators():
            self._fail(
                "randomness",
                "draws from a global random generator; use random_words(seed, round, machines, "
                "count), which is keyed by machine, with the seed as a field",
                difference,
            )
        self._fail(
            "hidden state",
            "emits other rows when it runs again on the same inbox: it keeps state outside the "
            "inbox, or draws random words that are not keyed by (seed, round, machine)",
            difference,
        )

    def _follows_generators(self) -> bool:
        """Return whether equal states of the global generators, and no others, give equal rows."""
        emissions = []
        for seed in (0, *range(N_SEEDS)):
            with seeded_generators(seed):
                emissions.append(self._emission())
        first, again, *others = emissions
        machines = self.inbox.machines
        return first_difference(first, again, machines) is None and any(
            first_difference(first, other, machines) for other in others
        )

    def _fresh(self, whole: Emission) -> None:
        found = replace(self.moment, protocol=self.fresh).emits(self.inbox)
        difference = first_difference(whole, found, self.inbox.machines)
        if difference:
            self._fail(
                "hidden state",
                "emits other rows than a copy of the protocol that has not run yet: it keeps state "
                "outside the inbox",
                difference,
            )

    def _on_batches(self, whole: Emission) -> None:
        """Restrict to some machines, in the order of their ids."""
        n = len(self.inbox.machines)
        for size in [1, n - 1, *self.rng.integers(1, n + 1, N_BATCHES)]:
            batch = np.sort(self.rng.permutation(n)[:size])
            if len(batch):
                self._on(batch, whole, "locality", f"with {len(batch)} of {n} machines")

    def _in_other_orders(self, whole: Emission) -> None:
        n = len(self.inbox.machines)
        orders = [np.arange(n)[::-1], *(self.rng.permutation(n) for _ in range(N_ORDERS))]
        for order in orders:
            self._on(order, whole, "order", "with the machines listed in another order")

    def _on(self, batch: Integers, whole: Emission, check: str, how: str) -> None:
        inbox = self.inbox.restrict(batch)
        try:
            found = self.moment.emits(inbox)
        except Exception as error:
            fault = f"fails when it runs {how} ({type(error).__name__}: {error})"
            self._fail(check, f"{fault}; {RULES[check]}", cause=error)
        outside = strangers(found, batch)
        if outside:
            self._fail(check, f"emits rows for a machine that is not there {how}", outside)
        difference = first_difference(whole, found, batch)
        if difference:
            self._fail(check, f"emits other rows {how}; {RULES[check]}", difference)

    def _emission(self) -> Emission:
        try:
            return self.moment.emits(self.inbox)
        except Exception as error:
            fault = f"raises {type(error).__name__} when it runs again: {error}"
            self._fail("hidden state", fault, cause=error)

    def _fail(
        self,
        check: str,
        fault: str,
        at: tuple[int | None, str] | None = None,
        cause: Exception | None = None,
    ) -> NoReturn:
        machine, channel = at or (None, None)
        place = "" if machine is None else f"machine {machine}, "
        place += "" if channel is None else f"channel {channel!r}: "
        raise NotConforming(
            check,
            f"{self.moment.where}: {place}{fault}",
            round=self.moment.round,
            machine=machine,
            channel=channel,
        ) from cause


RULES = {
    "locality": "what a machine emits may depend on its own inbox alone",
    "order": "look machines up by id, not by their place in the batch",
}


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Put the global generators of Python and NumPy in a fixed state, and back afterwards."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
