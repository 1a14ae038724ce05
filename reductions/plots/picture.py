"""One picture: a figure in settings of our own, and a file that is the same at every save.

Bytes repeat for one version of matplotlib: ids of SVG elements come from a fixed salt, no date is
written, and the user's own settings are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mpc_sim.extras import needed
from mpc_sim.saving.whole_file import replacing

SUFFIXES = (".svg", ".png", ".pdf")
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, distinct for colour-blind readers; their yellow is too light here."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""A line has a marker of its own, so that a print in grey shows which is which."""
COLORMAP = "cividis"
"""Its lightness grows evenly, and it looks the same to colour-blind readers."""
_METADATA: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None},
    ".png": {},
    ".pdf": {"CreationDate": None},
}


@contextmanager
def picture(file: str | Path, width_inches: float = 6, height_inches: float = 4) -> Iterator[Any]:
    """Give an empty figure of matplotlib; on leaving, write it to the file.

    Parameters
    ----------
    file : path
        Ends in .svg, .png or .pdf; written under another name first, so an old picture stays whole.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        The suffix is none of the three.
    OSError
        The file cannot be written.
    """
    file = Path(file)
    if file.suffix not in SUFFIXES:
        raise ValueError(
            f"end the name of a picture in {', '.join(SUFFIXES)}, not {file.suffix or 'nothing'}"
        )
    style = needed("matplotlib.style", "a picture")
    figures = needed("matplotlib.figure", "a picture")

    own = {
        "svg.hashsalt": "anna-mpc",
        "axes.prop_cycle": f"cycler(color={list(PALETTE)})",
        "image.cmap": COLORMAP,
        "image.interpolation": "nearest",
    }
    with style.context(["default", own]):
        figure = figures.Figure(figsize=(width_inches, height_inches), layout="constrained")
        yield figure
        with replacing(file) as target:
            figure.savefig(target, format=file.suffix[1:], dpi=150, metadata=_METADATA[file.suffix])


def lines_of(
    rows: Sequence[Mapping[str, Any]], needed: Sequence[str], names: Sequence[str] = ("line",)
) -> dict[str, list[Mapping[str, Any]]]:
    """Sort rows into the lines of a picture, after a look at what they hold.

    Parameters
    ----------
    rows : sequence of mappings
        At least one.
    needed : sequence of str
        What every row must hold.
    names : sequence of str
        What distinguishes lines; of several, only those that vary are named.

    Returns
    -------
    dict of str to list
        Rows of every line, in the order in which they came.

    Raises
    ------
    ValueError
        There is no row, or one lacks something.
    """
    if not rows:
        raise ValueError("a picture needs at least one row")
    for number, row in enumerate(rows):
        for name in needed:
            if name not in row:
                raise ValueError(f"row {number} has no {name!r}")
    if list(names) == ["line"]:
        labels = [str(row.get("line", "measured")) for row in rows]
    else:
        varied = [name for name in names if len({row.get(name) for row in rows}) > 1]
        labels = [
            ", ".join(f"{name} = {row[name]}" for name in varied if name in row) or "measured"
            for row in rows
        ]
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for label, row in zip(labels, rows, strict=True):
        lines.setdefault(label, []).append(row)
    return lines


@dataclass(frozen=True)
class Shown:
    """A picture that a notebook shows in place."""

    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg


def shown(draw: Callable[..., object], *what: Any, **options: Any) -> Shown:
    """Draw for a notebook instead of into a file.

    Parameters
    ----------
    draw : callable
        One of the functions of this package: (what is drawn, file, options).
    *what, **options
        What it takes, but for the file.

    Raises
    ------
    ImportError
        matplotlib is missing.

    Examples
    --------
    >>> shown(lambda words, file: file.write_text(f"<svg>{words} words</svg>"), 7).svg
    '<svg>7 words</svg>'
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "picture.svg"
        draw(*what, file, **options)
        return Shown(file.read_text(encoding="utf-8"))
