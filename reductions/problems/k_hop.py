"""k-hop for k = 16 as an algorithm: bounds, oracle and hard inputs."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from mpc_sim import Cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.degrees import hops
from reductions.problems.laws import HOPS as DOUBLING
from reductions.problems.least_depths import least_sort, share
from reductions.problems.parameter import Parameter
from reductions.problems.problem import LETTERS, Instance, Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sequences import drawn_letters, hard_letters, real_letters

HOPS = 4
SOURCE = "doubling (arXiv 2402.09268), columnsort (Leighton 1985)"


def k_hop_oracle(words: SequenceOf[int] | NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Compute k-hop letter by letter: 1 + the letter at sigma^k(i), or 0.

    sigma is injective where it is not 0, so the tokens form chains i, sigma(i), sigma^2(i), ...: a
    token is the only one that hops to its sigma, and either ends a chain, or hops to itself.

    Parameters
    ----------
    words : int[N]

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


def _hops(instance: Instance) -> Words:
    return k_hop_oracle(instance.words, instance.shape["k"])


def _bounds(n: int, cluster: Cluster, k: int = HOPS) -> tuple[Bound, ...]:
    with sympy.evaluate(False):  # comparing the terms of a maximum of symbols takes sympy long
        return k_hop_bounds(cluster, k)


K_HOP_PROBLEM = Problem(
    name="k-hop",
    statement=(
        "N letters, k; out: 1 + the letter at sigma^k(i), 0 if there is none; sigma(i) is the "
        "place behind the latest earlier occurrence of the letter at i"
    ),
    source="Sanford, Hsu, Telgarsky, arXiv 2402.09268, section 4",
    oracle=_hops,
    degree=hops,
    random=drawn_letters(HOPS),
    hard=hard_letters(HOPS),
    real=real_letters(HOPS),
    largest_word=lambda words: int(words.max()) + 1,
    parameters=(Parameter("k", f"hops ({HOPS})", lambda given: HOPS),),
    reads=LETTERS,
    default_n=256,
)
K_HOP = ProtocolSolver(
    problem=K_HOP_PROBLEM,
    regime="gamma = 0; depth d of the sort for epsilon >= (2/3)^d, 4^d + 3 + bit_length(k) rounds",
    source=SOURCE,
    constants=(
        "the sort of records of 2 words needs 2 * 1.26 N^(2/3) words at depth 1, so c_s = 4 at "
        "epsilon = 2/3; a hop needs 5 T words, T = ceil(N / P), so c_p = 2 there"
    ),
    symbols={
        "h": "bits of k",
        "T": "tokens of a machine, ceil(N / P)",
    },
    law=DOUBLING,
    protocol=lambda n, k=HOPS: k_hop(k),
    bounds=_bounds,
    back_up_to=64,
)


def k_hop_bounds(cluster: Cluster, k: int) -> tuple[Bound, ...]:
    """Return the bounds of the protocol.

    Symbols: N, P, s; B words of an input block; T = ceil(N/P) tokens of a machine; the sort has
    depth d, columns of r rows, and M machines; h = bit_length(k). A hop moves two records per
    token, of at most 3 words and a tag. The sizes fit s: 2 B, 2 r and 5 T are at most s.
    """
    values, formulas = _one_layer(cluster) if k == 0 else _sort_and_double(cluster, k)
    return tuple(
        Bound(quantity, sympy.sympify(formula), values, _KINDS[quantity], _PROTOCOL)
        for quantity, formula in formulas.items()
    )


def _one_layer(cluster: Cluster) -> tuple[dict[str, int], dict[str, Any]]:
    """No hop, no round."""
    n, block = sympy.symbols("N B", positive=True, integer=True)
    formulas = {
        "rounds": 0,
        "local_memory": sympy.Min(block, n),
        "sent_words": 0,
        "received_words": 0,
        "machines": sympy.ceiling(n / block),
    }
    return _sizes(cluster), formulas


def _sort_and_double(cluster: Cluster, k: int) -> tuple[dict[str, int], dict[str, Any]]:
    """Sort and link the tokens, then one round per bit."""
    n, block, tokens = sympy.symbols("N B T", positive=True, integer=True)
    depth, column, sorting, bits = sympy.symbols("d r M h", positive=True, integer=True)
    sort = least_sort(cluster, cluster.n_words, 2)
    values = _sizes(cluster) | {
        "T": share(cluster.n_words, cluster),
        "d": sort.depth,
        "r": sort.rows,
        "M": sort.machines,
        "h": k.bit_length(),
    }
    most = sympy.Max
    rounds = 4**depth + 3 + bits
    formulas = {
        "rounds": rounds,
        "local_memory": most(2 * block, 2 * column, 2 * tokens + 2, 5 * tokens),
        "sent_words": most(2 * block, 2 * column, 2 * tokens + 2, 5 * tokens),
        "received_words": most(2 * block, 2 * column, 5 * tokens),
        "machines": most(sympy.ceiling(n / block), sorting, sympy.ceiling(n / tokens)),
    }
    return values, formulas


def _sizes(cluster: Cluster) -> dict[str, int]:
    return {
        "N": cluster.n_words,
        "P": cluster.n_machines,
        "s": cluster.memory_words,
        "B": cluster.block_words,
    }


_PROTOCOL = "doubling (arXiv 2402.09268), columnsort (Leighton)"


_KINDS: dict[str, Kind] = {
    "rounds": "exact",
    "local_memory": "upper",
    "sent_words": "upper",
    "received_words": "upper",
    "machines": "upper",
}
