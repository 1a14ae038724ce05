"""What is no GPT-2, or not all of one, is refused; what a run left out is counted and said."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model import gpt2
from anna_model.lsh import Hyperplane
from anna_model.mechanisms import (
    Anna,
    Argmax,
    ExactMatch,
    InnerProductToAngle,
    LowRank,
    Mapped,
    Mechanism,
    Softmax,
    UnitNorm,
)
from anna_model.weights_file import WeightsFileError, read_weights
from cases.damage import state_dictionary
from cases.gpt2_weights import HEADS, LAYERS, VOCABULARY, WIDTH, Arrays, drawn, safetensors

CONFIG = {"n_head": HEADS, "n_layer": LAYERS}
TOKENS = [3, 1, 4, 1, 5]


def written(folder: Path, arrays: Arrays, name: str = "model.safetensors") -> Path:
    path = folder / name
    path.write_bytes(safetensors(arrays))
    return path


def second(arrays: Arrays) -> Arrays:
    return {f"decoder.{name}": array for name, array in arrays.items()}


def without(arrays: Arrays, part: str) -> Arrays:
    return {name: array for name, array in arrays.items() if part not in name}


ONES = np.ones((WIDTH, WIDTH), np.float32)
OTHER_FILES: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "two models": (lambda w: w | second(w), r"decoder\.wte\.weight.* would not be used"),
    "cross attention": (
        lambda w: w | {"h.0.crossattention.q_attn.weight": ONES},
        r"h\.0\.crossattention\.q_attn\.weight would not be used",
    ),
    "a classifier": (lambda w: w | {"score.weight": ONES}, r"score\.weight would not be used"),
    "rotary frequencies": (
        lambda w: w | {"h.0.attn.rotary_emb.inv_freq": ONES},
        r"inv_freq would not be used",
    ),
    "another norm": (lambda w: w | {"ln_g.weight": ONES[0]}, r"ln_g\.weight would not be used"),
    "one layer of two": (lambda w: without(w, "h.1."), "n_layer = 1, the configuration 2"),
    "the last norm": (lambda w: without(w, "ln_f"), r"no weight ln_f\.weight"),
    "layers with a gap": (
        lambda w: w | {n.replace("h.1.", "h.3."): a for n, a in w.items()},
        r"has the layers \[0, 1, 3\]",
    ),
    "whole numbers": (
        lambda w: w | {"wte.weight": np.ones((VOCABULARY, WIDTH), np.int32)},
        "quantised weights are not read",
    ),
}


@pytest.mark.parametrize("what", OTHER_FILES)
def test_what_would_not_be_used_is_refused(what: str, tmp_path: Path) -> None:
    change, words = OTHER_FILES[what]
    with pytest.raises(WeightsFileError, match=words):
        gpt2.load(written(tmp_path, change(drawn())), CONFIG)


def test_masks_of_old_files_are_passed_over(tmp_path: Path) -> None:
    masks = {
        "h.0.attn.bias": np.ones((1, 1, 9, 9), np.float32),
        "h.1.attn.masked_bias": np.array(-1e4, np.float32),
    }
    with_masks = gpt2.load(written(tmp_path, drawn() | masks), CONFIG).hidden(TOKENS)
    plain = gpt2.load(written(tmp_path, drawn()), CONFIG).hidden(TOKENS)
    np.testing.assert_array_equal(with_masks, plain)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_layer": 12}, r"n_layer = 2, the configuration 12"),
        ({"n_embd": 24}, r"n_embd = 12, the configuration 24"),
        ({"n_inner": 12}, r"n_inner = 48, the configuration 12"),
        ({"n_positions": 1024}, r"n_positions = 10, the configuration 1024"),
        ({"vocab_size": 5}, r"vocab_size = 17, the configuration 5"),
        ({"n_layer": "2"}, "n_layer = '2': give a whole number"),
        ({"n_head": "3"}, "n_head = '3': give a whole number"),
        ({"n_head": None}, "n_head = None: give a whole number"),
        ({"n_head": 3.0}, r"n_head = 3\.0: give a whole number"),
        ({"n_head": True}, "n_head = True: give a whole number"),
        ({"n_head": 0}, "n_head = 0: give a whole number"),
        ({"scale_attn_weights": "no"}, "scale_attn_weights = 'no': give true or false"),
        ({"layer_norm_epsilon": "1e-5"}, "layer_norm_epsilon = '1e-5': give a number"),
        ({"layer_norm_epsilon": -1.0}, r"layer_norm_epsilon = -1\.0: give a number"),
        ({"activation_function": ["relu"]}, r"activation_function \['relu'\] is unknown"),
        ({"model_type": "llama"}, "model_type is 'llama': that is no GPT-2"),
        ({"position_embedding_type": "rotary"}, "position_embedding_type is 'rotary'"),
        ({"add_cross_attention": True}, "add_cross_attention is True"),
    ],
)
def test_settings_of_other_models_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, drawn())
    with pytest.raises(ValueError, match=words):
        gpt2.load(path, CONFIG | changes)


class Settings:
    """As a configuration of transformers is."""

    def to_dict(self) -> dict[str, Any]:
        return CONFIG | {"model_type": "gpt2", "attn_pdrop": 0.1}


def test_configurations_of_every_form(tmp_path: Path) -> None:
    path = written(tmp_path, drawn())
    expected = gpt2.load(path, CONFIG).hidden(TOKENS)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    forms = [Settings(), None, tmp_path, str(tmp_path / "config.json"), gpt2.Gpt2Config(**CONFIG)]
    for form in forms:
        np.testing.assert_array_equal(gpt2.load(path, form).hidden(TOKENS), expected)
    np.testing.assert_array_equal(gpt2.load(tmp_path).hidden(TOKENS), expected)
    with pytest.raises(ValueError, match=r"config\.yaml is not read: give a config\.json"):
        gpt2.load(path, tmp_path / "config.yaml")
    with pytest.raises(ValueError, match="no entry n_head"):
        gpt2.load(path, {})
    for text in ("{", "[" * 10**5, "[1]"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=r"config\.json is damaged|no entry n_head"):
            gpt2.load(path)


def shards(folder: Path, arrays: Arrays) -> dict[str, Any]:
    parts = [dict(list(arrays.items())[:9]), dict(list(arrays.items())[9:])]
    files = [f"model-0000{at + 1}-of-00002.safetensors" for at in range(2)]
    for file, part in zip(files, parts, strict=True):
        written(folder, part, file)
    return {name: file for file, part in zip(files, parts, strict=True) for name in part}


def test_shards_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    plain = gpt2.load(written(tmp_path, drawn(), "one.safetensors"), CONFIG).hidden(TOKENS)
    places = shards(tmp_path, drawn())
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    for path in (index, tmp_path):
        np.testing.assert_array_equal(gpt2.load(path, CONFIG).hidden(TOKENS), plain)
    part = tmp_path / "model-00001-of-00002.safetensors"
    with pytest.raises(WeightsFileError, match=r"is one part of 2: give the \.index\.json"):
        read_weights(part)
    wrong = [
        (places | {"h.9.x": part.name}, r"differ: h\.9\.x is in one of them only"),
        ({k: v for k, v in places.items() if k != "wte.weight"}, "differ: wte.weight"),
        (places | {"x": "nowhere.safetensors"}, "names nowhere.safetensors, which is not there"),
        (places | {"x": "../x.safetensors"}, "parts lie beside the index"),
        ([], "damaged or no index"),
    ]
    for map_, words in wrong:
        index.write_text(json.dumps({"weight_map": map_}))
        with pytest.raises(WeightsFileError, match=words):
            read_weights(index)
    part.unlink()
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(WeightsFileError, match="which is not there"):
        gpt2.load(tmp_path, CONFIG)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(WeightsFileError, match=r"empty holds no model\.safetensors"):
        gpt2.load(empty, CONFIG)


def test_a_dictionary_under_every_usual_key(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(
        state_dictionary(drawn(), lambda found: {"model_state_dict": found, "step": 1})
    )
    assert read_weights(path).keys() == drawn().keys()


def test_logits_need_a_head(tmp_path: Path) -> None:
    path = written(tmp_path, drawn())
    with pytest.raises(ValueError, match='no output head: load it with output="tied"'):
        gpt2.load(path, CONFIG).logits(TOKENS)
    with pytest.raises(ValueError, match="output = 'mean': give \"tied\""):
        gpt2.load(path, CONFIG, output="mean")
    tied = gpt2.load(path, CONFIG, output="tied").logits(TOKENS)
    named = CONFIG | {"architectures": ["GPT2LMHeadModel"]}
    np.testing.assert_array_equal(gpt2.load(path, named).logits(TOKENS), tied)
    with pytest.raises(ValueError, match="no output head"):
        gpt2.load(path, named | {"tie_word_embeddings": False}).logits(TOKENS)
    bias = np.arange(VOCABULARY, dtype=np.float32)
    head = {"lm_head.weight": drawn()["wte.weight"], "lm_head.bias": bias}
    found = gpt2.load(written(tmp_path, drawn() | head), CONFIG).logits(TOKENS)
    np.testing.assert_allclose(found, tied + bias, rtol=1e-12)
    with pytest.raises(WeightsFileError, match=r"lm_head\.bias would not be used"):
        gpt2.load(written(tmp_path, drawn() | {"lm_head.bias": bias}), CONFIG)


def test_mechanisms_that_see_later_tokens_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, drawn())
    with pytest.raises(ValueError, match="layer 0, head 0: Softmax sees later tokens"):
        gpt2.load(path, CONFIG, Softmax())
    one = lambda layer, head: Softmax(causal=(layer, head) != (1, 2))  # noqa: E731
    with pytest.raises(ValueError, match="layer 1, head 2: Softmax sees later tokens"):
        gpt2.load(path, CONFIG, one)
    assert gpt2.load(path, CONFIG, Softmax(), causal=False).hidden(TOKENS).shape == (5, WIDTH)
    with pytest.raises(ValueError, match="'softmax' is no mechanism"):
        gpt2.load(path, CONFIG, lambda layer, head: "softmax")  # type: ignore[arg-type,return-value]


def test_queries_that_meet_nobody_are_counted_and_said(tmp_path: Path) -> None:
    """Drawn rows are never equal but to themselves: exact match of q and k meets nothing."""
    model = gpt2.load(written(tmp_path, drawn()), CONFIG, ExactMatch(causal=True), output="tied")
    said = r"30 of 30 queries met no key .*: 15 in layer 0, 15 in layer 1"
    for run in (model.hidden, model.logits):
        with pytest.warns(gpt2.UnmatchedQueries, match=said):
            run(TOKENS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gpt2.load(written(tmp_path, drawn()), CONFIG).hidden(TOKENS)


def test_a_batch_is_its_texts(tmp_path: Path) -> None:
    model = gpt2.load(written(tmp_path, drawn()), CONFIG, output="tied")
    texts = [TOKENS, TOKENS[::-1]]
    for run in (model.hidden, model.logits):
        np.testing.assert_array_equal(run(texts)[0], run(texts[0]))
        np.testing.assert_array_equal(run(texts)[1], run(texts[1]))
    for bad, words in (
        ([[1, 2], [1]], "the texts have different lengths"),
        ([[[1]]], "vector of integers"),
        ([[1.0]], "vector of integers"),
        (np.zeros((2, 0), int), "at least one"),
        ([[0, VOCABULARY]], r"tokens lie in 0 \.\. 16"),
    ):
        with pytest.raises(ValueError, match=words):
            model.hidden(bad)


def test_every_head_draws_from_a_seed_of_its_own(tmp_path: Path) -> None:
    made: list[int] = []

    def anna(seed: int) -> Mechanism:
        made.append(seed)
        return Anna(Hyperplane(), 1, 20, seed, causal=True)

    path = written(tmp_path, drawn())
    models = [gpt2.load(path, CONFIG, gpt2.seeded(anna, seed)) for seed in (7, 7, 8)]
    assert len(set(made[:6])) == 6
    assert made[:6] == made[6:12] != made[12:]
    assert all(0 <= seed < 2**63 for seed in made)
    np.testing.assert_array_equal(models[0].hidden(TOKENS), models[1].hidden(TOKENS))


@pytest.mark.parametrize("causal", [False, True])
def test_hard_attention_is_softmax_in_the_limit(causal: bool) -> None:
    rng = np.random.default_rng(0)
    Q, K = rng.integers(-2, 3, (2, 40, 3)).astype(float)
    V = rng.standard_normal((40, 2))
    hard, soft = Argmax(causal), Softmax(1000.0, causal)
    np.testing.assert_allclose(hard.weights(Q, K), soft.weights(Q, K), atol=1e-12)
    np.testing.assert_allclose(hard.apply(Q, K, V).values, hard.weights(Q, K) @ V, atol=1e-12)
    assert not hard.apply(Q, K, V).unmatched.any()
    assert Argmax().apply(Q, K[:0], V[:0]).unmatched.all()


def test_maps_of_queries_and_keys() -> None:
    rng = np.random.default_rng(0)
    Q, K = rng.standard_normal((2, 50, 6)) * 10.0 ** rng.integers(-3, 4, (2, 50, 1))
    K /= np.abs(K).max()
    longest = float(np.linalg.norm(K, axis=1).max())
    to_angle = InnerProductToAngle(longest)
    q, k = to_angle.of_queries(Q), to_angle.of_keys(K)
    for rows in (q, k, UnitNorm().of_keys(K)):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-12)
    cosine = Q @ K.T / np.linalg.norm(Q, axis=1)[:, None] / longest
    np.testing.assert_allclose(q @ k.T, cosine, atol=1e-12)
    with pytest.raises(ValueError, match=r"is longer than 0\.5"):
        InnerProductToAngle(0.5).of_keys(np.ones((1, 6)))
    with pytest.raises(ValueError, match="give the length of the longest key"):
        InnerProductToAngle(0.0)
    V = rng.standard_normal((50, 2))
    hard = Mapped(Argmax(), to_angle).apply(Q, K, V)
    np.testing.assert_array_equal(hard.values, Argmax().apply(Q, K, V).values)
    causal = Mapped(LowRank(causal=True), UnitNorm())
    assert causal.causal
    np.testing.assert_allclose(causal.apply(Q, K, V).values, causal.weights(Q, K) @ V, atol=1e-12)
    anna = Mapped(Anna(Hyperplane(), 2, 8, 0), UnitNorm())
    assert anna.n_tables == 8
    assert re.search("Hyperplane", repr(anna))
    assert anna.bucket_statistics(Q, K)["largest_bucket"] >= 1
