"""Bounds of round trips, composed of those of the two theorems before anything is built.

There and back: a protocol of R rounds becomes R + 1 layers (Theorem 4.1) of H heads of width m, and
each layer a constant number of rounds on machines of c_b m H ceil(T^gap) words (Theorem 4.2). The
other way: a transformer becomes a protocol, whose rounds are layers again, one more.

Axes: N input words, T tokens, s words of the first protocol's machines, s' those of the way back.
"""

from __future__ import annotations

from numbers import Rational

import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.integers import as_exponent, ceil_power
from mpc_sim.protocol import FACTORS
from reductions.attention_to_mpc.anna_bounds import bounds, theorem_bounds
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol
from reductions.bounds import Bound
from reductions.mpc_to_anna.bounds import layer_bounds, tokens_of_machines
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.token_groups import TokenGroups

SOURCE = "Theorem 4.1, then Theorem 4.2, of Liu et al., arXiv 2509.09001"
OTHER_SOURCE = "Theorem 4.2, then Theorem 4.1, of Liu et al., arXiv 2509.09001"


def there_and_back_bounds(
    protocol: Protocol,
    cluster: Cluster,
    back: TransformerProtocol,
    gap: str | float | Rational = "1/2",
    options: CompilerOptions | None = None,
) -> tuple[Bound, ...]:
    """Return bounds on rounds, machines and memory_words of a compiled protocol that came back.

    Parameters
    ----------
    protocol, cluster
        Those that were compiled: H and m are those that Theorem 4.1 derives from their channels.
    back : TransformerProtocol
        Of `fit_compiled_to_mpc` at ``gap``: gives L, S, D and M of the layers.

    Returns
    -------
    tuple of Bound
        rounds <= (R + 1) q, q the rounds of a layer; machines as in `theorem_bounds`; s' <= 16 H m
        ceil(T^gap).
    """
    options = options or CompilerOptions()
    rounds, machines = theorem_bounds(back)
    layers = {sympy.Symbol("layers", integer=True): sympy.Symbol("R", integer=True) + 1}
    first = {bound.quantity: bound for bound in layer_bounds(protocol, cluster, options)}
    groups = TokenGroups.of(cluster, tokens_of_machines(protocol, cluster, options))
    tokens = groups.context_length(cluster.n_words)
    values = {"T_gap": ceil_power(tokens, as_exponent(gap, "gap")), "c_b": FACTORS[-1]}
    memory = sympy.Symbol("c_b") * sympy.Symbol("T_gap")
    for name, suffix in (("heads", "_H"), ("head_width", "_m")):
        expression, known = _renamed(first[name], suffix)
        memory, values = memory * expression, values | known
    of_rounds = dict(rounds.values) | {"R": protocol.n_rounds(cluster)}
    return (
        Bound("rounds", rounds.expression.xreplace(layers), of_rounds, "upper", SOURCE),
        Bound("machines", machines.expression, machines.values, "upper", SOURCE),
        Bound("memory_words", memory, values, "upper", SOURCE),
    )


def back_and_there_bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
    """Return bounds on a transformer that became a protocol and was compiled again.

    Returns
    -------
    tuple of Bound
        layers = rounds of `bounds` + 1, exactly; with the syndrome code and heads in the order of
        emission at most s + 1 heads of width at most 3 s + C + w + 3, C the most channels of a
        round and w the widest record with a tag: k messages cost at most 2 s numbers, what a
        machine keeps s + C, and one more message w + 1 where one head carries both.
    """
    (rounds,) = (bound for bound in bounds(executed) if bound.quantity == "rounds")
    protocol, cluster = executed.protocol, executed.cluster
    channels = max(
        (len(protocol.channels(t, cluster)) for t in range(protocol.n_rounds(cluster))), default=1
    )
    widest = max(
        (
            channel.words + 1
            for t in range(protocol.n_rounds(cluster))
            for channel in protocol.channels(t, cluster)
        ),
        default=1,
    )
    s, most, w = sympy.symbols("s C w", integer=True)
    sizes = {"s": cluster.memory_words, "C": channels, "w": widest}
    width = 3 * s + most + w + 3
    return (
        Bound("layers", rounds.expression + 1, rounds.values, "exact", OTHER_SOURCE),
        Bound("heads", s + 1, sizes, "upper", OTHER_SOURCE),
        Bound("head_width", width, sizes, "upper", OTHER_SOURCE),
    )


def _renamed(bound: Bound, suffix: str) -> tuple[sympy.Expr, dict[str, int]]:
    """Return formula and values of a bound under names of its own."""
    expression = sympy.sympify(bound.expression)
    names = {one: sympy.Symbol(f"{one.name}{suffix}") for one in expression.free_symbols}
    values = {f"{one.name}{suffix}": bound.values[one.name] for one in names}
    return expression.xreplace(names), values
