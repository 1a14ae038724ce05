"""Heads, rows, layers and the forward pass: what is refused, and the definition layer by layer."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anna_model import (
    EVERY_HEAD,
    Combine,
    DenseAnswer,
    DenseHeads,
    ExactMatch,
    HeadMaps,
    HeadShape,
    Layer,
    Mechanism,
    NotRowwise,
    Resources,
    Rows,
    RowwiseLayer,
    SparseAnswer,
    SparseHeads,
    Transformer,
    check_rowwise,
    definition_forward,
)
from anna_model.answers import Answer
from anna_model.forward_by_definition import weighted_values
from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.heads import HeadBlock
from anna_model.mechanisms import Attended

NULL, NOBODY = -1.0, -2.0


# --- a dense layer: row-wise functions of a module, so that they pickle ---


def own(position: IntArray, values: FloatArray) -> FloatArray:
    return values[:, :1]


def next_position(position: IntArray, values: FloatArray) -> FloatArray:
    return position[:, None].astype(float) + 1


def own_position(position: IntArray, values: FloatArray) -> FloatArray:
    return position[:, None].astype(float)


def last_letter(position: IntArray, values: FloatArray) -> FloatArray:
    return np.stack([values[:, 0] % 3, position % 2], axis=1)


def letter_and_parity(position: IntArray, values: FloatArray) -> FloatArray:
    return np.stack([(values[:, 0] + 1) % 3, np.ones(len(values))], axis=1)


def residual(position: IntArray, values: FloatArray, head_outputs: FloatArray) -> FloatArray:
    return np.concatenate(
        [values[:, :1] + np.rint(head_outputs.sum(axis=1, keepdims=True)), values], axis=1
    )


def neighbour_row(position: IntArray, values: FloatArray) -> FloatArray:
    """Break the rule: look at the row of the token to the left."""
    return np.roll(values[:, :1], 1, axis=0)


def neighbour_fold(position: IntArray, values: FloatArray, head_outputs: FloatArray) -> FloatArray:
    """Break the rule in the fold."""
    return np.roll(values, 1, axis=0)


SHIFT = HeadMaps(next_position, own_position, own, 1, 1)
MATCH = HeadMaps(own, own, own_position, 1, 1)
LETTER = HeadMaps(last_letter, letter_and_parity, own, 2, 1)
EXACT = ExactMatch()
DENSE = RowwiseLayer(EXACT, (SHIFT, MATCH, MATCH, LETTER), residual, precision_bits=20)


# --- a sparse layer: 2 heads, token i sends its number in head 0 to token number mod N ---


@dataclass(frozen=True)
class Send(Layer):
    """Token i, where it is odd, sends its value in head 0 to token (value mod N), in head 1 to 0.

    Tokens 2c and 2c + 1 form class c and ask for c in both heads; idle tokens ask nothing.
    """

    n_tokens: int
    idle: int = 0
    leak: str = ""
    mechanism: Mechanism = EXACT
    heads: tuple[HeadShape, ...] = (HeadShape(2, 1, 2),)
    precision_bits: int = 30
    blocks_of_one: bool = False

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        N, tokens = self.n_tokens, np.arange(self.n_tokens)
        token_class = tokens // 2
        token_class[N - self.idle :] = -1
        classes = np.unique(token_class[token_class >= 0])
        sender = rows.position[rows.position % 2 == 1]
        value = rows.values[rows.position % 2 == 1, 0]
        key, V = value % N // 2, np.stack([value, sender + 1.0], axis=1)
        query = classes[:, None].astype(float)
        if self.leak == "key":
            key = np.roll(key, 1)
        if self.leak == "absent key":
            sender, key, V = sender[1:], key[1:], V[1:]
        if self.leak == "value":
            V[:, 1] += rows.values.sum()
        if self.leak == "query":
            query = query + len(rows.position)
        if self.leak == "class":
            token_class = np.where(tokens < len(rows.position), token_class, -1)
        two = np.repeat([0, 1], len(sender))
        block = SparseHeads(
            0, 2, token_class, np.full(len(classes), EVERY_HEAD), classes, query,
            two, np.tile(sender, 2), np.concatenate([key, 0 * key])[:, None],
            np.concatenate([V, V]),
        )  # fmt: skip
        if not self.blocks_of_one:
            yield block
            return
        for head in range(2):
            _, K, V = block.keys_of(head)
            zero = np.zeros(len(K), np.int64)
            yield replace(
                block, first_head=head, n_heads=1, key_head=zero, key_token=sender, K=K, V=V
            )

    def combine(self, rows: Rows) -> Combine:
        return Receive(rows)


class Receive(Combine):
    """New row of a token: its number, plus what its class hears."""

    def __init__(self, rows: Rows) -> None:
        self.rows, self.heard = rows, np.zeros((rows.n_tokens, 2))

    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        assert isinstance(block, SparseHeads)
        assert isinstance(answer, SparseAnswer)
        heard = np.zeros((block.n_tokens + 1, 2))
        np.add.at(heard, answer.query_class, answer.mean[answer.which])
        self.heard += heard[block.token_class]

    def finish(self) -> Rows:
        position = np.flatnonzero(self.heard.any(axis=1))
        return Rows(self.rows.n_tokens, position, np.rint(self.heard[position]))


def some_rows(n: int, seed: int = 0, *, share: float = 0.8, width: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    position = np.flatnonzero(rng.random(n) < share)
    return Rows(n, position, rng.integers(0, 3 * n, (len(position), width)).astype(float))


def assert_equal_rows(got: Rows, want: Rows) -> None:
    np.testing.assert_array_equal(got.position, want.position)
    np.testing.assert_array_equal(got.values, want.values)
    assert got.n_tokens == want.n_tokens


# --- the forward pass ---


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.integers(0, 1000), st.integers(0, 3), st.booleans())
def test_forward_is_the_definition_layer_by_layer(
    n: int, seed: int, idle: int, split: bool
) -> None:
    send = Send(n, idle=min(idle, n), blocks_of_one=split)
    model = Transformer((DENSE, send, DENSE, DENSE, send), n)
    start = some_rows(n, seed)
    after = definition_forward(model, start, NULL, NOBODY)
    assert len(after) == 5
    rows = start
    for layer, want in zip(model.layers, after, strict=True):
        rows = Transformer((layer,), n).forward(rows)
        assert_equal_rows(rows, want)
    assert_equal_rows(model.forward(start), rows)


def test_forward_by_hand() -> None:
    model = Transformer((RowwiseLayer(ExactMatch(), (SHIFT,)),) * 2, 4)
    rows = Rows.from_dense(np.array([[5.0], [6.0], [7.0], [8.0]]))
    assert model.forward(rows).dense().T.tolist() == [[7.0, 8.0, 0.0, 0.0]]


@pytest.mark.parametrize("budget_bytes", [0, 1, 300, 700, 2**28])
def test_the_budget_changes_blocks_and_nothing_else(budget_bytes: int) -> None:
    n = 10
    model = Transformer((DENSE, DENSE), n)
    trace: list[Any] = []
    rows = model.forward(some_rows(n), budget_bytes=budget_bytes, trace=trace)
    assert_equal_rows(rows, model.forward(some_rows(n)))
    for _, block, answer in trace:
        assert isinstance(block, DenseHeads)
        assert isinstance(answer, DenseAnswer)
        size = block.Q.nbytes + block.K.nbytes + block.V.nbytes
        assert block.n_heads == 1 or size <= budget_bytes
    n_blocks = {0: 8, 1: 8, 300: 8, 700: 6, 2**28: 4}[budget_bytes]  # 240 or more a head
    assert len(trace) == n_blocks


def test_trace_and_progress() -> None:
    n = 6
    model = Transformer((DENSE, Send(n)), n)
    listed: list[Any] = []
    called: list[Any] = []
    steps: list[tuple[int, int]] = []
    model.forward(some_rows(n), trace=listed)
    model.forward(
        some_rows(n),
        trace=lambda *entry: called.append(entry),
        progress=lambda done, of: steps.append((done, of)),
    )
    assert steps == [(1, 2), (2, 2)]
    assert [layer for layer, _, _ in listed] == [0, 0, 1]
    assert [(i, b.first_head) for i, b, _ in listed] == [(i, b.first_head) for i, b, _ in called]
    assert pickle.dumps(listed[-1][2]) == pickle.dumps(called[-1][2])


def test_resources_are_measured() -> None:
    model = Transformer((DENSE, Send(8)), 8)
    assert DENSE.heads == (HeadShape(3, 1, 1), HeadShape(1, 2, 1))
    assert (DENSE.n_heads, DENSE.query_width, DENSE.value_width, DENSE.token_width) == (4, 2, 1, 4)
    assert model.resources() == Resources(
        layers=2, heads=4, head_width=2, query_width=2, token_width=4, context_length=8,
        precision_bits=30,
    )  # fmt: skip
    assert Transformer((), 3).resources() == Resources(0, 0, 0, 0, 0, 3, 0)


def test_no_layers_is_the_identity() -> None:
    rows = some_rows(5)
    assert Transformer((), 5).forward(rows) is rows
    assert definition_forward(Transformer((), 5), rows, NULL, NOBODY) == ()


def test_a_transformer_pickles() -> None:
    model = Transformer((replace(DENSE, head_maps=(SHIFT, MATCH)), Send(6)), 6)
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert_equal_rows(again.forward(some_rows(6)), model.forward(some_rows(6)))


def test_another_context_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the transformer has a context of 4 tokens, not 5$"):
        Transformer((DENSE,), 4).forward(some_rows(5))
    with pytest.raises(ValueError, match="context of 4 tokens, not 5"):
        definition_forward(Transformer((DENSE,), 4), some_rows(5), NULL, NOBODY)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Transformer((), 0)


@dataclass(frozen=True)
class Misdeclared(RowwiseLayer):
    """Builds other blocks than it declares."""

    keep: Callable[[list[HeadBlock]], list[HeadBlock]] = list

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        yield from self.keep(list(super().blocks(rows, budget_bytes)))


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda blocks: blocks[:-1], "^layer 1: 4 heads declared, 3 built$"),
        (lambda blocks: blocks[1:], "^layer 1: expected a block from head 0 over 5 tokens, not "),
        (lambda blocks: blocks + blocks[-1:], "^layer 1: expected a block from head 4 over 5 "),
        (lambda blocks: [replace(blocks[0], V=np.zeros((3, 5, 2)))], "^layer 1, head 0: declared "),
        (lambda blocks: [*blocks, replace(blocks[1], first_head=4)], r"head 4: .* None, built"),
        (
            lambda blocks: [DenseHeads(0, *np.zeros((3, 3, 4, 1)))],
            "not from head 0 over 4$",
        ),
    ],
)
def test_blocks_that_are_not_declared_are_refused(keep: Any, message: str) -> None:
    layer = Misdeclared(ExactMatch(), DENSE.head_maps, residual, keep=keep)
    with pytest.raises(ValueError, match=message):
        Transformer((DENSE, layer), 5).forward(some_rows(5))


# --- row-wise layers ---


def test_a_row_wise_function_of_the_wrong_shape_is_named() -> None:
    layer = RowwiseLayer(ExactMatch(), (replace(MATCH, value_width=3),))
    message = r"^row-wise function own_position must return shape \(4, 3\), not \(4, 1\)$"
    with pytest.raises(ValueError, match=message):
        Transformer((layer,), 4).forward(some_rows(4))
    with pytest.raises(ValueError, match="at least one head"):
        RowwiseLayer(ExactMatch(), ())


def test_a_row_wise_layer_cannot_absorb_a_sparse_answer() -> None:
    (block,) = Send(4).blocks(some_rows(4), 0)
    with pytest.raises(TypeError, match="needs dense blocks, not SparseHeads"):
        DENSE.combine(some_rows(4)).absorb(block, ExactMatch().answer(block))


@pytest.mark.parametrize("layer", [DENSE, Send(9), Send(9, idle=3), Send(9, blocks_of_one=True)])
def test_honest_layers_are_row_wise(layer: Layer) -> None:
    check_rowwise(layer, some_rows(9, width=2), np.random.default_rng(1), trials=30)
    check_rowwise(layer, Rows.from_dense(np.ones((9, 1))), np.random.default_rng(1))


NEIGHBOUR: dict[str, Layer] = {
    "query": RowwiseLayer(ExactMatch(), (MATCH, replace(MATCH, query=neighbour_row))),
    "key": RowwiseLayer(ExactMatch(), (MATCH, replace(MATCH, key=neighbour_row))),
    "value": RowwiseLayer(ExactMatch(), (MATCH, replace(MATCH, value=neighbour_row))),
}


@pytest.mark.parametrize("what", NEIGHBOUR)
def test_canary_a_map_that_looks_at_its_neighbour(what: str) -> None:
    with pytest.raises(NotRowwise) as caught:
        check_rowwise(NEIGHBOUR[what], some_rows(9), np.random.default_rng(0))
    error = caught.value
    assert (error.layer, error.what, error.head) == ("RowwiseLayer", what, 1)
    assert str(error) == (
        f"layer RowwiseLayer, head 1: the {what} of token {error.token} depends on other rows"
    )
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.token) == (str(error), error.token)


def test_canary_a_fold_that_looks_at_its_neighbour() -> None:
    layer = RowwiseLayer(ExactMatch(), (MATCH,), neighbour_fold)
    with pytest.raises(NotRowwise, match=r"^layer last: the new row of token \d depends on other"):
        check_rowwise(layer, some_rows(9), np.random.default_rng(0), name="last")
    check_rowwise(layer, some_rows(9), np.random.default_rng(0), fold=False)


@pytest.mark.parametrize(
    ("leak", "what"),
    [
        ("key", "key"),
        ("absent key", "key"),
        ("value", "value"),
        ("query", "query"),
        ("class", "query"),
    ],
)
def test_canary_a_sparse_layer_that_leaks(leak: str, what: str) -> None:
    with pytest.raises(NotRowwise, match=f"^layer Send, head [01]: the {what} of token") as caught:
        check_rowwise(Send(16, leak=leak), some_rows(16), np.random.default_rng(0), trials=20)
    assert caught.value.what == what


# --- rows ---


def test_rows_round_trip_and_restrict() -> None:
    rows = Rows(4, np.array([1, 3]), np.array([[1.0, -0.0], [2.0, 5.0]]))
    assert rows.dense().tolist() == [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [2.0, 5.0]]
    assert_equal_rows(Rows.from_dense(rows.dense()).restrict(np.array([3, 1])), rows)
    assert rows.restrict(np.array([0, 3, 3])).position.tolist() == [3]
    assert rows.restrict(np.zeros(0, np.int64)).dense().tolist() == [[0.0, 0.0]] * 4
    with pytest.raises(ValueError, match=r"positions must lie in 0 .. 3, but positions\[0\] is 4"):
        rows.restrict(np.array([4]))


@pytest.mark.parametrize(
    ("n", "position", "values", "error", "message"),
    [
        (0, [], np.zeros((0, 1)), ValueError, "n_tokens must be at least 1, not 0"),
        (3, [0, 3], np.zeros((2, 1)), ValueError, r"position must lie in 0 .. 2"),
        (3, [-1], np.zeros((1, 1)), ValueError, r"position must lie in 0 .. 2"),
        (3, [1, 1], np.zeros((2, 1)), ValueError, "position must increase"),
        (3, [1], np.zeros((2, 1)), ValueError, r"position must have shape \(2,\), not \(1,\)"),
        (3, [1], np.zeros((1, 1), int), TypeError, "values must have dtype float64, not int64"),
        (3, [1], [[1.0]], TypeError, "values must be a NumPy array, not list"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    n: int, position: list[int], values: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Rows(n, np.array(position, np.int64), values)


# --- heads and answers ---

DENSE_BLOCK = DenseHeads(2, np.zeros((2, 3, 1)), np.ones((2, 3, 1)), np.ones((2, 3, 4)))
SPARSE_BLOCK = SparseHeads(
    first_head=1, n_heads=2, token_class=np.array([0, 2, -1]), query_head=np.array([1, EVERY_HEAD]),
    query_class=np.array([0, 2]), Q=np.array([[1.0], [2.0]]), key_head=np.array([0, 0, 1]),
    key_token=np.array([0, 1, 0]), K=np.array([[2.0], [1.0], [1.0]]), V=np.zeros((3, 2)),
)  # fmt: skip
DENSE_ANSWER = DenseAnswer(np.zeros((2, 3, 4)), np.zeros((2, 3), bool))
SPARSE_ANSWER = SparseAnswer(np.array([0, 1]), np.array([2, 2]), np.array([0, 0]), np.zeros((1, 2)))
FROZEN = [DENSE_BLOCK, SPARSE_BLOCK, DENSE_ANSWER, SPARSE_ANSWER, some_rows(4)]


@pytest.mark.parametrize("value", FROZEN, ids=lambda value: type(value).__name__)
def test_values_are_frozen_also_after_a_pickle_or_copy(value: Any) -> None:
    for each in (value, pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        for field in fields(each):
            mine, again = getattr(value, field.name), getattr(each, field.name)
            np.testing.assert_array_equal(mine, again)
            if isinstance(again, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    again[...] = 0
            with pytest.raises(FrozenInstanceError):
                setattr(each, field.name, again)


def test_the_dense_form_of_a_sparse_block() -> None:
    dense = SPARSE_BLOCK.dense(NULL, NOBODY)
    assert dense.first_head == 1
    assert dense.Q[:, :, 0].tolist() == [[NOBODY, 2.0, NOBODY], [1.0, 2.0, NOBODY]]
    assert dense.K[:, :, 0].tolist() == [[2.0, 1.0, NULL], [1.0, NULL, NULL]]
    answer = SPARSE_ANSWER.dense(SPARSE_BLOCK)
    assert answer.unmatched.tolist() == [[True, False, True]] * 2


@pytest.mark.parametrize(
    ("null", "nobody", "message"),
    [
        (2.0, NOBODY, "null_key must differ from every query"),
        (NULL, NULL, "null_key must differ from every query and from nobody_query"),
        (NULL, 1.0, "nobody_query must differ from every key"),
    ],
)
def test_null_is_asked_by_nobody(null: float, nobody: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPARSE_BLOCK.dense(null, nobody)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"first_head": -1}, ValueError, "needs first_head >= 0, at least one head and at least"),
        ({"n_heads": 0}, ValueError, "first_head 1, 0 heads, 3 tokens"),
        ({"n_heads": 2**31}, ValueError, r"number below 2\*\*31, not 2147483648 and 3"),
        ({"token_class": np.array([0, 3, 0])}, ValueError, r"-1 .. 2, but token_class\[1\] is 3"),
        ({"token_class": np.array([0, -2, 0])}, ValueError, r"token_class\[1\] is -2"),
        ({"token_class": np.array([0, 1, 0], np.int32)}, TypeError, "int64, not int32"),
        ({"query_head": np.array([0, 2])}, ValueError, r"-1 .. 1, but query_head\[1\] is 2"),
        ({"query_head": np.array([-2, 0])}, ValueError, r"query_head\[0\] is -2"),
        ({"query_class": np.array([0, 3])}, ValueError, r"query_class\[1\] is 3"),
        (
            {"query_class": np.array([2, 2])},
            ValueError,
            "^query class 2 has two queries in head 1$",
        ),
        (
            {"query_class": np.array([1, 1]), "query_head": np.array([0, 0])},
            ValueError,
            "^query class 1 has two queries in head 0$",
        ),
        (
            {"query_class": np.array([1, 1]), "query_head": np.array([EVERY_HEAD] * 2)},
            ValueError,
            "^query class 1 has two queries in every head$",
        ),
        ({"Q": np.array([[1.0], [np.nan]])}, ValueError, r"Q must be finite, but Q\[1, 0\] is nan"),
        ({"K": np.array([[1.0], [2.0], [-np.inf]])}, ValueError, r"K\[2, 0\] is -inf"),
        ({"K": np.ones((3, 2))}, ValueError, r"K must have shape \(any, 1\), not \(3, 2\)"),
        ({"V": np.ones((2, 2))}, ValueError, r"V must have shape \(3, any\), not \(2, 2\)"),
        ({"V": np.ones((3, 2), np.float32)}, TypeError, "V must have dtype float64, not float32"),
        ({"key_head": np.array([0, 0, 2])}, ValueError, r"key_head\[2\] is 2"),
        ({"key_head": np.array([0, 1, 0])}, ValueError, r"entry 2 \(head 0, token 0\) does not"),
        ({"key_token": np.array([1, 1, 0])}, ValueError, r"entry 1 \(head 0, token 1\) does not"),
        ({"key_token": np.array([0, 3, 0])}, ValueError, r"key_token\[1\] is 3"),
    ],
)
def test_a_sparse_block_that_does_not_fit_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(SPARSE_BLOCK, **change)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"first_head": -1}, ValueError, "first_head -1, 2 heads, 3 tokens"),
        ({"Q": np.zeros((2, 3))}, ValueError, r"Q must have shape \(any, any, any\), not \(2, 3\)"),
        ({"K": np.zeros((2, 3, 2))}, ValueError, r"K must have shape \(2, 3, 1\)"),
        ({"V": np.zeros((2, 4, 2))}, ValueError, r"V must have shape \(2, 3, any\)"),
        ({"Q": np.full((2, 3, 1), np.inf)}, ValueError, r"Q must be finite, but Q\[0, 0, 0\]"),
        ({"K": np.full((2, 3, 1), np.nan)}, ValueError, r"K must be finite"),
    ],
)
def test_a_dense_block_that_does_not_fit_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        replace(DENSE_BLOCK, **change)
    with pytest.raises(ValueError, match="0 heads"):
        DenseHeads(0, *np.zeros((3, 0, 3, 1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": np.array([1, 0])}, r"pairs \(query_class, head\) of an answer must increase"),
        ({"head": np.array([0, 0])}, r"pairs \(query_class, head\) of an answer must increase"),
        ({"query_class": np.array([2, 1])}, "must increase"),
        ({"head": np.array([-1, 0])}, r"head\[0\] is -1"),
        ({"query_class": np.array([-1, 0])}, r"query_class\[0\] is -1"),
        ({"which": np.array([0, 1])}, r"which must lie in 0 .. 0, but which\[1\] is 1"),
        ({"which": np.array([0])}, r"which must have shape \(2,\), not \(1,\)"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SPARSE_ANSWER, **change)
    with pytest.raises(ValueError, match=r"unmatched must have shape \(2, 3\)"):
        replace(DENSE_ANSWER, unmatched=np.zeros((3, 2), bool))


@pytest.mark.parametrize("change", [{"count": 0}, {"query_width": -1}, {"value_width": -1}])
def test_a_head_shape_that_makes_no_sense_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="needs count >= 1 and widths >= 0"):
        replace(HeadShape(1, 1, 1), **change)


# --- the reference itself ---


class Uneven(Mechanism):
    """Half of the first key, a third of the second: not a mean."""

    def weights(self, Q: Any, K: Any) -> FloatArray:
        return np.tile([1 / 2, 1 / 3], (len(Q), 1))

    def apply(self, Q: Any, K: Any, V: Any) -> Attended:
        return Attended(self.weights(Q, K) @ V, np.zeros(len(Q), bool))


def test_weights_that_are_not_a_mean_are_multiplied() -> None:
    V = np.array([[6.0], [9.0]])
    assert weighted_values(
        np.array([[0.5, 0.25], [0.5, 0.0], [0.0, 0.0], [1.0, 0.0]]), V
    ).T.tolist() == [[5.25, 3.0, 0.0, 6.0]]
    model = Transformer((RowwiseLayer(Uneven(), (MATCH,)),), 2)
    rows = Rows.from_dense(V)
    (after,) = definition_forward(model, rows, NULL, NOBODY)
    assert_equal_rows(model.forward(rows), after)


class OffByOne(ExactMatch):
    """Canary: divides by one more than the count."""

    def apply(self, Q: Any, K: Any, V: Any) -> Attended:
        values, unmatched = super().apply(Q, K, V)
        count = (ExactMatch().weights(Q, K) > 0).sum(axis=1, keepdims=True)
        return Attended(values * count / (count + 1), unmatched)


def test_canary_the_definition_tells_a_wrong_fast_path() -> None:
    layer = RowwiseLayer(OffByOne(), (MATCH,))
    rows = Rows.from_dense(np.array([[3.0], [3.0], [4.0]]))
    (want,) = definition_forward(Transformer((layer,), 3), rows, NULL, NOBODY)
    with pytest.raises(AssertionError):
        assert_equal_rows(Transformer((layer,), 3).forward(rows), want)
