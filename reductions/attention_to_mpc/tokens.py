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
from mpc_sim.stages.blocks import output_places
from mpc_sim.stages.elements import batch_slots, element_columns, element_fields, element_table

Integers = NDArray[np.int64]


def words_of_rows(rows: Rows, grid: Grid, width: int) -> Integers:
    """Return int64[n, width]: the rows as words, and zeros behind them.

    Examples
    --------
    >>> words_of_rows(Rows(3, np.array([1]), np.array([[0.5]])), Grid(4, 1), 2).tolist()
    [[0, 0], [9, 0], [0, 0]]
    """
    words = np.zeros((rows.n_tokens, width), np.int64)
    steps = steps_on(grid, rows.values, "rows")
    words[rows.position, : steps.shape[1]] = steps + _offset(grid)
    return words


def rows_of_words(words: Integers, grid: Grid, width: int) -> Rows:
    """Return the rows that were written as int64[n, at least width].

    Examples
    --------
    >>> rows_of_words(np.array([[0, 0], [9, 0], [0, 0]]), Grid(4, 1), 1).dense().T.tolist()
    [[0.0, 0.5, 0.0]]
    """
    listed = np.flatnonzero(words[:, 0])
    steps = words[listed, :width] - _offset(grid)
    return Rows(len(words), listed, _numbers(steps, grid))


def rows_of_tokens(token: Integers, words: Integers, grid: Grid, n_tokens: int) -> Rows:
    """Return the rows of some tokens, given in any order: int64[T] and int64[T, d].

    Examples
    --------
    >>> rows_of_tokens(np.array([2, 0]), np.array([[9], [8]]), Grid(4, 1), 3).dense().T.tolist()
    [[0.0, 0.0, 0.5]]
    """
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
    """Read the input as rows: channel ``row``, a record a token, in order.

    Examples
    --------
    >>> words = Records.of(machine=[0, 0, 0, 0], word=[5, 0, 7, 0])
    >>> cluster = Cluster(n_words=4, memory_words=8, n_machines=1, block_words=4)
    >>> rows = ReadRows(token_words=2, width=1).finish(Inbox.of([0], input=words), cluster)
    >>> rows["row"]["x0"].tolist()
    [5, 7]
    """

    token_words: int
    width: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        table = words["word"].reshape(-1, self.token_words)[:, : self.width]
        owner = words.machine[:: self.token_words]
        return Inbox(inbox.machines, {"row": Records.of(owner, **element_columns(table))})


@dataclass(frozen=True)
class WriteRows(LocalStage):
    """Write the rows to the output, padded with zeros.

    Examples
    --------
    >>> rows = Records.of(machine=[0, 0], x0=[5, 7])
    >>> cluster = Cluster(n_words=4, memory_words=8, n_machines=1, block_words=4)
    >>> words = WriteRows(token_words=2, width=1).finish(Inbox.of([0], row=rows), cluster)
    >>> words["output"]["word"].tolist()
    [5, 0, 7, 0]
    """

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
    """Return the order of records by machine, as the batch lists them, then by ``keys``.

    Examples
    --------
    >>> cluster = Cluster(n_words=4, memory_words=8, n_machines=4, block_words=4)
    >>> inbox = Inbox.of([3, 1])
    >>> in_batch_order(np.array([1, 3, 3]), inbox, cluster, np.array([0, 7, 5])).tolist()
    [2, 1, 0]
    """
    slot = batch_slots(inbox.machines, cluster)[machine]
    return np.lexsort((*keys[::-1], slot))
