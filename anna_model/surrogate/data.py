"""Match2 and k-hop instances to train on and to test with, from a seed and a number.

Axes: B samples, N tokens, k hops. The letters of k-hop are 0 .. A-1 and the class A is "none".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model.frozen_arrays import BoolArray, IntArray

TRAINING, VALIDATION, TEST = 0, 1, 2
"""Streams of instances; no two share a generator."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Instances and what is to be answered.

    Parameters
    ----------
    tokens : int64[B, N]
    answers : int64[B, N, k]
        A class for every token and question; Match2 has one.

    Examples
    --------
    >>> Batch(np.zeros((2, 3), np.int64), np.zeros((2, 3, 1), np.int64)).answers.shape
    (2, 3, 1)
    """

    tokens: IntArray
    answers: IntArray


@dataclass(frozen=True)
class Match2:
    """y_i = 1 if some j has x_i + x_j = 0 mod M, on samples balanced over four shares of ones.

    Parameters
    ----------
    n_tokens, modulus : int
        N and M, odd, so that no x in 1 .. M-1 is its own partner.

    Notes
    -----
    A uniform sample has mostly half to three quarters of ones. Here a bin is drawn first, of
    [0, 1/4), [1/4, 1/2), [1/2, 3/4), [3/4, 1] of N, then a number of ones in it, then residues:
    some pairs {a, M-a} of which both sides occur, and one side each of others.

    Examples
    --------
    >>> task = Match2(n_tokens=4, modulus=7)
    >>> batch = task.batch(2, seed=0, stream=TRAINING, number=0)
    >>> batch.tokens.shape, task.n_letters, task.n_classes
    ((2, 4), 7, 2)
    >>> task.answers(np.array([[1, 6, 2, 2]]))[..., 0].tolist()
    [[1, 1, 0, 0]]
    """

    n_tokens: int = 32
    modulus: int = 37

    def __post_init__(self) -> None:
        if self.modulus < 5 or self.modulus % 2 == 0 or self.n_tokens < 2:
            raise ValueError(
                "Match2 needs an odd modulus of at least 5 and two tokens, not "
                f"{self.modulus} and {self.n_tokens}"
            )

    @property
    def n_letters(self) -> int:
        """Different tokens, counted from 0."""
        return self.modulus

    @property
    def n_classes(self) -> int:
        """Answers to choose from."""
        return 2

    @property
    def n_questions(self) -> int:
        """Answers per token."""
        return 1

    def answers(self, tokens: IntArray) -> IntArray:
        """Answer by the definition: int64[B, N, 1]."""
        return np.asarray(self.sought(tokens).any(axis=2), np.int64)[:, :, None]

    def sought(self, tokens: IntArray) -> BoolArray:
        """Mark the tokens that a token looks for, its partners: bool[B, N, N]."""
        partner = (self.modulus - tokens) % self.modulus
        marked: BoolArray = partner[:, :, None] == tokens[:, None, :]
        return marked

    def batch(self, size: int, *, seed: int, stream: int, number: int) -> Batch:
        """Draw a batch; it depends on the four arguments alone."""
        rng = np.random.default_rng([seed, stream, number])
        tokens = np.stack([self._sample(rng) for _ in range(size)])
        return Batch(tokens, self.answers(tokens))

    def _sample(self, rng: np.random.Generator) -> IntArray:
        n, n_pairs = self.n_tokens, self.modulus // 2
        edges = [-(-n * quarter // 4) for quarter in range(4)] + [n + 1]
        ones = 1
        while ones == 1:  # no token is its own partner
            quarter = rng.integers(4)
            ones = int(rng.integers(edges[quarter], max(edges[quarter] + 1, edges[quarter + 1])))
        most = min(ones // 2, n_pairs - (ones < n))
        n_matched = int(rng.integers(min(1, ones), most + 1)) if ones else 0
        pairs: IntArray = rng.permutation(np.arange(1, n_pairs + 1))
        matched, single = pairs[:n_matched], pairs[n_matched:]
        both = np.concatenate([matched, self.modulus - matched])
        more = rng.choice(both, ones - len(both)) if ones else both
        side = np.where(rng.random(len(single)) < 0.5, single, self.modulus - single)
        alone = rng.choice(side, n - ones) if ones < n else side[:0]
        return rng.permutation(np.concatenate([both, more, alone])).astype(np.int64)


@dataclass(frozen=True)
class KHop:
    """The letter k hops back, for 1 .. k hops; texts without equal neighbours, every one new.

    Parameters
    ----------
    n_tokens, n_letters : int
        N and A.
    hops : int
        k; a token answers k questions, one per number of hops. Induction heads are k = 1.

    Notes
    -----
    sigma(i), counted from 1, is the position after the latest earlier occurrence of w_i, and 0
    where there is none; 0 stays 0. The answer to h hops is the letter at sigma^h(i), or A at 0.

    Examples
    --------
    The example of Sanford, Hsu, Telgarsky: aabcbabca.

    >>> word = np.array([[0, 0, 1, 2, 1, 0, 1, 2, 0]])
    >>> KHop(n_tokens=9, n_letters=3, hops=2).answers(word)[0, 8].tolist()
    [1, 0]
    """

    n_tokens: int = 100
    n_letters: int = 4
    hops: int = 1

    def __post_init__(self) -> None:
        if self.n_letters < 2 or self.n_tokens < 1 or self.hops < 1:
            raise ValueError(
                "k-hop needs two letters, a token and a hop, not "
                f"{self.n_letters}, {self.n_tokens} and {self.hops}"
            )

    @property
    def n_classes(self) -> int:
        """Answers to choose from: the letters and "none"."""
        return self.n_letters + 1

    @property
    def n_questions(self) -> int:
        """Answers per token: one per number of hops."""
        return self.hops

    def answers(self, tokens: IntArray) -> IntArray:
        """Answer by the definition: int64[B, N, k]."""
        hop, rows = self.positions(tokens), np.arange(len(tokens))[:, None]
        letters = np.concatenate([np.full((len(tokens), 1), self.n_letters), tokens], axis=1)
        at, found = hop[:, 1:], []
        for _ in range(self.hops):
            found.append(letters[rows, at])
            at = hop[rows, at]
        return np.stack(found, axis=2)

    def sought(self, tokens: IntArray) -> BoolArray:
        """Mark the token that a token looks for, sigma(i), if there is one: bool[B, N, N]."""
        at = self.positions(tokens)[:, 1:]
        marked: BoolArray = at[:, :, None] == np.arange(1, tokens.shape[1] + 1)
        return marked

    def positions(self, tokens: IntArray) -> IntArray:
        """Return sigma, counted from 1, with sigma(0) = 0: int64[B, N + 1]."""
        size, n = tokens.shape
        hop = np.zeros((size, n + 1), np.int64)
        after = np.zeros((size, self.n_letters), np.int64)
        rows = np.arange(size)
        for i in range(1, n + 1):
            letter = tokens[:, i - 1]
            hop[:, i] = after[rows, letter]
            after[rows, letter] = i + 1
        return hop

    def batch(self, size: int, *, seed: int, stream: int, number: int) -> Batch:
        """Draw a batch; it depends on the four arguments alone."""
        rng = np.random.default_rng([seed, stream, number])
        steps = rng.integers(1, self.n_letters, (size, self.n_tokens))
        steps[:, 0] = rng.integers(0, self.n_letters, size)
        tokens = np.cumsum(steps, axis=1) % self.n_letters
        return Batch(tokens, self.answers(tokens))


Task = Match2 | KHop
