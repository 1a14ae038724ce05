"""Constructions: how a model of some architecture does a task, with its depth and its width."""

from __future__ import annotations

from reductions.registry.entry import OfSolver

TESTED = (
    "tests/reductions/constructions/test_tasks.py::"
    "test_a_construction_is_its_oracle_within_its_bounds"
)
CERTIFIED = (
    "tests/reductions/certify/test_certify_algorithm.py::"
    "test_every_algorithm_is_certified_in_one_way"
)
"""Of constructions of hundreds of layers, which the default suite runs by their algorithm."""


def construction(name: str, home: str, test: str = TESTED) -> OfSolver:
    """Return the entry of a construction, which lies in the room of constructions."""
    return OfSolver(name, f"reductions.constructions.{home}", test)


SOLVERS = (
    construction("match2/direct", "direct:MATCH2_DIRECT"),
    construction("sum/direct", "direct:SUM_DIRECT"),
    construction("induction-heads/tree", "k_hop_constructions:INDUCTION_HEADS_TREE"),
    construction("induction-heads/compiled", "compiled:INDUCTION_HEADS_COMPILED"),
    construction("induction-heads/softmax", "k_hop_constructions:INDUCTION_HEADS_SOFTMAX"),
    construction("k-hop/tree", "k_hop_constructions:K_HOP_TREE"),
    construction("k-hop/compiled", "compiled:K_HOP_COMPILED"),
    construction(
        "k-hop/scan",
        "compiled:K_HOP_BY_SCAN",
        "tests/mpc_sim/algorithms/test_k_hop_scan.py::test_thousands_of_texts_are_the_definition",
    ),
    construction("k-hop/softmax", "k_hop_constructions:K_HOP_SOFTMAX"),
    construction("k-hop/causal-softmax", "k_hop_constructions:K_HOP_CAUSAL_SOFTMAX"),
    construction("three-sum/compiled", "compiled:THREE_SUM_COMPILED"),
    construction("connectivity/compiled", "compiled:CONNECTIVITY_COMPILED", CERTIFIED),
    construction("one-vs-two-cycle/compiled", "compiled:ONE_OR_TWO_CYCLES_COMPILED", CERTIFIED),
)
