"""The protocol of a transformer, layer by layer.

Axes: n tokens, H heads, l tables, m value width, d row width, s words of local memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol as TypingProtocol

import numpy as np
from numpy.typing import NDArray

from anna_model import Layer, Rows, Transformer
from anna_model.fixed_point import Precision, mean_of_steps, require_exact_sums
from mpc_sim import Cluster, Inbox, InputError, Protocol, Records, Simulation, parallel, sequence
from mpc_sim.algorithms.columnsort import Columnsort
from mpc_sim.algorithms.elements import element_columns, element_fields, element_table
from mpc_sim.compose import LocalStage
from reductions.anna_to_mpc.beside import Beside, CarryRecords
from reductions.anna_to_mpc.buckets import AskAndOffer, TellCopies, record_fields, sums_of_buckets
from reductions.anna_to_mpc.copies import AddUp, CopyRows, sum_by_slot
from reductions.anna_to_mpc.plan import LayerPlan, LayerShape, TokenPlan
from reductions.anna_to_mpc.questions import (
    BUDGET_BYTES,
    answer_of,
    code_words,
    mechanism_of_head,
)
from reductions.anna_to_mpc.tokens import (
    ReadRows,
    WriteRows,
    in_batch_order,
    rows_of_tokens,
    rows_of_words,
    words_of_rows,
)

Integers = NDArray[np.int64]


class PlannedTokens(TypingProtocol):
    """What a plan says to the outside."""

    @property
    def token_words(self) -> int:
        """Words of input, and of output, a token."""

    @property
    def tokens(self) -> int:
        """T, tokens of a machine."""

    @property
    def cluster(self) -> Cluster:
        """The cluster that is planned for."""


@dataclass(frozen=True)
class TransformerProtocol:
    """A protocol that computes what a transformer computes, bit for bit, and its cluster.

    Made by :func:`anna_to_mpc`.

    Parameters
    ----------
    transformer : Transformer
    precision : Precision
    plan : PlannedTokens
        `TokenPlan` of this reduction, or that of another one.
    protocol : Protocol
        Its input are the rows as words, ``plan.token_words`` a token; its output likewise.
    output_width : int
        Numbers of a row that comes out.

    Examples
    --------
    >>> from anna_model.precision import Grid
    >>> from reductions.tasks.match2 import match2_transformer
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


def anna_to_mpc(
    transformer: Transformer,
    precision: Precision,
    memory_words: int,
    *,
    input_width: int,
    row_widths: tuple[int, ...] | None = None,
) -> TransformerProtocol:
    """Turn a transformer of exact-match or ANNA heads into an MPC protocol of the same output.

    Parameters
    ----------
    transformer : Transformer
        Any heads and layers; causal or not. Its rows, its values, and the queries and keys of
        exact-match heads lie on the grids (`fixed_point` makes such a transformer of any other).
    precision : Precision
    memory_words : int
        s.
    input_width : int
        Numbers of a row that comes in.
    row_widths : tuple of int, optional
        The most numbers of a row after every layer; by default those of a run on zero rows.

    Returns
    -------
    TransformerProtocol
        Deterministic. A layer takes 2 L rounds for the copies, 1 + 4^D of columnsort over 2 n l H
        records, 2 S of a scan and 1 to answer; `bounds` derives all loads.

    Raises
    ------
    GridOverflow
        A sum of l n values could reach 2^53 steps.
    InputError
        A mechanism that is neither exact match nor ANNA.
    ShapeError
        The memory is too small.

    Notes
    -----
    The theorem sums every bucket by a tree of its own; here a scan over the sorted records does,
    so nothing depends on how full the buckets are, and no load is only probable.

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorem 4.2 (ANNA) and Theorem C.1 (exact match); columnsort,
    Leighton 1985; scans, Goodrich, Sitchinava, Zhang, arXiv 1101.1902.

    Examples
    --------
    >>> from anna_model.precision import Grid
    >>> from reductions.tasks.match2 import match2_transformer
    >>> executed = anna_to_mpc(
    ...     match2_transformer(8, 37), Precision.of(Grid(8, 0)), memory_words=48, input_width=1)
    >>> rows = Rows.from_dense(np.array([[1.0], [36], [0], [5], [7], [30], [2], [3]]))
    >>> executed.run(rows).dense()[:, 0].astype(int).tolist()
    [1, 1, 1, 0, 1, 1, 0, 0]
    >>> executed.cluster.n_machines, executed.protocol.n_rounds(executed.cluster)
    (4, 8)
    """
    n_tokens = transformer.n_tokens
    widths = widths_of_rows(transformer, input_width, row_widths)
    token_words = max(widths[0], widths[-1])
    word_bits = fewest_word_bits(transformer, precision, token_words)
    shapes = tuple(
        shape_of(layer, n_tokens, width, word_bits)
        for layer, width in zip(transformer.layers, widths, strict=False)
    )
    for shape in shapes:
        require_exact_sums(precision.values, n_tokens, shape.tables)
    plan = TokenPlan(shapes, token_words, memory_words, word_bits)
    stages = [
        layer_stages(of_layer, layer, precision, word_bits, width)
        for layer, of_layer, width in zip(transformer.layers, plan.layers, widths[1:], strict=True)
    ]
    return put_together(transformer, precision, plan, widths, stages)


