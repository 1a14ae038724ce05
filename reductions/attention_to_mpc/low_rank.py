"""Low-rank attention on machines: every token needs one matrix, and it is a sum.

Lemma D.2 of Liu et al.: the token machines form the matrices k'_j v_j^T (r x m words per head), a
tree sums them, the reversed tree sends the sum M to every machine, and token i puts out q'_i^T M.
Here a machine holds several tokens and sends one matrix; several heads travel side by side.

Features and values are whole numbers of steps, so the sums are exact integers and the output is
that of `LowRank` bit for bit. A machine adds an offset to its numbers, so that words are not
negative; as many offsets arrive as there are token machines.

Axes: n tokens of d words, T of them on a machine, r features, m value width, w words of the
matrices of all heads, s words of local memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from anna_model import DenseAnswer, DenseHeads, Layer, Rows, Transformer
from anna_model.fixed_point.attention import Precision, steps_on
from anna_model.mechanisms import LowRank
from mpc_sim import Cluster, Inbox, InputError, Records, parallel, sequence
from mpc_sim.compose import LocalStage
from mpc_sim.integers import ceil_div
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.elements import (
    element_columns,
    element_fields,
    element_table,
    reduce_groups,
)
from reductions.arrays import Integers
from reductions.attention_to_mpc.beside import Beside, CarryRecords
from reductions.attention_to_mpc.fold import new_rows
from reductions.attention_to_mpc.low_rank_plan import (
    LowRankPlan,
    MatrixShape,
    require_exact_products,
    tree_of,
)
from reductions.attention_to_mpc.questions import BUDGET_BYTES, mechanism_of_head
from reductions.attention_to_mpc.sums import Sums
from reductions.attention_to_mpc.tokens import rows_of_tokens
from reductions.attention_to_mpc.transformer_protocol import (
    TransformerProtocol,
    put_together,
    widths_of_rows,
)
from reductions.bounds import Bound, Kind
from reductions.problems.sort_and_scan import Most

SOURCE = "Liu et al., arXiv 2509.09001, Lemma D.2"


@dataclass(frozen=True)
class FormMatrices(LocalStage):
    """Sum k' v^T over the tokens of a machine: channel ``records``, one record per machine.

    Its words are at least 0: each sum is raised by ``offset``.
    """

    plan: LowRankPlan
    number: int
    layer: Layer
    precision: Precision
    offset: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        plan, rows = self.plan, inbox["row"]
        token = rows.machine * plan.tokens + rows.rank
        words, n_tokens = element_table(rows, rows.fields), plan.n_tokens
        given = rows_of_tokens(token, words, self.precision.rows, n_tokens)
        table = np.zeros((n_tokens, plan.matrix_words(self.number)), np.int64)
        first = 0
        for head in heads_of(self.layer, given):
            features = steps_on(self.precision.keys, head.features(head.K), "features of keys")
            values = steps_on(self.precision.values, head.V, "values")
            if head.mechanism.normalised:
                values = np.concatenate([values, np.ones((n_tokens, 1), np.int64)], axis=1)
            products = (features[:, :, None] * values[:, None, :]).reshape(n_tokens, -1)
            table[:, first : first + products.shape[1]] = products
            first += products.shape[1]
        owners = inbox.machines[inbox.machines < cluster.n_input_machines]
        sums = Sums(table.shape[1])
        totals = reduce_groups(sums, rows.machine, table[token], owners, cluster) + self.offset
        return Inbox(inbox.machines, {"records": Records.of(owners, **element_columns(totals))})


@dataclass(frozen=True)
class FoldLowRank(LocalStage):
    """Multiply q' with the sum of all matrices and fold: channel ``row``, those after the layer."""

    plan: LowRankPlan
    number: int
    layer: Layer
    precision: Precision
    offset: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        plan, rows, told = self.plan, inbox["row"], inbox["word"]
        token = rows.machine * plan.tokens + rows.rank
        words = element_table(rows, rows.fields)
        given = rows_of_tokens(token, words, self.precision.rows, plan.n_tokens)
        offsets = self.offset * ceil_div(plan.n_tokens, plan.tokens)
        sums = element_table(told, told.fields) - offsets
        table = np.zeros((cluster.n_machines, sums.shape[1]), np.int64)
        table[told.machine] = sums
        of_token = np.zeros((plan.n_tokens, sums.shape[1]), np.int64)
        of_token[token] = table[rows.machine]
        fold = self.layer.combine(given)
        blocks = list(self.layer.blocks(given, BUDGET_BYTES))
        heard, first = [], 0
        for head, shape in zip(
            heads_of(self.layer, given), plan.matrices[self.number], strict=True
        ):
            matrix = of_token[:, first : first + shape.words].reshape(plan.n_tokens, shape.rank, -1)
            heard.append(self._hear(head, matrix))
            first += shape.words
        for block in blocks:
            mine = heard[block.first_head : block.first_head + block.n_heads]
            values, unmatched = (np.stack(part) for part in zip(*mine, strict=True))
            fold.absorb(block, DenseAnswer(values, unmatched))
        width = plan.row_words[self.number + 1]
        return new_rows(
            fold.finish(), token, inbox, cluster, self.precision.rows, width, plan.tokens
        )

    def _hear(
        self, head: LowRankHead, matrix: Integers
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return what the tokens receive in a head, and which receive none, as `LowRank` does."""
        keys, values = self.precision.keys, self.precision.values
        asked = steps_on(keys, head.features(head.Q), "features of queries")
        sums = np.sum(asked[:, :, None] * matrix, axis=1)
        unmatched = ~np.any(asked != 0, axis=1)
        width = head.V.shape[1]
        heard = np.ldexp(
            sums[:, :width].astype(np.float64), -2 * keys.fraction_bits - values.fraction_bits
        )
        if head.mechanism.normalised:
            total = np.ldexp(sums[:, width:].astype(np.float64), -2 * keys.fraction_bits)
            unmatched |= total[:, 0] == 0
            heard = np.divide(heard, total, out=np.zeros_like(heard), where=total != 0)
        heard[unmatched] = 0
        return heard, unmatched


@dataclass(frozen=True, eq=False)
class LowRankHead:
    """Queries, keys and values of one head, float64[n, ...], and its mechanism."""

    mechanism: LowRank
    Q: NDArray[np.float64]
    K: NDArray[np.float64]
    V: NDArray[np.float64]

    def features(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features of queries or keys, float64[n, r]."""
        features: NDArray[np.float64] = self.mechanism.features(rows)
        return features


def heads_of(layer: Layer, rows: Rows) -> Iterator[LowRankHead]:
    """Return the heads of a layer, which asks dense blocks.

    Raises
    ------
    InputError
        A sparse block.
    """
    for block in layer.blocks(rows, BUDGET_BYTES):
        mechanism = layer.mechanism_for(block)
        if not isinstance(block, DenseHeads) or not isinstance(mechanism, LowRank):
            raise InputError("low_rank_to_mpc simulates low-rank heads in dense blocks")
        for head in zip(block.Q, block.K, block.V, strict=True):
            yield LowRankHead(mechanism, *head)


def low_rank_to_mpc(
    transformer: Transformer,
    precision: Precision,
    memory_words: int,
    *,
    input_width: int,
    row_widths: tuple[int, ...] | None = None,
) -> TransformerProtocol:
    """Turn a transformer of low-rank heads into a protocol on ceil(n / T) machines, bit for bit.

    Parameters
    ----------
    transformer : Transformer
        Dense heads of `LowRank`, not causal. Rows, values, and the features of queries and keys
        lie on their grids: `fixed_point` sees to it for raw features, `RoundedFeatures` for others.
    precision : Precision
        ``keys`` is the grid of the features.
    memory_words, input_width, row_widths
        As of `anna_to_mpc`.

    Returns
    -------
    TransformerProtocol
        2 L rounds per layer, L the levels of a tree of arity floor((s - T d) / w) over the
        machines; `low_rank_bounds` derives the loads.

    Raises
    ------
    GridOverflow
        A sum of products could reach 2^53 steps.
    InputError
        A head of another mechanism, or a causal one.
    ShapeError
        The memory does not hold two matrices beside the rows.

    References
    ----------
    Liu et al., arXiv 2509.09001, Lemma D.2.
    """
    n_tokens = transformer.n_tokens
    widths = widths_of_rows(transformer, input_width, row_widths)
    matrices = tuple(_matrices(layer) for layer in transformer.layers)
    require_exact_products(matrices, precision, n_tokens)
    product_bits = precision.keys.bits + precision.values.bits - 2
    # Each machine adds T 2^(bits of a product) to a sum of T such products: 4 n of them exceed all.
    sums = product_bits + (4 * n_tokens).bit_length()
    token_words = max(widths[0], widths[-1])
    word_bits = max(sums, precision.rows.bits, (n_tokens * token_words).bit_length())
    if word_bits > 62:
        raise InputError(f"words of {word_bits} bits; at most 62 are supported: coarser grids")
    plan = LowRankPlan(n_tokens, widths, matrices, memory_words, word_bits)
    offset = plan.tokens << product_bits
    stages = []
    for number, layer in enumerate(transformer.layers):
        fields = element_fields(plan.matrix_words(number))
        attention = sequence(
            FormMatrices(plan, number, layer, precision, offset),
            ConvergeCast(Sums(len(fields)), fields),
            Broadcast(fields),
        )
        rows = CarryRecords("row", element_fields(widths[number]), plan.tokens)
        stages.append((
            parallel(Beside(attention, plan.waiting_words(number)), rows),
            FoldLowRank(plan, number, layer, precision, offset),
        ))  # fmt: skip
    return put_together(transformer, precision, plan, widths, stages)


def _matrices(layer: Layer) -> tuple[MatrixShape, ...]:
    """Return the matrices of a layer's heads; reject other mechanisms."""
    found: list[MatrixShape] = []
    for run in layer.heads:
        for _ in range(run.count):
            mechanism = mechanism_of_head(layer, len(found), run.query_width, run.value_width)
            if not isinstance(mechanism, LowRank) or mechanism.causal:
                kind = "causal low rank" if mechanism.causal else type(mechanism).__name__
                raise InputError(
                    f"low_rank_to_mpc simulates low-rank heads that see all keys, not {kind}"
                )
            rank = mechanism.features.n_features(run.query_width)
            found.append(MatrixShape(rank, run.value_width, mechanism.normalised))
    return tuple(found)


def low_rank_bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return bounds on rounds (exact), local memory, words sent and received, and machines.

    Symbols: n tokens, T of them on a machine; with the number of a layer behind them d words of a
    row, w of the matrices, L levels of a tree of arity a.
    """
    plan = executed.plan
    assert isinstance(plan, LowRankPlan)
    n, tokens, block = sympy.symbols("n T B", integer=True)
    values = {"n": plan.n_tokens, "T": plan.tokens, "B": plan.cluster.block_words}
    rounds, held, sent, received = sympy.Integer(0), [], [], []
    for number in range(len(plan.matrices)):
        suffix = "" if len(plan.matrices) == 1 else f"_{number + 1}"
        tree = tree_of(plan, number)
        sizes = {
            "d": plan.row_words[number],
            "w": plan.matrix_words(number),
            "L": tree.levels,
            "a": tree.arity if tree.levels else 0,
        }
        values |= {f"{name}{suffix}": size for name, size in sizes.items()}
        d, w, levels, a = sympy.symbols([f"{name}{suffix}" for name in sizes], integer=True)
        rounds += 2 * levels
        held.append(tokens * d + w * a)
        sent.append(tokens * d + w * a)
        received.append(Most(w * (a - 1), 0))
    formulas = {
        "rounds": rounds,
        "local_memory": Most(block, *held),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": sympy.ceiling(n / tokens),
    }
    kinds: dict[str, Kind] = {"rounds": "exact", "machines": "exact"}
    return tuple(
        Bound(name, formula, values, kinds.get(name, "upper"), SOURCE)
        for name, formula in formulas.items()
    )
