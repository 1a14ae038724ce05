"""Queries and keys of all heads and tables as records, sorted into buckets and summed along runs.

A record is (group, c words of a key or code, turn, m values, count): the group is table * H + head
+ 1; a key counts 1 and brings its values, a query counts 0 and brings none. Sorted by group, code
and turn, all records of a bucket are neighbours and its keys come before its queries, under a
causal mechanism those that a query may see; so one scan within runs of equal (group, code) gives
every query its sum and count, however full the bucket is.

Axes: n tokens, H heads, l tables, m value width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from anna_model import Layer
from anna_model.fixed_point.attention import Precision, steps_on
from mpc_sim import Channel, Cluster, Inbox, Outbox, Records
from mpc_sim.compose import LocalStage
from mpc_sim.integers import ceil_div
from mpc_sim.stages.elements import element_columns, element_fields, element_table
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.scan import Scan
from reductions.arrays import Integers
from reductions.attention_to_mpc.copies import REMEDY, answer_fields
from reductions.attention_to_mpc.plan import LayerPlan
from reductions.attention_to_mpc.questions import (
    BUDGET_BYTES,
    Questions,
    codes_of,
    keys_of,
    queries_of,
)
from reductions.attention_to_mpc.sums import SumsOfRuns
from reductions.attention_to_mpc.tokens import in_batch_order, rows_of_tokens


def record_fields(plan: LayerPlan) -> tuple[str, ...]:
    """Return the fields of a record, most significant first."""
    sums = element_fields(plan.shape.value_width)
    return ("group", *_code_fields(plan), "turn", *sums, "count")


def operand_fields(plan: LayerPlan) -> tuple[str, ...]:
    """Return the fields of a record that the scan combines: all but its turn."""
    return tuple(name for name in record_fields(plan) if name != "turn")


def sums_of_buckets(plan: LayerPlan) -> Scan:
    """Return the scan within buckets; its results have the fields ``all_...``."""
    operand = operand_fields(plan)
    return Scan(
        SumsOfRuns(1 + plan.shape.code_words, plan.shape.value_width + 1),
        record_fields(plan),
        operand,
        tuple(f"all_{name}" for name in operand),
        n_slots=plan.shape.n_records,
        spread=True,
    )


@dataclass(frozen=True)
class AskAndOffer(LocalStage):
    """Turn the rows of the leaves into records: queries, keys and values of their tokens."""

    late_imports: ClassVar[tuple[str, ...]] = ("anna_model.kernels.hashing",)

    plan: LayerPlan
    layer: Layer
    precision: Precision
    word_bits: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rows, level = inbox["row"], self.plan.leaves
        token, table = np.divmod(rows.machine * level.held + rows.rank, level.copies)
        words = element_table(rows, rows.fields)
        parts = [
            self._of_table(int(u), token[table == u], words[table == u], level.held)
            for u in np.unique(table)
        ] or [np.zeros((0, 1 + self.plan.shape.record_words), np.int64)]
        found = np.concatenate(parts)
        machine, fields = found[:, 0], record_fields(self.plan)
        turn = found[:, fields.index("turn") + 1]
        pair = self._token(turn) * level.copies + (found[:, 1] - 1) // self.plan.shape.n_heads
        order = in_batch_order(machine, inbox, cluster, pair, found[:, 1], turn)
        columns = element_columns(found[order, 1:], fields)
        return Inbox(inbox.machines, {"records": Records.of(machine[order], **columns)})

    def _of_table(self, table: int, token: Integers, words: Integers, held: int) -> Integers:
        """Return int64[E, 1 + w]: machine and record of every question in a table."""
        shape, grid = self.plan.shape, self.precision.rows
        rows = rows_of_tokens(token, words, grid, shape.n_tokens)
        known, records = np.sort(token), []
        for block in self.layer.blocks(rows, BUDGET_BYTES):
            mechanism = self.layer.mechanism_for(block)
            if table >= max(1, mechanism.n_tables):
                continue
            for asks, of in ((0, keys_of(block, known)), (1, queries_of(block, known))):
                codes = codes_of(mechanism, of.vectors, table, self.precision, self.word_bits)
                record = np.zeros((len(of.token), 1 + shape.record_words), np.int64)
                record[:, 0] = (of.token * shape.tables + table) // held
                record[:, 1] = table * shape.n_heads + of.head + 1
                record[:, 2 : 2 + codes.shape[1]] = codes
                record[:, 2 + shape.code_words] = self._turn(of.token, asks)
                if not asks:
                    self._offer(of, record[:, 3 + shape.code_words :])
                records.append(record)
        return np.concatenate(records)

    def _offer(self, keys: Questions, out: Integers) -> None:
        """Write values, each 2^(p-1) steps higher, and the count 1."""
        values = self.precision.values
        steps = steps_on(values, keys.values, "values")
        out[:, : steps.shape[1]] = steps + (1 << (values.bits - 1))
        out[:, -1] = 1

    def _turn(self, token: Integers, asks: int) -> Integers:
        shape = self.plan.shape
        return 2 * token + asks if shape.causal else token + asks * shape.n_tokens

    def _token(self, turn: Integers) -> Integers:
        shape = self.plan.shape
        return turn // 2 if shape.causal else turn % shape.n_tokens


@dataclass(frozen=True)
class TellCopies(OneRound):
    """Send every query its answer: to the leaf of its token and table, channel ``answer``.

    One round. A query that matches no key gets no record.
    """

    plan: LayerPlan
    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return "answer copies"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        shape = self.plan.shape
        held = ceil_div(shape.n_records, cluster.n_machines)
        arriving = self.plan.leaves.held * shape.n_heads
        return (Channel("answer", answer_fields(self.plan), held, arriving),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        shape, level, records = self.plan.shape, self.plan.leaves, inbox["records"]
        turn = records["turn"]
        asks = turn % 2 == 1 if shape.causal else turn >= shape.n_tokens
        heard = records.take(asks & (records["all_count"] > 0))
        turn = heard["turn"]
        token = turn // 2 if shape.causal else turn - shape.n_tokens
        table, head = np.divmod(heard["group"] - 1, shape.n_heads)
        pair = token * level.copies + table
        sums = {name: heard[f"all_{name}"] for name in answer_fields(self.plan)[1:]}
        outbox = Outbox()
        outbox.send(
            "answer",
            source=heard.machine,
            to=pair // level.held,
            slot=pair % level.held * shape.n_heads + head,
            **sums,
        )
        return outbox


def _code_fields(plan: LayerPlan) -> tuple[str, ...]:
    return tuple(f"code{word}" for word in range(plan.shape.code_words))
