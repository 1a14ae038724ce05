"""GPT-2-style checkpoints: against plain loops here, against transformers where it is installed."""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model import gpt2
from anna_model.forward_by_definition import definition_forward
from anna_model.mechanisms import LowRank, Softmax
from anna_model.weights_file import WeightsFileError, read_weights
from cases.damage import state_dictionary
from cases.gpt2_weights import (
    HEADS,
    LAYERS,
    POSITIONS,
    VOCABULARY,
    WIDTH,
    Arrays,
    drawn,
    safetensors,
)

CONFIG = {"n_head": HEADS, "n_layer": LAYERS}


def plain_model(w: Arrays, tokens: list[int], epsilon: float = 1e-5) -> list[list[float]]:
    """GPT-2 with plain loops, from its description."""

    def norm(row: list[float], name: str) -> list[float]:
        mean = sum(row) / len(row)
        variance = sum((x - mean) ** 2 for x in row) / len(row)
        scale, shift = w[f"{name}.weight"], w[f"{name}.bias"]
        return [
            (x - mean) / math.sqrt(variance + epsilon) * float(scale[c]) + float(shift[c])
            for c, x in enumerate(row)
        ]

    def affine(row: list[float], name: str) -> list[float]:
        matrix, bias = w[f"{name}.weight"], w[f"{name}.bias"]
        return [
            math.fsum(x * float(matrix[r, c]) for r, x in enumerate(row)) + float(bias[c])
            for c in range(matrix.shape[1])
        ]

    def gelu(x: float) -> float:
        return x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    stream = [
        [float(a) + float(b) for a, b in zip(w["wte.weight"][t], w["wpe.weight"][i], strict=True)]
        for i, t in enumerate(tokens)
    ]
    size = WIDTH // HEADS
    for number in range(LAYERS):
        name = f"h.{number}."
        asked = [affine(norm(row, f"{name}ln_1"), f"{name}attn.c_attn") for row in stream]
        after = []
        for i, row in enumerate(stream):
            heard: list[float] = []
            for head in range(HEADS):
                at = [slice(part * WIDTH + head * size, part * WIDTH + (head + 1) * size)
                      for part in range(3)]  # fmt: skip
                q = asked[i][at[0]]
                score = [
                    math.exp(
                        sum(a * b for a, b in zip(q, asked[j][at[1]], strict=True)) / size**0.5
                    )
                    for j in range(i + 1)
                ]
                total = sum(score)
                heard += [
                    sum(score[j] * asked[j][at[2]][c] for j in range(i + 1)) / total
                    for c in range(size)
                ]
            projected = affine(heard, f"{name}attn.c_proj")
            row = [a + b for a, b in zip(row, projected, strict=True)]
            inner = [gelu(x) for x in affine(norm(row, f"{name}ln_2"), f"{name}mlp.c_fc")]
            mlp = affine(inner, f"{name}mlp.c_proj")
            after.append([a + b for a, b in zip(row, mlp, strict=True)])
        stream = after
    return [norm(row, "ln_f") for row in stream]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain.safetensors").write_bytes(safetensors(drawn()))
    return tmp_path


TOKENS = [3, 1, 4, 1, 5, 9, 2]


def test_hidden_rows_and_logits(folder: Path) -> None:
    model = gpt2.load(folder / "plain.safetensors", CONFIG, output="tied")
    expected = np.array(plain_model(drawn(), TOKENS))
    # About 2 * 48 rounded operations of relative error 2^-53 a number, two layers of width 12.
    np.testing.assert_allclose(model.hidden(TOKENS), expected, rtol=1e-9, atol=1e-9)
    embedding = drawn()["wte.weight"].astype(float)
    np.testing.assert_allclose(model.logits(TOKENS), expected @ embedding.T, rtol=1e-9, atol=1e-8)


