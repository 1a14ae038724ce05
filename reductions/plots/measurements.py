"""Pictures of measured rows: machines against N, depth against k, error against tables.

Rows are plain mappings, as commands print them; a row names its line by ``line``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reductions.plots.picture import MARKERS, PALETTE, lines_of, picture

Rows = Sequence[Mapping[str, Any]]
MOST_IN_AXES = 5
"""Lines whose legend has room beside them; that of more stands below the picture."""


def draw_machines(
    rows: Rows, file: str | Path, quantity: str = "machines", beside: str | None = None
) -> None:
    """Draw machines against N on logarithmic axes, with the slopes that theory gives.

    Parameters
    ----------
    rows : sequence of mappings
        Each with ``n`` (N, tokens or words), the quantity (a count), and where there are several
        lines ``line``, the name of its line. Optional: ``exponent``, the theory's, drawn dashed
        through the last point of the line; ``slope`` and ``slope_margin``, a fitted exponent and
        half its interval, named in the legend; ``<quantity>_bound``, drawn dotted.
    file : path
        Ends in .svg, .png or .pdf.
    quantity : str
    beside : str, optional
        Another quantity, such as ``rounds``, drawn in a second panel on a linear axis.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        No rows, a row that lacks something, or another suffix.

    Examples
    --------
    >>> rows = [{"n": n, "machines": n * n, "exponent": 2, "line": "softmax"} for n in (64, 128)]
    >>> draw_machines(rows, "machines.txt")
    Traceback (most recent call last):
        ...
    ValueError: end the name of a picture in .svg, .png, .pdf, not .txt
    """
    panels = [quantity] if beside is None else [quantity, beside]
    lines = lines_of(rows, ["n", *panels])
    with picture(file, 6 * len(panels), _height(len(lines))) as figure:
        for panel, drawn in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), panel + 1)
            for number, (name, line) in enumerate(lines.items()):
                _draw_line(axes, name, line, drawn, number, with_slopes=panel == 0)
            axes.set_xscale("log", base=2)
            axes.set_xlabel("N (tokens)")
            axes.set_ylabel(f"{drawn.replace('_', ' ')} (count)")
            if panel == 0:
                axes.set_yscale("log", base=2)
                axes.set_title("dashed: slope of the theory, dotted: bound", size=9)
                _legend(figure, axes)
            else:
                axes.set_ylim(bottom=0)


def _draw_line(
    axes: Any, name: str, line: Rows, quantity: str, number: int, with_slopes: bool
) -> None:
    """Draw the points of a line, its bound dotted, and the slope of the theory dashed."""
    at, measured = _columns(line, "n", quantity)
    exponent, slope, label = line[-1].get("exponent"), line[-1].get("slope"), name
    if slope is not None:
        label += f", fitted: N^{float(slope):.3f} +- {float(line[-1]['slope_margin']):.3f}"
    if exponent is not None:
        label += f" (theory: N^{float(exponent):.3g})"
    style = _style(number)
    axes.plot(at, measured, label=label, **style)
    if exponent is not None and with_slopes:
        through = [measured[-1] * (n / at[-1]) ** float(exponent) for n in at]
        axes.plot(at, through, linestyle="--", linewidth=1, color=style["color"])
    if all(f"{quantity}_bound" in row for row in line):
        _, bounds = _columns(line, "n", f"{quantity}_bound")
        axes.plot(at, bounds, linestyle=":", linewidth=1, color=style["color"])


def draw_depth(rows: Rows, file: str | Path, quantity: str = "layers") -> None:
    """Draw depth against k, k on a logarithmic axis.

    Parameters
    ----------
    rows : sequence of mappings
        Each with ``k`` (hops, at least 1), the quantity (a count), and where there are several
        lines ``line``. A row with ``kind`` equal to ``"lower-bound"`` is part of a dashed line
        without markers.
    file : path
        Ends in .svg, .png or .pdf.
    quantity : str

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        No rows, a row that lacks something, or another suffix.

    Examples
    --------
    >>> draw_depth([{"k": 4, "depth": 9}], "depth.svg")
    Traceback (most recent call last):
        ...
    ValueError: row 0 has no 'layers'
    """
    lines = lines_of(rows, ["k", quantity])
    with picture(file, height_inches=_height(len(lines))) as figure:
        axes = figure.add_subplot()
        for number, (name, line) in enumerate(lines.items()):
            at, measured = _columns(line, "k", quantity)
            style = _style(number)
            if line[0].get("kind") == "lower-bound":
                style = {"color": style["color"], "linestyle": "--"}
            axes.plot(at, measured, label=name, **style)
        axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("k (hops)")
        axes.set_ylabel(f"{quantity.replace('_', ' ')} (count)")
        _legend(figure, axes)


def draw_heads(rows: Rows, file: str | Path) -> None:
    """Draw heads against the length of the context, between their two bounds.

    Parameters
    ----------
    rows : sequence of mappings
        Each with ``n`` (N, words; a line per size), ``context_length`` (T, tokens), ``heads``
        (measured), ``heads_least``, drawn dashed, and ``heads_bound``, drawn dotted (counts).
    file : path
        Ends in .svg, .png or .pdf.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        No rows, a row that lacks something, or another suffix.

    Examples
    --------
    >>> draw_heads([{"n": 64, "context_length": 64, "heads": 2, "heads_least": 1}], "heads.svg")
    Traceback (most recent call last):
        ...
    ValueError: row 0 has no 'heads_bound'
    """
    sides = (("heads_least", "--"), ("heads_bound", ":"))
    lines = lines_of(rows, ["context_length", "heads", *(name for name, _ in sides)], ["n"])
    with picture(file, height_inches=_height(len(lines))) as figure:
        axes = figure.add_subplot()
        for number, (name, line) in enumerate(lines.items()):
            style = _style(number)
            at, measured = _columns(line, "context_length", "heads")
            axes.plot(at, measured, label=name, **style | {"linestyle": ""})
            for side, dashes in sides:
                _, bounds = _columns(line, "context_length", side)
                axes.plot(at, bounds, linestyle=dashes, linewidth=1, color=style["color"])
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_xlabel("T (tokens)")
        axes.set_ylabel("heads (count)")
        axes.set_title("dashed: ceil((k + 1) / floor(T / P)), dotted: claim", size=9)
        _legend(figure, axes)


def draw_errors(
    rows: Rows,
    file: str | Path,
    axis: str = "tables",
    baselines: Mapping[str, float] | None = None,
) -> None:
    """Draw the error of a model run by ANNA against its hash tables, with intervals.

    Parameters
    ----------
    rows : sequence of mappings
        Each with the axis, ``error`` (share of wrong answers, 0 .. 1), and optionally its interval
        ``error_low``, ``error_high``. Of ``surrogate``, ``hashes``, ``tables_layer_1``,
        ``tables_layer_2``, those that vary beside the axis distinguish lines.
    file : path
        Ends in .svg, .png or .pdf.
    axis : str
        ``tables``, or that of a layer.
    baselines : mapping of str to float, optional
        Errors of what does not depend on tables, drawn dotted: guessing, exact attention.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        No rows, a row that lacks something, or another suffix.

    Examples
    --------
    >>> draw_errors([], "errors.png")
    Traceback (most recent call last):
        ...
    ValueError: a picture needs at least one row
    """
    names = ("surrogate", "hashes", "tables_layer_1", "tables_layer_2")
    lines = lines_of(rows, [axis, "error"], [name for name in names if name != axis])
    with picture(file, 8 if baselines else 6, _height(len(lines))) as figure:
        axes = figure.add_subplot()
        for number, (name, line) in enumerate(lines.items()):
            at, errors = _columns(line, axis, "error")
            low, high = (
                [abs(row.get(end, row["error"]) - row["error"]) for row in _along(line, axis)]
                for end in ("error_low", "error_high")
            )
            axes.errorbar(at, errors, yerr=[low, high], capsize=3, label=name, **_style(number))
        beside: dict[float, list[str]] = {}
        for name, error in (baselines or {}).items():
            axes.axhline(error, color="#555555", linestyle=":", linewidth=1)
            beside.setdefault(round(error, 2), []).append(f"{name}: {error:.3f}")
        for error, named in beside.items():
            place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center"}
            axes.annotate("\n".join(named), (1.02, error), size=8, **place)
        axes.set_xscale("log", base=2)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"{axis.replace('_', ' ')} (count)")
        axes.set_ylabel("error (share of answers)")
        _legend(figure, axes)


def _height(n_lines: int) -> float:
    """Return the inches of a picture with its legend."""
    return 4 if n_lines <= MOST_IN_AXES else 4 + 0.2 * ((n_lines + 1) // 2)


def _legend(figure: Any, axes: Any) -> None:
    """Name the lines, where many are below the picture."""
    lines = axes.get_legend_handles_labels()
    if len(lines[1]) <= MOST_IN_AXES:
        axes.legend(fontsize=8)
    else:
        figure.legend(*lines, loc="outside lower center", ncols=2, fontsize=8)


def _along(line: Rows, axis: str) -> list[Mapping[str, Any]]:
    """Return the rows of a line in the order of an axis."""
    return sorted(line, key=lambda row: float(row[axis]))


def _columns(line: Rows, axis: str, quantity: str) -> tuple[list[float], list[float]]:
    """Return where the points of a line lie, from left to right."""
    along = _along(line, axis)
    return [float(row[axis]) for row in along], [float(row[quantity]) for row in along]


def _style(number: int) -> dict[str, Any]:
    """Return the looks of a line; later ones are smaller, so that none is hidden."""
    return {
        "linestyle": ("-", "-.")[number // len(PALETTE) % 2],
        "color": PALETTE[number % len(PALETTE)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": max(3, 8 - number),
    }
