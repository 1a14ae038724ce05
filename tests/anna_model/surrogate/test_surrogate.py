"""Learned models without torch: instances, recipes, transfer, evaluation, shipped weights."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model.lsh import CrossPolytope, Hyperplane
from anna_model.mechanisms import Anna, Softmax
from anna_model.rows import Rows
from anna_model.surrogate import (
    RECIPES,
    CollisionStandIn,
    ExpectedCollisions,
    KHop,
    Learned,
    Match2,
    Recipe,
    anna_layers,
    guessing_errors,
    measure,
)
from anna_model.surrogate.collision_law import log_collision_table
from anna_model.surrogate.data import TEST, TRAINING, VALIDATION
from anna_model.surrogate.learned import gelu
from anna_model.weights_file import WeightsFileError, read_weights, write_weights
from cases.surrogate import (
    drawn_weights,
    hops_by_loop,
    match2_by_loop,
    small_match2,
    small_recipe,
)

# --- instances ---


@pytest.mark.parametrize("task", [Match2(), small_match2(), Match2(n_tokens=2, modulus=5)])
def test_match2_is_the_definition_on_balanced_samples(task: Match2) -> None:
    batch = task.batch(400, seed=1, stream=TRAINING, number=0)
    assert batch.tokens.shape == (400, task.n_tokens)
    assert batch.tokens.min() >= 1
    assert batch.tokens.max() < task.modulus
    for numbers, answers in zip(batch.tokens, batch.answers, strict=True):
        assert answers[:, 0].tolist() == match2_by_loop(numbers.tolist(), task.modulus)
    ones = batch.answers[:, :, 0].sum(axis=1)
    if task.n_tokens == 32:
        # Each bin is drawn with probability 1/4: 400 draws miss 100 by 40 with probability below
        # 2 exp(-2 * 40^2 / 400) < 1e-3 (Hoeffding) a bin; one ones-count, 1, is drawn again.
        bins = np.histogram(ones, [0, 8, 16, 24, 33])[0]
        assert (abs(bins - 100) <= 40).all(), bins


def test_uniform_residues_would_not_be_balanced() -> None:
    numbers = np.random.default_rng(0).integers(1, 37, (4000, 32))
    ones = Match2().answers(numbers)[:, :, 0].sum(axis=1)
    shares = np.histogram(ones, [0, 8, 16, 24, 33])[0] / len(ones)
    assert shares[0] < 0.02 < 0.6 < shares[2]


@pytest.mark.parametrize("task", [KHop(hops=3), KHop(n_tokens=9, n_letters=2, hops=4)])
def test_k_hop_is_the_definition(task: KHop) -> None:
    batch = task.batch(12, seed=2, stream=TRAINING, number=5)
    assert (batch.tokens[:, 1:] != batch.tokens[:, :-1]).all()
    for text, answers in zip(batch.tokens, batch.answers, strict=True):
        assert answers.tolist() == hops_by_loop(text.tolist(), task.n_letters, task.hops)


@pytest.mark.parametrize("task", [Match2(), KHop()])
def test_what_is_sought_gives_the_answer(task: Match2 | KHop) -> None:
    batch = task.batch(5, seed=0, stream=TEST, number=0)
    sought = task.sought(batch.tokens)
    found = sought.any(axis=2)
    if isinstance(task, Match2):
        assert (found == batch.answers[:, :, 0]).all()
    else:
        assert (sought.sum(axis=2) <= 1).all()
        assert (found == (batch.answers[:, :, 0] < 4)).all()
        letter = np.take_along_axis(batch.tokens, sought.argmax(axis=2), axis=1)
        assert (letter == batch.answers[:, :, 0])[found].all()


def test_streams_and_numbers_draw_different_instances() -> None:
    keys = [(0, TRAINING, 0), (0, TRAINING, 1), (0, VALIDATION, 0), (0, TEST, 0), (1, TRAINING, 0)]
    drawn = [
        KHop().batch(2, seed=seed, stream=stream, number=number).tokens.tobytes()
        for seed, stream, number in keys
    ]
    assert len(set(drawn)) == len(keys)
    assert drawn[0] == KHop().batch(2, seed=0, stream=TRAINING, number=0).tokens.tobytes()


IMPOSSIBLE: dict[str, Any] = {
    "one token": lambda: Match2(n_tokens=1),
    "even modulus": lambda: Match2(modulus=4),
    "modulus without two pairs": lambda: Match2(modulus=3),
    "one letter": lambda: KHop(n_letters=1),
    "no hop": lambda: KHop(hops=0),
    "share above 1": lambda: CollisionStandIn(first_power=2.0),
    "no steps": lambda: small_recipe(steps=0),
    "tables of one layer": lambda: small_recipe(tables=(4,)),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_recipes_are_refused(case: str) -> None:
    with pytest.raises(ValueError, match=r"not|must be|give tables"):
        IMPOSSIBLE[case]()


# --- recipes and cards ---


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name: str) -> None:
    written = json.dumps(RECIPES[name].to_json())
    assert Recipe.from_json(json.loads(written)) == RECIPES[name]


def test_stand_ins_of_a_task_differ_in_nothing_else() -> None:
    for name in RECIPES:
        task = name.rpartition("-")[0]
        softmax, collisions = RECIPES[f"{task}-softmax"], RECIPES[f"{task}-collisions"]
        assert replace(collisions, stand_in=softmax.stand_in) == softmax


@pytest.mark.parametrize(
    "change", [{"task": {"kind": "Sum"}}, {"lr": 1}, {"architecture": 3}], ids=str
)
def test_foreign_recipes_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|no recipe"):
        Recipe.from_json(small_recipe().to_json() | change)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda card, weights: card.pop("recipe"), "no recipe"),
        (lambda card, weights: weights.pop("readout"), "lack readout"),
        (lambda card, weights: weights.update(token=np.zeros((5, 16), np.float32)), "shape"),
        (lambda card, weights: weights["position"].fill(np.nan), "finite"),
    ],
    ids=["card", "missing", "shape", "nan"],
)
def test_damaged_weights_are_refused(spoil: Any, message: str) -> None:
    learned = drawn_weights(small_recipe())
    card, weights = dict(learned.card), dict(learned.weights)
    spoil(card, weights)
    with pytest.raises(WeightsFileError, match=message):
        Learned(card, weights)


def test_weights_are_written_and_read(tmp_path: Path) -> None:
    learned = drawn_weights(small_recipe())
    write_weights(tmp_path / "w.safetensors", learned.weights)
    (tmp_path / "card.json").write_text(json.dumps(learned.card))
    again = Learned.read(tmp_path / "card.json", tmp_path / "w.safetensors")
    assert all((again.weights[name] == one).all() for name, one in learned.weights.items())
    assert list(tmp_path.glob("*.partial")) == []
    with pytest.raises(ValueError, match=r"\.safetensors"):
        write_weights(tmp_path / "w.npz", learned.weights)
    with pytest.raises(ValueError, match="complex128"):
        write_weights(tmp_path / "w.safetensors", {"w": np.zeros(2, complex)})
    assert set(read_weights(tmp_path / "w.safetensors")) == set(learned.weights)
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(WeightsFileError, match="no JSON"):
        Learned.read(tmp_path / "card.json", tmp_path / "w.safetensors")


# --- transfer and evaluation ---


def forward_by_loop(learned: Learned, text: list[int], beta: float) -> list[int]:
    """Every token by plain loops: embedding, softmax attention, MLP, the first hop's answer."""
    w = {name: one.astype(float) for name, one in learned.weights.items()}
    x = [w["token"][letter] + w["position"][i] for i, letter in enumerate(text)]
    for layer in range(learned.recipe.architecture.layers):
        part = {k.removeprefix(f"layers.{layer}."): v for k, v in w.items()}
        queries = [row @ part["query"] for row in x]
        keys = [row @ part["key"] for row in x]
        new = []
        for row, query in zip(x, queries, strict=True):
            cosines = [query @ key / math.sqrt((query @ query) * (key @ key)) for key in keys]
            share = [math.exp(beta * one) for one in cosines]
            total = sum(share)
            heard = sum(s / total * (r @ part["value"]) for s, r in zip(share, x, strict=True))
            stream = row + heard
            hidden = stream @ part["mlp.in"] + part["mlp.in.bias"]
            bent = np.array([
                0.5 * h * (1 + math.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
                for h in hidden
            ])  # fmt: skip
            new.append(stream + bent @ part["mlp.out"] + part["mlp.out.bias"])
        x = new
    return [int((row @ w["readout"] + w["readout.bias"])[:5].argmax()) for row in x]


def test_transformer_of_weights_is_the_network_written_out() -> None:
    learned = drawn_weights(small_recipe())
    batch = learned.recipe.task.batch(3, seed=0, stream=TEST, number=0)
    answers = learned.answer(batch.tokens, [Softmax(5.0), Softmax(5.0)])
    for text, answered in zip(batch.tokens, answers, strict=True):
        assert answered[:, 0].tolist() == forward_by_loop(learned, text.tolist(), 5.0)


def test_measure_is_the_transformer_with_anna_layers() -> None:
    learned = drawn_weights(small_recipe())
    batch = learned.recipe.task.batch(3, seed=0, stream=TEST, number=0)
    settings = [((6, 2), (4, 1)), ((6, 2), (2, 2)), ((3, 1), (4, 3))]
    sought = learned.recipe.task.sought(batch.tokens)
    for found in measure(learned, batch, settings, seed=5):
        mechanisms = anna_layers(learned, found.setting, seed=5)
        answered = learned.answer(batch.tokens, mechanisms)
        assert ((answered != batch.answers) == found.wrong).all()
        transformer = learned.transformer(mechanisms)
        for sample, x in enumerate(learned.embed(batch.tokens)):
            trace: list[Any] = []
            transformer.forward(Rows.from_dense(x), trace=trace)
            for layer, (block, mechanism) in enumerate(
                zip((step[1] for step in trace), mechanisms, strict=True)
            ):
                assert isinstance(mechanism, Anna)
                met = mechanism.collision_matrix(block.Q[0], block.K[0])
                assert (found.collisions[layer, sample] == met.sum(axis=1)).all()
                assert (found.keys_met[layer, sample] == (met > 0).sum(axis=1)).all()
            looks = sought[sample].any(axis=1)
            share = (met * sought[sample]).sum(axis=1) / np.maximum(met.sum(axis=1), 1)
            assert np.allclose(found.sought_weight[sample][looks], share[looks], atol=0, rtol=1e-15)
            assert np.isnan(found.sought_weight[sample][~looks]).all()


def test_layers_hash_differently() -> None:
    first, second = anna_layers(drawn_weights(small_recipe()), ((4, 1), (4, 1)), seed=0)
    assert isinstance(first, Anna)
    assert isinstance(second, Anna)
    assert first.seed != second.seed


def test_inputs_that_do_not_fit_are_refused() -> None:
    learned = drawn_weights(small_recipe())
    with pytest.raises(ValueError, match="each of 2 layers"):
        learned.transformer([Softmax()])
    with pytest.raises(ValueError, match="12 tokens"):
        learned.embed(np.zeros((1, 3), np.int64))
    with pytest.raises(ValueError, match=r"0 \.\. 3"):
        learned.embed(np.full((1, 12), 4))


def test_guessers_are_what_guessing_scores() -> None:
    task = KHop(hops=2)
    batch = task.batch(200, seed=0, stream=TEST, number=0)
    errors = guessing_errors(task, batch)
    rng = np.random.default_rng(0)
    shape = batch.answers.shape
    letter = rng.integers(0, 4, shape)
    other = (batch.tokens[:, :, None] + rng.integers(1, 4, shape)) % 4
    # A share of 40,000 independent draws is off by 0.011 with probability below 1e-4 (Hoeffding).
    assert abs((letter != batch.answers).mean() - errors["guess"]) < 0.011
    assert abs((other != batch.answers).mean() - errors["guess a different letter"]) < 0.011
    one_hop = KHop().batch(100, seed=0, stream=TEST, number=0)
    # 2/3 on the defined positions, 1 on the 4 % that are "none".
    assert abs(guessing_errors(KHop(), one_hop)["guess a different letter"] - 0.680) < 0.01
    assert (
        guessing_errors(Match2(), Match2().batch(9, seed=0, stream=TEST, number=0))["guess"] == 0.5
    )


def test_gelu_is_the_tanh_form() -> None:
    x = np.linspace(-4, 4, 41)
    inner = [math.sqrt(2 / math.pi) * (one + 0.044715 * one**3) for one in x]
    by_hand = [one / 2 * (1 + math.tanh(two)) for one, two in zip(x, inner, strict=True)]
    assert np.abs(gelu(x) - by_hand).max() < 4e-15


# --- the collision law ---


@pytest.mark.parametrize(
    "family",
    [
        pytest.param(Hyperplane(), id="hyperplane"),
        pytest.param(CrossPolytope("gaussian"), id="cross-polytope", marks=pytest.mark.slow),
    ],
)
def test_law_is_the_collision_probability(family: Any) -> None:
    table = log_collision_table(family, 8)
    nodes = np.linspace(0, 2, len(table))
    assert table[0] == 0
    assert (np.diff(table) < 0).all()
    for distance in (0.11, 0.7, 1.0, 1.4, 1.71):
        exact = math.log(family.collision_probability(distance, 8))
        assert abs(np.interp(distance, nodes, table) - exact) < 2e-3


def test_many_tables_approach_the_expected_collisions() -> None:
    rng = np.random.default_rng(1)
    Q, K = (rng.standard_normal((6, 8)) for _ in range(2))
    Q, K = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (Q, K))
    family, tables = Hyperplane(), 20_000
    met = Anna(family, hashes=1, tables=tables, seed=0).collision_matrix(Q, K)
    # Shares of independent tables: 36 of them are all within 0.019 of their probabilities but with
    # probability 72 exp(-2 * 20,000 * 0.019^2) < 5e-5 (Hoeffding).
    reach = 0.019
    distance = np.sqrt(2 - 2 * Q @ K.T)
    probability = np.array([[family.collision_probability(d, 8) for d in row] for row in distance])
    assert (np.abs(met / tables - probability) < reach).all()
    weights = ExpectedCollisions(family, hashes=1, tables=tables).weights(Q, K)
    share = probability / probability.sum(axis=1, keepdims=True)
    assert np.abs(weights - share).max() < 2e-3


