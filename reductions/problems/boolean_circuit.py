"""Boolean circuits: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.boolean_circuit import boolean_circuit, largest_tag
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.laws import SORTED
from reductions.problems.least_depths import least_scan, least_sort, share
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import scanned, values_of

SOURCE = (
    "this project; concurrent reads by sort and scan: Goodrich, Sitchinava, Zhang, arXiv 1101.1902"
)

DEPTH = 3


def _instance(n: int, seed: int) -> Words:
    """Inputs and then layers of equal size; gates read the layer before."""
    rng = np.random.default_rng(seed)
    gates = n // 3
    layer = np.arange(gates) * (DEPTH + 1) // max(gates, 1)
    first = np.searchsorted(layer, np.arange(DEPTH + 2))
    below = np.maximum(layer - 1, 0)
    width = first[below + 1] - first[below]
    operands = first[below] + rng.integers(0, 2**31, (2, gates)) % np.maximum(width, 1)
    kinds = np.where(layer == 0, rng.integers(0, 2, gates), rng.integers(2, 7, gates))
    return np.concatenate([kinds, *operands, np.zeros(n - 3 * gates, np.int64)])


def _one_source(n: int) -> Words:
    """Gate 0 is an input, every other gate the NAND of it with itself: one gate feeds all."""
    gates = n // 3
    kinds = np.full(gates, 6)
    kinds[:1] = 1
    return np.concatenate([kinds, np.zeros(n - gates, np.int64)])


def _chain(n: int) -> Words:
    """Gate g negates gate g - 1: too deep for all but the first."""
    gates = n // 3
    kinds = np.full(gates, 2)
    kinds[:1] = 0
    before = np.maximum(np.arange(gates) - 1, 0)
    return np.concatenate([kinds, before, before, np.zeros(n - 3 * gates, np.int64)])


def _oracle(words: Words) -> Words:
    """Layer after layer, from the definition."""
    n, gates = len(words), len(words) // 3
    kind, left, right = (words[gates * part : gates * (part + 1)].tolist() for part in range(3))
    value = {gate: kind[gate] for gate in range(gates) if kind[gate] in (0, 1)}
    for _ in range(DEPTH):
        settled = dict(value)
        for gate in range(gates):
            a, b = value.get(left[gate]), value.get(right[gate])
            if kind[gate] == 2 and a is not None:
                settled[gate] = int(not a)
            if 3 <= kind[gate] <= 6 and a is not None and b is not None:
                settled[gate] = int((a and b, a or b, a != b, not (a and b))[kind[gate] - 3])
        value = settled
    return np.array([value.get(gate, 2) for gate in range(gates)] + [0] * (n - gates))


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, T gates per machine, d layers; sort: depth e, column r, M machines; scan: L, q."""
    sort, gates_held = least_sort(cluster, n, 2), share(n // 3, cluster)
    tree = least_scan(cluster, n, cluster.block_words, 2, 1, 2 * gates_held)
    values = values_of(cluster, e=sort.depth, r=sort.rows, M=sort.machines, T=gates_held)
    values |= {"d": DEPTH, **scanned(tree)}
    names = "N B T d e r M L q"
    words_in, block, gates, layers, depth, column, machines, levels, others = sympy.symbols(
        names, integer=True
    )
    scan = 2 * block + 2 * gates + 1 + others
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", 3 + 4**depth + 2 * layers * (levels + 1), "exact"),
        (
            "local_memory",
            sympy.Max(2 * column, 3 * block + 2 * gates, scan, block + 6 * gates),
            "upper",
        ),
        (
            "sent_words",
            sympy.Max(2 * column, 3 * block + 2 * gates, scan, block + 4 * gates),
            "upper",
        ),
        ("received_words", sympy.Max(2 * column, 2 * block, 4 * gates, others), "upper"),
        (
            "machines",
            sympy.Max(
                sympy.ceiling(words_in / block), machines, sympy.ceiling(words_in / (3 * gates))
            ),
            "upper",
        ),
    ]
    return tuple(Bound(name, formula, values, kind, SOURCE) for name, formula, kind in rows)


BOOLEAN_CIRCUIT = ProtocolSolver(
    problem=Problem.of_words(
        name="boolean-circuit",
        statement="N words, a circuit of N // 3 gates; out: the values of the gates of depth <= d",
        instance=_instance,
        hard={**HARD_SEQUENCES, "one source": _one_source, "chain": _chain},
        oracle=_oracle,
        largest_word=lambda words: max(int(words.max()), largest_tag(len(words))),
    ),
    regime="as columnsort on records of two words; 3 + 4^e + 2 d (L + 1) rounds",
    source=SOURCE,
    constants=(
        "publishing and evaluating hold 3 B + 2 T words, T = B / 3 at c_p = 1, and the sort 2 r: "
        "c_s = 4 at epsilon = 2/3; a larger c_s is taken where it saves rounds of the sort"
    ),
    symbols={
        "e": "depth of the sort",
        "d": "layers of gates",
        "T": "gates of a machine",
    },
    law=SORTED,
    protocol=lambda n: boolean_circuit(DEPTH),
    bounds=_bounds,
)
