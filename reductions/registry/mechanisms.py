"""Attention mechanisms, each with its definition and its fast path."""

from __future__ import annotations

from reductions.registry.entry import Claim

MECHANISMS = (
    Claim(
        "exact-match",
        "anna_model.mechanisms.exact_match:ExactMatch",
        "tests/anna_model/mechanisms/test_exact_match.py::test_apply_is_the_definition",
        "03_from_a_protocol_to_a_transformer.ipynb",
        family="mechanism",
        states="the mean of the values whose key equals the query, zero where none does; O(N)",
        proved="Definition B.1 of arXiv 2509.09001",
    ),
    Claim(
        "anna",
        "anna_model.mechanisms.anna:Anna",
        "tests/anna_model/mechanisms/test_anna.py::test_apply_is_the_algorithm",
        "02_what_anna_keeps_and_drops.ipynb",
        family="mechanism",
        states="the mean over all collisions in l tables of z locality-sensitive hashes",
        proved="Definition 3.1, Algorithms 1 and 2, Theorem 3.4 of arXiv 2509.09001",
    ),
    Claim(
        "softmax",
        "anna_model.mechanisms.softmax:Softmax",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
        "02_what_anna_keeps_and_drops.ipynb",
        family="mechanism",
        states="weights exp(beta <q, k>), normalised; exact, in blocks of queries",
        proved="section 3.2.1 of Vaswani et al. 2017, without scaling",
    ),
    Claim(
        "low-rank",
        "anna_model.mechanisms.low_rank:LowRank",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
        "04_and_back.ipynb",
        family="mechanism",
        states="weights <phi(q), phi(k)>: raw, elu + 1 or positive random features; linear time",
        proved="Definition 4.3 of arXiv 2509.09001; arXiv 2006.16236, arXiv 2009.14794",
    ),
    Claim(
        "reformer",
        "anna_model.mechanisms.reformer:Reformer",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
        family="mechanism",
        states="softmax inside chunks of rows sorted by hash code, shared queries and keys",
        proved="Definition E.1 of arXiv 2509.09001; arXiv 2001.04451",
    ),
    Claim(
        "sparse-low-rank",
        "anna_model.mechanisms.sparse_low_rank:SparseLowRank",
        "tests/anna_model/mechanisms/test_mechanisms.py::test_the_fast_path_is_the_definition",
        family="mechanism",
        states="exact weights for near pairs, random features for the others, normalised together",
        proved="this project; arXiv 2310.05869 (HyperAttention), arXiv 2302.02451 (KDEformer)",
    ),
)
