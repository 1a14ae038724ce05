"""One exact-match head of 2-bit values that answers n marked pairs with fewer value bits than n.

It shows why the bound on one layer counts the bits of sums: with H m v >= n for values of v bits
it would be false. All keys are equal, so a component of the answer is the sum of what the tokens
hold there, over N. The followers x_j in {0, 1} are weighed (after Lindstroem): for every set S of d
points one weighing, and |S| + 1 coins, two for the empty set. The weight of a coin of S in weighing
R depends on the part of R in S, and lies in 0 .. 3; its signed sum over the R in S is 2^i for coin
i, which the 2^(|S|-1) sets R of even distance to S reach with 3 each; over the subsets of any set
that is not in S it is 0. So the signed sums of all weighings, largest sets first, are binary
numbers whose digits are the x_j, once the coins of larger sets are taken off.

32 weighings (d = 5) are enough for 113 coins, and four more name the marked pair in base 4: for n =
112 the values of a token have 72 bits, and 36 sums of 9 bits each carry 112.

Axes: N = 2 n + 1 tokens, m width.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from anna_model import ExactMatch, HeadMaps, Rows, RowwiseLayer, Transformer
from mpc_sim import InputError
from reductions.arrays import Floats, Integers

MARKED = 3
LARGEST = 3
"""Of a value of 2 bits."""


@cache
def coins(points: int) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """Return (set, signed sum, weights in all weighings) of every coin, the largest sets first."""
    found = []
    for chosen in sorted(range(2**points), key=lambda s: (-s.bit_count(), s)):
        size = chosen.bit_count()
        for power in range(max(2, size + 1)):
            left, weights = 2**power, {}
            for part in range(2**points):
                if part & ~chosen == 0:
                    even = (size - part.bit_count()) % 2 == 0
                    weights[part] = min(left, LARGEST) if even else 0
                    left -= weights[part]
            row = tuple(weights[weighing & chosen] for weighing in range(2**points))
            found.append((chosen, 2**power, row))
    return tuple(found)


def weighed(sums: Integers, points: int) -> Integers:
    """Return the coins, 0 or 1 each, from their weighings."""
    rest, answers = sums.astype(np.int64).copy(), []
    listed = coins(points)
    at = 0
    while at < len(listed):
        chosen = listed[at][0]
        own = [coin for coin in listed[at:] if coin[0] == chosen]
        parts = [part for part in range(2**points) if part & ~chosen == 0]
        total = sum(
            (-1) ** (chosen.bit_count() - part.bit_count()) * int(rest[part]) for part in parts
        )
        for place, (_, _, row) in enumerate(own):
            bit = total >> place & 1
            answers.append(bit)
            rest -= bit * np.array(row)
        at += len(own)
    return np.array(answers)


@dataclass(frozen=True)
class Weigh:
    """The value of a token: its weights if its letter is 1, the number of its pair if marked."""

    n: int
    points: int
    digits: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        """Return float64[A, m], numbers of 2 bits."""
        table = np.array([row for _, _, row in coins(self.points)])
        values = np.zeros((len(position), 2**self.points + self.digits))
        pair, place = np.divmod(position, 2)
        letter = rows[:, 0]
        holds = (place == 1) & (letter == 1)
        values[holds, : 2**self.points] = table[pair[holds]]
        asks = (place == 0) & (letter == MARKED) & (pair < self.n)
        powers = 4 ** np.arange(self.digits)
        values[asks, 2**self.points :] = pair[asks, None] // powers % 4
        return values


@dataclass(frozen=True)
class ReadScales:
    """The fold: the follower of the marked pair, 1 + x."""

    n: int
    points: int

    def __call__(self, position: Integers, rows: Floats, heard: Floats) -> Floats:
        """Return float64[A, 1]."""
        sums = np.rint(heard * (2 * self.n + 1)).astype(np.int64)
        followers = weighed(sums[-1, : 2**self.points], self.points)  # every token hears the same
        marked = int(
            (sums[-1, 2**self.points :] * 4 ** np.arange(sums.shape[1] - 2**self.points)).sum()
        )
        return np.full((len(position), 1), 1.0 + followers[marked])


@dataclass(frozen=True)
class CoinWeighing:
    """The model; made by :func:`coin_weighing`."""

    transformer: Transformer

    def run(self, words: Integers) -> Integers:
        """Return 1 + the follower of the marked pair at every token: int64[N]."""
        rows = Rows.from_dense(np.asarray(words, np.int64)[:, None].astype(np.float64))
        answers = self.transformer.forward(rows).dense()[:, 0]
        return np.rint(answers).astype(np.int64)


def _same(position: Integers, rows: Floats) -> Floats:
    return np.zeros((len(position), 1))


def coin_weighing(n: int) -> CoinWeighing:
    """Return the one-layer model for n marked pairs.

    Raises
    ------
    InputError
        No pair.
    """
    if n < 1:
        raise InputError(f"n = {n}: take one pair or more")
    points = 0
    while len(coins(points)) < n:
        points += 1
    digits = 1
    while 4**digits < n:
        digits += 1
    width = 2**points + digits
    head = HeadMaps(_same, _same, Weigh(n, points, digits), 1, width)
    layer = RowwiseLayer(ExactMatch(), (head,), ReadScales(n, points))
    return CoinWeighing(Transformer((layer,), 2 * n + 1))
