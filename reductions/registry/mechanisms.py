"""Attention mechanisms, each with its definition and its fast path."""

from __future__ import annotations

from reductions.registry.entry import Entry

MECHANISMS = (
    Entry(
        "mechanism",
        "exact-match",
        "the mean of the values whose key equals the query, zero where none does; O(N)",
        "Definition B.1 of arXiv 2509.09001",
        "anna_model.mechanisms.exact_match:ExactMatch",
        "tests/anna_model/mechanisms/test_exact_match.py::test_apply_is_the_definition",
        "03_from_a_protocol_to_a_transformer.ipynb",
    ),
    Entry(
        "mechanism",
        "anna",
        "the mean over all collisions in l tables of z locality-sensitive hashes",
        "Definition 3.1, Algorithms 1 and 2, Theorem 3.4 of arXiv 2509.09001",
        "anna_model.mechanisms.anna:Anna",
        "tests/anna_model/mechanisms/test_anna.py::test_apply_is_the_algorithm",
        "02_what_anna_keeps_and_drops.ipynb",
    ),
    Entry(
        "mechanism",
        "softmax",
        "weights exp(beta <q, k>), normalised; exact, in blocks of queries",
        "Vaswani et al. 2017",
        "anna_model.mechanisms.softmax:Softmax",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
        "02_what_anna_keeps_and_drops.ipynb",
    ),
    Entry(
        "mechanism",
        "low-rank",
        "weights <phi(q), phi(k)>: raw, elu + 1 or positive random features; linear time",
        "Definition 4.3 of arXiv 2509.09001; arXiv 2006.16236, arXiv 2009.14794",
        "anna_model.mechanisms.low_rank:LowRank",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
        "04_and_back.ipynb",
    ),
    Entry(
        "mechanism",
        "reformer",
        "softmax inside chunks of rows sorted by hash code, shared queries and keys",
        "Definition E.1 of arXiv 2509.09001; arXiv 2001.04451",
        "anna_model.mechanisms.reformer:Reformer",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
    ),
    Entry(
        "mechanism",
        "sparse-low-rank",
        "exact weights for near pairs, random features for the others, normalised together",
        "arXiv 2310.05869 (HyperAttention), arXiv 2302.02451 (KDEformer)",
        "anna_model.mechanisms.sparse_low_rank:SparseLowRank",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
    ),
)
