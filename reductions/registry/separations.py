"""What separates architectures: constructions of the weaker ones, and what they cannot do."""

from __future__ import annotations

from reductions.registry.entry import Entry
from reductions.registry.solvers import TESTED


def _entry(name: str, statement: str, source: str, home: str) -> Entry:
    return Entry("solver", name, statement, source, home, TESTED)


SEPARATIONS = (
    _entry(
        "k-hop/recurrent",
        "one layer per hop, one word per letter: k layers of A + 1 words",
        "after Corollary 5.2 of arXiv 2402.09268",
        "reductions.constructions.weaker_models:RECURRENT_K_HOP",
    ),
    _entry(
        "k-hop/low-rank",
        "at the last token, one layer per hop: k + 1 layers of about 2 sqrt(A N) words",
        "after Corollary 5.3 of arXiv 2402.09268",
        "reductions.constructions.weaker_models:LOW_RANK_K_HOP",
    ),
    _entry(
        "k-hop/low-rank-packed",
        "causal, at every token: one layer that writes the prefix down, ceil(N / p) words",
        "as wide as low-rank sums must be: theorem low-rank-width",
        "reductions.constructions.weaker_models:PACKED_K_HOP",
    ),
    _entry(
        "induction-heads/recurrent",
        "one layer of A + 1 words: what followed every letter last",
        "k-hop/recurrent for k = 1",
        "reductions.constructions.weaker_models:INDUCTION_RECURRENT",
    ),
    _entry(
        "induction-heads/low-rank",
        "at the last token: 2 layers of about 2 sqrt(A N) words",
        "k-hop/low-rank for k = 1",
        "reductions.constructions.weaker_models:INDUCTION_LOW_RANK",
    ),
    _entry(
        "match2/low-rank",
        "one word per residue on the board: one layer of width M",
        "Definition 4.3 of arXiv 2509.09001",
        "reductions.constructions.weaker_models:MATCH2_LOW_RANK",
    ),
    _entry(
        "match2/recurrent",
        "at the last token: one bit per residue in the state of one layer",
        "a set of seen residues",
        "reductions.constructions.weaker_models:MATCH2_RECURRENT",
    ),
    _entry(
        "sum/low-rank",
        "query and key 1, value x: one layer of rank 1 and width 1",
        "Definition 4.3 of arXiv 2509.09001",
        "reductions.constructions.weaker_models:SUM_LOW_RANK",
    ),
    _entry(
        "sum/recurrent",
        "at the last token: the sum so far, one layer of one word",
        "running sums",
        "reductions.constructions.weaker_models:SUM_RECURRENT",
    ),
    _entry(
        "sum/fixed-chunks",
        "chunks of B fixed in advance: ceil(log_B N) layers of width 1",
        "the depth of Proposition E.3 of arXiv 2509.09001 is reached",
        "reductions.constructions.weaker_models:SUM_CHUNKED",
    ),
    _entry(
        "match2/softmax",
        "residues on a circle, beta of O(M^2 log(M N)): one layer of width 2",
        "after Sanford, Hsu, Telgarsky, arXiv 2306.02896",
        "reductions.constructions.match2_softmax:MATCH2_SOFTMAX",
    ),
    _entry(
        "sum/softmax",
        "equal logits, values N x: one layer of width 1",
        "one softmax head of equal keys",
        "reductions.constructions.match2_softmax:SUM_SOFTMAX",
    ),
    Entry(
        "theorem",
        "reformer-fixed-chunks",
        "chunks of B fixed in advance: a token depends on at most B^L words after L layers",
        "Proposition E.3 of arXiv 2509.09001",
        "reductions.separations.receptive_field:receptive_field",
        "tests/reductions/separations/test_separations.py::"
        "test_receptive_field_is_what_an_output_depends_on",
    ),
    Entry(
        "theorem",
        "causal-width",
        "k-hop on 2 q + 2 letters by any causal model: k log2(q!) bits of messages across a cut",
        "counting prefixes that k-hop distinguishes",
        "reductions.separations.state_counting:recurrent_width",
        "tests/reductions/separations/test_separations.py::"
        "test_no_two_hard_prefixes_have_the_same_answers",
    ),
    Entry(
        "theorem",
        "low-rank-width",
        "a hop by causal low-rank attention of any depth: (N - 3) log2(A - 2) bits; sums cannot "
        "forget",
        "undoing the sums letter by letter",
        "reductions.separations.state_counting:low_rank_width",
        "tests/reductions/separations/test_separations.py::"
        "test_messages_of_low_rank_layers_can_be_undone",
    ),
    Entry(
        "theorem",
        "board-width",
        "a hop at every token by low-rank attention over all tokens, of any depth: N - 1 bits",
        "two letters can be read backwards from answers and boards",
        "reductions.separations.state_counting:board_width",
        "tests/reductions/separations/test_separations.py::"
        "test_two_letters_can_be_read_from_the_answers_backwards",
    ),
)
