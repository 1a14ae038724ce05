"""Tasks: what is to be computed, with every construction that is known here."""

from __future__ import annotations

from reductions.registry.entry import Entry

TASKS = (
    Entry(
        "task",
        "k-hop",
        "the letter k hops back: 4^d + 3 + bit_length(k) rounds, compiled to one layer more",
        "Sanford, Hsu, Telgarsky, arXiv 2402.09268; Theorem 4.1 of arXiv 2509.09001",
        "reductions.problems.definitions:K_HOP",
        "tests/mpc_sim/algorithms/test_k_hop.py::"
        "test_every_combination_is_the_definition_within_constants_of_16",
        "01_step_through_k_hop.ipynb",
    ),
    Entry(
        "task",
        "match2",
        "whether x_i + x_j = 0 mod M for some j: one layer, one head, width 1",
        "Liu et al., arXiv 2509.09001",
        "reductions.problems.definitions:MATCH2",
        "tests/reductions/constructions/test_match2.py::test_transformer_is_the_definition",
        "04_and_back.ipynb",
    ),
    Entry(
        "task",
        "induction-heads",
        "what followed the latest earlier occurrence of the letter: two layers of exact match",
        "Olsson et al., arXiv 2209.11895; the case k = 1 of k-hop",
        "reductions.problems.definitions:INDUCTION_HEADS",
        "tests/reductions/constructions/test_tasks.py::"
        "test_a_construction_is_its_oracle_within_its_bounds",
    ),
    Entry(
        "task",
        "sum",
        "the sum of all words everywhere: one layer, one head, width 1",
        "Liu et al., arXiv 2509.09001, the task of Proposition E.3",
        "reductions.problems.definitions:SUM",
        "tests/reductions/constructions/test_tasks.py::"
        "test_a_construction_is_its_oracle_within_its_bounds",
    ),
    Entry(
        "task",
        "three-sum",
        "whether three different words have the sum 0: O(1) rounds on O(N) machines, compiled",
        "Liu et al., arXiv 2509.09001; the sort: Leighton 1985",
        "reductions.problems.definitions:THREE_SUM",
        "tests/reductions/constructions/test_tasks.py::"
        "test_a_construction_is_its_oracle_within_its_bounds",
    ),
    Entry(
        "task",
        "connectivity",
        "the smallest vertex of every component, by contraction, compiled",
        "random mate: Reif 1985",
        "reductions.problems.definitions:CONNECTED_COMPONENTS",
        "tests/reductions/constructions/test_tasks.py::"
        "test_a_construction_is_its_oracle_within_its_bounds",
    ),
    Entry(
        "task",
        "one-vs-two-cycle",
        "one cycle or two, by contraction, compiled",
        "1-vs-2-cycle: Roughgarden, Vassilvitskii, Wang 2018; random mate: Reif 1985",
        "reductions.problems.definitions:ONE_OR_TWO_CYCLES",
        "tests/reductions/constructions/test_tasks.py::"
        "test_a_construction_is_its_oracle_within_its_bounds",
    ),
)
