"""What the papers state of every row without a constant, beside the bound that has one.

Symbols: N words, s words of local memory, R rounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import log2
from typing import Any

from mpc_sim import Cluster
from reductions.bounds import Bound, Order
from reductions.problems.laws import RoundLaw

MODEL = "section 2 of arXiv 2509.09001"
PRINTED = "Theorem B.2 of arXiv 2509.09001"


def with_papers(
    bounds: Iterable[Bound],
    cluster: Cluster,
    law: RoundLaw | None,
    parameters: Mapping[str, Any],
) -> tuple[Bound, ...]:
    """Return bounds beside what the papers state of their quantities; others as they are."""
    stated = orders(cluster, law, parameters)
    return tuple(
        bound if bound.paper else replace(bound, paper=stated.get(bound.quantity))
        for bound in bounds
    )


def orders(
    cluster: Cluster, law: RoundLaw | None, parameters: Mapping[str, Any]
) -> dict[str, Order]:
    """Return what the papers state, by quantity."""
    s, bits = cluster.memory_words, max(1.0, log2(cluster.n_words))
    found = {
        "heads": Order("O(s)", PRINTED, s),
        "head_width": Order("O(s^5 log N)", PRINTED, s**5 * bits),
        "code_width": Order("O(s^5 log N)", PRINTED, s**5 * bits),
        "token_width": Order("O(s^6 log N)", PRINTED, s**6 * bits),
        "precision_bits": Order("O(log N)", MODEL, bits),
    }
    if law is not None:
        size = law.size(cluster, parameters)
        found["rounds"] = Order(law.text, law.theorem, size)
        found["layers"] = Order(f"R + 1, R = {law.text}", PRINTED, size)
    if cluster.epsilon is not None and cluster.gamma is not None:
        memory = float(cluster.n_words) ** float(cluster.epsilon)
        machines = float(cluster.n_words) ** float(1 + cluster.gamma - cluster.epsilon)
        for name in ("local_memory", "sent_words", "received_words"):
            found[name] = Order("O(N^epsilon)", MODEL, memory)
        found["machines"] = Order("O(N^(1+gamma-epsilon))", MODEL, machines)
    return found
