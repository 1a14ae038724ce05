"""How many words a model must send to compute k-hop: bounds without an open constant.

The bounds count prefixes that a right model may not confuse; a model of L layers that sends W words
of b bits per layer has 2^(L W b) messages at most. They hold whatever the row-wise maps, the folds
and the readout are, and already for the answer of the last token.

**Any causal model.** The family `HardPrefixes` has (q!)^k prefixes of 2 q k tokens, and no two give
the same answers to its suffixes. So L W b >= k log2(q!) for 2 q + 2 letters and N >= 2 q k + k + 2.
`recurrent_k_hop` with its k (2 q + 3) words is above it by a factor that falls to 2 as q grows.

**Low-rank attention**, sums that are exact, of any depth. Let u and v not occur in prefixes of n
letters over an alphabet of s, and let a model be right on s + 2 letters. (1) What it sends after n
tokens determines the last of them: with a suffix of `HardPrefixes` that wastes k - 1 hops, the last
hop goes behind the latest a, and the answer is u exactly if that is the last letter of the prefix.
(2) Given the last letter, what it sent after n - 1 tokens is determined as well: layer 1 took
phi(k_n) v_n^T, a function of the letter, so subtract it; the sum before that gives what token n
received, so its row, so what layer 2 took; and so on. By induction the messages determine the whole
prefix: L W b >= n log2(s), for every n <= N - k - 2. Attention that only adds cannot forget. A
single hop needs that much, k plays no part, and more layers save nothing: `packed_k_hop` sends
about N log2(letters) bits in one layer, or in L layers that share them.

**Low-rank attention that sees all tokens**, of any depth, asked for one hop at every token. In the
end a token knows its place, its letter and the boards. Its answer is its own letter exactly if the
letter before it is the same: behind an earlier occurrence that is the latest stands another letter.
So of two letters the boards and w_N determine w_(N-1), then w_(N-2), and so on: L W b >= N - 1. At
the last token alone `low_rank_k_hop` does with O(sqrt(letters N)) words per layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb, factorial

from mpc_sim import InputError


@dataclass(frozen=True)
class WidthLowerBound:
    """Bits that the messages of all layers must have, as a number of prefixes to distinguish.

    Parameters
    ----------
    prefixes : int
        How many must not be confused.
    """

    architecture: str
    prefixes: int = field(repr=False)
    source: str

    @property
    def bits(self) -> int:
        """Bits of all messages together: ceil(log2(prefixes))."""
        return (self.prefixes - 1).bit_length()

    def allows(self, words: int, bits: int) -> bool:
        """Whether a model may be right that sends so many words of so many bits, all layers."""
        return words * bits >= self.bits

    def least_depth(self, words_a_layer: int, bits: int) -> int:
        """Return the layers that a model of a width needs at least."""
        return -(-self.bits // (words_a_layer * bits))


def recurrent_width(q: int, k: int) -> WidthLowerBound:
    """Return the bound of any causal model: (q!)^k prefixes.

    Parameters
    ----------
    q, k : int
        Of `HardPrefixes`: 2 q + 2 letters, 2 q k + k + 2 tokens.

    Raises
    ------
    InputError
        A size below 1.
    """
    if q < 1 or k < 1:
        raise InputError(f"q = {q}, k = {k}: take both at least 1")
    return WidthLowerBound(
        "causal, recurrent", factorial(q) ** k, "L W b >= k log2(q!): HardPrefixes"
    )


def low_rank_width(n: int, n_letters: int, k: int) -> WidthLowerBound:
    """Return the bound of causal low-rank attention: (letters - 2)^(n - k - 2) prefixes.

    Raises
    ------
    InputError
        Less than three letters, or too few tokens for a suffix.
    """
    if k < 1 or n < k + 2 or n_letters < 3:
        raise InputError(
            f"n = {n}, n_letters = {n_letters}, k = {k}: take k >= 1, n >= k + 2, n_letters >= 3"
        )
    return WidthLowerBound(
        "causal low rank",
        (n_letters - 2) ** (n - k - 2),
        "L r m H b >= (N - k - 2) log2(letters - 2): sums cannot forget",
    )


def board_width(n: int) -> WidthLowerBound:
    """Return the bound of low-rank attention asked for a hop at every token: 2^(n - 1) sequences.

    Raises
    ------
    InputError
        No token.
    """
    if n < 1:
        raise InputError(f"n = {n}: take n >= 1")
    return WidthLowerBound(
        "low rank",
        2 ** (n - 1),
        "L r m H b >= N - 1 for answers at every token: the boards determine all",
    )


def set_width(size: int, half: int) -> WidthLowerBound:
    """Return the bound of any causal model that is asked for members of a set.

    A prefix holds ``size`` different numbers of 1 .. h, and what follows asks whether s is among
    them: Match2 modulo 2 h + 1 by the word 2 h + 1 - s; 3-SUM by the words -s - T and T, T > 2 h,
    which sum to zero with s alone. So no two of the C(h, size) sets may be confused.

    Raises
    ------
    InputError
        There are not so many numbers.
    """
    if not 0 <= size <= half:
        raise InputError(f"size = {size}, half = {half}: take size in 0 .. half")
    return WidthLowerBound("causal", comb(half, size), "L W b >= log2 C(h, n): sets of numbers")
