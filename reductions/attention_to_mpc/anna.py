"""The protocol of a transformer, layer by layer.

Axes: n tokens, H heads, l tables, m value width, d row width, s words of local memory.
"""

from __future__ import annotations

from typing import Never

from anna_model import Layer, Transformer
from anna_model.fixed_point.attention import Precision, require_exact_sums
from mpc_sim import InputError, Protocol, parallel, sequence
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.elements import element_fields
from reductions.attention_to_mpc.beside import Beside, CarryRecords
from reductions.attention_to_mpc.buckets import (
    AskAndOffer,
    TellCopies,
    record_fields,
    sums_of_buckets,
)
from reductions.attention_to_mpc.copies import AddUp, CopyRows
from reductions.attention_to_mpc.fold import Fold
from reductions.attention_to_mpc.funnels import Funnels
from reductions.attention_to_mpc.hashed_plan import HashedPlan, HashedTokenPlan
from reductions.attention_to_mpc.plan import LayerPlan, LayerShape, TokenPlan
from reductions.attention_to_mpc.questions import (
    code_words,
    mechanism_of_head,
)
from reductions.attention_to_mpc.transformer_protocol import (
    TransformerProtocol,
    put_together,
    widths_of_rows,
)
from reductions.choice import Choice


class BucketsBy(Choice):
    """How buckets find their machines: each has its plan."""

    SORTED = "sorted", TokenPlan
    HASHED = "hashed", HashedTokenPlan

    made: type[TokenPlan]

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise InputError(f"buckets {value!r} are unknown; use {' or '.join(cls)}")


def anna_to_mpc(
    transformer: Transformer,
    precision: Precision,
    memory_words: int,
    *,
    input_width: int,
    row_widths: tuple[int, ...] | None = None,
    buckets: BucketsBy | str = BucketsBy.SORTED,
    seed: int = 0,
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
    buckets : BucketsBy or str
        sorted: by columnsort; deterministic. hashed: by trees of buckets whose nodes are hashed to
        meta machines; fewer rounds, with high probability over the seed.
    seed : int
        Of the hashes, public.

    Returns
    -------
    TransformerProtocol
        With sorted buckets a layer takes 2 L rounds for the copies, 1 + 4^D of columnsort over 2 n
        l H records, 2 S of a scan and 1 to answer; with hashed ones 2 L and 2 L'. `bounds` derives
        all loads.

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
    The theorem sums every bucket by a tree of its own on hashed meta machines, and so do hashed
    buckets: L' = O(1 / (eps' - eps)), and a run raises `ChannelExceeded` with probability at most 1
    / max(100, n) per layer (`hashed_plan`). By default a scan over the sorted records sums, so
    nothing depends on how full the buckets are, and no load is only probable. There D is about
    log_{3/2}((1 + 3 rho) / (eps' - eps)), so the rounds grow like the power 3.42 of 1 / (eps' -
    eps). That Algorithm 1 is an ANNA is probable as well (`anna_model.lsh.theorem_3_4`); the
    protocol gives the same bits either way.

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorem 4.2 (ANNA) and Theorem C.1 (exact match); columnsort,
    Leighton 1985; scans, Goodrich, Sitchinava, Zhang, arXiv 1101.1902.

    Examples
    --------
    >>> import numpy as np
    >>> from anna_model import Rows
    >>> from anna_model.fixed_point.grid import Grid
    >>> from reductions.constructions.match2 import match2_transformer
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
    kind = BucketsBy(buckets).made
    if seed < 0:
        raise InputError(f"seed = {seed}: choose it at least 0")
    plan = kind(shapes, token_words, memory_words, word_bits)
    stages = [
        layer_stages(of_layer, layer, precision, word_bits, width, seed * len(shapes) + number)
        for number, (layer, of_layer, width) in enumerate(
            zip(transformer.layers, plan.layers, widths[1:], strict=True)
        )
    ]
    return put_together(transformer, precision, plan, widths, stages)


def layer_stages(
    plan: LayerPlan, layer: Layer, precision: Precision, word_bits: int, width: int, seed: int = 0
) -> tuple[Protocol, ...]:
    """Return the stages of a layer: copy, sum buckets, add up beside the rows; fold.

    Parameters
    ----------
    width : int
        Words of a row after the layer.
    seed : int
        Of the hashes of a `HashedPlan`.
    """
    depth = len(plan.levels) - 1
    sums: tuple[Protocol, ...] = (
        (Funnels(plan, layer, precision, word_bits, seed),)
        if isinstance(plan, HashedPlan)
        else _sort_and_scan(plan, layer, precision, word_bits)
    )
    attention = sequence(
        *(CopyRows(plan, level) for level in range(depth)),
        *sums,
        *(AddUp(plan, level) for level in range(depth - 1, -1, -1)),
    )
    rows = CarryRecords("row", element_fields(plan.shape.row_words), plan.tokens)
    return (
        parallel(Beside(attention, plan.waiting_words), rows),
        Fold(plan, layer, precision, width),
    )


def _sort_and_scan(
    plan: LayerPlan, layer: Layer, precision: Precision, word_bits: int
) -> tuple[Protocol, ...]:
    """Ask, sort, sum, answer."""
    return (
        AskAndOffer(plan, layer, precision, word_bits),
        Columnsort(
            record_fields(plan),
            n_slots=plan.shape.n_records,
            held=plan.leaves.held * 2 * plan.shape.n_heads,
            spread=True,
        ),
        sums_of_buckets(plan),
        TellCopies(plan),
    )


def shape_of(layer: Layer, n_tokens: int, row_words: int, word_bits: int) -> LayerShape:
    """Return what a layer asks of the machines.

    Raises
    ------
    InputError
        Its heads are neither exact match nor ANNA, or some are causal and some not.
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
