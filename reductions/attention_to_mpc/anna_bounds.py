"""Rounds, loads and machines of the protocol of a transformer, derived before anything runs.

Symbols, with the number of the first layer of a kind behind them where layers differ: n tokens, T
of them on a machine; H heads, l tables, d words of a row, w of a record, A of an answer; a copy
tree has L levels of arity a, and T_leaf pairs lie on a leaf machine, T_in on one of an inner level;
columnsort has depth D, columns of r records and M machines, and leaves o records per machine; the
scan has S levels, elements of e words, and its machine 0 has q children elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

import sympy

from mpc_sim.integers import ceil_div
from mpc_sim.stages.columnsort import Columnsort
from reductions.attention_to_mpc.buckets import record_fields, sums_of_buckets
from reductions.attention_to_mpc.hashed_bounds import hashed_bounds, hashed_theorem_bounds
from reductions.attention_to_mpc.hashed_plan import HashedTokenPlan
from reductions.attention_to_mpc.plan import LayerPlan, TokenPlan
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol
from reductions.bounds import Bound, Kind
from reductions.problems.sort_and_scan import Most

SOURCE = (
    "Liu et al., arXiv 2509.09001, Theorem 4.2; columnsort (Leighton 1985), scans (arXiv 1101.1902)"
)
NAMES = ("H", "l", "d", "w", "A", "L", "a", "T_leaf", "T_in", "D", "r", "M", "o", "S", "e", "q")


def bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return bounds on rounds (exact), local memory, words sent and received, and machines.

    Where buckets are hashed they are those of `hashed_bounds`.
    """
    if isinstance(executed.plan, HashedTokenPlan):
        return hashed_bounds(executed)
    plan = _plan_of(executed)
    values = {"n": plan.shapes[0].n_tokens, "T": plan.tokens, "B": plan.cluster.block_words}
    rounds, held, sent, received = sympy.Integer(0), [], [], []
    n, tokens, block = sympy.symbols("n T B", integer=True)
    machines = [sympy.ceiling(n / tokens)]
    alike: dict[tuple[int, ...], list[int]] = {}
    for number, layer in enumerate(plan.layers, start=1):
        alike.setdefault(tuple(_sizes(layer, plan).values()), []).append(number)
    for sizes, numbers in alike.items():
        suffix = "" if len(alike) == 1 else f"_{numbers[0]}"
        values |= {f"{name}{suffix}": value for name, value in zip(NAMES, sizes, strict=True)}
        of = _LayerFormulas(suffix)
        rounds += len(numbers) * of.rounds
        held.append(of.waiting + of.held)
        sent.append(of.waiting + of.sent)
        received.append(of.received)
        machines.append(of.machines)
    formulas = {
        "rounds": rounds,
        "local_memory": Most(block, *held),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": Most(*machines),
    }
    kinds: dict[str, Kind] = {"rounds": "exact"}
    return tuple(
        Bound(name, formula, values, kinds.get(name, "upper"), SOURCE)
        for name, formula in formulas.items()
    )


class _LayerFormulas:
    """What one layer takes."""

    def __init__(self, suffix: str) -> None:
        names = [f"{name}{suffix}" for name in NAMES]
        heads, tables, d, w, answer, copies, a, leaf, inner, depth, r, sorting, o, up, e, q = (
            sympy.symbols(names, integer=True)
        )
        n, tokens = sympy.symbols("n T", integer=True)
        scan = w * o + sympy.Piecewise((e * (1 + q), up > 0), (0, True))
        copied, told, added = d * leaf, answer * heads * leaf, answer * heads * a * inner
        self.rounds = 2 * copies + (1 + 4**depth) + 2 * up + 1
        self.waiting = tokens * d
        self.held = Most(copied, w * r, scan, told, added)
        self.sent = Most(a * inner * d, 2 * heads * w * leaf, w * r, scan, answer * o, told)
        self.received = Most(copied, w * r, w * o, e * q, told, added)
        at_leaves = sympy.ceiling(n * tables / leaf)
        # ceil(l / a) copies of a token lie on the last inner level, fewer on those before it.
        above = sympy.ceiling(n * sympy.ceiling(tables / a) / inner)
        levels = sympy.Piecewise((Most(at_leaves, above), copies > 1), (at_leaves, True))
        self.machines = Most(levels, sorting, sympy.ceiling(2 * n * tables * heads / o))


