"""k-hop induction heads: follow "what came after the last time I saw this letter" k times.

For letters w_1 .. w_N, sigma(i) = max({0} and {j <= i : w_(j-1) = w_i}); the output at i is the
letter at sigma^k(i), none where that is 0, and 0 is absorbing.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from mpc_sim import Cluster, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop, sort_plan, tokens_per_machine
from mpc_sim.instances import Sequence
from reductions.bounds import Bound, Kind
from reductions.certificate import Back, Certificate, Progress, certify_protocol
from reductions.compiler_options import CompilerOptions
from reductions.theorem_4_1 import layer_bounds

ORACLE = "sequential loop over the definition"
LEAST_PRIME_BITS = 20


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

    Examples
    --------
    >>> "".join(".abc"[word] for word in k_hop_oracle(["abc".index(c) for c in "aabcbabca"], 2))
    '.a....bca'
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


def k_hop_bounds(cluster: Cluster, k: int) -> tuple[Bound, ...]:
    """Return the bounds of the protocol and of the transformer that it becomes.

    Symbols: N, P, s; B words of an input block; T = ceil(N/P) tokens of a machine; the sort has
    depth d, columns of r rows, and M machines; h = bit_length(k); X_bits = bit_length(X); C is the
    most messages that meet in a head. A hop moves two records a token, of at most 3 words and a
    tag. The sizes fit s: 2 B, 2 r and 5 T are at most s, so a machine sends at most s/2 records in
    a round, and no head is wider than 2 s + 3.

    Examples
    --------
    >>> cluster = fit_cluster(k_hop(16), 1024, "2/3")
    >>> [bound.value for bound in k_hop_bounds(cluster, 16) if bound.quantity == "layers"]
    [13]
    """
    values, formulas = _one_layer(cluster) if k == 0 else _sort_and_double(cluster, k)
    return tuple(
        Bound(quantity, sympy.sympify(formula), values, _KINDS[quantity], _SOURCES[quantity])
        for quantity, formula in formulas.items()
    )


def _one_layer(cluster: Cluster) -> tuple[dict[str, int], dict[str, Any]]:
    """No hop, no round: the init layer hands every token its own letter."""
    n, p, block = sympy.symbols("N P B", positive=True, integer=True)
    word, block_bits = sympy.symbols("word_bits B_bits", positive=True, integer=True)
    formulas = {
        "rounds": 0,
        "local_memory": sympy.Min(block, n),
        "sent_words": 0,
        "received_words": 0,
        "machines": sympy.ceiling(n / block),
        "layers": 1,
        "heads": 1,
        "head_width": block,
        "token_width": block,
        "context_length": sympy.Max(n, p),
        "precision_bits": word + block_bits,
    }
    return _sizes(cluster), formulas


def _sort_and_double(cluster: Cluster, k: int) -> tuple[dict[str, int], dict[str, Any]]:
    """Sort and link the tokens, then one round a bit; a layer a round, and one more."""
    n, p, memory, block, tokens = sympy.symbols("N P s B T", positive=True, integer=True)
    depth, column, sorting, bits = sympy.symbols("d r M h", positive=True, integer=True)
    word, block_bits, p_bits, met_bits = sympy.symbols(
        "word_bits B_bits P_bits C_bits", positive=True, integer=True
    )
    plan = sort_plan(cluster)
    values = _sizes(cluster) | {
        "T": tokens_per_machine(cluster),
        "d": plan.depth,
        "r": plan.rows,
        "M": plan.n_machines,
        "h": k.bit_length(),
    }
    most_received = max(values["r"], 2 * values["T"], values["B"])
    values["C_bits"] = min(most_received, values["P"]).bit_length()
    most, least = sympy.Max, sympy.Min
    rounds = 4**depth + 3 + bits
    pair = 3 * least(column, p) + 2
    hop_with_letter = 5 * least(2 * tokens, p) + 2
    hop_without = 4 * least(2 * tokens, p) + 2
    answer = 3 * least(block, p) + 2
    self_heads = (2 * block + 1, 2 * column + 1, 2 * tokens + 4, 5 * tokens + 3)
    formulas = {
        "rounds": rounds,
        "local_memory": most(2 * block, 2 * column, 2 * tokens + 2, 5 * tokens),
        "sent_words": most(2 * block, 2 * column, 2 * tokens + 2, 5 * tokens),
        "received_words": most(2 * block, 2 * column, 5 * tokens),
        "machines": most(sympy.ceiling(n / block), sorting, sympy.ceiling(n / tokens)),
        "layers": rounds + 1,
        "heads": least(sympy.floor(memory / 2), most(block, column, 2 * tokens)) + 1,
        "head_width": least(2 * memory + 3, most(*self_heads, pair, hop_with_letter, answer)),
        "token_width": most(
            2 * block + 1 + block * pair,
            2 * column + 1 + column * pair,
            2 * tokens + 9,
            5 * tokens + 2 + 2 * tokens * hop_with_letter,
            5 * tokens + 3 + 2 * tokens * hop_without,
            2 * tokens + 1 + tokens * answer,
        ),
        "context_length": most(n, p),
        "precision_bits": most(
            word + block_bits, most(word, p_bits, LEAST_PRIME_BITS) + 1 + 2 * met_bits
        ),
    }
    return values, formulas


def _sizes(cluster: Cluster) -> dict[str, int]:
    return {
        "N": cluster.n_words,
        "P": cluster.n_machines,
        "s": cluster.memory_words,
        "B": cluster.block_words,
        "word_bits": cluster.word_bits,
        "B_bits": cluster.block_words.bit_length(),
        "P_bits": cluster.n_machines.bit_length(),
    }


_PROTOCOL = "doubling (arXiv 2402.09268), columnsort (Leighton)"
_COMPILER = "Theorem 4.1 (arXiv 2509.09001), syndrome code"
_KINDS: dict[str, Kind] = {
    "rounds": "exact",
    "local_memory": "upper",
    "sent_words": "upper",
    "received_words": "upper",
    "machines": "upper",
    "layers": "exact",
    "heads": "exact",
    "head_width": "upper",
    "token_width": "upper",
    "context_length": "exact",
    "precision_bits": "upper",
}
N_MACHINE_ROWS = 5
_SOURCES = dict.fromkeys(list(_KINDS)[:N_MACHINE_ROWS], _PROTOCOL) | dict.fromkeys(
    list(_KINDS)[N_MACHINE_ROWS:], _COMPILER
)


def certify_k_hop(
    sequence: Sequence,
    k: int,
    epsilon: str = "2/3",
    gamma: str = "0",
    *,
    options: CompilerOptions | None = None,
    precision: bool = False,
    back: Back = False,
    progress: Progress | None = None,
) -> Certificate:
    """Certify k-hop on a sequence: protocol and compiled transformer against the oracle.

    Parameters
    ----------
    sequence : Sequence
    k : int
        Hops, at least 0.
    epsilon, gamma : str or rational
        Exponents of local memory and of the number of machines.
    options : CompilerOptions, optional
        With other than the default code, heads, attention and fan-out the rows of the transformer
        are those of `theorem_bounds`.
    precision : bool
        Measure the row precision_bits by runs on fewer bits (`fewest_bits`).
    back : bool or str
        Simulate the transformer on machines again, as `certify_protocol`.
    progress : callable, optional

    Returns
    -------
    Certificate

    Raises
    ------
    ShapeError, ValueError
        The sizes are impossible; the message names the parameter to change.
    NoWayBack
        The way back was asked for and does not fit.

    Examples
    --------
    >>> certificate = certify_k_hop(Sequence.of("aabcbabca"), k=2)
    >>> certificate.ok, certificate["layers"].measured, certificate["rounds"].measured
    (True, 10, 9)
    """
    protocol = k_hop(k)
    cluster = fit_cluster(
        protocol, len(sequence), epsilon, gamma, largest_word=len(sequence.alphabet)
    )
    options = options or CompilerOptions()
    bounds = k_hop_bounds(cluster, k)
    shown: dict[str, Any] = {"n": len(sequence), "k": k, "n_letters": len(sequence.alphabet)}
    built = options.by_exact_match if options.attention == "both" else options
    if replace(built, failure="1/100", seed=0) != CompilerOptions():
        bounds = (*bounds[:N_MACHINE_ROWS], *layer_bounds(protocol, cluster, options))
        shown |= options.shown
    return certify_protocol(
        "k-hop",
        protocol,
        cluster,
        sequence.words,
        k_hop_oracle(sequence.words, k),
        bounds,
        oracle=ORACLE,
        options=options,
        precision=precision,
        back=back,
        parameters=shown,
        progress=progress,
    )
