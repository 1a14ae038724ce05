"""The difference of two ledgers: rounds that differ, and totals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

import numpy as np

from mpc_sim.ledger.loads import RoundLoads
from mpc_sim.ledger.run_loads import RunLoads
from mpc_sim.ledger.table import HEADINGS, Row, round_row, text_row

TOTALS = (
    ("deliveries", "n_rounds"),
    ("protocol rounds", "n_protocol_rounds"),
    ("logical rounds", "n_logical_rounds"),
    ("words moved", "total_words"),
    ("messages", "total_messages"),
    ("max sent", "max_sent_words"),
    ("max received", "max_received_words"),
    ("max held", "max_held_words"),
    ("machines used", "machines_used"),
)


@dataclass(frozen=True)
class LedgerDiff:
    """What differs between two ledgers; false where nothing does.

    Rounds are matched by their step labels, so a round that one version adds shifts no other.

    Parameters
    ----------
    cluster : tuple of (field, value, other value)
        Sizes of the clusters that differ.
    rounds : tuple of (row or None, row or None)
        Rounds that differ in anything on any machine, as rows of the table; None where one ledger
        has no such round. The row "input" stands for the loads before round 0.
    totals : tuple of (name, value, other value)
        All totals, also equal ones.
    """

    cluster: tuple[tuple[str, object, object], ...]
    rounds: tuple[tuple[Row | None, Row | None], ...]
    totals: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, ledger: RunLoads, other: RunLoads) -> LedgerDiff:
        """Compare two ledgers."""
        sizes, other_sizes = ledger.cluster.to_json(), other.cluster.to_json()
        return cls(
            tuple((f, sizes[f], other_sizes[f]) for f in sizes if sizes[f] != other_sizes[f]),
            tuple(_changed(ledger, other)),
            tuple((name, getattr(ledger, of), getattr(other, of)) for name, of in TOTALS),
        )

    def __bool__(self) -> bool:
        return bool(self.cluster or self.rounds)

    def __str__(self) -> str:
        if not self:
            same = ", ".join(f"{name} {value}" for name, value, _ in self.totals[:4])
            return f"no difference: {same}"
        lines = ["- this ledger, + the other"]
        lines += [f"{name}: -{value} +{other}" for name, value, other in self.cluster]
        if self.rounds:
            lines.append(text_row(*HEADINGS))
        for pair in self.rounds:
            for sign, row in zip("-+", pair, strict=True):
                if row is not None:
                    lines.append(text_row(f"{sign}{row[0]}", *row[1:]))
        lines.append(_total_row("total", "this", "other", "change"))
        for name, value, other in self.totals:
            change = f"{other - value:+d}" if other != value else "0"
            lines.append(_total_row(name, value, other, change))
        return "\n".join(lines)


def _changed(ledger: RunLoads, other: RunLoads) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield the rows that differ, the input first."""
    if not np.array_equal(ledger.input_held, other.input_held):
        yield _input_row(ledger), _input_row(other)
    for one, two in _matched(ledger.labels, other.labels):
        if one is None or two is None or not _same(ledger.rounds[one], other.rounds[two]):
            yield _row(ledger, one), _row(other, two)


def _matched(
    labels: tuple[str, ...], others: tuple[str, ...]
) -> Iterator[tuple[int | None, int | None]]:
    """Pair the rounds of two runs by their labels; rounds in one place of both are paired."""
    matcher = SequenceMatcher(None, labels, others, autojunk=False)
    for _, start, stop, other_start, other_stop in matcher.get_opcodes():
        yield from zip_longest(range(start, stop), range(other_start, other_stop))


def _same(row: RoundLoads, other: RoundLoads) -> bool:
    return (
        row.label == other.label
        and (row.n_messages, row.n_deliveries) == (other.n_messages, other.n_deliveries)
        and np.array_equal(row.sent, other.sent)
        and np.array_equal(row.received, other.received)
        and np.array_equal(row.held, other.held)
    )


def _row(ledger: RunLoads, number: int | None) -> Row | None:
    if number is None:
        return None
    return round_row(number, ledger.rounds[number], ledger.cluster.memory_words)


def _input_row(ledger: RunLoads) -> Row:
    held = int(ledger.input_held.max())
    return ("input", "", "", "", held, f"{held / ledger.cluster.memory_words:.2f}", "")


def _total_row(*cells: object) -> str:
    name, value, other, change = cells
    return f"{name!s:<24}{value!s:>15}{other!s:>15}{change!s:>15}"
