"""Copies of the rows for every table, down trees; and the sums that they received, back up.

The tree of a token has one leaf per table. Copy c of a token on a level has the copies c a .. c a +
a - 1 on the next one, as far as there are so many. A level lies packed on machines in the order
(token, copy), so that no number need travel with a row.

Axes: n tokens, H heads, a arity, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim import Channel, Cluster, Inbox, Outbox, Records
from mpc_sim.stages.elements import element_columns, element_fields, element_table
from mpc_sim.stages.loads import OneRound
from reductions.attention_to_mpc.plan import CopyLevel, LayerPlan

REMEDY = "memory_words"


@dataclass(frozen=True)
class BetweenLevels(OneRound):
    """One round between a level and the next one.

    Parameters
    ----------
    level : int
        The upper of the two; 0 holds the tokens.
    """

    plan: LayerPlan
    level: int
    remedy = REMEDY

    @property
    def _levels(self) -> tuple[CopyLevel, CopyLevel]:
        return self.plan.levels[self.level], self.plan.levels[self.level + 1]


@dataclass(frozen=True)
class CopyRows(BetweenLevels):
    """Copy every row from a level to the next one; channel ``row``."""

    def label(self, round: int, cluster: Cluster) -> str:
        return "copy rows"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        above, below = self._levels
        fields = element_fields(self.plan.shape.row_words)
        return (Channel("row", fields, above.held * self.plan.arity, below.held),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        above, below = self._levels
        rows, arity = inbox["row"], self.plan.arity
        token, copy = np.divmod(rows.machine * above.held + rows.rank, above.copies)
        count = np.minimum(arity, below.copies - copy * arity)
        which = np.repeat(np.arange(len(rows)), count)
        child = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        pair = token[which] * below.copies + copy[which] * arity + child
        columns = {name: rows[name][which] for name in rows.fields}
        outbox = Outbox()
        outbox.send("row", source=rows.machine[which], to=pair // below.held, **columns)
        return outbox


@dataclass(frozen=True)
class AddUp(BetweenLevels):
    """Send what the copies on a level received to the level above; channel ``answer``.

    A record is (slot, m sums, count); slot p H + h is head h of the p-th pair of the machine. A
    slot that received nothing is not sent.
    """

    def label(self, round: int, cluster: Cluster) -> str:
        return "add up"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        above, below = self._levels
        n_heads = self.plan.shape.n_heads
        fields = answer_fields(self.plan)
        arriving = above.held * self.plan.arity * n_heads
        return (Channel("answer", fields, below.held * n_heads, arriving),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        above, below = self._levels
        heard, n_heads = sum_by_slot(inbox["answer"]), self.plan.shape.n_heads
        pair, head = np.divmod(heard["slot"], n_heads)
        token, copy = np.divmod(heard.machine * below.held + pair, below.copies)
        parent = token * above.copies + copy // self.plan.arity
        columns = dict(heard.columns) | {"slot": parent % above.held * n_heads + head}
        outbox = Outbox()
        outbox.send("answer", source=heard.machine, to=parent // above.held, **columns)
        return outbox


def answer_fields(plan: LayerPlan) -> tuple[str, ...]:
    """Return the fields of channel ``answer``: slot, sums, count."""
    return ("slot", *element_fields(plan.shape.value_width), "count")


def sum_by_slot(answers: Records) -> Records:
    """Add up the records of every machine that have one slot."""
    if not len(answers):
        return answers
    group = np.cumsum(np.append(False, answers.machine[1:] != answers.machine[:-1]))
    answers = answers.take(np.lexsort((answers["slot"], group)))
    is_first = np.append(True, np.diff(answers["slot"]) != 0)
    is_first[1:] |= answers.machine[1:] != answers.machine[:-1]
    first, names = np.flatnonzero(is_first), answers.fields[1:]
    sums = np.add.reduceat(element_table(answers, names), first, axis=0)
    columns = {"slot": answers["slot"][first], **element_columns(sums, names)}
    return Records.of(answers.machine[first], **columns)
