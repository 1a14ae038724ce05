"""The arrays of a GPT-2-style checkpoint under the names that GPT-2 gives them, each used once.

What a model does not use would change what it computes: cross attention, biases of another kind,
a second model, layers beyond the last. So every array of a file is used or refused, but for the
masks that old files keep. Axes: d width, A tokens of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from anna_model.fixed_point.affine import Affine
from anna_model.frozen_arrays import FloatArray
from anna_model.gpt2_config import Gpt2Config
from anna_model.weights_file import Array, WeightsFileError

MASK = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
LAYER = re.compile(r"h\.(\d+)\.")
HEAD = "lm_head."


@dataclass(eq=False)
class Gpt2Weights:
    """The arrays of a file, and which of them have been used."""

    file: str
    arrays: Mapping[str, Array]
    is_output_first: bool
    outer: Mapping[str, Array]
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, file: str, arrays: Mapping[str, Array]) -> Gpt2Weights:
        """Find the model among the arrays of a file."""
        found = sorted((name for name in arrays if name.endswith("wte.weight")), key=len)
        if not found:
            raise WeightsFileError(f"{file} has no weight wte.weight: it is no GPT-2 checkpoint")
        prefix = found[0].removesuffix("wte.weight")
        inner = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        outer = {n: a for n, a in arrays.items() if not n.startswith(prefix)}
        above = prefix.removesuffix("transformer.")  # the head lies beside the transformer
        named = {n.removeprefix(above): a for n, a in outer.items() if n.startswith(above)}
        heads = {n: a for n, a in named.items() if n.startswith(HEAD)}
        rest = {n: a for n, a in outer.items() if n.removeprefix(above) not in heads}
        attention = inner.get("h.0.attn.c_attn.weight")
        is_output_first = attention is not None and attention.shape[0] == 3 * attention.shape[-1]
        return cls(file, inner | heads, is_output_first, rest)

    @property
    def n_layers(self) -> int:
        """Layers, numbered from 0 without a gap."""
        matches = map(LAYER.match, self.arrays)
        numbers = {int(match[1]) for match in matches if match and len(match[1]) < 9}
        if not numbers or numbers != set(range(len(numbers))):
            listed = ", ".join(map(str, sorted(numbers)[:9]))
            raise WeightsFileError(f"{self.file} has the layers [{listed}]; 0, 1, ... needed")
        return len(numbers)

    def require(self, settings: Gpt2Config) -> None:
        """Reject counts of a configuration that the file has not."""
        vocabulary, width = self.matrix("wte.weight").shape
        first = self.matrix("h.0.mlp.c_fc.weight").shape
        counts = {
            "n_layer": self.n_layers,
            "n_embd": width,
            "n_inner": first[0] if self.is_output_first else first[1],
            "n_positions": len(self.matrix("wpe.weight")),
            "vocab_size": vocabulary,
        }
        for name, count in counts.items():
            wanted = getattr(settings, name)
            if wanted not in (None, count):
                raise WeightsFileError(
                    f"{self.file} has {name} = {count}, the configuration {wanted}: they are of "
                    "different models, or a part of the file is missing"
                )

    def require_all_used(self) -> None:
        """Reject arrays that are no part of the model."""
        unused = [
            name for name in self.arrays if name not in self.used and not MASK.fullmatch(name)
        ]
        unused += self.outer
        if unused:
            more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
            raise WeightsFileError(
                f"{self.file}: {', '.join(unused[:3])}{more} would not be used: the file holds "
                "another model than a GPT-2, or several"
            )

    def matrix(self, name: str, shape: tuple[int, ...] | None = None) -> FloatArray:
        """Return a weight in float64."""
        if name not in self.arrays:
            raise WeightsFileError(f"{self.file} has no weight {name}")
        array = self.arrays[name]
        if array.ndim != (2 if shape is None else len(shape)) or shape not in (None, array.shape):
            raise WeightsFileError(f"{self.file}: {name} has shape {array.shape}, not {shape}")
        if array.dtype.kind != "f":
            raise WeightsFileError(
                f"{self.file}: {name} holds {array.dtype}; quantised weights are not read"
            )
        self.used.add(name)
        return array.astype(np.float64)

    def layer(self, number: int, width: int, is_last: bool) -> dict[str, Affine]:
        """Return the maps of a layer, of the last one with the last norm."""
        name = f"h.{number}."
        fc = self.matrix(f"{name}mlp.c_fc.weight")
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

    def output(self, embedding: FloatArray, tied: bool) -> Affine | None:
        """Return the output head; the embedding if that is asked for and the file has none."""
        n_tokens = len(embedding)
        if f"{HEAD}weight" in self.arrays:
            weight = self.matrix(f"{HEAD}weight", embedding.shape)
            return Affine(weight.T, self._bias("lm_head", n_tokens))
        return Affine(embedding.T, np.zeros(n_tokens)) if tied else None

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
