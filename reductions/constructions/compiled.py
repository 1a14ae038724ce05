"""Constructions by way of a protocol: the algorithm of the task, compiled by Theorem 4.1."""

from __future__ import annotations

from dataclasses import replace

from mpc_sim import Cluster, Protocol
from reductions.constructions.model import Formula, ModelSolver
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import ONE_OR_TWO_CYCLES
from reductions.problems.definitions import INDUCTION_HEADS
from reductions.problems.k_hop import K_HOP
from reductions.problems.k_hop_scan import K_HOP_SCAN
from reductions.problems.problem import Shape
from reductions.problems.protocol_solver import ProtocolSolver, known_of
from reductions.problems.three_sum import THREE_SUM

THEOREM = "Theorem 4.1 (arXiv 2509.09001), syndrome code"
SPREAD = CompilerOptions(head_order=HeadOrder.SPREAD)


def compiled(
    algorithm: ProtocolSolver,
    statement: str,
    *,
    depth_formula: str,
    width_formula: str,
    options: CompilerOptions | None = None,
    way: str = "compiled",
) -> ModelSolver:
    """Return the construction that compiles an algorithm: one layer more than it has rounds.

    Parameters
    ----------
    way : str
        The part of the name behind the problem.
    """
    chosen = options or CompilerOptions()

    def machines(shape: Shape) -> tuple[Protocol, Cluster]:
        return algorithm.protocol_for(shape), algorithm.cluster(shape)

    def build(shape: Shape) -> CompiledProtocol:
        return compile_protocol(*machines(shape), **chosen.keywords)

    def depth(shape: Shape) -> Formula:
        _, cluster = machines(shape)
        shown = {**shape.parameters, **algorithm.of_shape(shape)}
        bounds = algorithm.bounds(known_of(shape), cluster, **shown)
        (row,) = (bound for bound in bounds if bound.quantity == "rounds")
        return row.expression + 1, row.values

    def width(shape: Shape) -> Formula:
        rows = layer_bounds(*machines(shape), chosen)
        (row,) = (bound for bound in rows if bound.quantity == "token_width")
        return row.expression, row.values

    return ModelSolver(
        problem=algorithm.problem,
        name=f"{algorithm.problem.name}/{way}",
        architecture="ANNA",
        statement=statement,
        source=f"{algorithm.source}; {THEOREM}",
        build=build,
        depth=depth,
        width=width,
        depth_formula=depth_formula,
        width_formula=width_formula,
        compiles=algorithm,
        options=chosen,
    )


K_HOP_COMPILED = compiled(
    K_HOP,
    "columnsort, then pointer doubling with one round per bit of k, compiled",
    depth_formula="4^d + 4 + bit_length(k)",
    width_formula="s + c + ceil(K / g) (b (ceil(w / r) + 1) + 2)",
)
K_HOP_BY_SCAN = compiled(
    K_HOP_SCAN,
    "a prefix scan of copy maps of A k entries, for few letters, compiled",
    depth_formula="2, or 5 on less memory, whatever k is",
    width_formula="s + c + ceil(K / g) (b (ceil(w / r) + 1) + 2), w = A k + 2",
    way="scan",
)
INDUCTION_HEADS_COMPILED = compiled(
    replace(K_HOP, problem=INDUCTION_HEADS),
    "the k-hop protocol for k = 1, compiled",
    depth_formula="4^d + 5",
    width_formula="s + c + ceil(K / g) (b (ceil(w / r) + 1) + 2)",
)
THREE_SUM_COMPILED = compiled(
    THREE_SUM,
    "blocks of sorted values, one machine per triple of blocks with a possible solution, compiled",
    depth_formula="4^d + 7 + L + L', at most 26",
    width_formula="s + c + ceil(K / g) (b (ceil(w / r) + 1) + 2), spread heads",
    options=SPREAD,
)
CONNECTIVITY_COMPILED = compiled(
    CONNECTIVITY,
    "random-mate contraction on sorted half-edges, compiled",
    depth_formula="O(log n) phases of 2 + 4^d + 2 L layers",
    width_formula="s + c + ceil(K / g) (b (ceil(w / r) + 1) + 2)",
)
ONE_OR_TWO_CYCLES_COMPILED = compiled(
    ONE_OR_TWO_CYCLES,
    "contraction of the cycles by random mates, compiled",
    depth_formula="O(log n) phases of 2 + 4^d + 2 L layers",
    width_formula="s + c + ceil(K / g) (b (ceil(w / r) + 1) + 2)",
)
