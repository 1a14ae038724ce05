"""The end of a layer: sums become means, means and rows become new rows, on the token machines.

Axes: n tokens, H heads, m value width, d row width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_model import Layer, Rows
from anna_model.fixed_point.attention import Precision, mean_of_steps
from anna_model.fixed_point.grid import Grid
from mpc_sim import Cluster, Inbox, InputError, Records
from mpc_sim.compose import LocalStage
from mpc_sim.stages.elements import element_columns, element_table
from reductions.arrays import Integers
from reductions.attention_to_mpc.copies import sum_by_slot
from reductions.attention_to_mpc.plan import LayerPlan
from reductions.attention_to_mpc.questions import (
    BUDGET_BYTES,
    answer_of,
)
from reductions.attention_to_mpc.tokens import (
    in_batch_order,
    rows_of_tokens,
    words_of_rows,
)


@dataclass(frozen=True)
class Fold(LocalStage):
    """Divide sums by counts and fold them into the rows: channel ``row``, those after the layer.

    Parameters
    ----------
    width : int
        The most words of a new row.
    """

    plan: LayerPlan
    layer: Layer
    precision: Precision
    width: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rows, n_tokens, held = inbox["row"], self.plan.shape.n_tokens, self.plan.tokens
        n_heads, m = self.plan.shape.n_heads, self.plan.shape.value_width
        token = rows.machine * held + rows.rank
        known = np.sort(token)
        heard = sum_by_slot(inbox["answer"])
        pair, head = np.divmod(heard["slot"], n_heads)
        totals = np.zeros((len(known) * n_heads, m + 1), np.int64)
        place = np.searchsorted(known, heard.machine * held + pair) * n_heads + head
        totals[place] = element_table(heard, heard.fields[1:])
        values = self.precision.values

        def hear(token: Integers, head: Integers) -> tuple[NDArray[np.float64], Integers]:
            own = totals[np.searchsorted(known, token) * n_heads + head]
            total = own[:, :m] - own[:, m:] * (1 << (values.bits - 1))
            return mean_of_steps(total, own[:, m], values), own[:, m]

        words = element_table(rows, rows.fields)
        given = rows_of_tokens(token, words, self.precision.rows, n_tokens)
        fold = self.layer.combine(given)
        for block in self.layer.blocks(given, BUDGET_BYTES):
            fold.absorb(block, answer_of(block, known, hear))
        return new_rows(fold.finish(), known, inbox, cluster, self.precision.rows, self.width, held)


def new_rows(
    rows: Rows,
    tokens: Integers,
    inbox: Inbox,
    cluster: Cluster,
    grid: Grid,
    width: int,
    held: int,
) -> Inbox:
    """Return the new rows of some tokens as channel ``row``, ``held`` tokens per machine.

    Raises
    ------
    InputError
        They are wider than was declared.
    """
    if rows.values.shape[1] > width:
        raise InputError(
            f"a layer made rows of {rows.values.shape[1]} numbers where {width} were "
            "declared: give row_widths"
        )
    mine = rows.restrict(tokens).apart()
    owner = tokens // held
    order = in_batch_order(owner, inbox, cluster, tokens)
    table = words_of_rows(mine, grid, width)[tokens[order]]
    return Inbox(inbox.machines, {"row": Records.of(owner[order], **element_columns(table))})