def test_prefix_output_first_and_output_head(folder: Path) -> None:
    arrays = drawn()
    expected = gpt2.load(folder / "plain.safetensors", CONFIG).hidden(TOKENS)
    head = np.ones((VOCABULARY, WIDTH), np.float32)
    turned = {
        f"module.transformer.{name}": array.T if ".c_" in name and array.ndim == 2 else array
        for name, array in arrays.items()
    } | {"module.lm_head.weight": head}
    (folder / "turned.safetensors").write_bytes(safetensors(turned))
    model = gpt2.load(folder / "turned.safetensors", CONFIG)
    np.testing.assert_array_equal(model.hidden(TOKENS), expected)
    np.testing.assert_allclose(model.logits(TOKENS)[:, 0], expected.sum(axis=1), atol=1e-12)


def test_any_mechanism_for_any_head(folder: Path) -> None:
    path = folder / "plain.safetensors"
    linear = LowRank(causal=True)
    softmax = Softmax(0.5, causal=True)
    mixed = gpt2.load(
        path, CONFIG, lambda layer, head: linear if (layer, head) == (1, 1) else softmax
    )
    rows = mixed.embed(TOKENS)
    transformer = mixed.transformer(len(TOKENS))
    trace: list[Any] = []
    fast = transformer.forward(rows, trace=trace).dense()
    slow = definition_forward(transformer, rows, -1.0, -2.0)[-1].dense()
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)
    assert [(layer, block.first_head, block.n_heads) for layer, block, _ in trace] == [
        (0, 0, 3), (1, 0, 1), (1, 1, 1), (1, 2, 1),
    ]  # fmt: skip
    alone = gpt2.load(path, CONFIG, softmax).hidden(TOKENS)
    np.testing.assert_array_equal(alone, gpt2.load(path, CONFIG).hidden(TOKENS))
    assert not np.allclose(fast, alone)


# --- state dictionaries ---


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
def test_state_dictionary(folder: Path, key: str | None) -> None:
    path = folder / "state.pt"
    wrap = (lambda found: found) if key is None else (lambda found: {key: found, "step": 7})
    path.write_bytes(state_dictionary(drawn(), wrap))
    expected = gpt2.load(folder / "plain.safetensors", CONFIG).hidden(TOKENS)
    np.testing.assert_array_equal(gpt2.load(path, CONFIG).hidden(TOKENS), expected)


RAN: list[str] = []


def harm() -> None:
    RAN.append("ran")


class Harmful:
    def __reduce__(self) -> Any:
        return harm, ()


def test_nothing_is_executed(folder: Path) -> None:
    path = folder / "state.pt"
    path.write_bytes(state_dictionary(drawn(), lambda found: {"model": found, "extra": Harmful()}))
    with pytest.raises(WeightsFileError, match=r"state\.pt: .*harm, which is not executed"):
        read_weights(path)
    assert not RAN
    pickle.loads(pickle.dumps(Harmful()))  # the canary: an ordinary unpickler runs it
    assert RAN


def test_views_of_a_storage(folder: Path) -> None:
    """A tensor that reaches beyond its storage is refused, not read."""
    data = state_dictionary(drawn())
    assert read_weights_of(folder, data)["wte.weight"].shape == (VOCABULARY, WIDTH)
    with zipfile.ZipFile(io.BytesIO(data)) as good:
        parts = {name: good.read(name) for name in good.namelist()}
    parts["any/data/0"] = parts["any/data/0"][:-4]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(WeightsFileError, match="reaches beyond its 203 numbers"):
        read_weights_of(folder, packed.getvalue())


