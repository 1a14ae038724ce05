"""GPT-2-style models as transformers of this package, with any attention mechanism.

Radford et al. 2019: a residual stream; in every layer x + attention(norm(x)), then x +
mlp(norm(x)); a last norm. Axes: N tokens, d width, H heads of width d / H, A tokens of the
vocabulary. The row of a token is its residual stream; projection, residual and MLP live in the
fold, so that attention remains the only place where tokens meet.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from anna_model.answers import Answer, DenseAnswer
from anna_model.fixed_point.affine import Affine
from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.gpt2_config import ACTIVATIONS, Gpt2Config
from anna_model.gpt2_weights import Gpt2Weights
from anna_model.heads import DenseHeads, HeadBlock
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.mechanisms.softmax import Softmax
from anna_model.rows import Rows
from anna_model.transformer import Combine, HeadShape, Layer, Observer, Transformer
from anna_model.weights_file import read_weights, weights_in

MechanismOfHead = Callable[[int, int], Mechanism]


@dataclass(frozen=True, eq=False)
class Gpt2Layer(Layer):
    """One layer; made by `load`.

    Parameters
    ----------
    mechanisms : tuple of Mechanism
        One per head.
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
    output : Affine or None
        From rows to logits, weight [d, A]: the token embedding, or a head; None without any.
    """

    token_embedding: FloatArray
    position_embedding: FloatArray
    layers: tuple[Gpt2Layer, ...]
    output: Affine | None

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
        (listed,) = self._texts(tokens, ndim=1)
        return self._rows(listed)

    def hidden(self, tokens: ArrayLike, *, trace: Observer | None = None) -> FloatArray:
        """Return the rows after the last norm.

        Parameters
        ----------
        tokens : int[N] or int[B, N]
            A text, or B texts of one length.
        trace : optional
            As in `Transformer.forward`; sees one text after the other.

        Returns
        -------
        float64[N, d] or float64[B, N, d]

        Warns
        -----
        UnmatchedQueries
            Queries met no key and received nothing; it counts them per layer.

        Raises
        ------
        ValueError
            As `embed`; texts of different lengths.
        """
        texts = self._texts(tokens)
        counter = _Unmatched(trace)
        runs = []
        for text in texts:
            rows = self._rows(text)
            after = self.transformer(rows.n_tokens).forward(rows, trace=counter)
            runs.append(after.dense())
        counter.say()
        stacked: FloatArray = np.stack(runs)
        return stacked[0] if np.ndim(tokens) == 1 else stacked

    def logits(self, tokens: ArrayLike) -> FloatArray:
        """Return the logits of texts as `hidden` takes them.

        Returns
        -------
        float64[N, A] or float64[B, N, A]

        Raises
        ------
        ValueError
            As `hidden`; the model has no output head.
        """
        if self.output is None:
            raise ValueError(
                'the file has no output head: load it with output="tied" to use the token '
                "embedding as one"
            )
        hidden = self.hidden(tokens)
        flat = self.output.map(hidden.reshape(-1, hidden.shape[-1]))
        return flat.reshape(*hidden.shape[:-1], -1)

    def _texts(self, tokens: ArrayLike, ndim: int | None = None) -> IntArray:
        """Return texts in range, int64[B, N]."""
        try:
            listed = np.asarray(tokens)
        except ValueError:
            raise ValueError("the texts have different lengths: give them one by one") from None
        fits = listed.ndim in ((1, 2) if ndim is None else (ndim,))
        if not fits or listed.dtype.kind not in "iu" or not listed.size:
            raise ValueError("tokens are a vector of integers, at least one")
        n_tokens, most = listed.shape[-1], len(self.position_embedding)
        if n_tokens > most:
            raise ValueError(f"{n_tokens} tokens, but the model has {most} positions")
        if listed.min() < 0 or listed.max() >= len(self.token_embedding):
            raise ValueError(f"tokens lie in 0 .. {len(self.token_embedding) - 1}")
        return np.atleast_2d(listed.astype(np.int64))

    def _rows(self, text: IntArray) -> Rows:
        return Rows.from_dense(self.token_embedding[text] + self.position_embedding[: len(text)])


class UnmatchedQueries(UserWarning):
    """Queries of a run that met no key: their heads returned zeros."""


class _Unmatched:
    """A trace that counts queries without a key, and passes on."""

    def __init__(self, trace: Observer | None) -> None:
        self.trace = trace
        self.missed: Counter[int] = Counter()
        self.n_queries = 0

    def __call__(self, layer: int, block: HeadBlock, answer: Answer) -> None:
        if isinstance(answer, DenseAnswer):
            self.missed[layer] += int(answer.unmatched.sum())
            self.n_queries += answer.unmatched.size
        if isinstance(self.trace, list):
            self.trace.append((layer, block, answer))
        elif self.trace is not None:
            self.trace(layer, block, answer)

    def say(self) -> None:
        """Warn of what was counted, by layer."""
        if total := self.missed.total():
            listed = ", ".join(f"{n} in layer {layer}" for layer, n in self.missed.items() if n)
            warnings.warn(
                f"{total} of {self.n_queries} queries met no key and received zeros: {listed}",
                UnmatchedQueries,
                stacklevel=4,
            )


def seeded(make: Callable[[int], Mechanism], seed: int) -> MechanismOfHead:
    """Return mechanisms of seeds of their own, one per head and layer, all derived from one.

    Parameters
    ----------
    make : callable
        seed, in 0 .. 2^63 - 1 -> Mechanism.
    seed : int
        Not negative.

    Examples
    --------
    >>> from anna_model.lsh import Hyperplane
    >>> from anna_model.mechanisms import Anna
    >>> of_head = seeded(lambda one: Anna(Hyperplane(), 2, 8, one, causal=True), seed=0)
    >>> of_head(0, 0) == of_head(0, 0), of_head(0, 0).seed == of_head(0, 1).seed
    (True, False)
    """

    def of_head(layer: int, head: int) -> Mechanism:
        words = np.random.SeedSequence([seed, layer, head]).generate_state(1, np.uint64)
        return make(int(words[0] >> np.uint64(1)))

    return of_head


def load(
    path: str | Path,
    config: Any = None,
    attention: Mechanism | MechanismOfHead | None = None,
    *,
    output: str | None = None,
    causal: bool = True,
) -> Gpt2:
    """Read a GPT-2-style checkpoint.

    Parameters
    ----------
    path : str or Path
        As `read_weights`, an ``index.json`` of shards included; or a folder that holds one of these
        under the names of transformers. Names may have a common prefix (``transformer.``,
        ``module.``); matrices may be stored input first, as GPT-2 has them, or output first;
        biases may be missing.
    config : optional
        As `Gpt2Config.of`; by default the config.json beside the weights.
    attention : Mechanism, or callable (layer, head) -> Mechanism, optional
        By default causal softmax with the scale of the configuration. Another mechanism is given
        queries and keys as the model made them; `anna_model.mechanisms.mapped` changes them first.
    output : str, optional
        "tied": the token embedding is the output head where the file has none. By default that is
        so where the configuration names an architecture with a head.
    causal : bool
        Whether a mechanism that sees later tokens is refused.

    Returns
    -------
    Gpt2
        In float64, whatever the file has.

    Raises
    ------
    WeightsFileError
        The file cannot be read, a weight is missing, has another shape or would not be used.
    ValueError
        The configuration does not fit, or a mechanism sees later tokens.

    Examples
    --------
    A model of one layer, width 2 and 3 tokens, in a file that is made here:

    >>> import tempfile
    >>> from anna_model.weights_file import write_weights
    >>> shapes = {"wte.weight": (3, 2), "wpe.weight": (8, 2), "ln_f.weight": (2,)} | {
    ...     f"h.0.{name}.weight": shape for name, shape in {
    ...         "ln_1": (2,), "attn.c_attn": (2, 6), "attn.c_proj": (2, 2),
    ...         "ln_2": (2,), "mlp.c_fc": (2, 8), "mlp.c_proj": (8, 2)}.items()}
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/model.safetensors"
    ...     write_weights(path, {n: rng.standard_normal(s) for n, s in shapes.items()})
    ...     model = load(path, {"n_head": 1}, output="tied")
    >>> model.hidden([0, 2, 1]).shape, model.logits([[0, 2, 1], [1, 1, 1]]).shape
    ((3, 2), (2, 3, 3))
    """
    if output not in (None, "tied"):
        raise ValueError(f'output = {output!r}: give "tied", or leave it out')
    path = Path(path)
    beside = path if path.is_dir() else path.parent
    settings = Gpt2Config.of(beside / "config.json" if config is None else config)
    weights = Gpt2Weights.of(path.name, read_weights(weights_in(path)))
    weights.require(settings)
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
        if causal:
            _require_causal(number, heads)
        layers.append(
            Gpt2Layer(heads, settings, weights.layer(number, width, number == n_layers - 1))
        )
    head = weights.output(embedding, output == "tied" or settings.is_tied)
    positions = weights.matrix("wpe.weight")
    weights.require_all_used()
    return Gpt2(embedding, positions, tuple(layers), head)


def _require_causal(layer: int, mechanisms: tuple[Mechanism, ...]) -> None:
    for head, mechanism in enumerate(mechanisms):
        if not isinstance(mechanism, Mechanism):
            raise ValueError(f"layer {layer}, head {head}: {mechanism!r:.80} is no mechanism")
        if not mechanism.causal:
            raise ValueError(
                f"layer {layer}, head {head}: {type(mechanism).__name__} sees later tokens, which "
                "the model was not trained with: make it with causal=True, or load(causal=False)"
            )
