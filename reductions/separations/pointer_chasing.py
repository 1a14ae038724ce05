"""The pointer-chasing bounds of Sanford, Hsu, Telgarsky for k-hop: which letters, which widths.

Corollary 5.2: a recurrent model of L layers, whose state has m bits per layer, that computes k-hop
at the last token with probability 2/3 over 2 floor(N / 2 k) + 2 letters has L >= k or m =
Omega(N / k^6). Corollary 5.3: low-rank attention of rank r, value width m', H heads and p bits per
number has L >= k or r m' H p = Omega(N / k^6). They rest on no conjecture, and leave their
constants open; so they give no number, and say nothing where N < k^6. Over few letters they are
false: one recurrent layer of 33 words takes 8 hops of 4 letters whatever N is (`recurrent_k_hop`, 8
tables of 4 letters and the letter before). `state_counting` has bounds with constants for causal
models.
"""

from __future__ import annotations

from fractions import Fraction

from mpc_sim import InputError

SOURCE = "Sanford, Hsu, Telgarsky, arXiv 2402.09268"


def least_letters(n: int, k: int) -> int:
    """Return the letters that the bounds are shown for, 2 floor(N / 2 k) + 2 (Proposition E.4).

    Raises
    ------
    InputError
        A size below 1.
    """
    if n < 1 or k < 1:
        raise InputError(f"n = {n}, k = {k}: take n and k >= 1")
    return 2 * (n // (2 * k)) + 2


def growth(n: int, k: int) -> Fraction:
    """Return N / k^6, the bound on bits without its constant."""
    return Fraction(n, k**6)


def says_something(n: int, n_letters: int, k: int) -> bool:
    """Whether the bounds speak of k-hop at these sizes: enough letters, and N >= k^6."""
    return n_letters >= least_letters(n, k) and growth(n, k) >= 1
