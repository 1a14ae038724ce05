"""A protocol that computes a transformer: rows become words, and words rows again.

Axes: n tokens, d row width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol as TypingProtocol

import numpy as np

from anna_model import Rows, Transformer
from anna_model.fixed_point.attention import Precision
from mpc_sim import Cluster, InputError, Protocol, Simulation, sequence
from reductions.arrays import Integers
from reductions.attention_to_mpc.tokens import (
    ReadRows,
    WriteRows,
    rows_of_words,
    words_of_rows,
)


class PlannedTokens(TypingProtocol):
    """What a plan provides."""

    @property
    def token_words(self) -> int:
        """Words of input, and of output, per token."""

    @property
    def tokens(self) -> int:
        """T, tokens of a machine."""

    @property
    def cluster(self) -> Cluster:
        """The cluster that is planned for."""


@dataclass(frozen=True)
class TransformerProtocol:
    """A protocol that computes what a transformer computes, bit for bit, and its cluster.

    Made by `anna_to_mpc`, and by the reductions of other attention.

    Parameters
    ----------
    transformer : Transformer
    precision : Precision
    plan : PlannedTokens
        `TokenPlan` of this reduction, or that of another one.
    protocol : Protocol
        Its input are the rows as words, ``plan.token_words`` per token; its output likewise.
    output_width : int
        Numbers of a row that comes out.

    Examples
    --------
    >>> from anna_model.fixed_point.grid import Grid
    >>> from reductions.constructions.match2 import match2_transformer
    >>> from reductions.attention_to_mpc import anna_to_mpc
    >>> executed = anna_to_mpc(
    ...     match2_transformer(4, 9), Precision.of(Grid(8, 0)), memory_words=48, input_width=1)
    >>> rows = Rows.from_dense(np.array([[1.0], [8], [0], [5]]))
    >>> executed.words(rows).tolist(), executed.run(rows).dense().T.tolist()
    ([129, 136, 128, 133], [[1.0, 1.0, 1.0, 0.0]])
    """

    transformer: Transformer
    precision: Precision
    plan: PlannedTokens
    protocol: Protocol
    output_width: int

    @property
    def cluster(self) -> Cluster:
        """The cluster that the protocol was planned for."""
        return self.plan.cluster

    def words(self, rows: Rows) -> Integers:
        """Return the input words of rows: int64[N]."""
        return words_of_rows(rows, self.precision.rows, self.plan.token_words).ravel()

    def rows(self, words: Integers) -> Rows:
        """Return the rows of output words."""
        table = words.reshape(-1, self.plan.token_words)
        return rows_of_words(table, self.precision.rows, self.output_width)

    def simulation(self, rows: Rows, **options: Any) -> Simulation:
        """Return a simulation that has not begun; options as of `Simulation`."""
        return Simulation(self.protocol, self.cluster, self.words(rows), **options)

    def run(self, rows: Rows) -> Rows:
        """Simulate under all limits and return the rows that come out.

        Raises
        ------
        GridOverflow
            Something does not lie on its grid.
        MPCError
            A limit of the model is broken.
        """
        return self.rows(self.simulation(rows).run())


def widths_of_rows(
    transformer: Transformer, input_width: int, row_widths: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the numbers of a row before the first layer and after each.

    Raises
    ------
    InputError
        There are no layers, or as many widths as there should be were not given.
    """
    if not transformer.layers:
        raise InputError("a transformer of no layers is no protocol: give at least one layer")
    widths = (input_width, *(row_widths or probe_widths(transformer, input_width)))
    if len(widths) != len(transformer.layers) + 1 or min(widths) < 1:
        raise InputError(
            f"rows of widths {widths} for {len(transformer.layers)} layers: give a width of at "
            "least 1 before the first layer and after each"
        )
    return widths


def put_together(
    transformer: Transformer,
    precision: Precision,
    plan: PlannedTokens,
    widths: tuple[int, ...],
    stages: Sequence[tuple[Protocol, ...]],
) -> TransformerProtocol:
    """Read the rows, run the stages of every layer, write the rows; reject what does not fit."""
    flat = [stage for of_layer in stages for stage in of_layer]
    protocol = sequence(
        ReadRows(plan.token_words, widths[0]), *flat, WriteRows(plan.token_words, widths[-1])
    )
    protocol.check(plan.cluster)
    return TransformerProtocol(transformer, precision, plan, protocol, widths[-1])


def probe_widths(transformer: Transformer, input_width: int) -> tuple[int, ...]:
    """Return the numbers of a row after every layer, as a run on zero rows shows them."""
    rows, widths = Rows.from_dense(np.zeros((transformer.n_tokens, input_width))), []
    for layer in transformer.layers:
        rows = Transformer((layer,), transformer.n_tokens).forward(rows)
        widths.append(rows.values.shape[1])
    return tuple(widths)
