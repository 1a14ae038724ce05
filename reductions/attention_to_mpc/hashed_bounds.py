"""Rounds, loads and machines where buckets are hashed: what the trees of the buckets hold.

Symbols, with the number of the first layer of a kind behind them where layers differ: n tokens, T
of them on a machine; H heads, l tables, d words of a row, w of a record, A of an answer; a copy
tree has L levels of arity a, and T_leaf pairs lie on a leaf machine, T_in on one of an inner level;
the trees of buckets have V levels, a machine receives B records on each, and there are P machines
of nodes.
"""

from __future__ import annotations

from fractions import Fraction

import sympy

from reductions.attention_to_mpc.hashed_plan import HashedPlan, HashedTokenPlan
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol
from reductions.bounds import Bound, Kind
from reductions.problems.sort_and_scan import Most

SOURCE = (
    "Liu et al., arXiv 2509.09001, Theorem 4.2, meta machines; funnels (arXiv 1101.1902), Chernoff"
)
NAMES = ("H", "l", "d", "w", "A", "L", "a", "T_leaf", "T_in", "V", "B", "P")


def hashed_bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return bounds on rounds (exact), machines, and, with high probability, on words of a machine.

    A run that goes beyond the declared B records has raised; so the words of a finished run are
    within these bounds always, and that a run finishes is what is probable (`failure_of`).
    """
    plan = executed.plan
    assert isinstance(plan, HashedTokenPlan)
    n, tokens, block = sympy.symbols("n T block", integer=True)
    values = {"n": plan.shapes[0].n_tokens, "T": plan.tokens, "block": plan.cluster.block_words}
    alike: dict[tuple[int, ...], list[int]] = {}
    for number, layer in enumerate(plan.layers, start=1):
        assert isinstance(layer, HashedPlan)
        alike.setdefault(_sizes(layer), []).append(number)
    rounds, held, sent, received = sympy.Integer(0), [], [], []
    machines = [sympy.ceiling(n / tokens)]
    for sizes, numbers in alike.items():
        suffix = "" if len(alike) == 1 else f"_{numbers[0]}"
        names = [f"{name}{suffix}" for name in NAMES]
        values |= dict(zip(names, sizes, strict=True))
        symbols = sympy.symbols(names, integer=True)
        heads, tables, d, w, answer, copies, a, leaf, inner, levels, heard, nodes = symbols
        asked, waiting = 2 * heads * leaf * w, tokens * d
        told, added = answer * heads * leaf, answer * heads * a * inner
        rounds += len(numbers) * 2 * (copies + levels)
        held.append(waiting + Most(d * leaf + Most(levels * heard * w, asked), added))
        sent.append(waiting + Most(a * inner * d, d * leaf + Most(levels * heard * w, asked), told))
        received.append(Most(d * leaf, heard * w, asked, added))
        at_leaves = sympy.ceiling(n * tables / leaf)
        above = sympy.ceiling(n * sympy.ceiling(tables / a) / inner)
        machines.append(
            Most(sympy.Piecewise((Most(at_leaves, above), copies > 1), (at_leaves, True)), nodes)
        )
    formulas = {
        "rounds": rounds,
        "local_memory": Most(block, *held),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": Most(*machines),
    }
    kinds: dict[str, Kind] = {"rounds": "exact", "machines": "upper"}
    return tuple(
        Bound(name, formula, values, kinds.get(name, "whp"), SOURCE)
        for name, formula in formulas.items()
    )


def hashed_theorem_bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return the bounds of Theorem 4.2 with explicit constants, layer by layer at their worst.

    machines <= 2 + 128 n l u V / s, u = H w + 2 d: at least s / 2 words are left to the trees, so B
    >= s / (8 w V) after two floors, and P <= 1 + 8 R / B with R = 2 n l H; leaves and tokens take
    less, 7 in place of 128. rounds <= 2 (L + V) per layer.
    """
    plan = executed.plan
    assert isinstance(plan, HashedTokenPlan)
    layers = [layer for layer in plan.layers if isinstance(layer, HashedPlan)]
    values = {
        "n": plan.shapes[0].n_tokens,
        "s": plan.memory_words,
        "layers": len(layers),
        "L": max(len(layer.levels) - 1 for layer in layers),
        "V": max(layer.funnel.levels for layer in layers),
        "lu": max(
            layer.shape.tables
            * (layer.shape.n_heads * layer.shape.record_words
               + 2 * max(layer.shape.row_words, plan.token_words))
            for layer in layers
        ),
    }  # fmt: skip
    n, s, number, copies, levels, lu = sympy.symbols("n s layers L V lu", integer=True)
    machines = 2 + sympy.ceiling(128 * n * lu * Most(levels, 1) / s)
    return (
        Bound("rounds", number * 2 * (copies + levels), values, "upper", SOURCE),
        Bound("machines", machines, values, "upper", SOURCE),
    )


def failure_of(executed: TransformerProtocol) -> Fraction:
    """Return the bound on the probability, over the seed, that a run raises `ChannelExceeded`.

    The sum over the layers; a layer whose pairs lie on one machine hashes nothing.
    """
    if not isinstance(executed.plan, HashedTokenPlan):
        return Fraction(0)
    funnels = [layer.funnel for layer in executed.plan.layers if isinstance(layer, HashedPlan)]
    failures = [Fraction(1, one.inverse_failure) for one in funnels if one.levels]
    return sum(failures, Fraction(0))


def _sizes(layer: HashedPlan) -> tuple[int, ...]:
    """Return what the symbols of a layer stand for, in the order of ``NAMES``."""
    shape, funnel, copies = layer.shape, layer.funnel, len(layer.levels) - 1
    return (
        shape.n_heads,
        shape.tables,
        shape.row_words,
        shape.record_words,
        shape.answer_words,
        copies,
        layer.arity,
        layer.leaves.held,
        layer.most_tokens if copies else layer.leaves.held,
        funnel.levels,
        funnel.capacity,
        funnel.machines,
    )
