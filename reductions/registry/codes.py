"""Message codes: a receiver recovers the messages from their average."""

from __future__ import annotations

from reductions.registry.entry import Claim

CODES = (
    Claim(
        "syndrome",
        "reductions.mpc_to_anna.codes.syndrome:SyndromeCode",
        "tests/reductions/mpc_to_anna/codes/test_syndrome_code.py::test_decode_inverts",
        "03_from_a_protocol_to_a_transformer.ipynb",
        family="code",
        states="the average of at most b messages of w words determines them; width b (ceil(w / r) "
        "+ 1) + 2, r words of B bits in a number, r B <= 31",
        proved="in place of Lemma B.4 of arXiv 2509.09001; syndrome decoding, Massey 1969",
    ),
    Claim(
        "disjunct",
        "reductions.mpc_to_anna.codes.disjunct:DisjunctCode",
        "tests/reductions/mpc_to_anna/codes/test_row_codes.py::test_decode_inverts",
        "03_from_a_protocol_to_a_transformer.ipynb",
        family="code",
        states="a packet on the graph of a polynomial; any b messages are decoded, other averages "
        "raise",
        proved="Kautz and Singleton 1964; packets after Lemma B.4 of arXiv 2509.09001",
    ),
    Claim(
        "repetition",
        "reductions.mpc_to_anna.codes.repetition:RepetitionCode",
        "tests/reductions/mpc_to_anna/codes/test_row_codes.py::"
        "test_failures_of_the_repetition_code",
        "03_from_a_protocol_to_a_transformer.ipynb",
        family="code",
        states="a packet in a random sparse set of rows; any b messages are decoded with "
        "probability "
        "1 - delta over the seed, else it raises",
        proved="Lemma B.4 of arXiv 2509.09001, after Lemma 3.2 of arXiv 2402.09268",
    ),
)
