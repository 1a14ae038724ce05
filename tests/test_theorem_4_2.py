"""Theorem 4.2 on a grid of (N, eps, eps', c): rounds, machines and peak words, and the exponent.

N tokens; m H = N^eps, as heads or as a width; s' = c_b m H N^(eps' - eps); ANNA with the z and l
that Theorem 3.4 wants for c.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from anna_to_mpc_cases import assert_same_bits, measured, slacks, slope_with_interval

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import Hyperplane
from anna_model.lsh.theorem_3_4 import choose_parameters
from mpc_sim.integers import ceil_power
from reductions.attention_to_mpc import fit_anna_to_mpc
from reductions.attention_to_mpc.anna_bounds import bounds, theorem_bounds
from reductions.experiments.machine_counts import OnCircle, ShiftedResidue, to_integers

NEAR = 0.1
WORDS = Precision.of(Grid(14, 0))


@dataclass(frozen=True)
class Series:
    """Points of one (eps, eps', c) for growing N.

    eps is 0 (one head of width 1), or 1/4, as ``heads`` or as a ``width``; c is None for exact
    match.
    """

    c: int | None
    gap: str
    sizes: tuple[int, ...]
    wide: str = ""
    memory_factor: int = 16
    rho: list[float] = field(default_factory=list, compare=False)
    theorem: list[float] = field(default_factory=list, compare=False)

    def layer(self, n_tokens: int) -> RowwiseLayer:
        root = ceil_power(n_tokens, Fraction(1, 4))
        n_heads, width = root if self.wide == "heads" else 1, root if self.wide == "width" else 1
        mechanism: Mechanism = ExactMatch()
        query, key = ShiftedResidue(n_tokens // 2 + 1, 0), ShiftedResidue(n_tokens // 3 + 1, 5)
        query_width = 1
        if self.c is not None:
            found = choose_parameters(n_tokens, NEAR, self.c, Hyperplane(), 2, delta=0.1)
            self.rho.append(found.rho)
            mechanism = Anna(Hyperplane(), found.hashes, found.tables, seed=n_tokens)
            query, key, query_width = OnCircle(360, 0), OnCircle(360, 180), 2  # type: ignore[assignment]
        heads = tuple(
            HeadMaps(query, key, ShiftedResidue(2000, h, width), query_width, width)
            for h in range(n_heads)
        )
        return RowwiseLayer(mechanism, heads, to_integers)

    def point(self, n_tokens: int) -> tuple[float, int]:
        """Run one point under all limits: its machines and s."""
        layer = self.layer(n_tokens)
        transformer = Transformer((layer,), n_tokens)
        protocol = fit_anna_to_mpc(
            transformer, WORDS, self.gap, input_width=1, memory_factor=self.memory_factor
        )
        s = protocol.cluster.memory_words
        assert s == self.memory_factor * layer.token_width * ceil_power(
            n_tokens, Fraction(self.gap)
        )
        drawn = np.random.default_rng(n_tokens).integers(0, 2000, (n_tokens, 1))
        rows = Rows.from_dense(drawn.astype(float))
        sim = protocol.simulation(rows)
        assert_same_bits(protocol.rows(sim.run()), transformer.forward(rows))
        slack = slacks(bounds(protocol), sim)
        theorem = slacks(theorem_bounds(protocol), sim)
        found = measured(sim)
        print(n_tokens, s, protocol.cluster.n_words, found, slack, theorem)
        assert max(slack.values()) <= 4
        self.theorem.append(theorem["machines"])
        return float(found["machines"]), s


FOURTH_POWERS = (256, 625, 1296, 2401, 4096)
SERIES = [
    Series(None, "1/2", (256, 512, 1024, 2048, 4096, 8192, 16384)),
    Series(None, "2/3", (128, 256, 512, 1024, 2048, 4096)),
    Series(None, "1/2", FOURTH_POWERS, wide="heads"),
    Series(None, "1/2", FOURTH_POWERS, wide="width"),
    Series(20, "1/2", (64, 128, 256, 512, 1024)),
    Series(20, "1/2", (16, 81, 256, 625, 1296), wide="width"),
    Series(16, "1/2", (32, 64, 128, 256, 512)),
    Series(16, "1/2", (16, 81, 256, 400, 625), wide="heads"),
    Series(10, "2/3", (16, 32, 64, 128, 256)),
]


def name(series: Series) -> str:
    return f"c={series.c} gap={series.gap} {series.wide}"


@pytest.mark.parametrize("series", SERIES, ids=name)
def test_machines_grow_as_the_theorem_says(series: Series) -> None:
    """As N^(1 + eps - eps' + 3 rho), times the log N of l."""
    machines = [series.point(n_tokens)[0] for n_tokens in series.sizes]
    logs = [
        1.0 if series.c is None else 2 * math.log(n_tokens) + math.log(10)
        for n_tokens in series.sizes
    ]
    counts = [found / log for found, log in zip(machines, logs, strict=True)]
    slope, interval = slope_with_interval(list(series.sizes), counts)
    exponent = 1 - float(Fraction(series.gap)) + 3 * max(series.rho, default=0.0)
    print(name(series), machines, f"slope {slope:.3f} +- {interval:.3f}, exponent {exponent:.3f}")
    assert slope - interval <= exponent
    assert min(series.theorem) <= 4


@pytest.mark.parametrize(
    "series", [SERIES[0], Series(20, "1/2", (4096,), memory_factor=8)], ids=name
)
def test_scarce_memory(series: Series) -> None:
    """Points of s <= N / 8."""
    n_tokens = series.sizes[-1]
    assert 8 * series.point(n_tokens)[1] <= n_tokens


@pytest.mark.slow
@pytest.mark.parametrize("series", [
    Series(20, "1/2", (16384,)),
    Series(16, "1/2", (2048,)),
    Series(20, "1/2", (4096,), wide="heads", memory_factor=8),
], ids=name)  # fmt: skip
def test_large_points(series: Series) -> None:
    series.point(series.sizes[0])
