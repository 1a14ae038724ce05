"""The picture of a sweep: a measured quantity of one algorithm against its bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reductions.plots.picture import picture

AXES = ("n", "diameter", "epsilon", "seed")
"""What a sweep runs over; the first of these that takes several values is the horizontal axis."""


def sweep_axes(rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return the horizontal axis of a picture of a sweep, and what distinguishes its lines.

    A diameter is put before n, so that n is a line where both are swept.

    Examples
    --------
    >>> sweep_axes([{"n": 4, "seed": 0}, {"n": 8, "seed": 0}, {"n": 8, "seed": 1}])
    ('n', ['seed'])
    >>> sweep_axes([{"n": 4, "diameter": 2}, {"n": 8, "diameter": 4}])
    ('diameter', ['n'])
    >>> sweep_axes([{"n": 4}])
    ('n', [])
    """
    varied = [name for name in AXES if len({row.get(name) for row in rows}) > 1] or ["n"]
    axis = "diameter" if "diameter" in varied else varied[0]
    return axis, [name for name in varied if name != axis]


def draw_sweep(
    rows: Sequence[Mapping[str, Any]], file: str | Path, quantity: str = "rounds"
) -> None:
    """Draw a measured quantity, with its bound dashed, and write the picture.

    Parameters
    ----------
    rows : sequence of mappings
        At least one; each with the axes of the sweep, ``algorithm``, the quantity and
        ``<quantity>_bound``.
    file : path
        Ends in .svg, .png or .pdf; written under another name first, so an old picture stays whole.
    quantity : str

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        The suffix is none of the three.

    Examples
    --------
    >>> draw_sweep([], "sweep.txt")
    Traceback (most recent call last):
        ...
    ValueError: end the name of a picture in .svg, .png, .pdf, not .txt
    """
    with picture(file) as figure:
        axis, others = sweep_axes(rows)
        lines: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            name = ", ".join(f"{other} = {row[other]}" for other in others) or "measured"
            lines.setdefault(name, []).append(row)
        axes = figure.add_subplot()
        for number, (name, line) in enumerate(lines.items()):
            size = max(2, 8 - 2 * number)  # lines that lie on each other stay visible
            at = [row[axis] for row in line]
            measured = [row[quantity] for row in line]
            (drawn,) = axes.plot(at, measured, marker="o", markersize=size, label=name)
            bounds = [row[f"{quantity}_bound"] for row in line]
            axes.plot(at, bounds, linestyle="--", linewidth=1, color=drawn.get_color())
        if axis in ("n", "diameter"):
            axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(axis)
        axes.set_ylabel(f"{quantity} (dashed: bound)")
        axes.set_title(str(rows[0]["algorithm"]))
        axes.legend()
