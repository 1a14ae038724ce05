"""What the bounds of the algorithms that sort and scan have in common.

Symbols: N words in blocks of B on P machines; columnsort has depth d, columns of r records, and M
machines; T records lie on a machine between the sort and the end; a scan has L levels, and its
machine 0 has q children on other machines, in all (q1, q2, .. where there are several scans).
"""

from __future__ import annotations

from types import SimpleNamespace

import sympy

from mpc_sim import Cluster, Protocol
from reductions.bounds import Bound, Kind

SOURCE = "columnsort (Leighton 1985), scans (arXiv 1101.1902)"
QUANTITIES = ("rounds", "local_memory", "sent_words", "received_words", "machines")


def values_of(protocol: Protocol, cluster: Cluster, **names: str) -> dict[str, int]:
    """Return what the symbols stand for: N, B, and numbers that the stages name in their costs.

    ``d="sort_depth"`` is d where one stage has a depth; where several have, d1, d2, .. in order;
    where none has, it is left out.
    """
    cost, values = protocol.cost(cluster), {"N": cluster.n_words, "B": cluster.block_words}
    for symbol, name in names.items():
        found = cost[name]
        numbers = range(1, len(found) + 1) if len(found) > 1 else ("",) * len(found)
        values |= {f"{symbol}{at}": value for at, value in zip(numbers, found, strict=True)}
    return values


def sizes(protocol: Protocol, cluster: Cluster, **names: str) -> dict[str, int]:
    """Return what the symbols of this module stand for, and others by the names of numbers."""
    sort = {"d": "sort_depth", "r": "sort_rows", "M": "sort_machines", "T": "sort_out"}
    return values_of(protocol, cluster, **sort, L="scan_levels", q="scan_others", **names)


def scan_bounds(
    protocol: Protocol, cluster: Cluster, source: str, words: sympy.Expr, **known: int
) -> tuple[Bound, ...]:
    """Return the bounds of a scan over blocks of words, at once or by a tree, all exact.

    Block B, M machines that hold input; of a tree L levels, c children, q others, the children of
    machine 0 on other machines, in all.

    Parameters
    ----------
    protocol : Protocol
    cluster : Cluster
    source : str
    words : sympy.Expr
        Of an element, in symbols that ``known`` gives.
    """
    values = values_of(protocol, cluster, L="scan_levels", c="scan_children", q="scan_others")
    n, block, levels, children, others = sympy.symbols("N B L c q", integer=True)
    machines = sympy.ceiling(n / block)
    if "L" in values:
        has_levels = sympy.Min(levels, 1)
        formulas = (
            2 * levels,
            block + words * (others + has_levels),
            (block + words * (others + 1)) * has_levels,
            words * Most(children - 1, sympy.Integer(0)),
        )
    else:
        last = n - block * (machines - 1)
        formulas = (
            sympy.Integer(1),
            words * (machines - 1) + Most(block - words, last),
            words * (machines - 1) + block,
            words * (machines - 1),
        )
    rows = dict(zip(QUANTITIES, (*formulas, machines), strict=True))
    return tuple(
        Bound(name, formula, values | known, "exact", source) for name, formula in rows.items()
    )


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
