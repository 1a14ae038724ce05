"""Trained weights as a transformer of this package, with any attention mechanism; no torch.

Axes: N tokens, m width, m_qk query and key width, k questions, C classes. A row is the residual
stream of a token: a layer is x + attention(x), then x + mlp(x). Queries and keys are scaled to unit
norm, as they were in training.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from anna_model.answers import Answer, DenseAnswer
from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.heads import DenseHeads, HeadBlock
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.rows import Rows
from anna_model.surrogate.recipe import Recipe
from anna_model.transformer import Combine, HeadShape, Layer, Transformer
from anna_model.weights_file import Array, WeightsFileError, read_weights

LEAST_NORM = 1e-6
"""A row shorter than this is divided by this, in training too."""


def gelu(x: FloatArray) -> FloatArray:
    """GELU in the tanh form of Hendrycks and Gimpel, as in training."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
    activated: FloatArray = 0.5 * x * (1 + np.tanh(inner))
    return activated


def unit_rows(x: FloatArray) -> FloatArray:
    """Scale rows to unit norm."""
    scaled: FloatArray = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), LEAST_NORM)
    return scaled


@dataclass(frozen=True, eq=False)
class LearnedLayer(Layer):
    """One layer of a trained network: one head, then the MLP; made by `Learned.layers`.

    Parameters
    ----------
    parts : mapping of str to float64 arrays
        query, key [m, m_qk], value [m, m], mlp.in [m, 4 m], mlp.out [4 m, m] and their biases.
    """

    mechanism: Mechanism
    parts: Mapping[str, FloatArray]
    precision_bits: int = 64
    heads: tuple[HeadShape, ...] = field(init=False)

    def __post_init__(self) -> None:
        widths = self.parts["query"].shape[1], self.parts["value"].shape[1]
        object.__setattr__(self, "heads", (HeadShape(1, *widths),))

    def head(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Map rows, float64[..., m], to queries, keys and values."""
        parts = self.parts
        return unit_rows(x @ parts["query"]), unit_rows(x @ parts["key"]), x @ parts["value"]

    def fold(self, x: FloatArray, heard: FloatArray) -> FloatArray:
        """Add to rows, float64[..., m], what the head returned, then what the MLP makes of both."""
        parts = self.parts
        stream = x + heard
        hidden = gelu(stream @ parts["mlp.in"] + parts["mlp.in.bias"])
        folded: FloatArray = stream + hidden @ parts["mlp.out"] + parts["mlp.out.bias"]
        return folded

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        Q, K, V = self.head(rows.dense())
        yield DenseHeads(0, Q[None], K[None], V[None])

    def combine(self, rows: Rows) -> Combine:
        return _Fold(self, rows)


class _Fold(Combine):
    def __init__(self, layer: LearnedLayer, rows: Rows) -> None:
        self.layer, self.stream = layer, rows.dense()
        self.output = np.zeros_like(self.stream)

    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        if not isinstance(answer, DenseAnswer):
            raise TypeError(f"a learned layer needs dense blocks, not {type(block).__name__}")
        self.output = np.asarray(answer.values[0], np.float64)

    def finish(self) -> Rows:
        return Rows.from_dense(self.layer.fold(self.stream, self.output))


@dataclass(frozen=True, eq=False)
class Learned:
    """A trained network.

    Parameters
    ----------
    card : mapping
        As `train` writes it: the recipe, the history, versions, date.
    weights : mapping of str to float32 arrays
        As `anna_model.surrogate.network` names them.

    Raises
    ------
    WeightsFileError
        A card without a recipe, a weight that is missing or has another shape.

    Examples
    --------
    >>> from anna_model.mechanisms import Anna
    >>> from anna_model.lsh import CrossPolytope
    >>> from anna_model.surrogate.shipped_weights import shipped
    >>> learned = shipped("match2-collisions")
    >>> numbers = np.array([[1, 36] + 30 * [2]])
    >>> learned.answer(numbers, [Anna(CrossPolytope(), hashes=1, tables=8, seed=0)])[0, :3, 0]
    array([1, 1, 0])
    """

    card: Mapping[str, Any]
    weights: Mapping[str, Array]

    def __post_init__(self) -> None:
        for name, shape in self._shapes().items():
            found = self.weights.get(name)
            if found is None:
                raise WeightsFileError(f"the weights lack {name}, which the recipe has")
            if found.shape != shape or not np.isfinite(found).all():
                raise WeightsFileError(
                    f"{name} must be finite and have shape {shape}, not {found.shape}"
                )

    @classmethod
    def read(cls, card: str | Path, weights: str | Path) -> Learned:
        """Read a JSON card and a file of weights.

        Raises
        ------
        WeightsFileError
            Either is damaged, or they do not fit.
        OSError
            Either cannot be read.
        """
        text = Path(card).read_bytes()
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise WeightsFileError(f"{Path(card).name} is no JSON: {error}") from None
        return cls(found, read_weights(weights))

    @cached_property
    def recipe(self) -> Recipe:
        """What was trained, and how."""
        entry = self.card.get("recipe") if isinstance(self.card, Mapping) else None
        if not isinstance(entry, Mapping):
            raise WeightsFileError("the card has no recipe: give one that training wrote")
        try:
            return Recipe.from_json(entry)
        except ValueError as error:
            raise WeightsFileError(f"the card: {error}") from None

    def layers(self, mechanisms: Sequence[Mechanism]) -> tuple[LearnedLayer, ...]:
        """Return the layers, each with its mechanism."""
        if len(mechanisms) != self.recipe.architecture.layers:
            raise ValueError(
                f"give a mechanism for each of {self.recipe.architecture.layers} layers, not "
                f"{len(mechanisms)}"
            )
        return tuple(
            LearnedLayer(mechanism, self._parts(f"layers.{index}."))
            for index, mechanism in enumerate(mechanisms)
        )

    def transformer(self, mechanisms: Sequence[Mechanism]) -> Transformer:
        """Return the network as a transformer, one mechanism per layer."""
        return Transformer(self.layers(mechanisms), self.recipe.task.n_tokens)

    def answer(self, tokens: IntArray, mechanisms: Sequence[Mechanism]) -> IntArray:
        """Answer samples one by one through the transformer.

        Parameters
        ----------
        tokens : int64[S, N]
        mechanisms : sequence of Mechanism
            One per layer.

        Returns
        -------
        int64[S, N, k]
        """
        transformer = self.transformer(mechanisms)
        rows = [Rows.from_dense(x) for x in self.embed(tokens)]
        return np.stack([self.read_out(transformer.forward(one).dense()) for one in rows])

    def embed(self, tokens: IntArray) -> FloatArray:
        """Return the rows of samples, int64[S, N]: float64[S, N, m].

        Raises
        ------
        ValueError
            Another length, or a token outside the alphabet.
        """
        task = self.recipe.task
        if tokens.ndim != 2 or tokens.shape[1] != task.n_tokens:
            raise ValueError(f"samples have {task.n_tokens} tokens, not shape {tokens.shape}")
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < task.n_letters:
            raise ValueError(f"tokens lie in 0 .. {task.n_letters - 1}")
        x: FloatArray = self.weights["token"].astype(np.float64)[tokens]
        if self.recipe.architecture.positions:
            x = x + self.weights["position"].astype(np.float64)
        return x

    def read_out(self, x: FloatArray) -> IntArray:
        """Return the class of highest score that rows, float64[..., m], give: int64[..., k]."""
        task = self.recipe.task
        scores = x @ self.weights["readout"].astype(np.float64) + self.weights["readout.bias"]
        best: IntArray = scores.reshape(*x.shape[:-1], task.n_questions, -1).argmax(axis=-1)
        return best

    def _parts(self, prefix: str) -> dict[str, FloatArray]:
        return {
            name.removeprefix(prefix): array.astype(np.float64)
            for name, array in self.weights.items()
            if name.startswith(prefix)
        }

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        task, shape = self.recipe.task, self.recipe.architecture
        m, m_qk, inner = shape.width, shape.query_width, 4 * shape.width
        shapes: dict[str, tuple[int, ...]] = {"token": (task.n_letters, m)}
        if shape.positions:
            shapes["position"] = (task.n_tokens, m)
        for layer in range(shape.layers):
            shapes |= {
                f"layers.{layer}.{name}": size
                for name, size in {
                    "query": (m, m_qk), "key": (m, m_qk), "value": (m, m),
                    "mlp.in": (m, inner), "mlp.in.bias": (inner,),
                    "mlp.out": (inner, m), "mlp.out.bias": (m,),
                }.items()
            }  # fmt: skip
        n_answers = task.n_questions * task.n_classes
        return shapes | {"readout": (m, n_answers), "readout.bias": (n_answers,)}
