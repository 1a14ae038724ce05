"""What is known from below, in general: who it speaks of, on which hypothesis, for which width.

The cells of the table are checked on models; these are the lines beside them, no stronger than
their sources. What a source is quoted for stands in quotation marks, as its abstract has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reductions.certify.full_information import SHUFFLES
from reductions.separations.lower_bounds import CYCLES, K_HOP_ROUNDS
from reductions.separations.pointer_chasing import SOURCE as SHT24

Status = Literal["proved here", "proved in the source", "conditional", "open"]


@dataclass(frozen=True)
class Statement:
    """One line.

    Parameters
    ----------
    task, models : str
        What is asked, and of whom.
    hypothesis : str
        Letters, masks, conjectures: what it supposes.
    width : str
        The width, bits or time that it holds for.
    says : str
    status : str
        proved here, proved in the source, conditional (on what the hypothesis names) or open.
    source : str
    """

    task: str
    models: str
    hypothesis: str
    width: str
    says: str
    status: Status
    source: str


STATEMENTS = (
    Statement(
        "k-hop",
        "softmax transformers under a causal mask",
        f"{CYCLES}; k = Theta(N^xi), k even, xi <= 1/2; its proof uses k + 3 letters",
        "mH = O(k^(1 - eps))",
        "L = Omega(log k)",
        "conditional",
        f"{SHT24}, Corollary 4.3",
    ),
    Statement(
        "k-hop at all positions",
        "exact match, ANNA, low rank: whatever machines simulate in O(1) rounds per layer",
        f"{CYCLES}; 2 N / (2 k + 1) letters, k <= N^xi growing",
        K_HOP_ROUNDS.width,
        "L = Omega(log k)",
        "conditional",
        K_HOP_ROUNDS.source,
    ),
    Statement(
        "k-hop over A letters",
        "the same",
        "A k <= s^(1 - Omega(1))",
        "any",
        "no lower bound: a prefix scan takes O(1) layers whatever k is (k-hop/scan)",
        "proved here",
        "ours",
    ),
    Statement(
        "k-hop at the last token",
        "recurrent models of L layers",
        "2 floor(N / 2 k) + 2 letters, right with probability 2/3",
        "m bits a layer, m = o(N / k^6), nothing for N < k^6; the constant is not known",
        "L >= k",
        "proved in the source",
        f"{SHT24}, Corollary 5.2 and Proposition E.4",
    ),
    Statement(
        "k-hop at the last token",
        "low-rank attention of rank r, value width m', H heads, p bits per number",
        "2 floor(N / 2 k) + 2 letters, right with probability 2/3",
        "r m' H p = o(N / k^6), nothing for N < k^6; the constant is not known",
        "L >= k",
        "proved in the source",
        f"{SHT24}, Corollary 5.3 and Proposition E.4",
    ),
    Statement(
        "k-hop at the last token",
        "causal models: L layers that send W words of b bits across any cut",
        "2 q + 2 letters, N >= 2 q k + k + 2",
        "any L, W, b",
        "L W b >= k log2(q!)",
        "proved here",
        "ours (state_counting)",
    ),
    Statement(
        "k-hop at the last token, k >= 1",
        "causal low-rank attention with exact sums",
        "A >= 3 letters",
        "any depth",
        "L r m H b >= (N - k - 2) log2(A - 2)",
        "proved here",
        "ours (state_counting)",
    ),
    Statement(
        "induction heads",
        "one-layer transformers",
        "an alphabet of at most n letters",
        "h m p = o(n): h heads of width m, p bits of every sum",
        '"no one-layer transformer can solve the induction heads task unless its size is '
        'exponentially larger than the size sufficient for a two-layer transformer"',
        "proved in the source",
        "Sanford, Hsu, Telgarsky, arXiv 2408.14332",
    ),
    Statement(
        "composition of L functions over n tokens",
        "decoder-only transformers of L layers",
        "L constant; no conjecture",
        "model dimension n^o(1)",
        '"the L-step composition task is exponentially harder for L-layer models compared to '
        '(L+1)-layer ones"',
        "proved in the source",
        "Chen, Peng, Wu, arXiv 2412.02975",
    ),
    Statement(
        "a host of graph problems",
        "transformers of fixed depth",
        "",
        "linear width; quadratic for some",
        '"with linear width, constant depth suffices for solving a host of graph-based problems"; '
        'so a bound on depth needs its width. "For other problems, we show that quadratic width is '
        'required"',
        "proved in the source",
        "Yehudai, Sanford, Bechler-Speicher, Fischer, Gilad-Bachrach, Globerson, arXiv 2503.01805",
    ),
    Statement(
        "languages",
        "averaging-hard-attention, masked-pre-norm transformers, polynomially padded",
        "",
        "padding of n^O(1) tokens, O(log^d n) loops",
        '"recognize precisely the class FO-uniform TC^0"; with O(log^d n) loops FO-uniform TC^d',
        "proved in the source",
        "Merrill, Sabharwal, arXiv 2505.18948",
    ),
    Statement(
        "functions",
        "transformers of constant depth with pause tokens",
        "bounded precision for AC^0, logarithmic precision for TC^0",
        "logarithmic width",
        '"Transformers without pause tokens compute only a strict subset of AC^0 functions, while '
        'adding a polynomial number of pause tokens allows them to express the entire class"',
        "proved in the source",
        "London, Kanade, arXiv 2505.21024",
    ),
    Statement(
        "document similarity",
        "softmax, one layer, beats ANNA and every model that runs in truly subquadratic time",
        "OVC (or SETH); row-wise maps of the model are fast too",
        "time N^(2 - Omega(1))",
        '"Transformer is able to perform this task, and [...] this task cannot be performed in '
        'truly subquadratic time by any algorithm"',
        "conditional",
        "Alman, Yu, arXiv 2410.04271",
    ),
    Statement(
        "sum, parity, OR, minimum, Match2, 3-SUM, one hop, two hops (N >= 4)",
        "machines of s words with B words of the input each",
        "an output word of degree D = N",
        "any number of machines",
        "R >= ceil(log_s(D / B)) rounds",
        "proved in the source",
        f"{SHUFFLES}; degrees: reductions.problems.degrees",
    ),
    Statement(
        "connectivity of n vertices and m edges",
        "machines of s words with B words of the input each",
        "D = v (v - 1) / 2, v (v + 1) / 2 <= n, for the clique that fits beside the other edges",
        "any number of machines",
        "R >= ceil(log_s(D / B)) rounds",
        "proved here",
        f"ours (reductions.problems.degrees), after {SHUFFLES}",
    ),
    Statement(
        "connectivity, one cycle or two",
        "exact match, ANNA, low rank: whatever machines simulate in O(1) rounds per layer",
        CYCLES,
        "mH = O(N^eps) for a constant eps < 1",
        "L = Omega(log N)",
        "conditional",
        "the conjecture: Yaroslavtsev, Vadapalli, arXiv 1710.01431; Theorem 4.2 of arXiv "
        "2509.09001",
    ),
)
