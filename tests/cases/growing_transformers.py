"""One layer of ANNA or of exact match for growing N, as Theorem 4.2 has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import Hyperplane
from anna_model.lsh.theorem_3_4 import choose_parameters
from cases.anna_to_mpc import assert_same_bits, measured, slacks
from mpc_sim.integers import ceil_power
from reductions.attention_to_mpc import fit_anna_to_mpc
from reductions.attention_to_mpc.anna_bounds import bounds, theorem_bounds
from reductions.experiments.mechanism_series import OnCircle, ShiftedResidue, to_integers

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
