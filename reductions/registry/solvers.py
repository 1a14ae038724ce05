"""Constructions: how a model of some architecture does a task, with its depth and its width."""

from __future__ import annotations

from reductions.registry.entry import Entry

TESTED = (
    "tests/reductions/constructions/test_tasks.py::"
    "test_a_construction_is_its_oracle_within_its_bounds"
)
CERTIFIED = (
    "tests/reductions/certify/test_certify_algorithm.py::"
    "test_every_algorithm_is_certified_in_one_way"
)
"""Of constructions of hundreds of layers, which the default suite runs by their algorithm."""
NOTEBOOK = "08_who_does_what_and_how_deep.ipynb"
ANNA = "Liu et al., arXiv 2509.09001"
SHT24 = "Sanford, Hsu, Telgarsky, arXiv 2402.09268"


def _entry(name: str, statement: str, source: str, home: str, test: str = TESTED) -> Entry:
    return Entry("solver", name, statement, source, f"reductions.constructions.{home}", test)


SOLVERS = (
    _entry(
        "match2/direct",
        "query x mod M, key -x mod M, value 1: a match returns 1; one layer of width 1",
        ANNA,
        "direct:MATCH2_DIRECT",
    ),
    _entry(
        "sum/direct",
        "equal keys, values N x: the mean is the sum; one layer of width 1",
        ANNA,
        "direct:SUM_DIRECT",
    ),
    _entry(
        "induction-heads/tree",
        "a binary tree over the places: 2 layers of exact match, ceil(log2 N) + 1 heads of width 1",
        f"{ANNA}, Definition B.1; without sorting",
        "k_hop_constructions:INDUCTION_HEADS_TREE",
    ),
    _entry(
        "induction-heads/compiled",
        "the k-hop protocol for k = 1, compiled: 4^d + 5 layers",
        f"{SHT24}; Theorem 4.1 of arXiv 2509.09001",
        "compiled:INDUCTION_HEADS_COMPILED",
    ),
    _entry(
        "induction-heads/softmax",
        "the latest token of the same letter, then the one after it: 2 layers of width 3",
        f"{SHT24}, Theorem 4.2",
        "k_hop_constructions:INDUCTION_HEADS_SOFTMAX",
    ),
    _entry(
        "k-hop/tree",
        "induction heads by a tree, then look-ups that double: 2 + ceil(log2 k) layers of width "
        "2 ceil(log2 N)",
        f"{ANNA}, Definition B.1; doubling: {SHT24}",
        "k_hop_constructions:K_HOP_TREE",
    ),
    _entry(
        "k-hop/compiled",
        "columnsort and pointer doubling, compiled: 4^d + 4 + bit_length(k) layers",
        f"{SHT24}; Theorem 4.1 of arXiv 2509.09001",
        "compiled:K_HOP_COMPILED",
    ),
    _entry(
        "k-hop/softmax",
        "softmax under the mask j < i: 2 + floor(log2 k) layers of width 3",
        f"{SHT24}, Theorem 4.2",
        "k_hop_constructions:K_HOP_SOFTMAX",
    ),
    _entry(
        "k-hop/causal-softmax",
        "softmax under the mask j <= i: 2 + ceil(log2 k) layers of width 4",
        f"{SHT24}, Theorem 4.2",
        "k_hop_constructions:K_HOP_CAUSAL_SOFTMAX",
    ),
    _entry(
        "three-sum/compiled",
        "triples of blocks of sorted values, compiled with spread heads: O(1) layers, width "
        "O(sqrt N log N)",
        f"{ANNA}; the sort: Leighton 1985",
        "compiled:THREE_SUM_COMPILED",
    ),
    _entry(
        "connectivity/compiled",
        "random-mate contraction, compiled: O(log n) layers",
        "Reif 1985; Theorem 4.1 of arXiv 2509.09001",
        "compiled:CONNECTIVITY_COMPILED",
        CERTIFIED,
    ),
    _entry(
        "one-vs-two-cycle/compiled",
        "contraction of the cycles by random mates, compiled: O(log n) layers",
        "Reif 1985; Theorem 4.1 of arXiv 2509.09001",
        "compiled:ONE_OR_TWO_CYCLES_COMPILED",
        CERTIFIED,
    ),
)
