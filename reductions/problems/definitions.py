"""Problems that models of attention solve without a protocol: Match2, induction heads, SUM."""

from __future__ import annotations

import numpy as np

from mpc_sim.records import Words
from reductions.problems.degrees import every_word, hops, residues
from reductions.problems.k_hop import K_HOP_PROBLEM, k_hop_oracle
from reductions.problems.match2_bins import N_BINS, balanced_numbers
from reductions.problems.parameter import Parameter
from reductions.problems.problem import LETTERS, Instance, Problem
from reductions.problems.sequences import drawn_letters, hard_letters, real_letters
from reductions.problems.text import text_numbers

PAPER = "Liu et al., arXiv 2509.09001"


# --- Match2 ---

MAX_MODULUS = 2**53


def default_modulus(n: int) -> int:
    """Return n + 5, the modulus 37 of the paper's experiment with 32 numbers."""
    return n + 5


def random_numbers(n: int, modulus: int, *, seed: int) -> Words:
    """Draw n residues uniformly and independently."""
    return np.random.default_rng(seed).integers(0, modulus, n)


def match2_oracle(numbers: Words, modulus: int) -> Words:
    """Look every partner up in a set."""
    present = {int(number) % modulus for number in numbers}
    return np.array([int(-int(number) % modulus in present) for number in numbers], np.int64)


def match2_instance(numbers: Words, modulus: int) -> Instance:
    """Return numbers below 2^53 as an instance of Match2."""
    return Instance(numbers, {"modulus": modulus})


def _uniform_numbers(n: int, seed: int, modulus: int | None = None) -> Instance:
    modulus = default_modulus(n) if modulus is None else modulus
    return match2_instance(random_numbers(n, modulus, seed=seed), modulus)


def _balanced(n: int, seed: int) -> Instance:
    modulus = default_modulus(n)
    numbers = balanced_numbers(n, modulus, bin=seed % N_BINS, seed=seed)
    return match2_instance(numbers, modulus)


MATCH2 = Problem(
    name="match2",
    statement="N numbers, a modulus; out: 1 where some number completes this one to 0, else 0",
    source=f"{PAPER}, section 5.3, after Sanford, Hsu, Telgarsky, arXiv 2306.02896",
    default_n=256,
    oracle=lambda instance: match2_oracle(instance.words, instance.shape["modulus"]),
    degree=residues,
    random={"uniform": _uniform_numbers, "balanced": _balanced},
    hard={
        "all zero": lambda n: match2_instance(np.zeros(n, np.int64), n + 5),
        "all half": lambda n: match2_instance(np.full(n, n), 2 * n),
        "no partner": lambda n: match2_instance(1 + np.arange(n), 2 * n + 2),
        "one pair": lambda n: match2_instance(np.append(np.arange(1, n), 2 * n), 2 * n + 1),
        "beyond the modulus": lambda n: match2_instance(2**52 + 7 * np.arange(n), n + 5),
    },
    real={"text": lambda n: match2_instance(text_numbers(n), 256)},
    parameters=(
        Parameter(
            "modulus",
            "M, at least 1 (n + 5)",
            lambda given: default_modulus(len(given.words)),
            least=1,
            is_drawn=True,
        ),
    ),
)


# --- induction heads ---

INDUCTION_HEADS = Problem(
    name="induction-heads",
    statement="N letters; out: 1 + what followed the latest earlier occurrence of the letter, or 0",
    source=f"{PAPER}, section 5.3; Olsson et al., arXiv 2209.11895; the case k = 1 of k-hop",
    oracle=lambda given: k_hop_oracle(given.words, 1),
    degree=hops,
    random=drawn_letters(1),
    hard=hard_letters(1),
    real=real_letters(1),
    largest_word=K_HOP_PROBLEM.largest_word,
    reads=LETTERS,
    default_n=256,
    fixed={"k": 1},
)


# --- sums ---


def sum_oracle(words: Words) -> Words:
    """Add the words one by one."""
    total = 0
    for word in words.tolist():
        total += word
    return np.full(len(words), total)


def sum_instance(words: Words) -> Instance:
    """Return words as an instance of SUM; the largest word is their sum."""
    return Instance(words, largest_word=int(np.sum(words)))


SUM = Problem(
    name="sum",
    statement="N words; out: their sum everywhere",
    source=f"{PAPER}, the task of Proposition E.3",
    default_n=256,
    oracle=lambda instance: sum_oracle(instance.words),
    degree=every_word,
    random={
        "uniform": lambda n, seed: sum_instance(np.random.default_rng(seed).integers(0, n + 1, n))
    },
    hard={
        "all zero": lambda n: sum_instance(np.zeros(n, np.int64)),
        "all equal": lambda n: sum_instance(np.full(n, n)),
        "one word": lambda n: sum_instance(np.where(np.arange(n) == n - 1, n, 0)),
    },
    real={"text": lambda n: sum_instance(text_numbers(n))},
    largest_word=lambda words: sum(words.tolist()),
)
