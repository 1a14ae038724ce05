"""Transformers on small grids for the tests of the way back, and what a run of one measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import (
    Precision,
    fixed_point,
)
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import CrossPolytope, Hyperplane
from mpc_sim import Simulation
from reductions.attention_to_mpc import TransformerProtocol, anna_to_mpc
from reductions.bounds import Bound

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
STUDENT = {3: 3.182, 4: 2.776, 5: 2.571}
"""The 97.5 % quantile of Student's t by degrees of freedom."""

GRID = Grid(bits=16, fraction_bits=3)
STEPS = 8


@dataclass(frozen=True)
class Mixed:
    """(position + sum of step counts times small integers) mod a number, in steps: exact."""

    seed: tuple[int, ...]
    width: int
    modulus: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        rng = np.random.default_rng(self.seed)
        weights = rng.integers(-3, 4, (rows.shape[1], self.width))
        of_position = rng.integers(0, 3, self.width)
        steps = np.rint(rows * STEPS).astype(np.int64) @ weights
        mixed: Floats = (steps + position[:, None] * of_position) % self.modulus / STEPS
        return mixed - self.modulus // 2 / STEPS


def residual(position: Integers, rows: Floats, heard: Floats) -> Floats:
    """Keep two numbers of the row and a part of what the heads told."""
    return np.concatenate([rows[:, :2] / 2, heard + position[:, None] % 3], axis=1)


def random_transformer(
    mechanism: Mechanism,
    n_tokens: int,
    n_layers: int,
    n_heads: int,
    *,
    seed: int,
    modulus: int = 7,
    width: int = 2,
    value_width: int = 2,
) -> Transformer:
    """Layers of random integer maps; keys and queries take few values, so that they meet."""
    layers = []
    for layer in range(n_layers):
        heads = tuple(
            HeadMaps(
                Mixed((seed, layer, head, 0), width, modulus),
                Mixed((seed, layer, head, 1), width, modulus),
                Mixed((seed, layer, head, 2), value_width, 1000),
                width,
                value_width,
            )
            for head in range(n_heads)
        )
        layers.append(RowwiseLayer(mechanism, heads, residual))
    return fixed_point(Transformer(tuple(layers), n_tokens), GRID)


def random_rows(n_tokens: int, width: int = 3, *, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    return Rows.from_dense(rng.integers(-40, 41, (n_tokens, width)) / STEPS)


def executed(transformer: Transformer, memory_words: int, width: int = 3) -> TransformerProtocol:
    return anna_to_mpc(transformer, Precision.of(GRID), memory_words, input_width=width)


def assert_same_bits(found: Rows, expected: Rows) -> None:
    assert found.dense().tobytes() == expected.dense().tobytes()


def measured(sim: Simulation) -> dict[str, int]:
    ledger = sim.ledger
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def slacks(bounds: tuple[Bound, ...], sim: Simulation) -> dict[str, float]:
    """Compare a run with its bounds; the slack of each."""
    found = measured(sim)
    checks = [bound.check(found[bound.quantity]) for bound in bounds]
    assert all(check.status == "PASS" for check in checks), [
        check.explain() for check in checks if check.status != "PASS"
    ]
    return {check.name: check.slack or 1.0 for check in checks}


def slope_with_interval(sizes: list[int], counts: list[float]) -> tuple[float, float]:
    """Slope of log(count) over log(size), and its interval of 95 % by Student's t."""
    x, y = np.log(sizes), np.log(counts)
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    freedom = len(x) - 2
    error = np.sqrt(rest @ rest / freedom / (x @ x))
    return slope, float(STUDENT[freedom] * error)


def exact_match_oracle(
    steps: list[list[int]],
    query: Callable[[int, list[int]], tuple[int, ...]],
    key: Callable[[int, list[int]], tuple[int, ...]],
) -> list[list[int]]:
    """Means of whole rows over equal keys, by two loops over fractions; halves to even."""
    means = []
    for i, row in enumerate(steps):
        met = [other for j, other in enumerate(steps) if key(j, other) == query(i, row)]
        columns = zip(*met, strict=True) if met else ([0] * len(row) for _ in range(0))
        means.append(
            [round(Fraction(sum(column), len(met))) for column in columns] or [0] * len(row)
        )
    return means


MECHANISMS: dict[str, Mechanism] = {
    "exact match": ExactMatch(),
    "causal exact match": ExactMatch(causal=True),
    "hyperplane": Anna(Hyperplane(), hashes=2, tables=5, seed=1),
    "folded codes": Anna(Hyperplane(), hashes=70, tables=2, seed=4),
    "cross-polytope": Anna(CrossPolytope(), hashes=1, tables=17, seed=3, algorithm=2),
    "causal": Anna(Hyperplane(), hashes=1, tables=3, seed=2, causal=True),
}
every_mechanism = pytest.mark.parametrize("name", MECHANISMS)


def same_key(position: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.zeros((len(position), 1))


def own_key(position: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return position[:, None] / STEPS


def no_key(position: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(position[:, None] % 2, -1.0, -2 - position[:, None] / STEPS)


def all_values(position: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return rows
