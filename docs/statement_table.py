"""The statements of ``docs/tables.md``: what is known from below, and for which width.

``python -m docs.statement_table docs/tables.md`` brings the table in a file up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from docs.theorem_table import with_table
from reductions.separations.statements import STATEMENTS, Statement

TITLE = "statement table"
COLUMNS = ("task", "models", "hypothesis", "width", "says", "status", "source")


def statement_table(statements: Sequence[Statement] = STATEMENTS) -> str:
    """Return the table in Markdown.

    Parameters
    ----------
    statements : sequence of Statement

    Examples
    --------
    >>> print(statement_table(STATEMENTS[2:3]))
    | task | models | hypothesis | width | says | status | source |
    |---|---|---|---|---|---|---|
    | k-hop over A letters | the same | A k <= s^(1 - Omega(1)) | any | no lower bound: a prefix \
scan takes O(1) layers whatever k is (k-hop/scan) | proved here | ours |
    """
    rows = [[getattr(one, name) or "-" for name in COLUMNS] for one in statements]
    head, *lines = (f"| {' | '.join(line)} |" for line in [list(COLUMNS), *rows])
    return "\n".join([head, "|---" * len(COLUMNS) + "|", *lines])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        text = file.read_text(encoding="utf-8")
        file.write_text(with_table(text, statement_table(), TITLE), encoding="utf-8")