def _plan_of(executed: TransformerProtocol) -> TokenPlan:
    if not isinstance(executed.plan, TokenPlan):
        raise TypeError("these are the bounds of anna_to_mpc; another reduction has its own")
    return executed.plan


def _sizes(layer: LayerPlan, plan: TokenPlan) -> dict[str, int]:
    """Return what the symbols of a layer stand for, by the names in ``NAMES``."""
    shape, cluster = layer.shape, plan.cluster
    free = replace(cluster, memory_words=layer.free_words)
    sort = Columnsort(
        record_fields(layer),
        n_slots=shape.n_records,
        held=layer.leaves.held * 2 * shape.n_heads,
        spread=True,
    ).plan(free)
    tree = sums_of_buckets(layer).tree(free)
    levels = len(layer.levels) - 1
    sizes = (
        shape.n_heads,
        shape.tables,
        shape.row_words,
        shape.record_words,
        shape.answer_words,
        levels,
        layer.arity,
        layer.leaves.held,
        layer.most_tokens if levels else layer.leaves.held,
        sort.depth,
        sort.rows,
        sort.n_machines,
        ceil_div(shape.n_records, cluster.n_machines),
        tree.levels,
        shape.element_words,
        tree.others,
    )
    return dict(zip(NAMES, sizes, strict=True))


def theorem_bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return the bounds of Theorem 4.2 with explicit constants, layer by layer at their worst.

    machines <= 1 + max(4 n l u / s, M), where u = max(d, 2 H w) + d words per pair, and M machines
    are the fewest that sort 2 n l H records in their depth; 7 stands for 4 where the copy trees
    have inner levels. rounds <= 2 (L + S + 1) + 4^D per layer.

    With H m words of N^eps per token, s = N^eps' and l = N^(3 rho) log N, u is O(H m) and the first
    is O(N^(1 + eps - eps' + 3 rho) log N); columnsort fills its columns up to a constant that
    depends on D, so M is, too. The constants: T_leaf = floor(s / u) >= s / (2 u) and T >= T_leaf /
    (2 a) with a <= l, so tokens and leaves take at most 4 n l u / s machines; an inner level has at
    most l / a + 1 copies per token, and there a <= ceil(sqrt(l)) <= 2 l / 3 as l >= 3, so 20/3 in
    place of 4 suffices; sorted records that fill half of the s - T d >=
    s / 2 words take 4 n l u / s. Valid for s >= 4 e (2 + log2 P), where the tree of the scan wants
    no further machines.
    """
    if isinstance(executed.plan, HashedTokenPlan):
        return hashed_theorem_bounds(executed)
    plan = _plan_of(executed)
    sizes = [_sizes(layer, plan) for layer in plan.layers]
    values = {
        "n": plan.shapes[0].n_tokens,
        "s": plan.memory_words,
        "layers": len(plan.layers),
        "D": max(size["D"] for size in sizes),
        "M": max(layer.sort_machines for layer in plan.layers),
        "L": max(size["L"] for size in sizes),
        "S": max(size["S"] for size in sizes),
        "lu": max(
            shape.tables * max(2 * plan.token_words, shape.pair_words + shape.row_words)
            for shape in plan.shapes
        ),
    }
    names = "n s layers D M L S lu"
    n, s, layers, depth, sorting, copies, up, lu = sympy.symbols(names, integer=True)
    packing = sympy.Piecewise((7, copies > 1), (4, True))
    machines = 1 + Most(sympy.ceiling(packing * n * lu / s), sorting)
    rounds = layers * (2 * (copies + up + 1) + 4**depth)
    return (
        Bound("rounds", rounds, values, "upper", SOURCE),
        Bound("machines", machines, values, "upper", SOURCE),
    )