def widths_of_rows(
    transformer: Transformer, input_width: int, row_widths: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return the numbers of a row before the first layer and after each.

    Raises
    ------
    InputError
        There are no layers, or as many widths as there should be were not given.

    Examples
    --------
    >>> from reductions.tasks.match2 import match2_transformer
    >>> widths_of_rows(match2_transformer(8, 37), 1, None)
    (1, 1)
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
    """Read the rows, run the stages of every layer, write the rows; refuse what does not fit.

    Examples
    --------
    >>> from anna_model.precision import Grid
    >>> shape = LayerShape(4, 1, value_width=1, code_words=1, tables=1, row_words=1, causal=False)
    >>> plan = TokenPlan((shape,), token_words=1, memory_words=66, word_bits=16)
    >>> nothing = put_together(Transformer((), 4), Precision.of(Grid(8, 0)), plan, (1,), [])
    >>> rows = Rows.from_dense(np.array([[1.0], [2], [3], [4]]))
    >>> nothing.run(rows).dense().T.tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """
    flat = [stage for of_layer in stages for stage in of_layer]
    protocol = sequence(
        ReadRows(plan.token_words, widths[0]), *flat, WriteRows(plan.token_words, widths[-1])
    )
    protocol.check(plan.cluster)
    return TransformerProtocol(transformer, precision, plan, protocol, widths[-1])


def layer_stages(
    plan: LayerPlan, layer: Layer, precision: Precision, word_bits: int, width: int
) -> tuple[Protocol, ...]:
    """Return the stages of a layer: copy, ask, sort, sum, tell, add up beside the rows; fold.

    Parameters
    ----------
    width : int
        Words of a row after the layer.

    Examples
    --------
    >>> from anna_model.precision import Grid
    >>> from reductions.tasks.match2 import match2_transformer
    >>> layer = match2_transformer(8, 37).layers[0]
    >>> plan = LayerPlan(shape_of(layer, 8, 1, 16), memory_words=48, tokens=2)
    >>> stages = layer_stages(plan, layer, Precision.of(Grid(8, 0)), 16, 1)
    >>> [type(stage).__name__ for stage in stages]
    ['Parallel', 'Fold']
    """
    shape = plan.shape
    depth = len(plan.levels) - 1
    attention = sequence(
        *(CopyRows(plan, level) for level in range(depth)),
        AskAndOffer(plan, layer, precision, word_bits),
        Columnsort(
            record_fields(plan),
            n_slots=shape.n_records,
            held=plan.leaves.held * 2 * shape.n_heads,
            spread=True,
        ),
        sums_of_buckets(plan),
        TellCopies(plan),
        *(AddUp(plan, level) for level in range(depth - 1, -1, -1)),
    )
    rows = CarryRecords("row", element_fields(shape.row_words), plan.tokens)
    return (
        parallel(Beside(attention, plan.waiting_words), rows),
        Fold(plan, layer, precision, width),
    )


@dataclass(frozen=True)
class Fold(LocalStage):
    """Divide sums by counts and fold them into the rows: channel ``row``, those after the layer.

    Parameters
    ----------
    width : int
        The most words of a new row.

    Examples
    --------
    >>> from anna_model.precision import Grid
    >>> from reductions.tasks.match2 import match2_transformer
    >>> layer, grid = match2_transformer(2, 9).layers[0], Precision.of(Grid(8, 0))
    >>> fold = Fold(LayerPlan(shape_of(layer, 2, 1, 16), 48, tokens=2), layer, grid, width=1)
    >>> row = Records.of(machine=[0, 0], x0=[129, 136])
    >>> heard = Records.of(machine=[0], slot=[1], x0=[129], count=[1])
    >>> cluster = Cluster(n_words=2, memory_words=48, n_machines=1, block_words=2)
    >>> fold.finish(Inbox.of([0], row=row, answer=heard), cluster)["row"]["x0"].tolist()
    [128, 129]
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
        new = fold.finish()
        if new.values.shape[1] > self.width:
            raise InputError(
                f"a layer made rows of {new.values.shape[1]} numbers where {self.width} were "
                "declared: give row_widths"
            )
        is_known = np.zeros(n_tokens, bool)
        is_known[known] = True
        mine = Rows(n_tokens, *_only(new, is_known))
        table = words_of_rows(mine, self.precision.rows, self.width)[known]
        owner = known // held
        order = in_batch_order(owner, inbox, cluster, known)
        columns = element_columns(table[order])
        return Inbox(inbox.machines, {"row": Records.of(owner[order], **columns)})


def _only(rows: Rows, is_known: NDArray[np.bool_]) -> tuple[Integers, NDArray[np.float64]]:
    """Return positions and values of the listed rows that are known."""
    listed = is_known[rows.position]
    return rows.position[listed], rows.values[listed]


def probe_widths(transformer: Transformer, input_width: int) -> tuple[int, ...]:
    """Return the numbers of a row after every layer, as a run on zero rows shows them.

    Examples
    --------
    >>> from reductions.tasks.match2 import match2_transformer
    >>> probe_widths(match2_transformer(8, 37), 1)
    (1,)
    """
    rows, widths = Rows.from_dense(np.zeros((transformer.n_tokens, input_width))), []
    for layer in transformer.layers:
        rows = Transformer((layer,), transformer.n_tokens).forward(rows)
        widths.append(rows.values.shape[1])
    return tuple(widths)


def shape_of(layer: Layer, n_tokens: int, row_words: int, word_bits: int) -> LayerShape:
    """Return what a layer asks of the machines.

    Raises
    ------
    InputError
        Its heads are neither exact match nor ANNA, or some are causal and some not.

    Examples
    --------
    >>> from reductions.tasks.match2 import match2_transformer
    >>> shape_of(match2_transformer(8, 37).layers[0], 8, 1, 16).record_words
    5
    """
    words, tables, causal, head = [1], [1], set(), 0
    for run in layer.heads:
        for _ in range(run.count):
            mechanism = mechanism_of_head(layer, head, run.query_width, run.value_width)
            words.append(code_words(mechanism, run.query_width, word_bits))
            tables.append(mechanism.n_tables)
            causal.add(mechanism.causal)
            head += 1
    if len(causal) > 1:
        raise InputError("a layer has causal heads and others: make them alike")
    return LayerShape(
        n_tokens=n_tokens,
        n_heads=layer.n_heads,
        value_width=layer.value_width,
        code_words=max(words),
        tables=max(tables),
        row_words=row_words,
        causal=causal == {True},
    )


def fewest_word_bits(transformer: Transformer, precision: Precision, token_words: int) -> int:
    """Return the bits of a word: rows, keys, numbers of records, and sums of l n values fit.

    A value is a word below 2^p, so a sum of l n of them lies below 2^(p + ceil(log2(l n))).

    Examples
    --------
    >>> from anna_model.precision import Grid
    >>> from reductions.tasks.match2 import match2_transformer
    >>> fewest_word_bits(match2_transformer(8, 37), Precision.of(Grid(8, 0)), 1)
    12
    """
    n_tokens = transformer.n_tokens
    tables = max([1, *(layer.n_tables for layer in transformer.layers)])
    heads = max([1, *(layer.n_heads for layer in transformer.layers)])
    sums = precision.values.bits + (tables * n_tokens).bit_length()
    numbers = max(2 * n_tokens, tables * heads + 1, n_tokens * heads, n_tokens * token_words)
    bits = max(sums, precision.rows.bits, precision.keys.bits, numbers.bit_length())
    if bits > 62:
        raise InputError(
            f"words of {bits} bits; at most 62 are supported: take coarser grids", bits=bits
        )
    return bits
