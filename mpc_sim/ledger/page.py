"""A ledger as a page: loads of all machines in all rounds, a round at a time."""

from __future__ import annotations

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.ledger.loads import LOADS
from mpc_sim.ledger.run_loads import RunLoads
from mpc_sim.ledger.table import HEADINGS, facts, ledger_rows
from mpc_sim.pages import Grid, Page


def ledger_page(ledger: RunLoads, title: str, loads: tuple[str, ...]) -> Page:
    """Return what a page shows of a ledger: before round 0, and after every round.

    Raises
    ------
    InputError
        If there is no load of a name.
    """
    unknown = [load for load in loads if load not in LOADS]
    if unknown or not loads:
        named = ", ".join(map(repr, unknown)) or "none"
        raise InputError(f"loads are {', '.join(map(repr, LOADS))}, one or more; not {named}")
    n_machines, s = ledger.cluster.n_machines, ledger.cluster.memory_words
    nothing = np.zeros(n_machines, np.int64)
    first = {"held": ledger.input_held, "sent": nothing, "received": nothing}
    grids = tuple(
        Grid(f"words {load}", np.vstack([first[load], getattr(ledger, load)]), limit=s)
        for load in loads
    )
    return Page(
        title=title,
        facts=facts(ledger),
        step="round",
        item="machine",
        n_items=n_machines,
        steps=step_labels(ledger.labels),
        headings=(*HEADINGS[2:], "deliveries"),
        numbers=tuple(
            (*(str(cell) for cell in row[2:]), str(deliveries))
            for row, deliveries in zip(
                ledger_rows(ledger),
                [0, *(loads.n_deliveries for loads in ledger.rounds)],
                strict=True,
            )
        ),
        text=str(ledger),
        grids=grids,
    )


def step_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the steps of a page are called: the input, and every round with its label."""
    return ("input", *(f"round {number}: {label}" for number, label in enumerate(labels)))
