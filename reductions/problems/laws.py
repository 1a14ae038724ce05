"""How rounds grow, as the papers state it: without a constant, in N, s and the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, log2
from typing import Any

from mpc_sim import Cluster


@dataclass(frozen=True)
class RoundLaw:
    """An O(...) on rounds.

    Parameters
    ----------
    text : str
        Such as ``O(log k)``.
    theorem : str
        Where it is stated.
    size : callable
        (Cluster, parameters) -> what stands in the O(...).
    """

    text: str
    theorem: str
    size: Callable[[Cluster, Mapping[str, Any]], float] = lambda cluster, parameters: 1.0


def log_of(parameter: str) -> Callable[[Cluster, Mapping[str, Any]], float]:
    """Return 1 + log2 of a parameter, at least 1."""
    return lambda cluster, parameters: 1 + log2(max(1, parameters.get(parameter) or 1))


def log_n(cluster: Cluster, parameters: Mapping[str, Any]) -> float:
    """Return log2 N, at least 1."""
    return max(1.0, log2(cluster.n_words))


def log_s_n(cluster: Cluster, parameters: Mapping[str, Any]) -> float:
    """Return log_s N: 1 / epsilon where s is N^epsilon."""
    return log(max(2, cluster.n_words)) / log(cluster.memory_words)


GSZ = "section on prefix sums of arXiv 1101.1902"
SORTED = RoundLaw("O(1) for constant epsilon", "columnsort of Leighton 1985, repeated")
BY_TREES = RoundLaw("O(log_s N)", GSZ, log_s_n)
BY_SAMPLES = RoundLaw("O(log_s N)", "section on sorting of arXiv 1101.1902", log_s_n)
HOPS = RoundLaw("O(log k)", "doubling, Theorem 4.2 of arXiv 2402.09268", log_of("k"))
AT_MOST_FOUR = RoundLaw("O(1)", f"this project: prefix scans, {GSZ}")
JUMPS = RoundLaw("O(log N)", "pointer jumping, section 4.1.2 of Wyllie 1979", log_n)
MATES = RoundLaw("O(log n)", "random mates, Reif, Harvard TR-08-85", log_n)
LUBY = RoundLaw("O(log n)", "section 3 of Luby 1986", log_n)
BALLS = RoundLaw(
    "O(log D) for constant gamma",
    "main theorem of Andoni et al., FOCS 2018",
    log_of("diameter_guess"),
)
MATCHED = RoundLaw("O(c / mu)", "section on maximal matchings of Lattanzi et al., SPAA 2011")
FILTERED = RoundLaw("O(c / mu)", "section on spanning trees of Lattanzi et al., SPAA 2011")
TRIPLES = RoundLaw("O(1)", "this project: section 5 of arXiv 2509.09001 names the task")
TILES = RoundLaw("O(1)", "this project: 3D algorithms of Irony, Toledo, Tiskin, JPDC 2004")
