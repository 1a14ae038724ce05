"""What separates architectures: constructions of the weaker ones, and what they cannot do."""

from __future__ import annotations

from reductions.registry.entry import Claim
from reductions.registry.solvers import construction

SEPARATIONS = (
    construction("k-hop/recurrent", "weaker_models:RECURRENT_K_HOP"),
    construction("k-hop/low-rank", "weaker_models:LOW_RANK_K_HOP"),
    construction("k-hop/low-rank-packed", "weaker_models:PACKED_K_HOP"),
    construction("induction-heads/recurrent", "weaker_models:INDUCTION_RECURRENT"),
    construction("induction-heads/low-rank", "weaker_models:INDUCTION_LOW_RANK"),
    construction("match2/low-rank", "weaker_models:MATCH2_LOW_RANK"),
    construction("match2/recurrent", "weaker_models:MATCH2_RECURRENT"),
    construction("sum/low-rank", "weaker_models:SUM_LOW_RANK"),
    construction("sum/recurrent", "weaker_models:SUM_RECURRENT"),
    construction("sum/fixed-chunks", "weaker_models:SUM_CHUNKED"),
    construction("match2/softmax", "match2_softmax:MATCH2_SOFTMAX"),
    construction("sum/softmax", "match2_softmax:SUM_SOFTMAX"),
    Claim(
        "reformer-fixed-chunks",
        "reductions.separations.receptive_field:receptive_field",
        "tests/reductions/separations/test_separations.py::"
        "test_receptive_field_is_what_an_output_depends_on",
        family="theorem",
        states="chunks of B fixed in advance: a token depends on at most B^L words after L layers",
        proved="Proposition E.3 of arXiv 2509.09001",
    ),
    Claim(
        "causal-width",
        "reductions.separations.state_counting:recurrent_width",
        "tests/reductions/separations/test_separations.py::"
        "test_no_two_hard_prefixes_have_the_same_answers",
        family="theorem",
        states="k-hop on 2 q + 2 letters by any causal model: k log2(q!) bits of messages across a "
        "cut",
        proved="this project: counting prefixes that k-hop distinguishes",
    ),
    Claim(
        "low-rank-width",
        "reductions.separations.state_counting:low_rank_width",
        "tests/reductions/separations/test_separations.py::"
        "test_messages_of_low_rank_layers_can_be_undone",
        family="theorem",
        states="a hop by causal low-rank attention of any depth: (N - 3) log2(A - 2) bits; sums "
        "cannot "
        "forget",
        proved="this project: undoing the sums letter by letter",
    ),
    Claim(
        "board-width",
        "reductions.separations.state_counting:board_width",
        "tests/reductions/separations/test_separations.py::"
        "test_two_letters_can_be_read_from_the_answers_backwards",
        family="theorem",
        states="a hop at every token by low-rank attention over all tokens, of any depth: N - 1 "
        "bits",
        proved="this project: two letters can be read backwards from answers and boards",
    ),
)
