"""What the bounds of the algorithms that sort and scan have in common.

Symbols: N words in blocks of B on P machines; columnsort has depth d, columns of r records, and M
machines; T records lie on a machine between the sort and the end; a scan has L levels, and its
machine 0 has q children on other machines, in all (q1, q2, .. where there are several scans).
"""

from __future__ import annotations

from types import SimpleNamespace

import sympy

from mpc_sim import Cluster
from reductions.bounds import Bound, Kind
from reductions.problems.least_depths import (
    LeastSort,
    LeastTree,
    least_scan,
    least_sort,
    share,
)

SOURCE = "this project; columnsort (Leighton 1985), scans (arXiv 1101.1902)"
QUANTITIES = ("rounds", "local_memory", "sent_words", "received_words", "machines")


def values_of(cluster: Cluster, **values: int) -> dict[str, int]:
    """Return what the symbols stand for: N, B, and what a claim computes of N, s and P."""
    return {"N": cluster.n_words, "B": cluster.block_words, **values}


def sorted_by(found: LeastSort, number: int | str = "") -> dict[str, int]:
    """Return d, r and M of a sort, numbered where there are several."""
    return {f"d{number}": found.depth, f"r{number}": found.rows, f"M{number}": found.machines}


def scanned(tree: LeastTree, number: int | str = "") -> dict[str, int]:
    """Return L and q of a scan, numbered where there are several."""
    return {f"L{number}": tree.levels, f"q{number}": tree.others}


def sizes(
    cluster: Cluster, slots: int, *, sort: int, scan: tuple[int, int], waiting: int = 0
) -> dict[str, int]:
    """Return values of a sort whose result lies evenly on all machines, and of a scan over it.

    Parameters
    ----------
    slots : int
        Records.
    sort : int
        Words of a record in the sort.
    scan : (int, int)
        Words of a record, and of an element, in the scan.
    waiting : int
        Words that wait on a machine meanwhile.
    """
    held = share(slots, cluster)
    tree = least_scan(cluster, slots, held, *scan, waiting)
    ordered = sorted_by(least_sort(cluster, slots, sort))
    return values_of(cluster, **ordered, **scanned(tree), T=held)


def scan_bounds(
    cluster: Cluster, source: str, words: sympy.Expr, **known: int
) -> tuple[Bound, ...]:
    """Return the bounds of a scan over blocks of words, at once or by a tree, all exact.

    At once on M machines that hold input where w (M - 1) words of totals fit beside a block B; of a
    tree L levels, c children, q others, the children of machine 0 on other machines, in all.

    Parameters
    ----------
    words : sympy.Expr
        w, of an element, in symbols that ``known`` gives.
    """
    element = int(words.subs({symbol: known[symbol.name] for symbol in words.free_symbols}))
    totals = cluster.n_input_machines - 1
    values = values_of(cluster, **known)
    n, block, levels, children, others = sympy.symbols("N B L c q", integer=True)
    machines = sympy.ceiling(n / block)
    if totals and cluster.block_words + element * totals <= cluster.memory_words:
        last = n - block * (machines - 1)
        formulas = (
            sympy.Integer(1),
            words * (machines - 1) + Most(block - words, last),
            words * (machines - 1) + block,
            words * (machines - 1),
        )
    else:
        tree = least_scan(cluster, cluster.n_words, cluster.block_words, 1, element)
        values |= scanned(tree) | {"c": tree.children(1)}
        has_levels = sympy.Min(levels, 1)
        formulas = (
            2 * levels,
            block + words * (others + has_levels),
            (block + words * (others + 1)) * has_levels,
            words * Most(children - 1, sympy.Integer(0)),
        )
    rows = dict(zip(QUANTITIES, (*formulas, machines), strict=True))
    return tuple(Bound(name, formula, values, "exact", source) for name, formula in rows.items())


def symbols_of(names: str) -> SimpleNamespace:
    """Return integer symbols, each as the attribute of its name."""
    return SimpleNamespace(**{name: sympy.Symbol(name, integer=True) for name in names.split()})


class Most(sympy.Function):  # type: ignore[misc]
    """The maximum as a formula, compared once all terms are integers: sympy is slow on symbols."""

    @classmethod
    def eval(cls, *terms: sympy.Expr) -> sympy.Expr | None:
        """Return the maximum, or None while a term is no integer."""
        return sympy.Max(*terms) if all(term.is_Integer for term in terms) else None


def bounds_table(
    formulas: dict[str, sympy.Expr], values: dict[str, int], source: str = SOURCE
) -> tuple[Bound, ...]:
    """Return the bounds: rounds exact, the others upper, in the order of ``QUANTITIES``."""
    kinds: dict[str, Kind] = {"rounds": "exact"}
    return tuple(
        Bound(name, formulas[name], values, kinds.get(name, "upper"), source) for name in QUANTITIES
    )
