"""Induction heads certified: two layers of exact match against the oracle, beside their bounds."""

from __future__ import annotations

import sympy

from mpc_sim.inputs.instances import Letters
from reductions.bounds import Bound
from reductions.certify.certificate import Certificate, Progress
from reductions.constructions.certify_words import certify_words
from reductions.constructions.k_hop import ORACLE
from reductions.constructions.k_hop_tree import induction_heads, n_levels
from reductions.problems.words import k_hop_oracle

SOURCE = "binary tree over the places, exact match (Definition B.1 of arXiv 2509.09001)"


def induction_heads_bounds(n: int, n_letters: int) -> tuple[Bound, ...]:
    """Return the bounds of the construction: 2 layers, D + 1 heads of width 1, D = ceil(log2 N).

    Numbers are letters, places up to N + 1, and the two that match nothing.
    """
    length, levels, places, letters = sympy.symbols("N D N_bits A_bits", positive=True)
    values = {
        "N": n,
        "D": n_levels(n),
        "N_bits": (n + 1).bit_length(),
        "A_bits": n_letters.bit_length(),
    }
    exact = {
        "layers": 2,
        "heads": levels + 1,
        "head_width": 1,
        "token_width": levels + 1,
        "context_length": length,
    }
    rows = [
        Bound(name, sympy.sympify(expression), values, "exact", SOURCE)
        for name, expression in exact.items()
    ]
    bits = sympy.Max(places, letters) + 1
    return (*rows, Bound("precision_bits", bits, values, "upper", SOURCE))


def certify_induction_heads(
    sequence: Letters, *, back: bool = False, progress: Progress | None = None
) -> Certificate:
    """Certify induction heads: the two-layer transformer against the oracle of one hop.

    Parameters
    ----------
    sequence : Letters
    back : bool
        Simulate the transformer on machines (`reductions.certify.way_back`).
    progress : callable, optional

    Raises
    ------
    NoWayBack
        The way back was asked for and does not fit.
    """
    n, n_letters = len(sequence), len(sequence.alphabet)
    return certify_words(
        "induction-heads",
        {"n": n, "n_letters": n_letters},
        induction_heads(n, n_letters),
        sequence.words,
        k_hop_oracle(sequence.words, 1),
        induction_heads_bounds(n, n_letters),
        oracle=ORACLE,
        back=back,
        progress=progress,
    )
