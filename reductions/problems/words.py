"""Problems on words: their oracles, and numbers drawn for them."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

import numpy as np
from numpy.typing import NDArray

from mpc_sim.records import Words
from reductions.arrays import Integers


def k_hop_oracle(words: SequenceOf[int] | NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Compute k-hop letter by letter: 1 + the letter at sigma^k(i), or 0.

    sigma is injective where it is not 0, so the tokens form chains i, sigma(i), sigma^2(i), ...: a
    token is the only one that hops to its sigma, and either ends a chain, or hops to itself.

    Parameters
    ----------
    words : int[N]
    k : int

    Returns
    -------
    int64[N]

    Notes
    -----
    O(N) steps of plain Python; shares nothing with the protocol.
    """
    letters = [int(word) for word in words]
    last_seen: dict[int, int] = {}
    chain_of: dict[int, list[int]] = {}
    output = []
    for i, letter in enumerate(letters, 1):
        hop = last_seen[letter] + 1 if letter in last_seen else 0
        last_seen[letter] = i
        if hop == i:
            output.append(letter + 1)
            continue
        chain = chain_of[hop] if hop else []
        chain.append(i)
        chain_of[i] = chain
        output.append(letters[chain[-1 - k] - 1] + 1 if k < len(chain) else 0)
    return np.array(output, np.int64)


MAX_MODULUS = 2**53


def default_modulus(n: int) -> int:
    """Return n + 5, the modulus 37 of the paper's experiment with 32 numbers."""
    return n + 5


def random_numbers(n: int, modulus: int, *, seed: int) -> Integers:
    """Draw n residues uniformly and independently."""
    return np.random.default_rng(seed).integers(0, modulus, n)


def match2_oracle(numbers: Integers, modulus: int) -> Integers:
    """Look every partner up in a set."""
    present = {int(number) % modulus for number in numbers}
    return np.array([int(-int(number) % modulus in present) for number in numbers], np.int64)


def uniform_words(n: int, *, seed: int) -> Words:
    """Draw n words uniformly in 0 .. n, independently."""
    return np.random.default_rng(seed).integers(0, n + 1, n)


def sum_oracle(words: Words) -> Words:
    """Add the words one by one."""
    total = 0
    for word in words.tolist():
        total += word
    return np.full(len(words), total)
