"""GPT-2-style models as transformers of this package, with any attention mechanism.

Radford et al. 2019: a residual stream; in every layer x + attention(norm(x)), then x +
mlp(norm(x)); a last norm. Axes: N tokens, d width, H heads of width d / H, A tokens of the
vocabulary. The row of a token is its residual stream; projection, residual and MLP live in the
fold, so that attention remains the only place where tokens meet.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from anna_model.answers import Answer, DenseAnswer
from anna_model.fixed_point.affine import Affine
from anna_model.frozen_arrays import FloatArray
from anna_model.heads import DenseHeads, HeadBlock
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.mechanisms.softmax import Softmax
from anna_model.rows import Rows
from anna_model.transformer import Combine, HeadShape, Layer, Observer, Transformer
from anna_model.weights_file import Array, WeightsFileError, read_weights

MechanismOfHead = Callable[[int, int], Mechanism]


def _gelu_new(x: FloatArray) -> FloatArray:
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    activated: FloatArray = 0.5 * x * (1 + np.tanh(inner))
    return activated


def _gelu(x: FloatArray) -> FloatArray:
    erf = np.array([math.erf(value) for value in (x / math.sqrt(2)).ravel()]).reshape(x.shape)
    activated: FloatArray = 0.5 * x * (1 + erf)
    return activated


def _relu(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0)


ACTIVATIONS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "gelu_new": _gelu_new,
    "gelu_pytorch_tanh": _gelu_new,
    "gelu": _gelu,
    "relu": _relu,
}


@dataclass(frozen=True)
class Gpt2Config:
    """The settings that the weights do not show.

    Parameters
    ----------
    n_head : int
        H.
    activation_function : str
        One of ``ACTIVATIONS``.
    layer_norm_epsilon : float
    scale_attn_weights : bool
        Whether logits are divided by sqrt(d / H).
    scale_attn_by_inverse_layer_idx : bool
        Whether those of layer t are divided by t + 1 as well.

    Raises
    ------
    ValueError
        No head, an unknown activation.
    """

    n_head: int
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False

    def __post_init__(self) -> None:
        if self.n_head < 1:
            raise ValueError(f"n_head = {self.n_head}: a model has at least one head")
        if self.activation_function not in ACTIVATIONS:
            raise ValueError(
                f"activation_function {self.activation_function!r} is unknown; "
                f"known are {', '.join(ACTIVATIONS)}"
            )

    @classmethod
    def of(cls, config: Gpt2Config | Mapping[str, Any] | str | Path) -> Gpt2Config:
        """Read a configuration, or the path of a ``config.json``; other entries are ignored."""
        if isinstance(config, Gpt2Config):
            return config
        if isinstance(config, str | Path):
            config = json.loads(Path(config).read_text())
        if not isinstance(config, Mapping) or "n_head" not in config:
            raise ValueError("the configuration has no entry n_head: give the number of heads")
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in config.items() if name in known})


@dataclass(frozen=True, eq=False)
class Gpt2Layer(Layer):
    """One layer; made by `load`.

    Parameters
    ----------
    mechanisms : tuple of Mechanism
        One per head.
    config : Gpt2Config
    parts : mapping of str to arrays
        ln_1, c_attn, attn.c_proj, ln_2, c_fc, mlp.c_proj; after the last layer ln_f.
    """

    mechanisms: tuple[Mechanism, ...]
    config: Gpt2Config
    parts: Mapping[str, Affine]
    precision_bits: int = 64
    heads: tuple[HeadShape, ...] = field(init=False)
    mechanism: Mechanism = field(init=False)

    def __post_init__(self) -> None:
        width = len(self.parts["ln_1"].weight) // self.config.n_head
        object.__setattr__(self, "heads", (HeadShape(self.config.n_head, width, width),))
        object.__setattr__(self, "mechanism", self.mechanisms[0])

    def mechanism_for(self, block: HeadBlock) -> Mechanism:
        return self.mechanisms[block.first_head]

    @property
    def n_tables(self) -> int:
        return max(mechanism.n_tables for mechanism in self.mechanisms)

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        normal = self.parts["ln_1"].normalise(rows.dense(), self.config.layer_norm_epsilon)
        n, n_heads = rows.n_tokens, self.config.n_head
        stacked = self.parts["c_attn"].map(normal).reshape(n, 3, n_heads, -1)
        Q, K, V = np.ascontiguousarray(stacked.transpose(1, 2, 0, 3))
        first = 0
        for _, run in groupby(self.mechanisms, key=id):
            last = first + len(list(run))
            yield DenseHeads(first, Q[first:last], K[first:last], V[first:last])
            first = last

    def combine(self, rows: Rows) -> Combine:
        return _Residual(self, rows)


class _Residual(Combine):
    """Project what the heads returned, add it to the row, then the MLP."""

    def __init__(self, layer: Gpt2Layer, rows: Rows) -> None:
        self.layer, self.stream = layer, rows.dense()
        self.outputs: list[FloatArray] = []

    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        if not isinstance(answer, DenseAnswer):
            raise TypeError(f"a GPT-2 layer needs dense blocks, not {type(block).__name__}")
        self.outputs.extend(answer.values)

    def finish(self) -> Rows:
        parts, config = self.layer.parts, self.layer.config
        epsilon = config.layer_norm_epsilon
        stream = self.stream + parts["attn.c_proj"].map(np.concatenate(self.outputs, axis=1))
        hidden = parts["c_fc"].map(parts["ln_2"].normalise(stream, epsilon))
        stream = stream + parts["mlp.c_proj"].map(ACTIVATIONS[config.activation_function](hidden))
        if "ln_f" in parts:
            stream = parts["ln_f"].normalise(stream, epsilon)
        return Rows.from_dense(stream)


@dataclass(frozen=True, eq=False)
class Gpt2:
    """A GPT-2-style model: embeddings, layers, output weights.

    Parameters
    ----------
    token_embedding : float64[A, d]
    position_embedding : float64[most tokens, d]
    layers : tuple of Gpt2Layer
    output : Affine
        From rows to logits, weight [d, A]: the token embedding, or a head.
    """

    token_embedding: FloatArray
    position_embedding: FloatArray
    layers: tuple[Gpt2Layer, ...]
    output: Affine

    def transformer(self, n_tokens: int) -> Transformer:
        """Return the layers as a transformer over a context of n_tokens."""
        return Transformer(self.layers, n_tokens)

    def embed(self, tokens: ArrayLike) -> Rows:
        """Return the rows of a text, int[N] in 0 .. A - 1.

        Raises
        ------
        ValueError
            No token, too many tokens, or a token outside the vocabulary.
        """
        listed = np.asarray(tokens)
        if listed.ndim != 1 or listed.dtype.kind not in "iu" or not len(listed):
            raise ValueError("tokens are a vector of integers, at least one")
        if len(listed) > len(self.position_embedding):
            raise ValueError(
                f"{len(listed)} tokens, but the model has {len(self.position_embedding)} positions"
            )
        if listed.min() < 0 or listed.max() >= len(self.token_embedding):
            raise ValueError(f"tokens lie in 0 .. {len(self.token_embedding) - 1}")
        return Rows.from_dense(
            self.token_embedding[listed] + self.position_embedding[: len(listed)]
        )

    def hidden(self, tokens: ArrayLike, *, trace: Observer | None = None) -> FloatArray:
        """Return float64[N, d], the rows after the last norm."""
        rows = self.embed(tokens)
        return self.transformer(rows.n_tokens).forward(rows, trace=trace).dense()

    def logits(self, tokens: ArrayLike) -> FloatArray:
        """Return float64[N, A]."""
        return self.output.map(self.hidden(tokens))


def load(
    path: str | Path,
    config: Gpt2Config | Mapping[str, Any] | str | Path,
    attention: Mechanism | MechanismOfHead | None = None,
) -> Gpt2:
    """Read a GPT-2-style checkpoint.

    Parameters
    ----------
    path : str or Path
        As `read_weights`. Names may have a common prefix (``transformer.``, ``module.``); matrices
        may be stored input first, as GPT-2 has them, or output first; biases may be missing.
    config : Gpt2Config, mapping or path of a config.json
    attention : Mechanism, or callable (layer, head) -> Mechanism, optional
        By default causal softmax with the scale of the configuration. Another mechanism is given
        queries and keys as the model made them.

    Returns
    -------
    Gpt2
        In float64, whatever the file has.

    Raises
    ------
    WeightsFileError
        The file cannot be read, or a weight is missing or has another shape.
    ValueError
        The configuration does not fit.
    """
    settings = Gpt2Config.of(config)
    weights = _Weights.of(Path(path).name, read_weights(path))
    embedding = weights.matrix("wte.weight")
    width = embedding.shape[1]
    if width % settings.n_head:
        raise ValueError(f"n_head = {settings.n_head} does not divide the width {width}")
    n_layers = weights.n_layers
    layers = []
    for number in range(n_layers):
        beta = 1 / math.sqrt(width // settings.n_head) if settings.scale_attn_weights else 1.0
        if settings.scale_attn_by_inverse_layer_idx:
            beta /= number + 1
        softmax = Softmax(beta, causal=True)
        heads = tuple(
            attention(number, head) if callable(attention) else attention or softmax
            for head in range(settings.n_head)
        )
        layers.append(
            Gpt2Layer(heads, settings, weights.layer(number, width, number == n_layers - 1))
        )
    return Gpt2(embedding, weights.matrix("wpe.weight"), tuple(layers), weights.output(embedding))


@dataclass(frozen=True, eq=False)
class _Weights:
    """The arrays of a file, under the names that GPT-2 gives them."""

    file: str
    arrays: Mapping[str, Array]
    is_output_first: bool
    head: Array | None

    @classmethod
    def of(cls, file: str, arrays: Mapping[str, Array]) -> _Weights:
        found = sorted((name for name in arrays if name.endswith("wte.weight")), key=len)
        if not found:
            raise WeightsFileError(f"{file} has no weight wte.weight: it is no GPT-2 checkpoint")
        prefix = found[0].removesuffix("wte.weight")
        inner = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        attention = inner.get("h.0.attn.c_attn.weight")
        is_output_first = attention is not None and attention.shape[0] == 3 * attention.shape[-1]
        heads = [array for name, array in arrays.items() if name.endswith("lm_head.weight")]
        return cls(file, inner, is_output_first, heads[0] if heads else None)

    @property
    def n_layers(self) -> int:
        numbers = {name.split(".")[1] for name in self.arrays if name.startswith("h.")}
        if not numbers or numbers != {str(number) for number in range(len(numbers))}:
            raise WeightsFileError(
                f"{self.file} has the layers {sorted(numbers)}; 0, 1, ... needed"
            )
        return len(numbers)

    def matrix(self, name: str, shape: tuple[int, ...] | None = None) -> FloatArray:
        if name not in self.arrays:
            raise WeightsFileError(f"{self.file} has no weight {name}")
        array = self.arrays[name]
        if array.ndim != (2 if shape is None else len(shape)) or shape not in (None, array.shape):
            raise WeightsFileError(f"{self.file}: {name} has shape {array.shape}, not {shape}")
        return array.astype(np.float64)

    def layer(self, number: int, width: int, is_last: bool) -> dict[str, Affine]:
        name = f"h.{number}."
        inner_name = f"{name}mlp.c_fc.weight"
        fc = self.matrix(inner_name)
        inner = fc.shape[0] if self.is_output_first else fc.shape[1]
        parts = {
            "ln_1": self._norm(f"{name}ln_1", width),
            "c_attn": self._affine(f"{name}attn.c_attn", width, 3 * width),
            "attn.c_proj": self._affine(f"{name}attn.c_proj", width, width),
            "ln_2": self._norm(f"{name}ln_2", width),
            "c_fc": self._affine(f"{name}mlp.c_fc", width, inner),
            "mlp.c_proj": self._affine(f"{name}mlp.c_proj", inner, width),
        }
        return parts | ({"ln_f": self._norm("ln_f", width)} if is_last else {})

    def output(self, embedding: FloatArray) -> Affine:
        none = np.zeros(len(embedding))
        if self.head is None:
            return Affine(embedding.T, none)
        if self.head.shape != embedding.shape:
            raise WeightsFileError(
                f"{self.file}: lm_head.weight has shape {self.head.shape}, not {embedding.shape}"
            )
        return Affine(self.head.astype(np.float64).T, none)

    def _affine(self, name: str, n_in: int, n_out: int) -> Affine:
        shape = (n_out, n_in) if self.is_output_first else (n_in, n_out)
        matrix = self.matrix(f"{name}.weight", shape)
        if self.is_output_first:  # in the same order of memory: products may round by the layout
            matrix = np.ascontiguousarray(matrix.T)
        return Affine(matrix, self._bias(name, n_out))

    def _norm(self, name: str, width: int) -> Affine:
        return Affine(self.matrix(f"{name}.weight", (width,)), self._bias(name, width))

    def _bias(self, name: str, width: int) -> FloatArray:
        if f"{name}.bias" not in self.arrays:
            return np.zeros(width)
        return self.matrix(f"{name}.bias", (width,))
