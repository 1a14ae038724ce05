"""Small networks with drawn weights, and oracles of the learned tasks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anna_model.lsh import Hyperplane
from anna_model.surrogate import Architecture, KHop, Learned, Match2, Recipe, SoftmaxStandIn
from anna_model.surrogate.recipe import StandIn


def small_recipe(stand_in: StandIn | None = None, **changes: object) -> Recipe:
    """Two layers of width 16 on texts of 12 letters, two hops."""
    entries: dict[str, object] = {
        "task": KHop(n_tokens=12, hops=2),
        "architecture": Architecture(2, 16, 8, positions=True),
        "stand_in": stand_in or SoftmaxStandIn(beta=5.0),
        "tables": (6, 4),
        "hashes": (2, 1),
        "family": Hyperplane(),
        "seed": 3,
        "steps": 12,
        "batch": 4,
        "validate_every": 4,
        "validation": 5,
        "warm_up": 2,
        **changes,
    }
    return Recipe(**entries)  # type: ignore[arg-type]


def drawn_weights(recipe: Recipe, seed: int = 0) -> Learned:
    """A network of the recipe with Gaussian weights, as nobody trained it."""
    rng = np.random.default_rng(seed)
    shape, task = recipe.architecture, recipe.task
    m, m_qk = shape.width, shape.query_width
    sizes: dict[str, tuple[int, ...]] = {"token": (task.n_letters, m)}
    if shape.positions:
        sizes["position"] = (task.n_tokens, m)
    for layer in range(shape.layers):
        parts = {
            "query": (m, m_qk), "key": (m, m_qk), "value": (m, m), "mlp.in": (m, 4 * m),
            "mlp.in.bias": (4 * m,), "mlp.out": (4 * m, m), "mlp.out.bias": (m,),
        }  # fmt: skip
        sizes |= {f"layers.{layer}.{name}": size for name, size in parts.items()}
    n_answers = task.n_questions * task.n_classes
    sizes |= {"readout": (m, n_answers), "readout.bias": (n_answers,)}
    weights = {
        name: (rng.standard_normal(size) / len(size)).astype(np.float32)
        for name, size in sizes.items()
    }
    return Learned({"recipe": recipe.to_json()}, weights)


def match2_by_loop(numbers: Sequence[int], modulus: int) -> list[int]:
    """The definition of Match2, pair by pair."""
    return [int(any((x + y) % modulus == 0 for y in numbers)) for x in numbers]


def hops_by_loop(text: Sequence[int], n_letters: int, hops: int) -> list[list[int]]:
    """The definition of k-hop: sigma(i) = max({0} u {j <= i : w_(j-1) = w_i}), counted from 1."""
    word = [-1, *text]

    def sigma(i: int) -> int:
        return max([0] + [j for j in range(2, i + 1) if word[j - 1] == word[i]]) if i else 0

    answers = []
    for i in range(1, len(word)):
        at, heard = i, []
        for _ in range(hops):
            at = sigma(at)
            heard.append(word[at] if at else n_letters)
        answers.append(heard)
    return answers


def small_match2() -> Match2:
    """Eight residues modulo 11."""
    return Match2(n_tokens=8, modulus=11)
