"""Training of learned models: needs the optional extra ``train``."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model.lsh import Hyperplane
from anna_model.mechanisms import Softmax
from anna_model.surrogate import (
    Architecture,
    CollisionStandIn,
    ExpectedCollisions,
    Recipe,
    TrainingError,
    train,
    trained_in,
)
from anna_model.surrogate.data import TEST
from anna_model.surrogate.network import initial_parameters, logits
from anna_model.surrogate.stand_ins import (
    CollisionLaw,
    attention_weights,
    sampled_weights,
    scattered_counts,
    softmax_weights,
    table_seed,
)
from anna_model.weights_file import read_weights, write_weights
from cases.surrogate import drawn_weights, small_match2, small_recipe

torch = pytest.importorskip("torch", reason="the extra train is not installed")

COLLISIONS = CollisionStandIn(first_power=0.5, anneal_until=0.5, sample_from=0.5)


def rows(seed: int, size: tuple[int, ...] = (2, 7, 8)) -> Any:
    drawn = torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=-1)


def small_match2_recipe(**changes: Any) -> Recipe:
    shape = Architecture(1, 16, 8, positions=False)
    sizes = {"tables": (4,), "hashes": (1,)}
    return small_recipe(**{"task": small_match2(), "architecture": shape, **sizes, **changes})


# --- the network ---


def test_network_is_the_one_that_is_transferred() -> None:
    recipe = small_recipe()
    learned = drawn_weights(recipe)
    batch = recipe.task.batch(4, seed=0, stream=TEST, number=0)
    scores = logits(
        {name: torch.from_numpy(one) for name, one in learned.weights.items()},
        recipe.task,
        recipe.architecture,
        torch.from_numpy(batch.tokens),
        lambda layer, Q, K, V: softmax_weights(Q, K, recipe) @ V,
    )
    assert scores.shape == (4, 12, 2, 5)
    answers = learned.answer(batch.tokens, [Softmax(5.0), Softmax(5.0)])
    best = scores.max(dim=3).values
    # The float32 scores of the class that float64 chooses are the highest but for rounding.
    chosen = scores.gather(3, torch.from_numpy(answers)[..., None])[..., 0]
    assert float((best - chosen).max()) < 1e-4
    assert (scores.argmax(dim=3).numpy() == answers).mean() > 0.98


def test_first_weights_follow_from_the_seed() -> None:
    recipe = small_recipe()
    drawn = [
        initial_parameters(recipe.task, recipe.architecture, seed)["layers.1.key"]
        for seed in (0, 0, 1)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


# --- the stand-ins ---


def test_expectation_is_that_of_numpy() -> None:
    recipe = small_recipe(COLLISIONS)
    law = CollisionLaw.of(Hyperplane(), 8)
    Q, K = rows(0), rows(1)
    weights = attention_weights(recipe, law, 1, Q, K, step=5)  # before any table is drawn
    power = COLLISIONS.power(1, step=5, steps=12)
    assert power == 0.5 + 0.5 * 5 / 6
    expected = [
        ExpectedCollisions(Hyperplane(), hashes=power, tables=4).weights(q, k)  # type: ignore[arg-type]
        for q, k in zip(Q.numpy(), K.numpy(), strict=True)
    ]
    assert np.abs(weights.numpy() - np.stack(expected)).max() < 1e-5


def test_law_has_the_slope_of_differences() -> None:
    law = CollisionLaw.of(Hyperplane(), 8)
    angle = torch.linspace(0.3, 2.8, 6, dtype=torch.float64)
    Q = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)

    def at(angles: Any) -> Any:
        K = torch.stack([angles.cos(), angles.sin()], dim=1)[None]
        return law.log_probability(Q, K)[0, 0]

    angle.requires_grad_()
    at(angle).sum().backward()
    distance, piece = 2 * np.sin(angle.detach().numpy() / 2), 2 / len(law.value)

    def slope(at: Any) -> Any:
        """d/dD ln(1 - 2 asin(D/2) / pi)."""
        return -1 / (np.pi - 2 * np.arcsin(at / 2)) / np.sqrt(1 - at**2 / 4)

    # A chord has the slope of the law somewhere on its piece; the law is concave here.
    found = angle.grad.numpy() / np.cos(angle.detach().numpy() / 2)
    later = np.minimum(distance + piece, 2 - 1e-9)
    low, high = slope(later), slope(np.maximum(distance - piece, 0))
    ends = np.minimum(low, high), np.maximum(low, high)
    assert ((ends[0] <= found) & (found <= ends[1])).all()


def test_drawn_tables_are_those_of_anna() -> None:
    from anna_model.mechanisms import Anna

    recipe = small_recipe(COLLISIONS)
    Q, K = rows(2), rows(3)
    weights = sampled_weights(recipe, 0, Q, K, seed=11)
    attention = Anna(Hyperplane(), hashes=2, tables=6, seed=11)
    for sample in range(2):
        by_anna = attention.weights(Q[sample].numpy(), K[sample].numpy())
        assert np.abs(weights[sample].numpy() - by_anna).max() < 1e-6


def test_straight_through_runs_tables_and_learns_from_the_expectation() -> None:
    recipe = small_recipe(COLLISIONS)
    law = CollisionLaw.of(Hyperplane(), 8)
    V = rows(6)
    gradients, values = [], []
    for step in (6, 5):
        Q, K = (rows(seed).requires_grad_() for seed in (4, 5))
        flat = replace(recipe, stand_in=CollisionStandIn(1.0, 0.0, 0.5))
        heard = attention_weights(flat, law, 0, Q, K, step=step) @ V
        heard.sum().backward()
        gradients.append(Q.grad)
        values.append(heard.detach())
    drawn = sampled_weights(recipe, 0, rows(4), rows(5), seed=table_seed(recipe, 0, 6))
    assert torch.allclose(values[0], drawn.double() @ V, atol=1e-6)
    assert torch.equal(gradients[0], gradients[1])
    assert not torch.allclose(values[0], values[1], atol=1e-3)


def binomial(tables: int, q: float) -> list[float]:
    return [math.comb(tables, c) * q**c * (1 - q) ** (tables - c) for c in range(tables + 1)]


@pytest.mark.parametrize("q", [0.001, 0.2, 0.6, 0.88])
def test_counts_have_the_gradient_of_their_first_two_moments(q: float) -> None:
    recipe = small_recipe(COLLISIONS)
    tables, step = recipe.tables[1], 1e-6

    def moment(power: int, log: float) -> float:
        law = binomial(tables, math.exp(log))
        return sum(share * c**power for c, share in enumerate(law))

    met = torch.arange(tables + 1, dtype=torch.float64)[None, None]
    logs = torch.full_like(met, math.log(q)).requires_grad_()
    counts = scattered_counts(met, logs, recipe, 1)
    assert torch.equal(counts, met)
    counts.sum().backward()
    slopes, law = logs.grad.flatten().tolist(), binomial(tables, q)
    for power in (1, 2):
        # Of c^2 it is 2 c times that of c.
        found = sum(
            share * power * c ** (power - 1) * slope
            for c, (share, slope) in enumerate(zip(law, slopes, strict=True))
        )
        low, high = (moment(power, math.log(q) + sign * step) for sign in (-1, 1))
        assert found == pytest.approx((high - low) / (2 * step), rel=1e-6)
    # The canary: the gradient of the expectation alone misses that of the second moment.
    alone = sum(share * 2 * c * tables * q for c, share in enumerate(law))
    assert alone != pytest.approx(found, rel=0.01)


def test_gradient_of_counts_runs_the_same_tables_and_sees_more() -> None:
    recipe = small_recipe(COLLISIONS)
    law = CollisionLaw.of(Hyperplane(), 8)
    gradients, values = [], []
    for scatter in (False, True):
        Q, K = (rows(seed).requires_grad_() for seed in (4, 5))
        flat = replace(recipe, stand_in=CollisionStandIn(1.0, 0.0, 0.5, scatter=scatter))
        heard = attention_weights(flat, law, 0, Q, K, step=6) @ rows(6)
        heard.sum().backward()
        gradients.append(Q.grad)
        values.append(heard.detach())
    assert torch.allclose(values[0], values[1], atol=1e-6)
    assert not torch.allclose(gradients[0], gradients[1], atol=1e-3)
    assert bool(gradients[1].isfinite().all())


def test_queries_that_meet_nobody_are_drawn_to_keys() -> None:
    recipe = small_recipe(COLLISIONS)
    logs = torch.full((1, 1, 3), -2.0, dtype=torch.float64).requires_grad_()
    counts = scattered_counts(torch.zeros_like(logs), logs, recipe, 0)
    (counts / counts.sum(dim=2, keepdim=True).clamp_min(1)).sum().backward()
    assert bool((logs.grad > 0).all())


def test_cards_of_before_go_on(tmp_path: Path) -> None:
    recipe = small_match2_recipe(stand_in=COLLISIONS)
    train(recipe, tmp_path)
    file = tmp_path / "card.json"
    card = json.loads(file.read_text())
    del card["recipe"]["stand_in"]["scatter"]
    file.write_text(json.dumps(card))
    assert train(recipe, tmp_path)["recipe"]["stand_in"]["scatter"] is False
    scattered = replace(recipe, stand_in=replace(COLLISIONS, scatter=True))
    with pytest.raises(TrainingError, match="another recipe"):
        train(scattered, tmp_path)


def test_tables_are_new_at_every_step_and_layer() -> None:
    recipe = small_recipe()
    seeds = {table_seed(recipe, layer, step) for layer in range(2) for step in range(50)}
    assert len(seeds) == 100


# --- runs ---


def test_interrupted_runs_give_the_same_bits(tmp_path: Path) -> None:
    recipe = small_recipe(COLLISIONS)
    whole = train(recipe, tmp_path / "whole")

    def stop(done: int, steps: int, last: object) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "parts", progress=stop)
    halted = json.loads((tmp_path / "parts" / "card.json").read_text())
    assert halted["steps"] == 8
    assert not halted["finished"]
    resumed = train(recipe, tmp_path / "parts")
    assert resumed == whole
    assert resumed["finished"]
    assert [entry["step"] for entry in resumed["history"]] == [4, 8, 12]
    for file in ("weights.safetensors", "checkpoint.safetensors"):
        first, second = (read_weights(tmp_path / run / file) for run in ("whole", "parts"))
        assert all((first[name] == second[name]).all() for name in first)
    other = train(replace(recipe, seed=4), tmp_path / "other")  # the canary: a seed matters
    assert other["history"] != whole["history"]


def test_finished_runs_are_left_as_they_are(tmp_path: Path) -> None:
    recipe = small_match2_recipe()
    first = train(recipe, tmp_path)
    steps: list[int] = []
    again = train(recipe, tmp_path, progress=lambda done, *_: steps.append(done))
    assert steps == []
    assert again == first
    with pytest.raises(TrainingError, match="another recipe: take another folder"):
        train(replace(recipe, seed=9), tmp_path)


def test_training_stops_when_validation_does_not_improve(tmp_path: Path) -> None:
    recipe = small_match2_recipe(steps=400, validate_every=1, patience=3, learning_rate=1e-12)
    card = train(recipe, tmp_path)
    assert card["steps"] == 4  # the first validation, and three that are no better
    assert card["best"]["step"] == 1


def test_training_learns(tmp_path: Path) -> None:
    recipe = small_match2_recipe(
        stand_in=CollisionStandIn(0.5, 0.2, 0.2),
        tables=(8,),
        steps=300,
        batch=32,
        validate_every=100,
        learning_rate=0.01,
        samples=64,
        validation=64,
    )
    card = train(recipe, tmp_path)
    first, last = card["history"][0], card["history"][-1]
    assert last["loss"] < first["loss"]
    assert card["best"]["error"] < 0.25  # guessing has 0.5
    learned = trained_in(tmp_path)
    assert learned.recipe == recipe
    assert learned.card["versions"]["torch"]


def test_damaged_checkpoints_are_refused(tmp_path: Path) -> None:
    recipe = small_match2_recipe()
    train(recipe, tmp_path)
    write_weights(tmp_path / "checkpoint.safetensors", {"step": np.array([3])})
    with pytest.raises(TrainingError, match="checkpoint"):
        train(recipe, tmp_path)
