"""Tasks: what is to be computed, with every construction that is known here."""

from __future__ import annotations

from reductions.registry.entry import Entry

TASKS = (
    Entry(
        "task",
        "k-hop",
        "the letter k hops back: 4^d + 3 + bit_length(k) rounds, compiled to one layer more",
        "Sanford, Hsu, Telgarsky, arXiv 2402.09268; Theorem 4.1 of arXiv 2509.09001",
        "reductions.tasks.definitions:K_HOP",
        "tests/test_k_hop.py::test_every_combination_is_the_definition_within_constants_of_16",
        "01_step_through_k_hop.ipynb",
    ),
    Entry(
        "task",
        "match2",
        "is there j with x_i + x_j = 0 mod M: one layer, one head, width 1",
        "Liu et al., arXiv 2509.09001",
        "reductions.tasks.definitions:MATCH2",
        "tests/test_match2.py::test_transformer_is_the_definition",
        "04_and_back.ipynb",
    ),
)
