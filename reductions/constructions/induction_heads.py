"""What induction heads by a binary tree use: two layers of exact match."""

from __future__ import annotations

import sympy

from reductions.bounds import Bound
from reductions.constructions.k_hop_tree import n_levels

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
