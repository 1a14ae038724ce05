"""Queries, keys and values of some tokens in a block of heads, and the answers of a block.

A layer is row-wise, so a machine that has the rows of some tokens can work out their queries, keys
and values, and fold what they received into new rows; the other tokens are left out of its rows,
and what the layer returns for them is ignored.

Axes: E questions, n tokens, h heads of a block, m value width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anna_model import (
    EVERY_HEAD,
    Anna,
    DenseAnswer,
    DenseHeads,
    ExactMatch,
    Layer,
    Mechanism,
    SparseAnswer,
)
from anna_model.answers import Answer
from anna_model.fixed_point.attention import Precision, steps_on
from anna_model.heads import HeadBlock
from mpc_sim import InputError
from reductions.arrays import Floats, Integers
from reductions.mpc_to_anna.hashed_ids import HashedIds

BUDGET_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class Questions:
    """Queries or keys of a block, those of some tokens.

    Parameters
    ----------
    token, head : int64[E]
        Heads count from the first one of the layer.
    vectors : float64[E, m_qk]
    values : float64[E, m]
        Of keys; queries have width 0.
    """

    token: Integers
    head: Integers
    vectors: Floats
    values: Floats


def queries_of(block: HeadBlock, tokens: Integers) -> Questions:
    """Return the queries of the tokens.

    Parameters
    ----------
    tokens : int64[T]
        Increasing.
    """
    if isinstance(block, DenseHeads):
        return _dense(block, tokens, block.Q, np.zeros((block.n_heads, block.n_tokens, 0)))
    wanted = block.token_class[tokens]
    order = np.argsort(block.query_class, kind="stable")
    ends = np.searchsorted(block.query_class[order], wanted, side="right")
    count = np.where(wanted < 0, 0, ends - np.searchsorted(block.query_class[order], wanted))
    entry = order[_ranges(ends - count, count)]
    token = np.repeat(tokens, count)
    heads = np.where(block.query_head[entry] == EVERY_HEAD, block.n_heads, 1)
    head = np.where(
        np.repeat(heads, heads) > 1,
        _ranges(np.zeros_like(heads), heads),
        np.repeat(np.maximum(block.query_head[entry], 0), heads),
    )
    vectors = block.Q[np.repeat(entry, heads)]
    none = np.zeros((len(vectors), 0))
    return Questions(np.repeat(token, heads), head + block.first_head, vectors, none)


def keys_of(block: HeadBlock, tokens: Integers) -> Questions:
    """Return the keys and values of the tokens."""
    if isinstance(block, DenseHeads):
        return _dense(block, tokens, block.K, block.V)
    is_wanted = np.zeros(block.n_tokens, bool)
    is_wanted[tokens] = True
    entry = np.flatnonzero(is_wanted[block.key_token])
    head = block.key_head[entry] + block.first_head
    return Questions(block.key_token[entry], head, block.K[entry], block.V[entry])


def answer_of(
    block: HeadBlock,
    tokens: Integers,
    hear: Callable[[Integers, Integers], tuple[Floats, Integers]],
) -> Answer:
    """Return the answer of a block as far as some tokens ask.

    Parameters
    ----------
    tokens : int64[T]
        Increasing.
    hear : callable
        (token int64[E], head int64[E]) -> the means float64[E, m] and the counts int64[E]; heads
        count from the first one of the layer.
    """
    asked = queries_of(block, tokens)
    head = asked.head - block.first_head
    if isinstance(block, DenseHeads):
        values = np.zeros((block.n_heads, block.n_tokens, block.value_width))
        unmatched = np.ones((block.n_heads, block.n_tokens), bool)
        mean, count = hear(asked.token, asked.head)
        values[head, asked.token] = mean[:, : block.value_width]
        unmatched[head, asked.token] = count == 0
        return DenseAnswer(values, unmatched)
    query_class = block.token_class[asked.token]
    order = np.lexsort((head, query_class))
    pair = query_class[order] * block.n_heads + head[order]
    order = order[np.append(True, pair[1:] != pair[:-1])[: len(pair)]]
    mean, count = hear(asked.token[order], asked.head[order])
    order, mean = order[count > 0], mean[count > 0, : block.value_width]
    return SparseAnswer(head[order], query_class[order], np.arange(len(order)), mean)


def code_words(mechanism: Mechanism, query_width: int, word_bits: int) -> int:
    """Return c, the words of a key vector, or of a code.

    Raises
    ------
    InputError
        The mechanism makes no buckets.
    """
    if isinstance(mechanism, ExactMatch):
        return query_width
    if isinstance(mechanism, HashedIds):
        return 1
    if isinstance(mechanism, Anna):
        bits = (mechanism.functions(query_width).n_codes - 1).bit_length()
        return max(1, -(-bits // word_bits))
    raise InputError(
        f"anna_to_mpc simulates exact match and ANNA, not {type(mechanism).__name__}; softmax and "
        "low rank have protocols of their own"
    )


def codes_of(
    mechanism: Mechanism,
    vectors: Floats,
    table: int,
    precision: Precision,
    word_bits: int,
) -> Integers:
    """Return the words that identify a bucket of a table: int64[E, c]."""
    if isinstance(mechanism, ExactMatch):
        steps = steps_on(precision.keys, vectors, "queries and keys")
        return steps + (1 << (precision.keys.bits - 1))
    if isinstance(mechanism, HashedIds):
        return mechanism.buckets[vectors[:, 0].astype(np.int64)][:, None]
    assert isinstance(mechanism, Anna)
    functions = mechanism.functions(vectors.shape[1])
    (codes,) = functions.codes(
        {"queries and keys": np.ascontiguousarray(vectors)}, table, table + 1, _run, 1
    )
    places = range(code_words(mechanism, vectors.shape[1], word_bits) - 1, -1, -1)
    mask, code = (1 << word_bits) - 1, codes[0].astype(np.int64)
    return np.stack([(code >> (word_bits * place)) & mask for place in places], axis=1)


def mechanism_of_head(layer: Layer, head: int, query_width: int, value_width: int) -> Mechanism:
    """Return the mechanism of a head, known before any row exists."""
    vectors = np.zeros((1, 1, query_width))
    block = DenseHeads(head, vectors, vectors, np.zeros((1, 1, value_width)))
    return layer.mechanism_for(block)


def _run(function: Callable[..., object], jobs: object) -> list[object]:
    return [function(*job) for job in jobs]  # type: ignore[attr-defined]


def _dense(block: DenseHeads, tokens: Integers, vectors: Floats, values: Floats) -> Questions:
    head = np.repeat(np.arange(block.n_heads), len(tokens))
    token = np.tile(tokens, block.n_heads)
    return Questions(token, head + block.first_head, vectors[head, token], values[head, token])


def _ranges(first: Integers, count: Integers) -> Integers:
    """Return first, first + 1, ... of every row, count of them."""
    ranges: Integers = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    return ranges