def test_few_tables_lose_what_meets_nobody() -> None:
    """Poisson counts of known means: their average weights are those of the stand-in."""
    rng = np.random.default_rng(2)
    Q = np.eye(4)[:1]
    K = np.array([[0.8, 0.6, 0, 0], [0, 1, 0, 0], [-0.6, 0.8, 0, 0]])
    attention = ExpectedCollisions(Hyperplane(), hashes=3, tables=2)
    mean = 2 * np.array([[Hyperplane().collision_probability(d, 4) for d in row] for row in
                         np.sqrt(2 - 2 * Q @ K.T)]) ** 3  # fmt: skip
    counts = rng.poisson(mean, (100_000, 3))
    drawn = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).mean(axis=0)
    # A mean of 100,000 shares is off by 0.008 with probability below 6e-6 (Hoeffding).
    assert np.abs(attention.weights(Q, K)[0] - drawn).max() < 0.008
    assert attention.weights(Q, K).sum() < 0.9  # the canary: plain shares would sum to 1


def test_evaluation_needs_no_torch() -> None:
    code = (
        "import sys, importlib.util\n"
        "sys.modules['torch'] = None\n"
        "importlib.util.find_spec = lambda name: None\n"
        "from anna_model.surrogate import *\n"
        "import anna_model.surrogate.training as training\n"
        "learned = shipped('match2-collisions')\n"
        "batch = learned.recipe.task.batch(2, seed=0, stream=2, number=0)\n"
        "print(measure(learned, batch, [((8, 1),)], seed=0)[0].wrong.shape)\n"
        "try: training.train(learned.recipe, 'unused')\n"
        "except training.TrainingError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.splitlines() == [
        "(2, 32, 1)",
        "training needs torch: pip install 'anna-mpc[train]'",
    ], done.stderr


def test_the_power_grows_to_the_hashes() -> None:
    stand_in = CollisionStandIn(first_power=0.5, anneal_until=0.5)
    powers = [stand_in.power(2, step=step, steps=100) for step in (0, 25, 50, 100)]
    assert powers == [1.0, 1.5, 2.0, 2.0]
    assert CollisionStandIn(anneal_until=0).power(3, step=0, steps=100) == 3.0
