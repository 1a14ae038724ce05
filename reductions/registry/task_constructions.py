"""Constructions: how a model of some architecture does a task, with its depth and its width."""

from __future__ import annotations

from reductions.registry.entry import Entry

TESTED = "tests/test_tasks.py::test_a_construction_is_its_oracle_within_its_bounds"

TASK_CONSTRUCTIONS = (
    Entry(
        "construction",
        "match2/direct",
        "ask for the residue that completes, hear 1 from who has it: one layer of width 1",
        "Liu et al., arXiv 2509.09001",
        "reductions.tasks.direct:MATCH2_DIRECT",
        TESTED,
    ),
    Entry(
        "construction",
        "k-hop/compiled",
        "columnsort and pointer doubling, compiled: 4^d + 4 + bit_length(k) layers",
        "arXiv 2402.09268; Theorem 4.1 of arXiv 2509.09001",
        "reductions.tasks.compiled:K_HOP_COMPILED",
        TESTED,
    ),
)
