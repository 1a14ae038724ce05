"""Prefixes that answers of k-hop determine: k permutations of q letters, and suffixes that ask.

Pointer chasing written as a sequence. Two alphabets of q letters; permutation f_t from one to the
other, odd t there, even t back, is written as its pairs a f_t(a), and the blocks stand deepest
first: f_k, ..., f_2, f_1. From the last a of the first alphabet the hops land on f_1(a), then on
f_2(f_1(a)), and so on: in block t a letter stands once as an image, and the latest earlier place
where it stands is its pair in block t + 1.

The question is a suffix over two letters u and v that no prefix has: u .. u a v u v u ... From its
last token the hops walk back one token at a time to a, then into the prefix. With w hops wasted so,
k-hop of the last token is f_(k-w)(... f_1(a)). The answers for all a and w determine all
permutations: (q!)^k prefixes, no two of which a model that is right may confuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from mpc_sim import InputError
from reductions.arrays import Integers


def asking_suffix(letter: int, wasted: int, length: int, u: int, v: int) -> Integers:
    """Return u .. u a v u v u ..., from whose last token some hops lead to a and one behind it.

    Parameters
    ----------
    letter : int
        a.
    wasted : int
        Hops until a.
    length : int
        Tokens, at least wasted + 3.
    u, v : int
        Two letters that stand nowhere else.

    Raises
    ------
    InputError
        Too short.
    """
    tail = [letter, *([v] + [u, v] * wasted)[: wasted + 1]] if wasted else [letter]
    if wasted < 0 or length <= len(tail):
        raise InputError(f"wasted = {wasted}, length = {length}: take length >= wasted + 3")
    return np.array([u] * (length - len(tail)) + tail, np.int64)


@dataclass(frozen=True)
class HardPrefixes:
    """The family, for q letters an alphabet and k hops.

    Letters: 0 .. q-1 and q .. 2q-1 are the alphabets, u = 2q, v = 2q + 1.

    Parameters
    ----------
    q, k : int
        At least 1.
    pad : int
        Letters more in every suffix.

    Raises
    ------
    InputError
        A size below 1.
    """

    q: int
    k: int
    pad: int = 0

    def __post_init__(self) -> None:
        if self.q < 1 or self.k < 1 or self.pad < 0:
            raise InputError(f"q = {self.q}, k = {self.k}, pad = {self.pad}: take q >= 1, k >= 1")

    @property
    def n_letters(self) -> int:
        """Letters, 2 q + 2."""
        return 2 * self.q + 2

    @property
    def cut(self) -> int:
        """Tokens of a prefix, 2 q k."""
        return 2 * self.q * self.k

    @property
    def n_tokens(self) -> int:
        """Tokens of prefix and suffix, 2 q k + k + 2."""
        return self.cut + self.k + 2 + self.pad

    def prefix(self, chosen: tuple[tuple[int, ...], ...]) -> Integers:
        """Write f_1 .. f_k down, each as its q images in 0 .. q-1."""
        letters: list[int] = []
        for number in range(self.k, 0, -1):
            start, end = (0, self.q) if number % 2 else (self.q, 0)
            for letter, image in enumerate(chosen[number - 1]):
                letters += [start + letter, end + image]
        return np.array(letters, np.int64)

    def suffix(self, letter: int, wasted: int) -> Integers:
        """Return the suffix that asks for a letter of the first alphabet after wasted hops."""
        return asking_suffix(letter, wasted, self.n_tokens - self.cut, 2 * self.q, 2 * self.q + 1)

    def suffixes(self) -> Iterator[Integers]:
        """Return all q k suffixes."""
        for wasted in range(self.k):
            for letter in range(self.q):
                yield self.suffix(letter, wasted)

    def draw(self, rng: np.random.Generator) -> Integers:
        """Draw a prefix: k permutations, uniformly."""
        return self.prefix(self._drawn(rng))

    def candidates(self, rng: np.random.Generator, count: int) -> Iterator[Integers]:
        """Yield one drawn prefix, all that change one of its permutations, then drawn ones.

        A model that forgets a block confuses prefixes of the first kind; one that has too few bits
        confuses any.
        """
        base = self._drawn(rng)
        yield self.prefix(base)
        for number in range(self.k):
            for other in permutations(range(self.q)):
                if other != base[number]:
                    yield self.prefix((*base[:number], other, *base[number + 1 :]))
        for _ in range(count):
            yield self.draw(rng)

    def _drawn(self, rng: np.random.Generator) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(rng.permutation(self.q).tolist()) for _ in range(self.k))
