"""Reformer attention over drawn chunks with drawn row-wise maps: a member of the family.

Every layer has a drawn pattern, fixed before any input; queries, values and folds use the position,
the row and all that was received.
"""

from __future__ import annotations

import numpy as np

from anna_model import HeadMaps, RowwiseLayer, Transformer
from anna_model.mechanisms import GivenCodes, Reformer
from mpc_sim import InputError
from reductions.arrays import Floats, Integers


def wave(position: Integers, rows: Floats) -> Floats:
    """Return a number of position and row, in -1 .. 1: query, key and value."""
    waves: Floats = np.sin(rows[:, :1] + position[:, None])
    return waves


def stir(position: Integers, rows: Floats, heard: Floats) -> Floats:
    """Fold what was received, the row and the position into a number."""
    mixed = 3 * rows[:, :1] + 5 * heard.sum(axis=1, keepdims=True) + position[:, None]
    stirred: Floats = np.cos(mixed)
    return stirred


def drawn_chunks(
    n: int, chunk: int, depth: int, *, heads: int = 1, causal: bool = False, seed: int = 0
) -> Transformer:
    """Draw a transformer of Reformer heads with chunks fixed in advance.

    Parameters
    ----------
    n : int
        Tokens; rows are one number wide.
    chunk : int
        B.
    depth, heads : int
        Layers, and heads of a layer, which share its pattern.

    Raises
    ------
    InputError
        A size out of range.
    """
    if min(n, chunk, heads) < 1 or depth < 0:
        raise InputError(
            f"n = {n}, chunk = {chunk}, depth = {depth}, heads = {heads}: take all at least 1, "
            "depth at least 0"
        )
    rng = np.random.default_rng(seed)
    head = HeadMaps(wave, wave, wave, 1, 1)
    layers = []
    for _ in range(depth):
        mechanism = Reformer(GivenCodes(rng.permutation(n)[None, :]), chunk, causal=causal)
        layers.append(RowwiseLayer(mechanism, (head,) * heads, stir))
    return Transformer(tuple(layers), n)
