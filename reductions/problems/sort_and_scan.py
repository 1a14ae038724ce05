"""What the bounds of the algorithms that sort and scan have in common.

Symbols: N words in blocks of B on P machines; columnsort has depth d, columns of r records, and M
machines; T records lie on a machine between the sort and the end; a scan has L levels, and its
machine 0 has q children on other machines, in all (q1, q2, .. where there are several scans).
"""

from __future__ import annotations

from typing import TypeVar, cast

import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.compose import Parallel, Stages
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.scan import Scan
from reductions.bounds import Bound, Kind

Stage = TypeVar("Stage", bound=Protocol)
SOURCE = "columnsort (Leighton 1985), scans (arXiv 1101.1902)"
QUANTITIES = ("rounds", "local_memory", "sent_words", "received_words", "machines")


def stages_of(protocol: Protocol, kind: type[Stage]) -> list[Stage]:
    """Return the stages of a kind, in order, those of parallel parts too."""
    found: list[Stage] = []
    for stage in cast(Stages, protocol).stages:
        parts = stage.parts if isinstance(stage, Parallel) else (stage,)
        found += [part for part in parts if isinstance(part, kind)]
    return found


def sizes(protocol: Protocol, cluster: Cluster) -> dict[str, int]:
    """Return what the symbols stand for; q and L are those of the only scan, or q1, L1, q2, ..."""
    (sort,) = stages_of(protocol, Columnsort)
    plan = sort.plan(cluster)
    values = {
        "N": cluster.n_words,
        "B": cluster.block_words,
        "d": plan.depth,
        "r": plan.rows,
        "M": plan.n_machines,
        "T": sort.leaves(cluster)[0].per_machine,
    }
    scans = stages_of(protocol, Scan)
    for number, scan in enumerate(scans, start=1):
        suffix = str(number) if len(scans) > 1 else ""
        tree = scan.tree(cluster)
        values |= {f"L{suffix}": tree.levels, f"q{suffix}": tree.others}
    return values


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
