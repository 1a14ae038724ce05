"""Rows of a sweep as text, or in a file whose suffix says how: a table, or a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpc_sim.extras import MissingExtra, needed
from mpc_sim.saving.whole_file import replacing
from reductions.commands.files import write_text
from reductions.commands.usage import UsageError
from reductions.plots import SUFFIXES

Row = dict[str, Any]
Draw = Callable[[list[Row], str], None]
RESOURCES = ("rounds", "local_memory", "sent_words", "received_words", "machines")
ALWAYS = (*RESOURCES, "n", "ok")


def as_csv(rows: list[Row]) -> str:
    """Write rows as comma-separated values with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(rows: list[Row]) -> str:
    """Write rows as a Markdown table."""
    header, *body = _cells(rows)
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(line) + " |" for line in body]
    return "\n".join(lines) + "\n"


def as_latex(rows: list[Row]) -> str:
    r"""Write rows as a LaTeX tabular."""
    cells = _cells(rows)
    lines = [" & ".join(cell.replace("_", r"\_") for cell in line) + r" \\" for line in cells]
    body = "\n".join([lines[0], r"\hline", *lines[1:]])
    return f"\\begin{{tabular}}{{{'r' * len(cells[0])}}}\n{body}\n\\end{{tabular}}\n"


def as_text(rows: list[Row], *, whole: bool = False) -> str:
    """Write rows as aligned columns; all of them where the rows are a ``whole`` table."""
    cells = _cells(rows, whole)
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    return "".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + "\n"
        for line in cells
    )


def _cells(rows: list[Row], whole: bool = False) -> list[list[str]]:
    """Choose what to show: what always is, and every column in which the rows differ."""
    shown = [
        name
        for name in rows[0]
        if whole or name in ALWAYS or len({row.get(name) for row in rows}) > 1
    ]
    return [shown, *([str(row[name]) for name in shown] for row in rows)]


FORMATS = {"text": as_text, "csv": as_csv, "latex": as_latex, "markdown": as_markdown}
BY_SUFFIX = {".csv": as_csv, ".tex": as_latex, ".md": as_markdown}


def write_rows(name: str, rows: list[Row], draw: Draw) -> None:
    """Write rows as the suffix says: .csv, .parquet, .tex, .md, or a picture.

    Raises
    ------
    UsageError
        The file cannot be written.
    """
    suffix = Path(name).suffix
    if suffix in BY_SUFFIX:
        write_text(name, BY_SUFFIX[suffix](rows))
        return
    try:
        if suffix in SUFFIXES:
            draw(rows, name)
        else:
            polars = needed("polars", f"--out FILE{suffix}")
            with replacing(name) as file:
                polars.DataFrame(rows, infer_schema_length=None).write_parquet(file)
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from None


def refuse_suffix(name: str) -> None:
    """Refuse what cannot be written before anything is computed."""
    suffix = Path(name).suffix
    packages = {".parquet": "polars"} | dict.fromkeys(SUFFIXES, "matplotlib")
    if suffix in packages:
        try:
            needed(packages[suffix], f"--out FILE{suffix}")
        except MissingExtra as error:
            raise UsageError(str(error)) from None
    elif suffix not in BY_SUFFIX:
        endings = ", ".join([*BY_SUFFIX, *packages])
        raise UsageError(f"--out {name}: end the name in one of {endings}")
