"""Everything that the project offers, in one list that commands, tests and tables iterate over.

Light on purpose: entries hold strings, and ``load`` imports what they name. One file per family.
"""

from __future__ import annotations

from reductions.registry.algorithms import ALGORITHMS
from reductions.registry.codes import CODES
from reductions.registry.constructions import REDUCTIONS
from reductions.registry.entry import Entry, Family
from reductions.registry.mechanisms import MECHANISMS
from reductions.registry.separations import SEPARATIONS
from reductions.registry.task_constructions import TASK_CONSTRUCTIONS
from reductions.registry.tasks import TASKS
from reductions.registry.theorems import THEOREMS

__all__ = ["ENTRIES", "Entry", "Family", "find", "names"]

ENTRIES = (
    *TASKS,
    *TASK_CONSTRUCTIONS,
    *SEPARATIONS,
    *ALGORITHMS,
    *MECHANISMS,
    *CODES,
    *REDUCTIONS,
    *THEOREMS,
)


def find(family: Family, name: str) -> Entry:
    """Return an entry by family and name.

    Raises
    ------
    KeyError
        Naming what there is.

    Examples
    --------
    >>> find("task", "k-hop").source.split(",")[0]
    'Sanford'
    """
    names = []
    for entry in ENTRIES:
        if entry.family == family:
            if entry.name == name:
                return entry
            names.append(entry.name)
    raise KeyError(f"no {family} {name!r}; there are {', '.join(names)}")


def names(family: Family) -> tuple[str, ...]:
    """Return the names of a family, in order.

    Examples
    --------
    >>> names("task")
    ('k-hop', 'match2', 'induction-heads', 'sum', 'three-sum', 'connectivity', 'one-vs-two-cycle')
    """
    return tuple(entry.name for entry in ENTRIES if entry.family == family)
