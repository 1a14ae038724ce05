"""Reductions: one model of computation simulated by another."""

from __future__ import annotations

from reductions.registry.entry import Entry

REDUCTIONS = (
    Entry(
        "reduction",
        "mpc-to-anna",
        "any R-round protocol becomes a transformer of exactly R + 1 layers",
        "Theorem 4.1 of arXiv 2509.09001",
        "reductions.mpc_to_anna.compile:compile_protocol",
        "tests/reductions/mpc_to_anna/test_mpc_to_anna.py::"
        "test_transformer_protocol_and_oracle_agree",
        "03_from_a_protocol_to_a_transformer.ipynb",
    ),
    Entry(
        "reduction",
        "fan-out",
        "any protocol with at most d partners per machine and round: 2 L rounds per round, "
        "(d + 1)^L >= P",
        "Lemma B.12 of arXiv 2509.09001; Proposition 24 of arXiv 2405.18512",
        "reductions.mpc_to_anna.fan_out.bounded:bounded_fan_out",
        "tests/reductions/mpc_to_anna/fan_out/test_fan_out.py::"
        "test_any_protocol_gives_what_it_gives_alone",
    ),
    Entry(
        "reduction",
        "anna-to-mpc",
        "a transformer of ANNA or exact-match heads becomes a protocol with the same bits on "
        "N^(1 + eps - eps' + 3 rho) machines, log l aside",
        "Theorems 4.2 and C.1 of arXiv 2509.09001",
        "reductions.attention_to_mpc.anna:anna_to_mpc",
        "tests/reductions/attention_to_mpc/test_anna_to_mpc.py::test_random_transformers",
        "04_and_back.ipynb",
    ),
    Entry(
        "reduction",
        "softmax-to-mpc",
        "a transformer of softmax heads becomes a protocol with the same bits on N^2 machines",
        "Theorem 3.4 of arXiv 2402.09268",
        "reductions.attention_to_mpc.softmax:softmax_to_mpc",
        "tests/reductions/attention_to_mpc/test_softmax_to_mpc.py::test_random_transformers",
        "04_and_back.ipynb",
    ),
    Entry(
        "reduction",
        "low-rank-to-mpc",
        "a transformer of low-rank heads becomes a protocol with the same bits: a tree sums k v^T "
        "and sends it back, on at most N machines",
        "Lemma D.2 of arXiv 2509.09001",
        "reductions.attention_to_mpc.low_rank:low_rank_to_mpc",
        "tests/reductions/attention_to_mpc/test_low_rank_to_mpc.py::test_random_transformers",
    ),
    Entry(
        "reduction",
        "low-rank-to-anna",
        "low-rank layers become exact-match layers with the same bits, by way of a protocol",
        "Theorem 4.4 of arXiv 2509.09001",
        "reductions.low_rank_to_anna:low_rank_to_anna",
        "tests/reductions/attention_to_mpc/test_low_rank_to_mpc.py::test_as_exact_match",
        "04_and_back.ipynb",
    ),
)
