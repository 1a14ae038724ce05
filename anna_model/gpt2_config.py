"""The settings of a GPT-2-style model: what its weights do not show, and what they must agree with.

A setting that would make another function of the same weights is refused by name; one that changes
nothing that is computed here (dropout, generation, labels) is passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from anna_model.frozen_arrays import FloatArray


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
ALLOWED: Mapping[str, tuple[Any, ...]] = {
    "model_type": ("gpt2", None),
    "position_embedding_type": ("absolute", None),
    "add_cross_attention": (False, None),
    "is_encoder_decoder": (False, None),
    "quantization_config": (None,),
    "rope_scaling": (None,),
    "sliding_window": (None,),
}
"""Settings of other architectures, and the values at which they are GPT-2's."""
COUNTS = ("n_layer", "n_embd", "n_inner", "n_positions", "vocab_size")


@dataclass(frozen=True)
class Gpt2Config:
    """The settings that the weights do not show, and counts that they are held to.

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
    n_layer, n_embd, n_inner, n_positions, vocab_size : int, optional
        Where they are given, the weights must have them.
    is_tied : bool
        Whether the token embedding is the output head where the file has none.

    Raises
    ------
    ValueError
        A value of another type or out of range, an unknown activation.
    """

    n_head: int
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    n_layer: int | None = None
    n_embd: int | None = None
    n_inner: int | None = None
    n_positions: int | None = None
    vocab_size: int | None = None
    is_tied: bool = False

    def __post_init__(self) -> None:
        for name in ("n_head", *COUNTS):
            value = getattr(self, name)
            if name != "n_head" and value is None:
                continue
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} = {value!r}: give a whole number, at least 1")
        for name in ("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "is_tied"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give true or false")
        epsilon = self.layer_norm_epsilon
        if type(epsilon) not in (int, float) or not 0 <= epsilon < math.inf:
            raise ValueError(f"layer_norm_epsilon = {epsilon!r}: give a number, at least 0")
        known = isinstance(self.activation_function, str)
        if not known or self.activation_function not in ACTIVATIONS:
            raise ValueError(
                f"activation_function {self.activation_function!r} is unknown; "
                f"known are {', '.join(ACTIVATIONS)}"
            )

    @classmethod
    def of(cls, config: Any) -> Gpt2Config:
        """Read a configuration.

        Parameters
        ----------
        config : Gpt2Config, mapping, an object with ``to_dict``, or the path of a config.json
            An object is one of transformers; a path may be that of a folder that has the file.

        Raises
        ------
        ValueError
            Not one of these, a damaged file, a setting of another architecture.
        OSError
            The file cannot be read.
        """
        if isinstance(config, Gpt2Config):
            return config
        if isinstance(config, str | Path):
            config = _read(Path(config))
        elif hasattr(config, "to_dict"):
            config = config.to_dict()
        if not isinstance(config, Mapping) or "n_head" not in config:
            raise ValueError("the configuration has no entry n_head: give the number of heads")
        for name, values in ALLOWED.items():
            found = config.get(name)
            if not any(found is value or found == value for value in values):
                raise ValueError(
                    f"{name} is {found!r}: that is no GPT-2, whose {name} is {values[0]!r}"[:300]
                )
        known = {entry.name for entry in fields(cls)}
        settings = {name: value for name, value in config.items() if name in known}
        return cls(**({"is_tied": _is_tied(config)} | settings))


def _is_tied(config: Mapping[str, Any]) -> bool:
    """Whether a saved model had an output head of its own name that is the token embedding."""
    named = config.get("architectures")
    has_head = isinstance(named, list | tuple) and any(
        str(one).endswith("HeadModel") for one in named
    )
    return has_head and config.get("tie_word_embeddings", True) is True


def _read(path: Path) -> Any:
    if path.is_dir():
        path = path / "config.json"
    if path.suffix.lower() in (".yaml", ".yml", ".toml"):
        raise ValueError(
            f"{path.name} is not read: give a config.json, or its entries as a mapping"
        )
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"{path.name} is damaged or no JSON: {said}") from None
