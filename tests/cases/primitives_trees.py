"""Algorithms and instances that the tests of the primitives on trees share."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpc_sim import (
    Ledger,
)
from mpc_sim.stages.operations import (
    Operation,
)


def rows_of_ledger(ledger: Ledger) -> list[Any]:
    return [
        (row.label, row.sent.tolist(), row.received.tolist(), row.held.tolist(), row.n_messages)
        for row in ledger.rounds
    ]


# --- trees and operations ---


def combined(operation: Operation, left: tuple[int, ...], right: tuple[int, ...]) -> list[int]:
    met = operation.combine(np.array([left]), np.array([right]))
    assert met.shape == (1, operation.words)
    return [int(word) for word in met[0]]
