"""The tasks of the paper and its kin, each with its oracle and its inputs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from mpc_sim.inputs.graph_instances import karate_club
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words
from reductions.problems.algorithm import Algorithm
from reductions.problems.connectivity import CONNECTIVITY as CONNECTIVITY_ALGORITHM
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.problems.match2_bins import N_BINS, balanced_numbers
from reductions.problems.problem import Instance, Task
from reductions.problems.sequences import drawn_letters, hard_letters, real_letters
from reductions.problems.text import text_numbers, text_words
from reductions.problems.three_sum import THREE_SUM as THREE_SUM_ALGORITHM, offset_for
from reductions.problems.words import (
    default_modulus,
    k_hop_oracle,
    match2_oracle,
    random_numbers,
    sum_oracle,
    uniform_words,
)

PAPER = "Liu et al., arXiv 2509.09001"
HOPS = 4


# --- Match2 ---


def match2_instance(numbers: Words, modulus: int) -> Instance:
    """Return numbers below 2^53 as an instance of Match2."""
    return Instance(numbers, {"modulus": modulus})


def _uniform_numbers(n: int, seed: int) -> Instance:
    modulus = default_modulus(n)
    return match2_instance(random_numbers(n, modulus, seed=seed), modulus)


def _balanced(n: int, seed: int) -> Instance:
    modulus = default_modulus(n)
    numbers = balanced_numbers(n, modulus, bin=seed % N_BINS, seed=seed)
    return match2_instance(numbers, modulus)


MATCH2 = Task(
    name="match2",
    statement="N numbers, a modulus; out: 1 where some number completes this one to 0, else 0",
    source=f"{PAPER}, after Sanford, Hsu, Telgarsky, arXiv 2306.02896",
    oracle=lambda instance: match2_oracle(instance.words, instance.shape["modulus"]),
    random={"uniform": _uniform_numbers, "balanced": _balanced},
    hard={
        "all zero": lambda n: match2_instance(np.zeros(n, np.int64), n + 5),
        "all half": lambda n: match2_instance(np.full(n, n), 2 * n),
        "no partner": lambda n: match2_instance(1 + np.arange(n), 2 * n + 2),
        "one pair": lambda n: match2_instance(np.append(np.arange(1, n), 2 * n), 2 * n + 1),
        "beyond the modulus": lambda n: match2_instance(2**52 + 7 * np.arange(n), n + 5),
    },
    real={"text": lambda n: match2_instance(text_numbers(n), 256)},
)


# --- k-hop and induction heads ---


def _hops(instance: Instance) -> Words:
    return k_hop_oracle(instance.words, instance.shape["k"])


K_HOP = Task(
    name="k-hop",
    statement=(
        "N letters, k; out: 1 + the letter at sigma^k(i), 0 if there is none; sigma(i) is the "
        "place behind the latest earlier occurrence of the letter at i"
    ),
    source="Sanford, Hsu, Telgarsky, arXiv 2402.09268",
    oracle=_hops,
    random=drawn_letters(HOPS),
    hard=hard_letters(HOPS),
    real=real_letters(HOPS),
)
INDUCTION_HEADS = Task(
    name="induction-heads",
    statement="N letters; out: 1 + what followed the latest earlier occurrence of the letter, or 0",
    source="Olsson et al., arXiv 2209.11895; the case k = 1 of k-hop",
    oracle=_hops,
    random=drawn_letters(1),
    hard=hard_letters(1),
    real=real_letters(1),
)


# --- sums ---


def sum_instance(words: Words) -> Instance:
    """Return words as an instance of SUM; the largest word is their sum."""
    return Instance(words, largest_word=int(np.sum(words)))


SUM = Task(
    name="sum",
    statement="N words; out: their sum everywhere",
    source=f"{PAPER}, the task of Proposition E.3",
    oracle=lambda instance: sum_oracle(instance.words),
    random={"uniform": lambda n, seed: sum_instance(uniform_words(n, seed=seed))},
    hard={
        "all zero": lambda n: sum_instance(np.zeros(n, np.int64)),
        "all equal": lambda n: sum_instance(np.full(n, n)),
        "one word": lambda n: sum_instance(np.where(np.arange(n) == n - 1, n, 0)),
    },
    real={"text": lambda n: sum_instance(text_numbers(n))},
)


def three_sum_instance(words: Words) -> Instance:
    """Return words, w for w - N^3, as an instance of 3-SUM."""
    return Instance(words, largest_word=THREE_SUM_ALGORITHM.largest_word(words))


def _text_values(n: int) -> Instance:
    values = text_numbers(n)
    middle = int(np.median(values))
    offset = offset_for(len(values))
    return three_sum_instance(np.clip(values - middle + offset, 0, 2 * offset))


def _hard_sums(make: Callable[[int], Words]) -> Callable[[int], Instance]:
    return lambda n: three_sum_instance(make(n))


THREE_SUM = Task(
    name="three-sum",
    statement=THREE_SUM_ALGORITHM.statement,
    source=THREE_SUM_ALGORITHM.source,
    oracle=lambda instance: THREE_SUM_ALGORITHM.oracle(instance.words),
    random={"uniform": lambda n, seed: three_sum_instance(THREE_SUM_ALGORITHM.instance(n, seed))},
    hard={name: _hard_sums(make) for name, make in THREE_SUM_ALGORITHM.hard.items()},
    real={"text": _text_values},
)


# --- graphs ---


def text_graph(n: int) -> Graph:
    """Return the graph of the first n words of a text, joined where they are neighbours."""
    number: dict[str, int] = {}
    for word in text_words(10 * n):
        number.setdefault(word, len(number))
    kept = [number[word] for word in text_words(10 * n) if number[word] < n]
    return Graph.of(min(n, len(number)), list(pairwise(kept)))


def text_cycle(n: int) -> Graph:
    """Return one cycle through the first n words of a text, numbered alphabetically."""
    words = list(dict.fromkeys(text_words(10 * n)))[: max(n, 3)]
    place = {word: at for at, word in enumerate(sorted(words))}
    order = [place[word] for word in words]
    return Graph(len(order), np.stack([order, np.roll(order, -1)], axis=1))


def _graph_task(name: str, algorithm: Algorithm, real: dict[str, Callable[[int], Graph]]) -> Task:
    def instance(graph: Graph) -> Instance:
        return Instance(graph.words, graph=graph, largest_word=algorithm.largest_word(graph))

    def of(make: Callable[[int], Graph]) -> Callable[[int], Instance]:
        return lambda n: instance(make(n))

    return Task(
        name=name,
        statement=algorithm.statement,
        source=algorithm.source,
        oracle=lambda given: algorithm.oracle(given.graph),
        random={"uniform": lambda n, seed: instance(algorithm.instance(n, seed))},
        hard={kind: of(make) for kind, make in algorithm.hard.items()},
        real={kind: of(make) for kind, make in real.items()},
    )


CONNECTED_COMPONENTS = _graph_task(
    "connectivity",
    CONNECTIVITY_ALGORITHM,
    {"text": text_graph, "karate club": lambda n: karate_club()},
)
ONE_OR_TWO_CYCLES = _graph_task("one-vs-two-cycle", CYCLE_COUNTING, {"text": text_cycle})
