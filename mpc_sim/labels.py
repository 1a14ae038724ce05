"""Step labels: which step of an algorithm a round belongs to, nested, outermost first.

A label is the names of the steps joined by ``" / "``: ``"sort / transpose"`` is the step transpose
of the step sort.
"""

from __future__ import annotations

SEPARATOR = " / "


def nest(*steps: str) -> str:
    """Join names and labels, outermost first; empty ones are left out."""
    return SEPARATOR.join(step for step in steps if step)


def outermost(label: str, depth: int = 1) -> str:
    """Return the ``depth`` outermost steps of a label."""
    return SEPARATOR.join(label.split(SEPARATOR)[:depth])
