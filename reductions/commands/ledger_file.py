"""The ledger of a run in a file whose suffix says how: npz, a row per machine and round, a page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from mpc_sim.errors import MPCError
from mpc_sim.ledger.ledger import Ledger
from reductions.commands.files import write_text
from reductions.commands.usage import UsageError

SUFFIXES = (".npz", ".csv", ".html")


def refuse_ledger(name: str) -> None:
    """Reject, before anything runs, a file that cannot be written."""
    if Path(name).suffix not in SUFFIXES:
        raise UsageError(f"--ledger {name}: its suffix is one of {', '.join(SUFFIXES)}")


def write_ledger(name: str, ledger: Ledger) -> None:
    """Write a ledger."""
    try:
        if Path(name).suffix == ".npz":
            ledger.save(name)
        elif Path(name).suffix == ".html":
            ledger.save_html(name)
        else:
            write_text(name, as_csv(ledger))
    except MPCError as error:
        raise UsageError(str(error)) from None


def as_csv(ledger: Ledger) -> str:
    """Return one row for every round and machine."""
    n_rounds, n_machines = len(ledger.rounds), ledger.cluster.n_machines
    columns = [
        np.repeat(np.arange(n_rounds), n_machines),
        np.tile(np.arange(n_machines), n_rounds),
        *(ledger.stacked(load).ravel() for load in ("sent", "received", "held")),
    ]
    text = io.StringIO()
    text.write("round,machine,sent_words,received_words,held_words\n")
    np.savetxt(text, np.stack(columns, axis=1), fmt="%d", delimiter=",")
    return text.getvalue()
