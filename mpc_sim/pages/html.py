"""Pages as HTML: one file with its script, its style and its data, which requests nothing.

The security policy in the file makes the browser itself block every request.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from mpc_sim.errors import MPCError
from mpc_sim.pages.contents import Grid, Matrix, Page, Section, Side
from mpc_sim.pages.packing import pack
from mpc_sim.saving.whole_file import whole_file

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


@cache
def asset(name: str) -> str:
    """Return the text of a script or style that lies beside this module."""
    return files("mpc_sim.pages").joinpath(name).read_text(encoding="utf-8")


def save_page(path: str | Path, page: Page, error: type[MPCError]) -> None:
    """Write a page to a file, whole or not at all; equal pages make equal bytes.

    Raises
    ------
    error
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> page = Page("a run", (), "round", "machine", 2, ("input",), (), ((),), "text")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_page(f"{folder}/run.html", page, MPCError)
    ...     Path(f"{folder}/run.html").read_text(encoding="utf-8")[:15]
    '<!DOCTYPE html>'
    """
    data = html_page(page).encode()
    with whole_file(path, error) as file:
        file.write(data)


def html_page(page: Page) -> str:
    """Return a page as HTML.

    Examples
    --------
    >>> page = Page("a < b", (), "round", "machine", 2, ("input",), (), ((),), "text")
    >>> "<title>a &lt; b</title>" in html_page(page)
    True
    """
    facts = "".join(f"<p>{escape(fact)}</p>" for fact in page.facts)
    data = json.dumps(page_json(page), separators=(",", ":")).replace("<", "\\u003c")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(page.title)}</title>'
        f"<style>\n{asset('page.css')}</style></head>\n"
        f"<body><header><h1>{escape(page.title)}</h1>{facts}</header>\n"
        '<main id="stepper"></main>\n'
        '<details id="text" open><summary>The run as text</summary>'
        f'<pre tabindex="0">{escape(page.text)}</pre></details>\n'
        f'<script type="application/json" id="data">{data}</script>\n'
        f"<script>\n{asset('grid.js')}{asset('page.js')}</script></body></html>\n"
    )


def page_json(page: Page) -> dict[str, Any]:
    """Return what the script of a page reads."""
    return {
        "step": page.step,
        "item": page.item,
        "nItems": page.n_items,
        "steps": list(page.steps),
        "headings": list(page.headings),
        "numbers": [list(row) for row in page.numbers],
        "grids": [grid_json(grid) for grid in page.grids],
        "matrices": [[matrix_json(each) for each in step] for step in page.matrices],
        "pairs": page.pairs,
        "sides": [[_side_json(side) for side in step] for step in page.sides],
    }


def grid_json(grid: Grid) -> dict[str, Any]:
    """Return a grid as the scripts read it."""
    rows, columns = grid.values.shape
    shape = {"name": grid.name, "rows": rows, "columns": columns, "limit": grid.limit}
    return {**shape, "values": pack(grid.values)}


def matrix_json(matrix: Matrix) -> dict[str, Any]:
    """Return a matrix as the scripts read it."""
    parts = {name: pack(getattr(matrix, name)) for name in ("row", "column", "value")}
    said = {"name": matrix.name, "limit": matrix.limit, "unit": matrix.unit}
    return {**said, "notes": list(matrix.notes), **parts}


def _side_json(side: Side) -> dict[str, Any]:
    return {"title": side.title, "sections": [_section_json(each) for each in side.sections]}


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "fields": list(section.fields),
        "owner": pack(section.owner),
        "columns": [pack(column) for column in section.columns],
    }
