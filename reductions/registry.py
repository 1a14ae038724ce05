"""Everything that the project offers, in one list that commands, tests and tables iterate over.

Light on purpose: entries hold strings, and ``load`` imports what they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Family = Literal["task", "algorithm", "mechanism", "code", "reduction"]


@dataclass(frozen=True)
class Entry:
    """One thing that the project offers.

    Parameters
    ----------
    family : str
        task, algorithm, mechanism, code or reduction.
    name : str
        Its identifier.
    statement : str
        What is claimed, in one line.
    source : str
        Where it is proved.
    home : str
        ``module:attribute``.

    Examples
    --------
    >>> find("algorithm", "columnsort").load().name
    'columnsort'
    """

    family: Family
    name: str
    statement: str
    source: str
    home: str

    def load(self) -> Any:
        """Import the object that the entry names."""
        module, attribute = self.home.split(":")
        return getattr(import_module(module), attribute)


ENTRIES = (
    Entry(
        "task",
        "k-hop",
        "the letter k hops back: 4^d + 3 + bit_length(k) rounds, compiled to one layer more",
        "Sanford, Hsu, Telgarsky, arXiv 2402.09268; Theorem 4.1 of arXiv 2509.09001",
        "reductions.tasks.k_hop:certify_k_hop",
    ),
    Entry(
        "task",
        "match2",
        "is there j with x_i + x_j = 0 mod M: one layer, one head, width 1",
        "Liu et al., arXiv 2509.09001",
        "reductions.tasks.match2:certify_match2",
    ),
    Entry(
        "algorithm",
        "columnsort",
        "N words sorted in 1 + 4^d rounds, deterministic and oblivious",
        "Leighton 1985, recursive on columns",
        "reductions.algorithms.columnsort:COLUMNSORT",
    ),
    Entry(
        "algorithm",
        "k_hop",
        "k hops in 4^d + 3 + bit_length(k) rounds, 5 words a token",
        "arXiv 2402.09268; one round per bit instead of two",
        "mpc_sim.algorithms.k_hop:k_hop",
    ),
    Entry(
        "mechanism",
        "exact-match",
        "the mean of the values whose key equals the query, zero where none does; O(N)",
        "Definition B.1 of arXiv 2509.09001",
        "anna_model.mechanisms.exact_match:ExactMatch",
    ),
    Entry(
        "code",
        "syndrome",
        "the average of at most b messages of w words determines them; width b (w + 1) + 2",
        "in place of Lemma B.4 of arXiv 2509.09001; syndrome decoding, Massey 1969",
        "reductions.codes.syndrome:SyndromeCode",
    ),
    Entry(
        "reduction",
        "mpc-to-anna",
        "any R-round protocol becomes a transformer of exactly R + 1 layers",
        "Theorem 4.1 of arXiv 2509.09001",
        "reductions.mpc_to_anna:compile_protocol",
    ),
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
    ('k-hop', 'match2')
    """
    return tuple(entry.name for entry in ENTRIES if entry.family == family)
