"""Heads and width of a compiled protocol against the tokens that act for a machine.

A row compiles k-hop with g tokens per machine, runs it, and counts the heads that carried
something. It stands between two sides: H <= 1 + ceil(k / g), 1 where g > k, which is the claim, and

    H >= ceil((k + 1) / floor(T / P)),

which holds where every token asks for the id of its machine alone and a machine sends k messages to
distinct others and keeps something: it needs k + 1 pairs of a head and a token in which a key is
set, and of T tokens some machine has at most floor(T / P). Both sides are 1 at T = P (k + 1).

Fewer heads are paid for in the code: all k messages of a machine may meet in one head, so a message
is b (w + 1) + 2 numbers with b = k. Balanced tokens keep b at O(g + log N). ``message_width`` is
what one message costs to encode, ``token_width`` the total width mH.

Axes: N input words, P machines, g tokens of a machine, T tokens, k messages of a machine in a
round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from mpc_sim import Cluster, Protocol
from mpc_sim.integers import ceil_div
from reductions.experiments.exponents import LEAST_POINTS, Growth, Point, slope
from reductions.mpc_to_anna.bounds import messages, theorem_bounds
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.token_groups import TokenRule, TokensPerMachine, tokens_of
from reductions.mpc_to_anna.used import UsedHeads
from reductions.problems.problem import Instance
from reductions.problems.protocol_solver import ProtocolSolver

Row = dict[str, Any]
BY_NUMBER = "g"
"""The line of rows whose tokens were given as a number."""


def head_rows(
    solver: ProtocolSolver,
    instances: Sequence[Instance],
    chosen: Sequence[TokensPerMachine] = (),
) -> Iterator[Row]:
    """Yield a row for every input and number of tokens, with c_s and c_p of the largest input.

    Parameters
    ----------
    solver : ProtocolSolver
    instances : sequence of Instance
        One per size.
    chosen : sequence of TokensPerMachine
        By default 1, 2, 4, ... up to k, and all rules.

    Raises
    ------
    ShapeError
        These do not fit another input.
    CodeDomainError
        So many messages meet that no code takes them.
    """
    largest = solver.cluster(max(instances, key=lambda one: len(one.words)))
    assert largest.memory_factor is not None
    assert largest.machine_factor is not None
    factors = largest.memory_factor, largest.machine_factor
    for instance in instances:
        point = Point.of(solver, instance.shape)
        cluster = point.cluster(solver.epsilon, solver.gamma, *factors)
        most = _most(point.protocol, cluster)
        powers = [1 << power for power in range(most.bit_length())]
        for tokens in chosen or (*powers, *TokenRule):
            yield _row(solver, instance, point.protocol, cluster, tokens)


def _row(
    solver: ProtocolSolver,
    instance: Instance,
    protocol: Protocol,
    cluster: Cluster,
    tokens: TokensPerMachine,
) -> Row:
    """Compile and run a protocol with so many tokens per machine."""
    options = CompilerOptions(tokens_per_machine=tokens)
    claims = theorem_bounds(protocol, cluster, options)
    bound = {claim.quantity: claim.value for claim in claims}
    transformer, used = compile_protocol(protocol, cluster, **options.keywords), UsedHeads()
    output = transformer.run(instance.words, trace=used)
    built, measured = transformer.resources(), used.measured
    context, most = bound["context_length"], _most(protocol, cluster)
    row: Row = {
        "line": str(tokens) if isinstance(tokens, TokenRule) else BY_NUMBER,
        "n": cluster.n_words,
        "n_machines": cluster.n_machines,
        "messages": most,
        "tokens_per_machine": tokens_of(tokens, cluster.n_words, cluster.n_machines, most),
        "context_length": context,
        "heads_least": ceil_div(most + 1, context // cluster.n_machines),
        "heads": measured["heads"],
        "heads_bound": bound["heads"],
        "message_width": measured["code_width"],
        "token_width": measured["token_width"],
        "token_width_bound": bound["token_width"],
        "width_bits": built.token_width * built.precision_bits,
        "input_bits": cluster.n_words * cluster.word_bits,
        "differ": solver.problem.n_wrong(instance, output),
    }
    within = all(row[name] <= row[f"{name}_bound"] for name in ("heads", "token_width"))
    possible = measured["context_length"] == context and row["heads_least"] <= built.heads
    return row | {"ok": row["differ"] == 0 and within and possible}


def _most(protocol: Protocol, cluster: Cluster) -> int:
    """Return k, the most messages that a machine may send or receive in any round."""
    rounds = range(protocol.n_rounds(cluster))
    plain = CompilerOptions()
    shapes = (messages(protocol.channels(t, cluster), cluster, plain)[:2] for t in rounds)
    return max(map(max, shapes), default=0)


def width_growths(rows: Sequence[Row], epsilon: str) -> list[tuple[str, Growth]]:
    """Fit the exponent of mH to the rows of every rule, beside that of theory, epsilon.

    Nothing where there are fewer than three sizes.
    """
    found = []
    for rule in TokenRule:
        own = [row for row in rows if row["line"] == rule]
        sizes = [row["n"] for row in own]
        if len(set(sizes)) < LEAST_POINTS:
            continue
        built = slope(sizes, [row["token_width"] for row in own])
        closed, _ = slope(sizes, [row["token_width_bound"] for row in own])
        theory = float(Fraction(epsilon))
        found.append((str(rule), Growth("token_width", *built, theory, closed, "")))
    return found
