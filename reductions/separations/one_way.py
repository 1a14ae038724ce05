"""A causal layer as a one-way protocol: what it sends across a cut, word for word.

Cut the tokens in two. Through a causal low-rank head the right side receives from the left one only
the sum over the left tokens of phi(k_j) v_j^T, r m words (and r more where it divides by a sum);
through a recurrent layer the state, m words. Nothing goes from right to left. So whatever row-wise
maps and folds do, the outputs behind the cut are a function of these words and of the right inputs.
A low-rank layer that sees all tokens is a board: the sum over all tokens, sent to every token.

The words are measured on the run of a model: the sums are formed from the keys and values of its
layers, and counted.

Axes: N tokens, H heads, r features, m value width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reductions.arrays import Integers
from reductions.constructions.one_way_messages import Messages
from reductions.separations.indistinguishable import (
    FalseCertificate,
    Oracle,
    Refutation,
    TwoInputs,
    WordFunction,
    refute,
)

Tell = Callable[[Integers], Messages]


@dataclass(frozen=True, eq=False)
class SameMessages:
    """Two inputs that differ left of a cut only, and of which a model sends the same across it.

    Stronger than `TwoInputs`: no other reading of what the right tokens received can be right
    either.

    Parameters
    ----------
    inputs : TwoInputs
        Its token lies behind the cut.
    cut : int

    Raises
    ------
    ValueError
        The token lies left of the cut.
    """

    inputs: TwoInputs
    cut: int

    def __post_init__(self) -> None:
        if not 0 <= self.cut <= self.inputs.token:
            raise ValueError(
                f"cut = {self.cut}: token {self.inputs.token} must lie behind it, and 0 before"
            )


def refute_across(
    tell: Tell, model: WordFunction, oracle: Oracle, claim: SameMessages
) -> Refutation:
    """Check a claim: `refute`, and that the inputs agree behind the cut, and so do the messages.

    Parameters
    ----------
    tell : callable
        int64[N] words -> `Messages` across the cut.
    model, oracle : callable
        As of `refute`.
    claim : SameMessages

    Raises
    ------
    FalseCertificate
        Something of what is claimed is not so.
    """
    inputs, cut = claim.inputs, claim.cut
    behind = inputs.places[inputs.places >= cut]
    if len(behind):
        raise FalseCertificate(
            f"{inputs.task}: the inputs differ at token {behind[0]}, behind the cut at {cut}"
        )
    told, also_told = tell(inputs.first), tell(inputs.second)
    for number, (one, other) in enumerate(zip(told.layers, also_told.layers, strict=True)):
        if one != other:
            raise FalseCertificate(
                f"{inputs.task}: layer {number} distinguishes the inputs across the cut at {cut}"
            )
    return refute(model, oracle, inputs)
