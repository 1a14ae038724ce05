"""Depth follows rounds: a lower bound on rounds is one on depth wherever layers can be simulated.

If every layer of a mechanism takes at most q rounds on machines of s words (Theorem 4.2 and its
kin), a transformer of depth L that computes a task gives a protocol of L q rounds for it; so L >=
R / q where the task needs R rounds. Layers of width mH = O(N^eps) take O(1) rounds on machines of
N^eps' words, eps < eps' < 1: a bound up to a constant holds for this width, and for no other (N
heads of width 1 gather everything in one layer). A bound with an explicit constant (full
information) needs the q of the layers that it speaks of; one that was read off an object holds for
transformers of its shape, and for no others.

Axes: N input words, s words of local memory, k hops, q rounds per layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from mpc_sim import InputError, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol
from reductions.certify.full_information import (
    FULL_DEGREE_ROUNDS,
    C,
    K,
    N,
    RoundLowerBound,
    full_information_rounds,
)
from reductions.problems.problem import GRAPH
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.separations.cycles_to_k_hop import REGIME

CYCLES = "1-vs-2-cycle conjecture: Omega(log N) rounds on machines of N^(1 - Omega(1)) words"


K_HOP_ROUNDS = RoundLowerBound(
    task="k-hop",
    rounds=C * sympy.log(K),
    regime=REGIME,
    assumption=CYCLES,
    source="ours (cycles-to-k-hop), after Sanford, Hsu, Telgarsky, arXiv 2402.09268, Corollary 4.3",
    width="mH = O(N^eps) for a constant eps < 1 - xi",
)
CONNECTIVITY_ROUNDS = RoundLowerBound(
    task="connectivity",
    rounds=C * sympy.log(N),
    regime="s = N^(1 - Omega(1)), N^O(1) machines",
    assumption=CYCLES,
    source="one cycle is connected, two are not",
    width="mH = O(N^eps) for a constant eps < 1",
)
CYCLE_ROUNDS = RoundLowerBound(
    task="one cycle or two",
    rounds=C * sympy.log(N),
    regime="s = N^(1 - Omega(1)), N^O(1) machines",
    assumption=CYCLES,
    source="the conjecture itself",
    width="mH = O(N^eps) for a constant eps < 1",
)
ROUND_BOUNDS = (FULL_DEGREE_ROUNDS, K_HOP_ROUNDS, CONNECTIVITY_ROUNDS, CYCLE_ROUNDS)


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerSimulation:
    """That layers of a mechanism can be simulated, at most q rounds each.

    Parameters
    ----------
    rounds_a_layer : int
        q, of the object that was compiled: no constant of the mechanism.
    memory_words, block_words : int
        s of its machines, and the input words that one holds.
    n_tokens, width : int
        Its shape: context, and the words that a token receives.
    """

    mechanism: str
    rounds_a_layer: int
    memory_words: int
    source: str
    block_words: int
    n_tokens: int
    width: int


def simulation_of(executed: TransformerProtocol, source: str) -> LayerSimulation:
    """Read the rounds of a layer off a transformer that became a protocol; the mean, rounded up."""
    layers = executed.transformer.layers
    rounds = executed.protocol.n_rounds(executed.cluster)
    kinds = sorted({type(layer.mechanism).__name__ for layer in layers})
    sizes = executed.transformer.resources()
    return LayerSimulation(
        mechanism=", ".join(kinds),
        rounds_a_layer=-(-rounds // len(layers)),
        memory_words=executed.cluster.memory_words,
        source=source,
        block_words=executed.cluster.block_words,
        n_tokens=sizes.context_length,
        width=sizes.token_width,
    )


@dataclass(frozen=True, eq=False)
class DepthLowerBound:
    """Layers that a transformer of a mechanism needs: rounds over the rounds of one layer."""

    of_rounds: RoundLowerBound
    simulation: LayerSimulation

    @property
    def layers(self) -> sympy.Expr:
        """L >= R / q; an unknown constant c in R takes in the O(1) rounds of a layer."""
        if self.of_rounds.assumption:
            return self.of_rounds.rounds
        return self.of_rounds.rounds / self.simulation.rounds_a_layer

    @property
    def value(self) -> int:
        """The bound for full degree and transformers of the simulated shape, on integers.

        Raises
        ------
        InputError
            The bound has an unknown constant.
        """
        if self.of_rounds.assumption:
            raise InputError(
                f"the bound for {self.of_rounds.task} holds up to a constant: it has no value"
            )
        return -(-self.rounds // self.simulation.rounds_a_layer)

    @property
    def rounds(self) -> int:
        """Rounds that full degree needs on the machines of the simulation."""
        one = self.simulation
        return full_information_rounds(one.n_tokens, one.memory_words, one.block_words)

    def explain(self) -> str:
        """Return the bound, what it rests on, and its sources in one line."""
        rests = self.of_rounds.assumption or "no assumption"
        return (
            f"{self.of_rounds.task} by {self.simulation.mechanism}: depth >= {self.layers} "
            f"for {self.of_rounds.width} "
            f"({rests}; {self.of_rounds.source}; {self.simulation.source})"
        )


@dataclass(frozen=True, eq=False)
class TwoSides:
    """Upper and lower side of a task: depths that are built, and how many layers must be.

    Parameters
    ----------
    sizes : tuple of int
        Values of the number that the lower side grows with: k or N.
    depths : tuple of int
        Layers of the transformers that our protocols compile to at those sizes, R + 1: computed
        (Theorem 4.1), not built.
    """

    lower: RoundLowerBound
    sizes: tuple[int, ...]
    depths: tuple[int, ...]

    @property
    def layers_a_doubling(self) -> tuple[int, ...]:
        """How many layers more each size takes than the one before; sizes double."""
        return tuple(b - a for a, b in zip(self.depths, self.depths[1:], strict=False))


def k_hop_sides(n_letters: int, hops: tuple[int, ...], epsilon: str = "2/3") -> TwoSides:
    """Return both sides of k-hop: one layer more for every doubling of k, on fixed machines."""
    cluster = fit_cluster(k_hop(max(hops)), n_letters, epsilon)
    depths = tuple(k_hop(k).n_rounds(cluster) + 1 for k in hops)
    return TwoSides(K_HOP_ROUNDS, hops, depths)


def graph_sides(
    algorithm: ProtocolSolver, lower: RoundLowerBound, sizes: tuple[int, ...], epsilon: str
) -> TwoSides:
    """Return both sides of a graph task, for the seeded instances of an algorithm by size."""
    if algorithm.problem.reads != GRAPH:
        raise InputError(f"{algorithm.name} takes no graphs")
    depths = []
    for size in sizes:
        graph = algorithm.instance(size, 0)
        cluster = algorithm.cluster(graph, epsilon)
        depths.append(algorithm.protocol_for(graph).n_rounds(cluster) + 1)
    return TwoSides(lower, sizes, tuple(depths))
