"""The theorem table of ``docs/tables.md``: each entry of the registry, its file and its test.

``python -m docs.theorem_table docs/tables.md`` brings the table in a file up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reductions.registry import ENTRIES, Entry

TITLE = "theorem table"
BEGIN, END = f"<!-- {TITLE}: begin -->", f"<!-- {TITLE}: end -->"
FAMILIES = {
    "theorem": "Theorems",
    "reduction": "Reductions",
    "code": "Message codes",
    "mechanism": "Attention mechanisms",
    "problem": "Problems, each with its default way",
    "solver": "Other ways of solving them",
}


def theorem_table(entries: Sequence[Entry] = ENTRIES) -> str:
    """Return the table in Markdown, one part per family.

    Parameters
    ----------
    entries : sequence of Entry

    Raises
    ------
    KeyError
        An entry of a family that has no heading.

    Examples
    --------
    >>> from reductions.registry import find
    >>> print(theorem_table([find("reduction", "mpc-to-anna")]))
    | Reductions | claim | file | test | notebook | status |
    |---|---|---|---|---|---|
    | mpc-to-anna | any R-round protocol becomes a transformer of exactly R + 1 layers \
(Theorem 4.1 of arXiv 2509.09001) | `reductions/mpc_to_anna/compile.py` | \
`tests/reductions/mpc_to_anna/test_mpc_to_anna.py::test_transformer_protocol_and_oracle_agree` | \
[03](../notebooks/03_from_a_protocol_to_a_transformer.ipynb) | checked |
    """
    unknown = {entry.family for entry in entries} - set(FAMILIES)
    if unknown:
        raise KeyError(f"no heading for the families {', '.join(sorted(unknown))}")
    parts = []
    for family, heading in FAMILIES.items():
        rows = [_row(entry) for entry in entries if entry.family == family]
        if rows:
            head = f"| {heading} | claim | file | test | notebook | status |"
            parts.append("\n".join([head, "|---|---|---|---|---|---|", *rows]))
    return "\n\n".join(parts)


def with_table(text: str, table: str, title: str = TITLE) -> str:
    r"""Return a text with the table between the two markers of a title.

    Raises
    ------
    ValueError
        There is not exactly one pair of markers, in order.

    Examples
    --------
    >>> text = f"before\n{BEGIN}\nold\n{END}\nafter"
    >>> with_table(text, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter"
    True
    """
    begin, end = f"<!-- {title}: begin -->", f"<!-- {title}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the text needs one line {begin} and one {end} after it")
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _row(entry: Entry) -> str:
    test = f"`{entry.test}`" if entry.test else ""
    number = entry.notebook.partition("_")[0]
    notebook = f"[{number}](../notebooks/{entry.notebook})" if entry.notebook else ""
    claim = f"{entry.statement} ({entry.source})".replace("|", "\\|")
    return f"| {entry.name} | {claim} | `{entry.file}` | {test} | {notebook} | {entry.status} |"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        text = file.read_text(encoding="utf-8")
        file.write_text(with_table(text, theorem_table()), encoding="utf-8")
