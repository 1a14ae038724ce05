"""The picture of an attention pattern beside the pattern of the mechanism that stands in for it.

Axes: N tokens.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from reductions.plots.picture import picture


def draw_attention(
    exact: ArrayLike,
    anna: ArrayLike,
    file: str | Path,
    names: tuple[str, str] = ("softmax", "ANNA"),
) -> None:
    """Draw two matrices of weights side by side, on one scale.

    Parameters
    ----------
    exact, anna : float[N, N'], both of one shape
        Row i: how query i weighs the keys; ``Mechanism.weights`` or ``HeadPattern.weights``.
    file : path
        Ends in .svg, .png or .pdf.
    names : pair of str
        Titles.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        Shapes that differ, no matrices, or another suffix.

    Examples
    --------
    >>> draw_attention(np.eye(3), np.eye(4), "attention.svg")
    Traceback (most recent call last):
        ...
    ValueError: two matrices of one shape are needed, not (3, 3) and (4, 4)
    """
    weights = [np.asarray(one) for one in (exact, anna)]
    if any(one.size and one.dtype.kind not in "biuf" for one in weights):
        raise ValueError(f"weights are real numbers, not {weights[0].dtype}, {weights[1].dtype}")
    if weights[0].ndim != 2 or weights[0].shape != weights[1].shape or not weights[0].size:
        raise ValueError(
            f"two matrices of one shape are needed, not {weights[0].shape} and {weights[1].shape}"
        )
    low, high = min(0.0, *(one.min() for one in weights)), max(one.max() for one in weights)
    with picture(file, 8, 4) as figure:
        pair = figure.subplots(1, 2, sharey=True)
        for axes, one, name in zip(pair, weights, names, strict=True):
            image = axes.imshow(one, vmin=low, vmax=high)
            for ticks in (axes.xaxis, axes.yaxis):
                ticks.get_major_locator().set_params(integer=True)
            axes.set_title(name)
            axes.set_xlabel("key (token)")
        pair[0].set_ylabel("query (token)")
        figure.colorbar(image, ax=list(pair), label="weight (share of a row)")
