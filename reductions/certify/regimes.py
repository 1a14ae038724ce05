"""Where a figure shows nothing, or less than it seems to: said in every certificate.

Symbols: s words of local memory, N words of the input, mH numbers that a token receives.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from mpc_sim import Cluster

RARELY_WRONG = (
    "that no output is silently wrong is checked by the harness: it counts the far collisions of "
    "all heads and compares every word"
)


def memory_remarks(cluster: Cluster) -> list[str]:
    """Return what a reader must know when memory is not scarce."""
    if cluster.is_scarce:
        return []
    return [
        f"s = {cluster.memory_words} >= N = {cluster.n_words}: one machine could hold the whole "
        "input, so the memory rows show nothing"
    ]


def width_remarks(width: int, precision_bits: int, n_words: int, word_bits: int) -> list[str]:
    """Return what a reader must know when a token could hold the input (SHT24, footnote 2).

    Parameters
    ----------
    width : int
        mH, the numbers that a token receives in a layer.
    precision_bits : int
        Of one of them.
    n_words, word_bits : int
        Of the input.
    """
    if width >= n_words:
        return [
            f"mH = {width} >= N = {n_words}: one token could hold the whole input, so heads and "
            "widths show nothing (arXiv 2402.09268, footnote 2)"
        ]
    bits, needed = width * precision_bits, n_words * word_bits
    if bits >= needed:
        return [
            f"mH = {width} numbers of {precision_bits} bits, {bits} in all, are no fewer than the "
            f"{needed} bits of the input: one token could hold it, so heads and widths show nothing"
        ]
    return []


def failure_remark(risks: Mapping[str, Fraction], subject: str) -> list[str]:
    """Return with which probability a transformer raises over the seed, and what then fails."""
    chance = sum(risks.values(), Fraction(0))
    if not chance:
        return []
    what = "; ".join(risks)
    if chance >= 1:
        return [
            f"the bound on the probability that {subject} raises is 1 or more, so it promises "
            f"nothing ({what}); {RARELY_WRONG}"
        ]
    return [
        f"over the seed, {subject} raises with probability at most {float(chance):.2g} ({what}); "
        f"{RARELY_WRONG}"
    ]


def reach_remarks(n_words: int, k: int) -> list[str]:
    """Return that a line of pointer chasing says nothing where N / k^6 is below 1."""
    if k**6 <= n_words:
        return []
    return [
        f"N / k^6 = {n_words / k**6:.2g} is below 1 from k = {k} on: the lower bound for recurrent "
        "and low-rank models of width o(N / k^6) says nothing there, and is not drawn"
    ]
