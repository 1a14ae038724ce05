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


@dataclass(frozen=True, kw_only=True)
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
    status : str
        proved here, proved in the source, conditional (on what the hypothesis names) or open.
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
        task="k-hop",
        models="softmax transformers under a causal mask",
        hypothesis=f"{CYCLES}; k = Theta(N^xi), k even, xi <= 1/2; its proof uses k + 3 letters",
        width="mH = O(k^(1 - eps))",
        says="L = Omega(log k)",
        status="conditional",
        source=f"{SHT24}, Corollary 4.3",
    ),
    Statement(
        task="k-hop at all positions",
        models="exact match, ANNA, low rank: whatever machines simulate in O(1) rounds per layer",
        hypothesis=f"{CYCLES}; 2 N / (2 k + 1) letters, k <= N^xi growing",
        width=K_HOP_ROUNDS.width,
        says="L = Omega(log k)",
        status="conditional",
        source=K_HOP_ROUNDS.source,
    ),
    Statement(
        task="k-hop over A letters",
        models="the same",
        hypothesis="A k <= s^(1 - Omega(1))",
        width="any",
        says="no lower bound: a prefix scan takes O(1) layers whatever k is (k-hop/scan)",
        status="proved here",
        source="ours",
    ),
    Statement(
        task="k-hop at the last token",
        models="recurrent models of L layers",
        hypothesis="2 floor(N / 2 k) + 2 letters, right with probability 2/3",
        width="m bits a layer, m = o(N / k^6), nothing for N < k^6; the constant is not known",
        says="L >= k",
        status="proved in the source",
        source=f"{SHT24}, Corollary 5.2 and Proposition E.4",
    ),
    Statement(
        task="k-hop at the last token",
        models="low-rank attention of rank r, value width m', H heads, p bits per number",
        hypothesis="2 floor(N / 2 k) + 2 letters, right with probability 2/3",
        width="r m' H p = o(N / k^6), nothing for N < k^6; the constant is not known",
        says="L >= k",
        status="proved in the source",
        source=f"{SHT24}, Corollary 5.3 and Proposition E.4",
    ),
    Statement(
        task="k-hop at the last token",
        models="causal models: L layers that send W words of b bits across any cut",
        hypothesis="2 q + 2 letters, N >= 2 q k + k + 2",
        width="any L, W, b",
        says="L W b >= k log2(q!)",
        status="proved here",
        source="ours (state_counting)",
    ),
    Statement(
        task="k-hop at the last token, k >= 1",
        models="causal low-rank attention with exact sums",
        hypothesis="A >= 3 letters",
        width="any depth",
        says="L r m H b >= (N - k - 2) log2(A - 2)",
        status="proved here",
        source="ours (state_counting)",
    ),
    Statement(
        task="induction heads",
        models="one-layer transformers",
        hypothesis="an alphabet of at most n letters",
        width="h m p = o(n): h heads of width m, p bits of every sum",
        says='"no one-layer transformer can solve the induction heads task unless its size is '
        'exponentially larger than the size sufficient for a two-layer transformer"',
        status="proved in the source",
        source="Sanford, Hsu, Telgarsky, arXiv 2408.14332",
    ),
    Statement(
        task="induction heads, n = (N - 1) / 2 marked pairs",
        models="one layer of exact match (l = 1), or of ANNA with l tables and a fixed seed",
        hypothesis="the last token answers",
        width="any H, m; v bits a value",
        says="H (m log2((2^v - 1) l n + 1) + log2(l n + 1)) >= n; with bits of values in place of "
        "bits of sums it is false (coin_weighing: N = 225, m = 36, v = 2)",
        status="proved here",
        source="ours (one_layer), after arXiv 2408.14332",
    ),
    Statement(
        task="induction heads, n = (N - 1) / 2 marked pairs",
        models="one layer of softmax",
        hypothesis="the last token answers",
        width="any H, m; b bits of every partial sum and of the normaliser",
        says="H (m + 1) b >= n",
        status="proved here",
        source="ours (one_layer), after arXiv 2408.14332",
    ),
    Statement(
        task="composition of L functions over n tokens",
        models="decoder-only transformers of L layers",
        hypothesis="L constant; no conjecture",
        width="model dimension n^o(1)",
        says='"the L-step composition task is exponentially harder for L-layer models compared to '
        '(L+1)-layer ones"',
        status="proved in the source",
        source="Chen, Peng, Wu, arXiv 2412.02975",
    ),
    Statement(
        task="a host of graph problems",
        models="transformers of fixed depth",
        hypothesis="",
        width="linear width; quadratic for some",
        says='"with linear width, constant depth suffices for solving a host of graph-based '
        'problems"; so a bound on depth needs its width. "For other problems, we show that '
        'quadratic width is required"',
        status="proved in the source",
        source="Yehudai, Sanford, Bechler-Speicher, Fischer, Gilad-Bachrach, Globerson, arXiv "
        "2503.01805",
    ),
    Statement(
        task="languages",
        models="averaging-hard-attention, masked-pre-norm transformers, polynomially padded",
        hypothesis="",
        width="padding of n^O(1) tokens, O(log^d n) loops",
        says='"recognize precisely the class FO-uniform TC^0"; with the loops FO-uniform TC^d',
        status="proved in the source",
        source="Merrill, Sabharwal, arXiv 2505.18948",
    ),
    Statement(
        task="functions",
        models="transformers of constant depth with pause tokens",
        hypothesis="bounded precision for AC^0, logarithmic precision for TC^0",
        width="logarithmic width",
        says='"Transformers without pause tokens compute only a strict subset of AC^0 functions, '
        'while adding a polynomial number of pause tokens allows them to express the entire class"',
        status="proved in the source",
        source="London, Kanade, arXiv 2505.21024",
    ),
    Statement(
        task="document similarity",
        models="softmax, one layer, beats ANNA and all that runs in truly subquadratic time",
        hypothesis="OVC (or SETH); row-wise maps of the model are fast too",
        width="time N^(2 - Omega(1))",
        says='"Transformer is able to perform this task, and [...] this task cannot be performed '
        'in truly subquadratic time by any algorithm"',
        status="conditional",
        source="Alman, Yu, arXiv 2410.04271",
    ),
    Statement(
        task="sum, parity, OR, minimum, Match2, 3-SUM, one hop, two hops (N >= 4)",
        models="machines of s words with B words of the input each",
        hypothesis="an output word of degree D = N",
        width="any number of machines",
        says="R >= ceil(log_s(D / B)) rounds",
        status="proved in the source",
        source=f"{SHUFFLES}; degrees: reductions.problems.degrees",
    ),
    Statement(
        task="connectivity of n vertices and m edges",
        models="machines of s words with B words of the input each",
        hypothesis="D = v (v - 1) / 2, v (v + 1) / 2 <= n: a clique that fits beside the other "
        "edges",
        width="any number of machines",
        says="R >= ceil(log_s(D / B)) rounds",
        status="proved here",
        source=f"ours (reductions.problems.degrees), after {SHUFFLES}",
    ),
    Statement(
        task="connectivity, one cycle or two",
        models="exact match, ANNA, low rank: whatever machines simulate in O(1) rounds per layer",
        hypothesis=CYCLES,
        width="mH = O(N^eps) for a constant eps < 1",
        says="L = Omega(log N)",
        status="conditional",
        source="the conjecture: Yaroslavtsev, Vadapalli, arXiv 1710.01431; Theorem 4.2 of arXiv "
        "2509.09001",
    ),
)