def read_weights_of(folder: Path, data: bytes) -> Arrays:
    path = folder / "other.pt"
    path.write_bytes(data)
    return read_weights(path)


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_damaged_files(folder: Path, kind: str) -> None:
    data = safetensors(drawn()) if kind == "safetensors" else state_dictionary(drawn())
    path = folder / f"damaged.{kind}"
    rng = np.random.default_rng(0)
    for cut in (0, 3, 7, 9, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(WeightsFileError, match="damaged"):
            read_weights(path)
    for _ in range(200):  # any byte changed: other numbers or the one error, nothing else
        at = int(rng.integers(0, min(len(data), 4000)))
        path.write_bytes(data[:at] + bytes([data[at] ^ int(rng.integers(1, 256))]) + data[at + 1 :])
        with suppress(WeightsFileError):
            read_weights(path)


def test_dtypes(folder: Path) -> None:
    header = {
        "bf": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
        "half": {"dtype": "F16", "shape": [1, 1], "data_offsets": [4, 6]},
        "none": {"dtype": "F32", "shape": [0, 3], "data_offsets": [6, 6]},
    }
    text = json.dumps(header).encode()
    body = bytes([0x80, 0x3F, 0x20, 0xC0]) + np.array([0.5], np.float16).tobytes()
    path = folder / "kinds.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    found = read_weights(path)
    assert found["bf"].tolist() == [1.0, -2.5]
    assert found["half"].tolist() == [[0.5]]
    assert found["none"].shape == (0, 3)


def test_what_is_no_checkpoint(folder: Path) -> None:
    other = folder / "notes.txt"
    other.write_text("hello")
    with pytest.raises(WeightsFileError, match=r"neither a \.safetensors file nor a zip"):
        read_weights(other)
    path = folder / "other.safetensors"
    path.write_bytes(safetensors({"a": np.zeros(2, np.float32)}))
    with pytest.raises(WeightsFileError, match=r"no weight wte\.weight"):
        gpt2.load(path, CONFIG)
    arrays = drawn()
    del arrays["h.1.mlp.c_proj.weight"]
    path.write_bytes(safetensors(arrays))
    with pytest.raises(WeightsFileError, match=r"no weight h\.1\.mlp\.c_proj\.weight"):
        gpt2.load(path, CONFIG)
    path.write_bytes(safetensors(drawn() | {"h.0.ln_1.weight": np.zeros(5, np.float32)}))
    with pytest.raises(WeightsFileError, match=r"h\.0\.ln_1\.weight has shape \(5,\), not \(12,\)"):
        gpt2.load(path, CONFIG)
    plain = folder / "plain.safetensors"
    with pytest.raises(ValueError, match="n_head = 5 does not divide the width 12"):
        gpt2.load(plain, {"n_head": 5})
    with pytest.raises(ValueError, match="no entry n_head"):
        gpt2.load(plain, {"n_layer": 5})
    with pytest.raises(ValueError, match="activation_function 'swish' is unknown"):
        gpt2.load(plain, {"n_head": 3, "activation_function": "swish"})
    model = gpt2.load(plain, CONFIG)
    for tokens, words in (
        ([], "at least one"),
        ([VOCABULARY], r"0 \.\. 16"),
        ([0] * 11, "11 tokens, but the model has 10 positions"),
    ):
        with pytest.raises(ValueError, match=words):
            model.embed(np.array(tokens, np.int64))


# --- against transformers ---


@pytest.mark.parametrize("activation", ["gelu_new", "gelu", "relu"])
def test_against_transformers(tmp_path: Path, activation: str) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    settings = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        activation_function=activation, initializer_range=0.4, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(settings).eval()
    torch.save(model.state_dict(), tmp_path / "model.pt")
    torch.save({"model": model.transformer.state_dict()}, tmp_path / "inner.pt")
    model.save_pretrained(tmp_path)
    with torch.no_grad():
        ids = torch.tensor([TOKENS])
        hidden = model.transformer(ids).last_hidden_state[0].numpy()
        logits = model(ids).logits[0].numpy()
    for name in ("model.pt", "inner.pt", "model.safetensors"):
        ours = gpt2.load(tmp_path / name, tmp_path / "config.json")
        # A number passes through about 2 * (12 + 48 + 12 + 12) float32 products and sums of order
        # 1 a layer: 2 * 168 * 2^-24 = 2e-5, times 10 for the norms.
        np.testing.assert_allclose(ours.hidden(TOKENS), hidden, rtol=2e-4, atol=2e-4)
        np.testing.assert_allclose(ours.logits(TOKENS), logits, rtol=2e-4, atol=2e-3)
