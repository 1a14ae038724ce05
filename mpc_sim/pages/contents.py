"""What a page shows: the steps of a run, and at every step grids, matrices and memories.

Axes: S steps (step 0 is before anything ran), P items (machines, or tokens), R records.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.records import Words


@dataclass(frozen=True, eq=False)
class Grid:
    """A number for every step and item, drawn as a heat map against a limit.

    Parameters
    ----------
    name : str
        Of the number, with its unit: ``"words held"``.
    values : int64[S, P]
    limit : int
        The full scale; what exceeds it is hatched.

    Examples
    --------
    >>> import numpy as np
    >>> Grid("words held", np.array([[4, 4], [0, 8]]), limit=8).values.shape
    (2, 2)
    """

    name: str
    values: Words
    limit: int


@dataclass(frozen=True, eq=False)
class Matrix:
    """Numbers between pairs of items at one step; pairs that are not listed hold 0.

    Parameters
    ----------
    name : str
    row, column, value : int64[R]
        A pair at most once.
    limit : int
        The full scale.
    unit : int
        What ``value`` counts: a number v means v / unit.
    notes : tuple of str
        Lines to be read below.

    Examples
    --------
    >>> import numpy as np
    >>> Matrix("words", np.array([0]), np.array([1]), np.array([3]), limit=8).unit
    1
    """

    name: str
    row: Words
    column: Words
    value: Words
    limit: int
    unit: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Section:
    """Records of one channel that items hold.

    Parameters
    ----------
    name : str
    fields : tuple of str
    owner : int64[R]
        The item of every record.
    columns : tuple of int64[R]
        One per field.

    Examples
    --------
    >>> import numpy as np
    >>> Section("input", ("word",), np.array([0, 0]), (np.array([5, 6]),)).fields
    ('word',)
    """

    name: str
    fields: tuple[str, ...]
    owner: Words
    columns: tuple[Words, ...]


@dataclass(frozen=True, eq=False)
class Side:
    """A view of the memory of an item; views stand side by side.

    Parameters
    ----------
    title : str
    sections : tuple of Section

    Examples
    --------
    >>> Side("memory", ()).title
    'memory'
    """

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, eq=False)
class Page:
    """Everything that a page shows.

    Parameters
    ----------
    title : str
    facts : tuple of str
        Lines below the title.
    step, item : str
        What a step and an item are called, in the singular.
    n_items : int
        P.
    steps : tuple of str
        One label per step.
    headings : tuple of str
    numbers : tuple of tuple of str
        One cell per heading, for every step.
    text : str
        The run as text of 80 columns, shown also where no script runs.
    grids : tuple of Grid
    matrices : tuple of tuple of Matrix
        The matrices of every step, or nothing at all.
    pairs : str
        What a matrix has in its rows and columns.
    sides : tuple of tuple of Side
        The views of memory at every step, or nothing at all.

    Examples
    --------
    >>> page = Page("a run", ("N = 8",), "round", "machine", 2, ("input",), (), ((),), "text")
    >>> len(page.steps)
    1
    """

    title: str
    facts: tuple[str, ...]
    step: str
    item: str
    n_items: int
    steps: tuple[str, ...]
    headings: tuple[str, ...]
    numbers: tuple[tuple[str, ...], ...]
    text: str
    grids: tuple[Grid, ...] = ()
    matrices: tuple[tuple[Matrix, ...], ...] = ()
    pairs: str = ""
    sides: tuple[tuple[Side, ...], ...] = ()
