"""Constructions by way of a protocol: the algorithm of the task, compiled by Theorem 4.1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sympy

from mpc_sim import Cluster, Protocol, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from reductions.bounds import Bound
from reductions.constructions.model import Construction, Formula
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.algorithm import Algorithm, GraphAlgorithm
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.problems.k_hop import K_HOP, k_hop_bounds
from reductions.problems.problem import Shape
from reductions.problems.three_sum import THREE_SUM

THEOREM = "Theorem 4.1 (arXiv 2509.09001), syndrome code"
SPREAD = CompilerOptions(heads=HeadOrder.SPREAD)
Rounds = Callable[[Protocol, Cluster, Shape], tuple[Bound, ...]]


def compiled(
    task: str,
    algorithm: Algorithm,
    statement: str,
    *,
    depth_formula: str,
    width_formula: str,
    protocol: Callable[[Shape], Protocol] | None = None,
    rounds: Rounds | None = None,
    options: CompilerOptions | None = None,
    way: str = "compiled",
) -> Construction:
    """Return the construction that compiles an algorithm: one layer more than it has rounds.

    Parameters
    ----------
    task : str
    algorithm : Algorithm
    statement, depth_formula, width_formula : str
    protocol : callable, optional
        Shape -> Protocol, where that of the algorithm is for other parameters.
    rounds : callable, optional
        (Protocol, Cluster, Shape) -> bounds with a row ``rounds``; by default the algorithm's.
    options : CompilerOptions, optional
    way : str
        The part of the name behind the task.
    """
    chosen = options or CompilerOptions()

    def protocol_of(shape: Shape) -> Protocol:
        if protocol is not None:
            return protocol(shape)
        return algorithm.protocol(
            shape.graph if isinstance(algorithm, GraphAlgorithm) else shape.n_words
        )

    def machines(shape: Shape) -> tuple[Protocol, Cluster]:
        wanted = protocol_of(shape)
        cluster = fit_cluster(
            wanted,
            shape.n_words,
            algorithm.epsilon,
            algorithm.gamma,
            largest_word=shape.largest_word,
        )
        return wanted, cluster

    def build(shape: Shape) -> CompiledProtocol:
        return compile_protocol(*machines(shape), **chosen.keywords)

    def depth(shape: Shape) -> Formula:
        wanted, cluster = machines(shape)
        bounds = (
            algorithm.bounds(wanted, cluster) if rounds is None else rounds(wanted, cluster, shape)
        )
        (row,) = (bound for bound in bounds if bound.quantity == "rounds")
        return row.expression + 1, row.values

    def width(shape: Shape) -> Formula:
        rows = layer_bounds(*machines(shape), chosen)
        (row,) = (bound for bound in rows if bound.quantity == "token_width")
        return row.expression, row.values

    return Construction(
        task=task,
        name=f"{task}/{way}",
        architecture="ANNA",
        statement=statement,
        source=f"{algorithm.source}; {THEOREM}",
        build=build,
        depth=depth,
        width=width,
        depth_formula=depth_formula,
        width_formula=width_formula,
    )


def _k_hop_rounds(protocol: Protocol, cluster: Cluster, shape: Shape) -> tuple[Bound, ...]:
    with sympy.evaluate(False):  # comparing the terms of a maximum of symbols takes sympy long
        return k_hop_bounds(cluster, shape["k"])


K_HOP_COMPILED = compiled(
    "k-hop",
    K_HOP,
    "columnsort, then pointer doubling with one round per bit of k, compiled",
    depth_formula="4^d + 4 + bit_length(k)",
    width_formula="s + c + K (b (w + 1) + 2)",
    protocol=lambda shape: k_hop(shape["k"]),
    rounds=_k_hop_rounds,
)
INDUCTION_HEADS_COMPILED = replace(
    K_HOP_COMPILED,
    task="induction-heads",
    name="induction-heads/compiled",
    statement="the k-hop protocol for k = 1, compiled",
    depth_formula="4^d + 5",
)
THREE_SUM_COMPILED = compiled(
    "three-sum",
    THREE_SUM,
    "blocks of sorted values, one machine per triple of blocks with a possible solution, compiled",
    depth_formula="4^d + 7 + L + L', at most 26",
    width_formula="s + c + K (b (w + 1) + 2), spread heads",
    options=SPREAD,
)
CONNECTIVITY_COMPILED = compiled(
    "connectivity",
    CONNECTIVITY,
    "random-mate contraction on sorted half-edges, compiled",
    depth_formula="O(log n) phases of 2 + 4^d + 2 L layers",
    width_formula="s + c + K (b (w + 1) + 2)",
)
ONE_OR_TWO_CYCLES_COMPILED = compiled(
    "one-vs-two-cycle",
    CYCLE_COUNTING,
    "contraction of the cycles by random mates, compiled",
    depth_formula="O(log n) phases of 2 + 4^d + 2 L layers",
    width_formula="s + c + K (b (w + 1) + 2)",
)
