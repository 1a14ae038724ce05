"""Everything that the project offers, in one list that commands, tests and tables iterate over.

Light on purpose: entries hold strings, and ``load`` imports what they name. One file per family.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from reductions.registry.codes import CODES
from reductions.registry.constructions import REDUCTIONS
from reductions.registry.entry import Entry, Family
from reductions.registry.mechanisms import MECHANISMS
from reductions.registry.problems import PROBLEMS
from reductions.registry.separations import SEPARATIONS
from reductions.registry.solvers import SOLVERS
from reductions.registry.theorems import THEOREMS

__all__ = ["ENTRIES", "Entry", "Family", "canonical", "find", "instead", "names", "solver"]

ENTRIES = (
    *PROBLEMS,
    *SOLVERS,
    *SEPARATIONS,
    *MECHANISMS,
    *CODES,
    *REDUCTIONS,
    *THEOREMS,
)


def canonical(name: str) -> str:
    """Return a name as it is listed: hyphens for underscores.

    Examples
    --------
    >>> canonical("sample_sort")
    'sample-sort'
    """
    return name.replace("_", "-")


def find(family: Family, name: str) -> Entry:
    """Return an entry by family and name; underscores count as hyphens.

    Raises
    ------
    KeyError
        Naming what is near, or all there is.

    Examples
    --------
    >>> find("problem", "k_hop").source.split(",")[0]
    'Sanford'
    """
    for entry in ENTRIES:
        if entry.family == family and entry.name == canonical(name):
            return entry
    raise KeyError(f"no {family} {name!r}; {instead(name, names(family))}")


def instead(name: str, known: Sequence[str]) -> str:
    """Return what may have been meant by a name that is unknown, or all that is known.

    Examples
    --------
    >>> instead("k-hp", ("k-hop", "match2")), instead("x", ("k-hop", "match2"))
    ('did you mean k-hop?', 'choose from k-hop, match2')
    """
    near = get_close_matches(canonical(name), known, n=1)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"


def solver(name: str) -> Any:
    """Load a solver: ``problem`` gives the default way of solving it, ``problem/way`` another.

    Raises
    ------
    KeyError
        There is none of that name.

    Examples
    --------
    >>> solver("columnsort").problem.name, solver("k-hop/softmax").problem.name
    ('columnsort', 'k-hop')
    """
    return find("solver" if "/" in name else "problem", name).load()


def names(family: Family) -> tuple[str, ...]:
    """Return the names of a family, in order.

    Examples
    --------
    >>> names("problem")[:5]
    ('k-hop', 'match2', 'induction-heads', 'sum', 'three-sum')
    """
    return tuple(entry.name for entry in ENTRIES if entry.family == family)
