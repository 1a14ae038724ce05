"""Depth follows rounds: a lower bound on rounds is one on depth wherever layers can be simulated.

If every layer of a mechanism takes at most q rounds on machines of s words (Theorem 4.2 and its
kin), a transformer of depth L that computes a task gives a protocol of L q rounds for it; so L >=
R / q where the task needs R rounds. Three kinds of round bounds are stated: with an explicit
constant and no assumption (full information), or up to a constant under a conjecture.

Axes: N input words, s words of local memory, k hops, q rounds a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy

from mpc_sim import InputError
from reductions.algorithms.algorithm import Algorithm, GraphAlgorithm
from reductions.anna_to_mpc.transformer_protocol import TransformerProtocol
from reductions.bounds import Bound

CYCLES = "1-vs-2-cycle conjecture: Omega(log N) rounds on machines of N^(1 - Omega(1)) words"
Shown = Literal["unconditional", "conditional"]


def full_information_rounds(n_words: int, memory_words: int) -> int:
    """Return the deliveries that a function of full degree in N words needs: ceil(log_s N) - 1.

    After R deliveries the bits of a machine are polynomials of degree at most s^(R+1) in the input,
    whatever silence may tell. Sum, parity and OR have full degree; a function that only reads all
    its words need not have.

    References
    ----------
    Roughgarden, Vassilvitskii, Wang, Shuffles and circuits, J. ACM 65 (2018).

    Examples
    --------
    >>> [full_information_rounds(n, 10) for n in (1, 10, 11, 100, 101, 10**6)]
    [0, 0, 1, 1, 2, 5]
    """
    if n_words < 1 or memory_words < 2:
        raise InputError(f"N = {n_words} and s = {memory_words}: take N >= 1 and s >= 2")
    rounds, reach = 0, memory_words
    while reach < n_words:
        rounds, reach = rounds + 1, reach * memory_words
    return rounds


def least_rounds_bound(rounds: int) -> Bound:
    """Return the row ``least_rounds``: what full information needs is at most what a run took.

    A run below it would refute the bound, or show that the simulator lets words through.

    Examples
    --------
    >>> bound = least_rounds_bound(rounds=2)
    >>> [bound.check(full_information_rounds(n, 10)).status for n in (1000, 1001)]
    ['PASS', 'FAIL']
    """
    taken = sympy.Symbol("R")
    return Bound("least_rounds", taken, {"R": rounds}, "upper", FULL_DEGREE_ROUNDS.source)


@dataclass(frozen=True, eq=False)
class RoundLowerBound:
    """What a task needs.

    Parameters
    ----------
    task : str
    rounds : sympy.Expr
        In N, s and k; the symbol c is a constant that the source does not give.
    regime : str
        Where it holds.
    assumption : str
        The conjecture, empty for none.
    source : str

    Examples
    --------
    >>> K_HOP_ROUNDS.shown, K_HOP_ROUNDS.rounds
    ('conditional', c*log(k))
    """

    task: str
    rounds: sympy.Expr
    regime: str
    assumption: str
    source: str

    @property
    def shown(self) -> Shown:
        """Whether it rests on a conjecture."""
        return "conditional" if self.assumption else "unconditional"


N, S, K, C = sympy.symbols("N s k c", positive=True)
SHUFFLES = "Roughgarden, Vassilvitskii, Wang, J. ACM 65 (2018)"

FULL_DEGREE_ROUNDS = RoundLowerBound(
    task="sum, parity, OR",
    rounds=sympy.Max(0, sympy.ceiling(sympy.log(N) / sympy.log(S)) - 1),
    regime="every s >= 2, any number of machines",
    assumption="",
    source=SHUFFLES,
)
K_HOP_ROUNDS = RoundLowerBound(
    task="k-hop",
    rounds=C * sympy.log(K),
    regime="s = N^(1 - Omega(1)), N^O(1) machines, k <= N^(Omega(1))",
    assumption=CYCLES,
    source="Sanford, Hsu, Telgarsky, arXiv 2402.09268 (k hops walk around a cycle)",
)
CONNECTIVITY_ROUNDS = RoundLowerBound(
    task="connectivity",
    rounds=C * sympy.log(N),
    regime="s = N^(1 - Omega(1)), N^O(1) machines",
    assumption=CYCLES,
    source="one cycle is connected, two are not",
)
CYCLE_ROUNDS = RoundLowerBound(
    task="one cycle or two",
    rounds=C * sympy.log(N),
    regime="s = N^(1 - Omega(1)), N^O(1) machines",
    assumption=CYCLES,
    source="the conjecture itself",
)
ROUND_BOUNDS = (FULL_DEGREE_ROUNDS, K_HOP_ROUNDS, CONNECTIVITY_ROUNDS, CYCLE_ROUNDS)


@dataclass(frozen=True, eq=False)
class LayerSimulation:
    """That layers of a mechanism can be simulated, at most q rounds each.

    Parameters
    ----------
    mechanism : str
    rounds_a_layer : int
        q, of the object that was compiled.
    memory_words : int
        s of its machines.
    source : str

    Examples
    --------
    >>> LayerSimulation("exact match", 8, 48, "Theorem C.1").rounds_a_layer
    8
    """

    mechanism: str
    rounds_a_layer: int
    memory_words: int
    source: str


def simulation_of(executed: TransformerProtocol, source: str) -> LayerSimulation:
    """Read the rounds of a layer off a transformer that became a protocol; the mean, rounded up.

    Examples
    --------
    >>> from anna_model.fixed_point import Precision
    >>> from anna_model.precision import Grid
    >>> from reductions.anna_to_mpc import anna_to_mpc
    >>> from reductions.tasks.match2 import match2_transformer
    >>> executed = anna_to_mpc(
    ...     match2_transformer(8, 37), Precision.of(Grid(8, 0)), memory_words=48, input_width=1)
    >>> simulation_of(executed, "Theorem C.1").rounds_a_layer
    8
    """
    layers = executed.transformer.layers
    rounds = executed.protocol.n_rounds(executed.cluster)
    kinds = sorted({type(layer.mechanism).__name__ for layer in layers})
    return LayerSimulation(
        ", ".join(kinds), -(-rounds // len(layers)), executed.cluster.memory_words, source
    )


@dataclass(frozen=True, eq=False)
class DepthLowerBound:
    """What a transformer of a mechanism needs: as many layers as rounds, over the rounds a layer.

    Examples
    --------
    >>> exact_match = LayerSimulation("exact match", 8, 48, "Theorem C.1")
    >>> DepthLowerBound(K_HOP_ROUNDS, exact_match).layers
    c*log(k)/8
    >>> DepthLowerBound(FULL_DEGREE_ROUNDS, exact_match).value(10**9)
    1
    """

    of_rounds: RoundLowerBound
    simulation: LayerSimulation

    @property
    def layers(self) -> sympy.Expr:
        """L >= R / q; the symbol c stands for the constant of the conjecture."""
        return self.of_rounds.rounds / self.simulation.rounds_a_layer

    def value(self, n_words: int) -> int:
        """Return the bound for N words as an integer, computed on integers.

        Raises
        ------
        InputError
            The bound has a constant that nobody knows.
        """
        if self.of_rounds is not FULL_DEGREE_ROUNDS:
            raise InputError(
                f"the bound for {self.of_rounds.task} holds up to a constant: it has no value"
            )
        rounds = full_information_rounds(n_words, self.simulation.memory_words)
        return -(-rounds // self.simulation.rounds_a_layer)

    def explain(self) -> str:
        """Return the bound, what it rests on, and its sources in one line."""
        rests = self.of_rounds.assumption or "no assumption"
        return (
            f"{self.of_rounds.task} by {self.simulation.mechanism}: depth >= {self.layers} "
            f"({rests}; {self.of_rounds.source}; {self.simulation.source})"
        )


@dataclass(frozen=True, eq=False)
class TwoSides:
    """Upper and lower side of a task: depths that are built, and how many layers must be.

    Parameters
    ----------
    lower : RoundLowerBound
    sizes : tuple of int
        Values of the number that the lower side grows with: k or N.
    depths : tuple of int
        Layers of the transformers that compile our protocols at those sizes, R + 1.

    Examples
    --------
    >>> sides = k_hop_sides(1024, (1, 2, 4, 8))
    >>> sides.depths, sides.layers_a_doubling
    ((9, 10, 11, 12), (1, 1, 1))
    """

    lower: RoundLowerBound
    sizes: tuple[int, ...]
    depths: tuple[int, ...]

    @property
    def layers_a_doubling(self) -> tuple[int, ...]:
        """How many layers more each size takes than the one before; sizes double."""
        return tuple(b - a for a, b in zip(self.depths, self.depths[1:], strict=False))


def k_hop_sides(n_letters: int, hops: tuple[int, ...], epsilon: str = "2/3") -> TwoSides:
    """Return both sides of k-hop: one layer more for every doubling of k, on fixed machines.

    Examples
    --------
    >>> k_hop_sides(256, (16, 32)).layers_a_doubling
    (1,)
    """
    from mpc_sim import fit_cluster
    from mpc_sim.algorithms.k_hop import k_hop

    cluster = fit_cluster(k_hop(max(hops)), n_letters, epsilon)
    depths = tuple(k_hop(k).n_rounds(cluster) + 1 for k in hops)
    return TwoSides(K_HOP_ROUNDS, hops, depths)


def graph_sides(
    algorithm: Algorithm, lower: RoundLowerBound, sizes: tuple[int, ...], epsilon: str
) -> TwoSides:
    """Return both sides of a graph task, for the seeded instances of an algorithm by size.

    Examples
    --------
    >>> from reductions.algorithms.cycle_counting import CYCLE_COUNTING
    >>> graph_sides(CYCLE_COUNTING, CYCLE_ROUNDS, (64, 128), "2/3").sizes
    (64, 128)
    """
    if not isinstance(algorithm, GraphAlgorithm):
        raise InputError(f"{algorithm.name} takes no graphs")
    depths = []
    for size in sizes:
        graph = algorithm.instance(size, 0)
        cluster = algorithm.cluster(graph, epsilon)
        depths.append(algorithm.protocol_for(graph).n_rounds(cluster) + 1)
    return TwoSides(lower, sizes, tuple(depths))
