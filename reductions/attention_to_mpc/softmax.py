"""Softmax attention on machines: one inner-product machine for every query and key, N^2 in all.

Theorem 3.4 of Sanford, Hsu, Telgarsky: the row of token i goes down a tree to the N machines (i, 0)
.. (i, N-1). Machine (i, j) sends it to machine (j, i) and so receives the row of j; it computes
query i, key j and value j, and the weight of the pair. Weights, and values times weights, add up
the same tree, and the token divides.

The numbers are those of `FixedSoftmax`: weights are integers, so the sums do not depend on the
tree, and the output equals the transformer's bit for bit. Any mechanism with a weight for every
pair would do; exact match and ANNA need almost N machines instead (`anna_to_mpc`).

Axes: n tokens of d words, H heads of value width m, s words of local memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import sympy

from anna_model import Layer, Transformer
from anna_model.fixed_point.attention import Precision, steps_on
from anna_model.fixed_point.grid import MOST_BITS, GridOverflow
from anna_model.fixed_point.softmax import FixedSoftmax
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    InputError,
    Outbox,
    Protocol,
    Records,
    parallel,
    sequence,
)
from mpc_sim.stages.elements import element_columns, element_fields, element_table
from mpc_sim.stages.loads import OneRound
from reductions.arrays import Integers
from reductions.attention_to_mpc.beside import Beside, CarryRecords
from reductions.attention_to_mpc.copies import REMEDY, AddUp, CopyRows, answer_fields
from reductions.attention_to_mpc.fold import Fold
from reductions.attention_to_mpc.plan import CopyLevel, LayerPlan, LayerShape, TokenPlan
from reductions.attention_to_mpc.questions import (
    BUDGET_BYTES,
    Questions,
    keys_of,
    mechanism_of_head,
    queries_of,
)
from reductions.attention_to_mpc.tokens import in_batch_order, rows_of_tokens
from reductions.attention_to_mpc.transformer_protocol import (
    TransformerProtocol,
    put_together,
    widths_of_rows,
)
from reductions.bounds import Bound, Kind
from reductions.problems.sort_and_scan import Most

SOURCE = "Sanford, Hsu, Telgarsky, arXiv 2402.09268, Theorem 3.4"


@dataclass(frozen=True)
class PairPlan(LayerPlan):
    """A layer whose copy trees have a leaf per pair of tokens, each on a machine of its own."""

    @cached_property
    def levels(self) -> tuple[CopyLevel, ...]:
        """The levels of the copy trees, tokens first, pairs last."""
        if self.shape.n_tokens == 1:
            return super().levels
        return (*super().levels[:-1], CopyLevel(self.shape.n_tokens, 1))

    @cached_property
    def least_machines(self) -> int:
        """Machines that the layer wants: n^2, one per pair."""
        return max(level.machines(self.shape.n_tokens) for level in (self.levels[0], *self.levels))

    def scan_fits(self, n_machines: int) -> bool:
        """Return whether the tree of the scan fits: there is none."""
        return True


@dataclass(frozen=True)
class PairTokenPlan(TokenPlan):
    """A whole transformer on n^2 machines."""

    of_layer: ClassVar[type[LayerPlan]] = PairPlan


@dataclass(frozen=True)
class MeetInPairs(OneRound):
    """Pair every query with every key: channel ``answer``, weight and weighted values per head.

    One round: machine (i, j) keeps row i and sends it to machine (j, i).
    """

    plan: LayerPlan
    layer: Layer
    precision: Precision
    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return "meet in pairs"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        fields = element_fields(self.plan.shape.row_words)
        return Channel("asks", fields, 1, local=True), Channel("offers", fields, 1, 1)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        rows = inbox["row"]
        asker, offerer = np.divmod(rows.machine, self.plan.shape.n_tokens)
        outbox = Outbox()
        outbox.keep("asks", rows.machine, **rows.columns)
        to = offerer * self.plan.shape.n_tokens + asker
        outbox.send("offers", source=rows.machine, to=to, **rows.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        shape, machine = self.plan.shape, inbox["asks"].machine
        asker, offerer = np.divmod(machine, shape.n_tokens)
        offers = inbox["offers"].take(in_batch_order(inbox["offers"].machine, inbox, cluster))
        queries = self._questions(asker, inbox["asks"], is_key=False)
        keys = self._questions(offerer, offers, is_key=True)
        parts = []
        for head, query in queries.items():
            key = keys[head]
            at_query, at_key = query.row_of(asker), key.row_of(offerer)
            pair = np.flatnonzero((at_query >= 0) & (at_key >= 0))
            products = np.sum(query.steps[at_query[pair]] * key.steps[at_key[pair]], axis=1)
            weight = query.mechanism.of_products(products)
            if query.mechanism.causal:
                weight[offerer[pair] > asker[pair]] = 0
            pair, weight = pair[weight > 0], weight[weight > 0]
            record = np.zeros((len(pair), 3 + shape.value_width), np.int64)
            record[:, 0], record[:, 1], record[:, -1] = machine[pair], head, weight
            values = key.values[at_key[pair]]
            record[:, 2 : 2 + values.shape[1]] = weight[:, None] * values
            parts.append(record)
        found = np.concatenate(parts)
        order = in_batch_order(found[:, 0], inbox, cluster, found[:, 1])
        columns = element_columns(found[order, 1:], answer_fields(self.plan))
        return Inbox(inbox.machines, {"answer": Records.of(found[order, 0], **columns)})

    def _questions(self, token: Integers, rows: Records, is_key: bool) -> dict[int, _HeadSteps]:
        """Return the queries or the keys of the tokens, by head; copies of a token are alike."""
        known, first = np.unique(token, return_index=True)
        words, n_tokens = element_table(rows, rows.fields)[first], self.plan.shape.n_tokens
        given = rows_of_tokens(known, words, self.precision.rows, n_tokens)
        values, heads = self.precision.values, {}
        for block in self.layer.blocks(given, BUDGET_BYTES):
            mechanism = self.layer.mechanism_for(block)
            assert isinstance(mechanism, FixedSoftmax)
            found = keys_of(block, known) if is_key else queries_of(block, known)
            steps = steps_on(values, found.values, "values") + (1 << (values.bits - 1))
            for head in range(block.first_head, block.first_head + block.n_heads):
                heads[head] = _HeadSteps.of(found, steps, head, mechanism, n_tokens)
        return heads


@dataclass(frozen=True, eq=False)
class _HeadSteps:
    """Queries or keys of one head, in steps, with the values, each 2^(p-1) steps higher."""

    mechanism: FixedSoftmax
    row: Integers
    steps: Integers
    values: Integers

    @classmethod
    def of(
        cls, found: Questions, values: Integers, head: int, mechanism: FixedSoftmax, n_tokens: int
    ) -> _HeadSteps:
        mine = np.flatnonzero(found.head == head)
        row = np.full(n_tokens, -1)
        row[found.token[mine]] = np.arange(len(mine))
        steps = steps_on(mechanism.keys, found.vectors[mine], "queries and keys")
        return cls(mechanism, row, steps, values[mine])

    def row_of(self, token: Integers) -> Integers:
        """Return where tokens stand, -1 for those without a query or key."""
        found: Integers = self.row[token]
        return found


def softmax_to_mpc(
    transformer: Transformer,
    precision: Precision,
    memory_words: int,
    *,
    input_width: int,
    row_widths: tuple[int, ...] | None = None,
) -> TransformerProtocol:
    """Turn a transformer of `FixedSoftmax` heads into a protocol on N^2 machines, bit for bit.

    Parameters
    ----------
    transformer, precision, memory_words, input_width, row_widths
        As of `anna_to_mpc`.

    Returns
    -------
    TransformerProtocol
        2 L + 1 rounds per layer, L the levels of copy trees over N leaves; `softmax_bounds` derives
        the loads.

    Raises
    ------
    GridOverflow
        An inner product, or a sum of N weighted values, could reach 2^53 steps.
    InputError
        A head of another mechanism.
    ShapeError
        The memory is too small.

    References
    ----------
    Sanford, Hsu, Telgarsky, arXiv 2402.09268, Theorem 3.4.
    """
    n_tokens = transformer.n_tokens
    widths = widths_of_rows(transformer, input_width, row_widths)
    shapes, weight_bits = [], 1
    for layer, width in zip(transformer.layers, widths, strict=False):
        shapes.append(LayerShape(n_tokens, layer.n_heads, layer.value_width, 0, n_tokens, width,
                                 causal=False))  # fmt: skip
        weight_bits = max(weight_bits, _weight_bits(layer))
    most = n_tokens * 2**weight_bits * (2 ** (precision.values.bits - 1) - 1)
    if most >= 2**MOST_BITS:
        raise GridOverflow(
            f"{n_tokens} values of {precision.values.bits} bits with weights of {weight_bits} "
            f"bits may add up to 2^{MOST_BITS} steps; take fewer bits"
        )
    token_words = max(widths[0], widths[-1])
    numbers = max(n_tokens * token_words, n_tokens * max(shape.n_heads for shape in shapes))
    sums = precision.values.bits + weight_bits + n_tokens.bit_length()
    word_bits = max(sums, precision.rows.bits, numbers.bit_length())
    plan = PairTokenPlan(tuple(shapes), token_words, memory_words, word_bits)
    stages = [
        _layer_stages(of_layer, layer, precision, width)
        for layer, of_layer, width in zip(transformer.layers, plan.layers, widths[1:], strict=True)
    ]
    return put_together(transformer, precision, plan, widths, stages)


def _layer_stages(
    plan: LayerPlan, layer: Layer, precision: Precision, width: int
) -> tuple[Protocol, ...]:
    """Copy, meet, add up beside the rows; fold."""
    depth = len(plan.levels) - 1
    attention = sequence(
        *(CopyRows(plan, level) for level in range(depth)),
        MeetInPairs(plan, layer, precision),
        *(AddUp(plan, level) for level in range(depth - 1, -1, -1)),
    )
    rows = CarryRecords("row", element_fields(plan.shape.row_words), plan.tokens)
    return (
        parallel(Beside(attention, plan.waiting_words), rows),
        Fold(plan, layer, precision, width),
    )


def _weight_bits(layer: Layer) -> int:
    """Return g of the heads of a layer, the most; reject other mechanisms."""
    most, head = 1, 0
    for run in layer.heads:
        for _ in range(run.count):
            mechanism = mechanism_of_head(layer, head, run.query_width, run.value_width)
            if not isinstance(mechanism, FixedSoftmax):
                raise InputError(
                    "softmax_to_mpc simulates FixedSoftmax, whose weights are integers, not "
                    f"{type(mechanism).__name__}"
                )
            mechanism.require_exact_products(run.query_width)
            most, head = max(most, mechanism.weight_bits), head + 1
    return most


def softmax_bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return bounds on rounds (exact), local memory, words sent and received, and machines.

    Symbols: n tokens, T of them on a machine; with the number of a layer behind them H heads, d
    words of a row, A of an answer, L levels of copy trees of arity a, T_in pairs on a machine of
    an inner level.
    """
    plan = executed.plan
    assert isinstance(plan, PairTokenPlan)
    n, tokens, block = sympy.symbols("n T B", integer=True)
    values = {"n": plan.shapes[0].n_tokens, "T": plan.tokens, "B": plan.cluster.block_words}
    rounds, held, sent, received = sympy.Integer(0), [], [], []
    for number, layer in enumerate(plan.layers, start=1):
        suffix = "" if len(plan.layers) == 1 else f"_{number}"
        shape, depth = layer.shape, len(layer.levels) - 1
        sizes = {
            "H": shape.n_heads,
            "d": shape.row_words,
            "A": shape.answer_words,
            "L": depth,
            "a": layer.arity,
            "T_in": layer.most_tokens,
        }
        values |= {f"{name}{suffix}": size for name, size in sizes.items()}
        heads, d, answer, levels, a, inner = sympy.symbols(
            [f"{name}{suffix}" for name in sizes], integer=True
        )
        top, between = (levels > 0), (levels > 1)
        copied = sympy.Piecewise((a * tokens * d, top & ~between), (a * inner * d, between),
                                 (0, True))  # fmt: skip
        added = sympy.Piecewise((answer * heads * a * tokens, top & ~between),
                                (answer * heads * a * inner, between), (0, True))  # fmt: skip
        arriving = sympy.Piecewise((inner * d, between), (d, True))
        told = sympy.Piecewise((answer * heads * inner, between), (answer * heads, True))
        rounds += 2 * levels + 1
        held.append(tokens * d + Most(arriving, 2 * d, added))
        sent.append(tokens * d + Most(copied, 2 * d, told))
        received.append(Most(arriving, d, added))
    formulas = {
        "rounds": rounds,
        "local_memory": Most(block, *held),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": n**2,
    }
    kinds: dict[str, Kind] = {"rounds": "exact", "machines": "exact"}
    return tuple(
        Bound(name, formula, values, kinds.get(name, "upper"), SOURCE)
        for name, formula in formulas.items()
    )
