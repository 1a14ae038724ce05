"""Reductions: one model of computation simulated by another."""

from __future__ import annotations

from reductions.registry.entry import Claim

REDUCTIONS = (
    Claim(
        "mpc-to-anna",
        "reductions.mpc_to_anna.compile:compile_protocol",
        "tests/reductions/mpc_to_anna/test_mpc_to_anna.py::"
        "test_transformer_protocol_and_oracle_agree",
        "03_from_a_protocol_to_a_transformer.ipynb",
        family="reduction",
        states="any R-round protocol becomes a transformer of exactly R + 1 layers",
        proved="Theorem 4.1 of arXiv 2509.09001",
    ),
    Claim(
        "fan-out",
        "reductions.mpc_to_anna.fan_out.bounded:bounded_fan_out",
        "tests/reductions/mpc_to_anna/fan_out/test_fan_out.py::"
        "test_any_protocol_gives_what_it_gives_alone",
        family="reduction",
        states="any protocol with at most d partners per machine and round: 2 L rounds per round, "
        "(d + 1)^L >= P",
        proved="Lemma B.12 of arXiv 2509.09001; Proposition 24 of arXiv 2405.18512",
    ),
    Claim(
        "anna-to-mpc",
        "reductions.attention_to_mpc.anna:anna_to_mpc",
        "tests/reductions/attention_to_mpc/test_anna_to_mpc.py::test_random_transformers",
        "04_and_back.ipynb",
        family="reduction",
        states="a transformer of ANNA or exact-match heads becomes a protocol with the same bits "
        "on "
        "N^(1 + eps - eps' + 3 rho) machines, log l aside",
        proved="Theorems 4.2 and C.1 of arXiv 2509.09001",
    ),
    Claim(
        "softmax-to-mpc",
        "reductions.attention_to_mpc.softmax:softmax_to_mpc",
        "tests/reductions/attention_to_mpc/test_softmax_to_mpc.py::test_random_transformers",
        "04_and_back.ipynb",
        family="reduction",
        states="a transformer of softmax heads becomes a protocol with the same bits on N^2 "
        "machines",
        proved="Theorem 3.4 of arXiv 2402.09268",
    ),
    Claim(
        "low-rank-to-mpc",
        "reductions.attention_to_mpc.low_rank:low_rank_to_mpc",
        "tests/reductions/attention_to_mpc/test_low_rank_to_mpc.py::test_random_transformers",
        family="reduction",
        states="a transformer of low-rank heads becomes a protocol with the same bits: a tree sums "
        "k v^T "
        "and sends it back, on at most N machines",
        proved="Lemma D.2 of arXiv 2509.09001",
    ),
    Claim(
        "cycles-to-k-hop",
        "reductions.separations.cycles_to_k_hop:cycles_to_k_hop",
        "tests/reductions/separations/test_cycles_to_k_hop.py::test_one_cycle_or_two",
        family="reduction",
        states="one cycle or two by at most 2 D - 1 calls of k-hop, D the digits of n/2 in base k, "
        "on (2 k + 1) 2 n tokens of 4 n letters: Omega(log k) rounds under the conjecture, for "
        "k <= N^xi on N^(1 - delta) words, 0 < xi < delta",
        proved="ours, for every k; the conjecture: arXiv 1710.01431; after Corollary 4.3 of "
        "arXiv 2402.09268",
    ),
    Claim(
        "low-rank-to-anna",
        "reductions.low_rank_to_anna:low_rank_to_anna",
        "tests/reductions/attention_to_mpc/test_low_rank_to_mpc.py::test_as_exact_match",
        "04_and_back.ipynb",
        family="reduction",
        states="low-rank layers become exact-match layers with the same bits, by way of a protocol",
        proved="Theorem 4.4 of arXiv 2509.09001",
    ),
)
