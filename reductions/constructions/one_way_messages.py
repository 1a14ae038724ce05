"""What low-rank layers send across a cut of their input, and how many bits that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model import DenseHeads, Rows, Transformer
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from anna_model.mechanisms import LowRank
from mpc_sim import InputError

Told = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Messages:
    """What the layers send across a cut.

    Parameters
    ----------
    layers : tuple of tuple of number
        The words of every layer.
    """

    layers: Told

    @property
    def words(self) -> tuple[int, ...]:
        """Words of every layer."""
        return tuple(len(layer) for layer in self.layers)


def low_rank_messages(transformer: Transformer, rows: Rows, cut: int) -> Messages:
    """Return the sums of phi(k_j) v_j^T over the first tokens, of all heads, layer by layer.

    Parameters
    ----------
    transformer : Transformer
        Of low-rank heads in dense blocks; causal, or the cut is N.
    cut : int
        Tokens on the left, 0 .. N.

    Returns
    -------
    Messages
        r m words per head, r (m + 1) where it divides by the sum of its weights.

    Raises
    ------
    InputError
        A cut that is not there, another mechanism, heads that see both sides of the cut.
    """
    if not 0 <= cut <= transformer.n_tokens:
        raise InputError(f"cut = {cut}: choose it in 0 .. {transformer.n_tokens}")
    told: list[list[float]] = [[] for _ in transformer.layers]

    def listen(number: int, block: HeadBlock, answer: Answer) -> None:
        mechanism = transformer.layers[number].mechanism_for(block)
        if not isinstance(mechanism, LowRank) or not isinstance(block, DenseHeads):
            raise InputError(f"layer {number}: not low-rank heads in dense blocks")
        if not mechanism.causal and cut < transformer.n_tokens:
            raise InputError(f"layer {number} is not causal: choose cut = {transformer.n_tokens}")
        for K, V in zip(block.K, block.V, strict=True):
            values = (
                np.concatenate([V, np.ones((len(V), 1))], axis=1) if mechanism.normalised else V
            )
            told[number] += (mechanism.features(K)[:cut].T @ values[:cut]).ravel().tolist()

    transformer.forward(rows, trace=listen)
    return Messages(tuple(tuple(layer) for layer in told))
