"""The rows of tokens as records and as words of input and output.

A number k steps from zero on a grid of p bits is the word k + 2^(p-1), which is at least 1; a token
whose row is not listed has the word 0 in its first place.

Axes: n tokens, d row width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_model import Rows
from anna_model.fixed_point.attention import steps_on
from anna_model.fixed_point.grid import Grid
from mpc_sim import Cluster, Inbox, Records
from mpc_sim.compose import LocalStage
from mpc_sim.placement import output_places
from mpc_sim.stages.elements import batch_slots, element_columns, element_fields, element_table
from reductions.arrays import Integers


def words_of_rows(rows: Rows, grid: Grid, width: int) -> Integers:
    """Return int64[n, width]: the rows as words, and zeros behind them."""
    words = np.zeros((rows.n_tokens, width), np.int64)
    rows = rows.apart()
    steps = steps_on(grid, rows.values, "rows")
    words[rows.position, : steps.shape[1]] = steps + _offset(grid)
    return words


def rows_of_words(words: Integers, grid: Grid, width: int) -> Rows:
    """Return the rows that were written as int64[n, at least width]."""
    listed = np.flatnonzero(words[:, 0])
    steps = words[listed, :width] - _offset(grid)
    return Rows(len(words), listed, _numbers(steps, grid))


def rows_of_tokens(token: Integers, words: Integers, grid: Grid, n_tokens: int) -> Rows:
    """Return the rows of some tokens, given in any order: int64[T] and int64[T, d]."""
    order = np.argsort(token)
    listed = order[words[order, 0] > 0]
    return Rows(n_tokens, token[listed], _numbers(words[listed] - _offset(grid), grid))


def _numbers(steps: Integers, grid: Grid) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = np.ldexp(steps.astype(np.float64), -grid.fraction_bits)
    return numbers


def _offset(grid: Grid) -> int:
    return 1 << (grid.bits - 1)


@dataclass(frozen=True)
class ReadRows(LocalStage):
    """Read the input as rows: channel ``row``, one record per token, in order."""

    token_words: int
    width: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        table = words["word"].reshape(-1, self.token_words)[:, : self.width]
        owner = words.machine[:: self.token_words]
        return Inbox(inbox.machines, {"row": Records.of(owner, **element_columns(table))})


@dataclass(frozen=True)
class WriteRows(LocalStage):
    """Write the rows to the output, padded with zeros."""

    token_words: int
    width: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rows = inbox["row"]
        owner, start = output_places(inbox.machines, cluster)
        words = np.zeros(len(owner), np.int64)
        first = start[rows.machine] + rows.rank * self.token_words
        words[first[:, None] + np.arange(self.width)] = element_table(
            rows, element_fields(self.width)
        )
        return Inbox(inbox.machines, {"output": Records.of(owner, word=words)})


def in_batch_order(machine: Integers, inbox: Inbox, cluster: Cluster, *keys: Integers) -> Integers:
    """Return the order of records by machine, as the batch lists them, then by ``keys``."""
    slot = batch_slots(inbox.machines, cluster)[machine]
    return np.lexsort((*keys[::-1], slot))
