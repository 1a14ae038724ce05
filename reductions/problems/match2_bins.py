"""Match2 inputs in four bins: how many of the answers are 1, in quarters.

Uniform numbers give hardly any input with few partners, or with nearly everyone partnered (0.4, 20,
69 and 10 % for N = 32, M = 37), so they are drawn skewed: of every pair of residues {r, -r} one
side is rarer by a factor drawn anew for every input, and only some of the pairs are used. What
falls into a bin that is full is drawn again.
"""

from __future__ import annotations

import numpy as np

from mpc_sim import InputError
from mpc_sim.records import Words

N_BINS = 4
LEAST_NUMBERS = 5
"""With 4 numbers no quarter of the answers can be 1: partners come in pairs."""


def bin_of(answers: Words) -> int:
    """Return the bin of the answers 0 and 1 of an input: 0 below a quarter, .., 3 from 3/4 on."""
    return min(N_BINS - 1, N_BINS * int(answers.sum()) // len(answers))


def skewed_numbers(n: int, modulus: int, *, rng: np.random.Generator) -> Words:
    """Draw n numbers in 1 .. M - 1, none its own partner, with a skew that is drawn first."""
    pairs = (modulus - 1) // 2
    used = rng.permutation(pairs)[: rng.integers(1, pairs + 1)] + 1
    sides = np.where(rng.random(len(used)) < 0.5, used, modulus - used)
    rare = rng.random() ** 2 / 2
    drawn = rng.integers(0, len(used), n)
    turned = rng.random(n) < rare
    numbers: Words = np.where(turned, modulus - sides[drawn], sides[drawn])
    return numbers


def balanced_numbers(n: int, modulus: int, *, bin: int, seed: int) -> Words:
    """Draw an input of Match2 whose answers fall into a bin.

    Parameters
    ----------
    n : int
        At least 5.
    modulus : int
        M, at least 3.
    bin : int
        0 .. 3.

    Returns
    -------
    int64[n]

    Raises
    ------
    InputError
        There is no such input, or none was found among 10,000.
    """
    if n < LEAST_NUMBERS or modulus < 3 or not 0 <= bin < N_BINS:
        raise InputError(
            f"n = {n}, modulus = {modulus}, bin = {bin}: choose n >= {LEAST_NUMBERS}, modulus >= 3 "
            f"and the bin in 0 .. {N_BINS - 1}"
        )
    rng = np.random.default_rng([seed, bin])
    for _ in range(10_000):
        numbers = skewed_numbers(n, modulus, rng=rng)
        if bin_of(_answers(numbers, modulus)) == bin:
            return numbers
    raise InputError(f"no input of {n} numbers mod {modulus} in bin {bin} was found; take more")


def balanced_samples(n: int, modulus: int, count: int, *, seed: int) -> Words:
    """Draw inputs of Match2, a quarter of them in every bin, in random order.

    Parameters
    ----------
    count : int
        Inputs, a multiple of 4.

    Returns
    -------
    int64[count, n]

    Raises
    ------
    InputError
        As `balanced_numbers`, or ``count`` is no multiple of 4.
    """
    if count % N_BINS:
        raise InputError(f"{count} inputs do not fill {N_BINS} bins alike; give a multiple")
    rows = [
        balanced_numbers(n, modulus, bin=at % N_BINS, seed=seed * count + at) for at in range(count)
    ]
    order = np.random.default_rng(seed).permutation(count)
    return np.array(rows, np.int64).reshape(count, n)[order]


def _answers(numbers: Words, modulus: int) -> Words:
    present = np.zeros(modulus, bool)
    present[numbers] = True
    answers: Words = present[(modulus - numbers) % modulus].astype(np.int64)
    return answers
