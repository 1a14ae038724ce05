"""Theorem 4.4: a low-rank transformer becomes a transformer of exact-match heads, layer by layer.

By composition: the protocol of the low-rank layers (Lemma D.2) is compiled (Theorem 4.1). So the
depth is one more than the rounds, and the heads and widths are those of the trees' messages, one
token per machine: bounds compose by substitution. Exact match is an ANNA of distance 0.

Axes: n tokens, r features, m value width, w words of the matrices of all heads, a the arity of the
trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from anna_model import Rows, Transformer
from anna_model.fixed_point.attention import Precision
from reductions.attention_to_mpc.low_rank import low_rank_bounds, low_rank_to_mpc
from reductions.attention_to_mpc.low_rank_plan import LowRankPlan, tree_of
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol
from reductions.bounds import Bound
from reductions.mpc_to_anna.codes.choice import Code
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.problems.sort_and_scan import Most

SOURCE = "Liu et al., arXiv 2509.09001, Theorem 4.4: Lemma D.2, then Theorem 4.1"


@dataclass(frozen=True)
class LowRankAsAnna:
    """The compiled transformer, and the protocol between the two.

    Made by :func:`low_rank_to_anna`.
    """

    protocol: TransformerProtocol
    compiled: CompiledProtocol

    def run(self, rows: Rows) -> Rows:
        """Run the compiled transformer on the words of rows; return the rows of its words."""
        return self.protocol.rows(self.compiled.run(self.protocol.words(rows)))


def low_rank_to_anna(
    transformer: Transformer,
    precision: Precision,
    memory_words: int,
    *,
    input_width: int,
    row_widths: tuple[int, ...] | None = None,
    code: Code | str = Code.SYNDROME,
) -> LowRankAsAnna:
    """Turn a transformer of low-rank heads into one of exact-match heads, bit for bit.

    Parameters
    ----------
    transformer, precision, memory_words, input_width, row_widths
        As of `low_rank_to_mpc`.
    code : Code or str
        As of `compile_protocol`; the syndrome code takes words of at most 31 bits.

    Raises
    ------
    GridOverflow, InputError, ShapeError
        As `low_rank_to_mpc`.
    CodeDomainError
        The words are too long for the code.

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorem 4.4.
    """
    protocol = low_rank_to_mpc(
        transformer, precision, memory_words, input_width=input_width, row_widths=row_widths
    )
    compiled = compile_protocol(
        protocol.protocol, protocol.cluster, code=code, tokens_per_machine=1
    )
    return LowRankAsAnna(protocol, compiled)


def composed_bounds(found: LowRankAsAnna) -> tuple[Bound, ...]:
    """Return bounds on layers (exact), heads, head width and token width.

    A round up sends one message of w words and at most a - 1 arrive; a round down sends at most a
    and one arrives. So there are at most a heads and the self head; at most a - 1 messages meet in
    a head, whose syndrome code is at most (a - 1) (w + 1) + 2 wide; the self head has two counts,
    T d words of rows and at most a w of copies, at most s; the first layer has a block.
    """
    plan = found.protocol.plan
    assert isinstance(plan, LowRankPlan)
    rounds = low_rank_bounds(found.protocol)[0]
    values = dict(rounds.values) | {"s": plan.memory_words}
    heads, widths, totals = [], [sympy.Symbol("B")], [sympy.Symbol("B")]
    for number in range(len(plan.matrices)):
        suffix = "" if len(plan.matrices) == 1 else f"_{number + 1}"
        if not tree_of(plan, number).levels:
            continue
        d, w, a = sympy.symbols([f"{name}{suffix}" for name in "dwa"], integer=True)
        tokens, s = sympy.symbols("T s", integer=True)
        own = 2 + sympy.Min(tokens * d + a * w, s)
        up, down = Most(a - 1, 1) * (w + 1) + 2, w + 3
        heads.append(1 + a)
        widths += [own, up]
        totals += [own + up, own + a * down]
    formulas = {
        "layers": rounds.expression + 1,
        "heads": Most(1, *heads),
        "head_width": Most(*widths),
        "token_width": Most(*totals),
    }
    return tuple(
        Bound(name, formula, values, "exact" if name == "layers" else "upper", SOURCE)
        for name, formula in formulas.items()
    )
