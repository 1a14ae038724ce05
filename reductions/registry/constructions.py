"""Reductions: one model of computation simulated by another."""

from __future__ import annotations

from reductions.registry.entry import Entry

REDUCTIONS = (
    Entry(
        "reduction",
        "mpc-to-anna",
        "any R-round protocol becomes a transformer of exactly R + 1 layers",
        "Theorem 4.1 of arXiv 2509.09001",
        "reductions.mpc_to_anna:compile_protocol",
    ),
    Entry(
        "reduction",
        "fan-out",
        "any protocol with at most d partners a machine and round: 2 L rounds a round, "
        "(d + 1)^L >= P",
        "Lemma B.12 of arXiv 2509.09001; Proposition 24 of arXiv 2405.18512",
        "reductions.fan_out:bounded_fan_out",
    ),
)
