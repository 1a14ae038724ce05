"""What must come out, from the definitions, with plain loops; nothing of the library is used.

A memory is a dict from channel to a list of records, a record is a tuple of words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

Memory = dict[str, list[tuple[int, ...]]]
Emission = tuple[str, int, tuple[int, ...]]  # channel, destination, words
Act = Callable[[int, int, Memory], list[Emission]]  # of (round, machine, memory)


# --- integers ---


def least(holds: Callable[[int], bool], start: int = 0) -> int:
    while not holds(start):
        start += 1
    return start


def ceil_power(base: int, p: int, q: int, factor: int = 1) -> int:
    """The least x with x >= factor base^(p/q), by trying one after the other."""
    return least(lambda x: x**q * base ** max(-p, 0) >= factor**q * base ** max(p, 0))


def bits_beyond(*numbers: int) -> int:
    """The least b with 2^b above every number."""
    return least(lambda b: 2**b > max(numbers))


# --- columnsort ---


def shortest_columns(n: int) -> list[tuple[int, int]]:
    """(r, c) for every c: the least r with r c >= n, r >= 2 (c-1)^2 and c | r."""
    shapes = []
    for c in range(1, n + 2):
        if 2 * (c - 1) ** 2 > 2 * n:
            break
        r = max(-(-n // c), 2 * (c - 1) ** 2, 1)
        shapes.append((r + -r % c, c))
    return shapes


@cache
def columnsort_depth(n: int, max_rows: int) -> int:
    """The fewest levels that sort n records on machines of max_rows, however many machines.

    Fewer records are no harder than more, so the shortest columns are enough to try.
    """
    depths = [1 for r, _ in shortest_columns(n) if r <= max_rows]
    if not depths:
        depths = [1 + columnsort_depth(r, max_rows) for r, c in shortest_columns(n) if r < n]
    return min(depths)


# --- k-hop ---


def sigma_by_definition(w: Sequence[int]) -> list[int]:
    """sigma(i) = max({0} u {j <= i : w_(j-1) = w_i}) for i = 1 .. N, w_1 the first letter."""
    n = len(w)
    letter = {i: w[i - 1] for i in range(1, n + 1)}
    return [
        max([0] + [j for j in range(2, i + 1) if letter[j - 1] == letter[i]])
        for i in range(1, n + 1)
    ]


def sigma_by_scan(w: Sequence[int]) -> list[int]:
    """The same in one pass: one behind the latest earlier occurrence."""
    behind: dict[int, int] = {}
    sigma = []
    for i, letter in enumerate(w, start=1):
        sigma.append(behind.get(letter, 0))
        behind[letter] = i + 1
    return sigma


def k_hop(w: Sequence[int], k: int, sigma: Sequence[int] | None = None) -> list[int]:
    """1 + the letter at sigma^k(i), 0 where a hop is 0."""
    sigma = sigma_by_scan(w) if sigma is None else sigma
    out = []
    for i in range(1, len(w) + 1):
        for _ in range(k):
            if i == 0:
                break
            i = sigma[i - 1]
        out.append(w[i - 1] + 1 if i else 0)
    return out


# --- the model ---


class Overfull(Exception):
    """A limit of the model is broken."""

    def __init__(self, round: int, what: str) -> None:
        super().__init__(round, what)
        self.round, self.what = round, what


@dataclass
class Round:
    """Words a machine sends (with what it keeps), receives from others, and holds afterwards."""

    sent: list[int]
    received: list[int]
    held: list[int]
    memories: list[Memory]


def charge(words: tuple[int, ...]) -> int:
    return max(1, len(words))


def load(words: Sequence[int], block: int, n_machines: int) -> list[Memory]:
    """Word i lies on machine i // block."""
    memories: list[Memory] = [{"input": []} for _ in range(n_machines)]
    for i, word in enumerate(words):
        memories[i // block]["input"].append((word,))
    return memories


def deliver(
    round: int, act: Act, memories: Sequence[Memory], channels: Iterable[str], s: int
) -> Round:
    """One round: every machine acts, then every message arrives by (source, emission)."""
    n = len(memories)
    after = Round([0] * n, [0] * n, [0] * n, [{name: [] for name in channels} for _ in range(n)])
    for source in range(n):
        for channel, to, words in act(round, source, memories[source]):
            after.sent[source] += charge(words)
            after.received[to] += charge(words) if to != source else 0
            after.held[to] += charge(words)
            after.memories[to][channel].append(words)
    if max(after.sent) > s:
        raise Overfull(round, "sent")
    if max(after.held) > s:
        raise Overfull(round, "held")
    return after


# --- a protocol that any mistake of delivery changes ---

PRIME = 2**31 - 1


def mix(*numbers: int) -> int:
    """A number below 2^31 that depends on all numbers and their order."""
    h = 1
    for number in numbers:
        h = (h * 1103515245 + number + 12345) % PRIME
        h ^= h >> 13
    return h


@dataclass(frozen=True)
class Gossip:
    """Machines forget, keep, copy and pass on records by what they hold and in which order.

    ``rounds`` lists, for every round, (channel, number of fields, local).
    """

    seed: int
    rounds: tuple[tuple[tuple[str, int, bool], ...], ...]
    n_machines: int
    word_bits: int

    def act(self, round: int, machine: int, memory: Memory) -> list[Emission]:
        emissions: list[Emission] = []
        channels = self.rounds[round]
        held = [
            (name, *numbered) for name in sorted(memory) for numbered in enumerate(memory[name])
        ]
        for name, rank, words in held:
            h = mix(self.seed, round, machine, *name.encode(), rank, *words)
            copies = (0, 1, 1, 1, 1, 1, 2)[h % 7] if channels else 0
            for copy in range(copies):
                h = mix(h, copy)
                name, width, local = channels[h % len(channels)]
                to = machine if local or mix(h, 1) % 4 == 0 else mix(h, 2) % self.n_machines
                payload = tuple(mix(h, 3, field) % 2**self.word_bits for field in range(width))
                emissions.append((name, to, payload))
        return emissions

    def answer(self, machine: int, memory: Memory, n_words: int) -> list[int]:
        everything = [n for name in sorted(memory) for row in memory[name] for n in (7, *row)]
        return [mix(self.seed, machine, i, *everything) % 2**self.word_bits for i in range(n_words)]
