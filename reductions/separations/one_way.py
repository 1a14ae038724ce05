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
from operator import index
from typing import Any

import numpy as np

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
PROBES = 8


@dataclass(frozen=True, eq=False)
class SameMessages:
    """Two inputs that differ left of a cut only, and of which a model sends the same across it.

    Stronger than `TwoInputs`: no other reading of what the right tokens received can be right
    either.

    Parameters
    ----------
    inputs : TwoInputs
        Its token lies behind the cut.

    Raises
    ------
    TypeError, ValueError
        The cut is no integer, or the token lies left of it.
    """

    inputs: TwoInputs
    cut: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "cut", index(self.cut))
        if not 0 <= self.cut <= self.inputs.token:
            raise ValueError(
                f"cut = {self.cut}: token {self.inputs.token} must lie behind it, and 0 before"
            )


def refute_across(
    tell: Tell,
    model: WordFunction,
    oracle: Oracle,
    claim: SameMessages,
    *,
    bits: int | None = None,
) -> Refutation:
    """Check a claim: `refute`, and that the inputs agree behind the cut, and so do the messages.

    That messages are all that is sent is tried on some other inputs; it follows from the layers
    that they are read off.

    Parameters
    ----------
    tell : callable
        int64[N] words -> `Messages` across the cut.
    model, oracle : callable
        As of `refute`.
    bits : int, optional
        Of a word of a message: whole numbers below 2^bits.

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
    if not told.layers or not all(told.words):
        raise FalseCertificate(f"{inputs.task}: a layer is said to send nothing: {told}")
    if told.words != also_told.words:
        raise FalseCertificate(
            f"{inputs.task}: messages of {told.words} words for one input, {also_told.words} for "
            "the other"
        )
    for number, (one, other) in enumerate(zip(told.layers, also_told.layers, strict=True)):
        if one != other:
            raise FalseCertificate(
                f"{inputs.task}: layer {number} distinguishes the inputs across the cut at {cut}"
            )
    if bits is not None:
        _require_bits(told, bits, inputs.task)
    found = refute(model, oracle, inputs)
    _probe(tell, model, claim)
    return found


def _require_bits(told: Messages, bits: int, task: str) -> None:
    for number, layer in enumerate(told.layers):
        for word in layer:
            if word != int(word) or not 0 <= word < 1 << bits:
                raise FalseCertificate(
                    f"{task}: layer {number} sends {word}, no whole number of {bits} bits"
                )


def _probe(tell: Tell, model: WordFunction, claim: SameMessages) -> None:
    """Look for messages that are not all that is sent: equal, where outputs behind the cut differ.

    On both inputs, and on some more prefixes of the same words ahead of the same right side.
    """
    cut, right = claim.cut, claim.inputs.first[claim.cut :]
    lefts = [claim.inputs.first[:cut], claim.inputs.second[:cut]]
    rng = np.random.default_rng(0)
    lefts += [rng.permutation(lefts[0]) for _ in range(PROBES)]
    said: dict[object, Any] = {}
    for left in lefts:
        words = np.concatenate([left, right])
        told, rows = tell(words).layers, np.asarray(model(words))[cut:]
        if not np.array_equal(said.setdefault(told, rows), rows):
            raise FalseCertificate(
                f"{claim.inputs.task}: outputs behind the cut at {cut} differ where the messages "
                "agree: they are not all that is sent"
            )
