"""Depth against k: layers of k-hop by every construction, read off built models, and lower bounds.

A row is built for N tokens of A letters and k hops. Where a run of a smaller model is cheap, it is
run as well, on uniform letters and on two letters in turn, whose chains are the longest, and
compared with the oracle. A construction for few letters has no row where A k is too large for it;
the bound under the conjecture has rows only over many letters, A (2 k + 1) >= 2 N.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

import numpy as np

from mpc_sim import InputError, ShapeError
from reductions.certify.full_information import C, K
from reductions.constructions.model import ModelSolver
from reductions.problems.problem import Instance, Shape
from reductions.problems.sequences import HARD_LETTERS, sequence_of
from reductions.separations.lower_bounds import K_HOP_ROUNDS
from reductions.separations.pointer_chasing import says_something
from reductions.separations.state_counting import recurrent_width
from reductions.separations.table import constructions_of

Row = dict[str, Any]
TASK = "k-hop"
MOST_RUN = 2**16
"""Layers times tokens of a run that is cheap."""
MOST_LAYERS = 2**16
CONDITIONAL = "c log2 k over many letters, c drawn as 1 (1-vs-2-cycle conjecture)"
CHASING = "k over many letters, for recurrent and low-rank models of o(N / k^6) bits a layer"
COUNTING = "counting, for recurrent models of width A + 1"


def constructions() -> tuple[ModelSolver, ...]:
    """Return all constructions of k-hop, in the order of the registry."""
    return tuple(constructions_of(TASK))


def depth_row(
    construction: ModelSolver, n: int, n_letters: int, k: int, *, run: int = 0, seed: int = 0
) -> Row:
    """Build the model of a construction and read its layers and its width.

    Parameters
    ----------
    construction : ModelSolver
        Of k-hop.
    run : int
        Tokens of the model that is run and compared with the oracle where that is cheap; 0 for
        none.
    seed : int
        Of the uniform letters of the run.
    """
    shape = Shape(n, n_letters, {"k": k})
    resources = construction.build(shape).resources()
    layers, width = construction.bounds(shape)
    row: Row = {
        "line": construction.name,
        "kind": "construction",
        "n": n,
        "n_letters": n_letters,
        "k": k,
        "layers": resources.layers,
        "bound": layers.value,
        "width": resources.token_width,
        "width_bound": width.value,
        "compared": 0,
        "differ": 0,
    }
    if 0 < resources.layers * run <= MOST_RUN:
        for instance in _inputs(run, n_letters, k, seed):
            try:
                output = construction.build(instance.shape).run(instance.words)
            except ShapeError:  # so few tokens do not carry so many letters and hops
                continue
            row["compared"] += len(np.arange(run)[construction.scored(run)])
            row["differ"] += construction.n_wrong(instance, output)
    checks = (layers.check(resources.layers), width.check(resources.token_width))
    row["ok"] = row["differ"] == 0 and all(check.status == "PASS" for check in checks)
    return row | {"source": construction.source}


def lower_bound_rows(n: int, n_letters: int, k: int) -> Iterator[Row]:
    """Yield what depth is bounded by below at k: under a conjecture, and without.

    The first needs many letters: 4 n of them name the vertices of cycles (`cycles_to_k_hop`).
    Without a conjecture the bound of pointer chasing holds for narrow models up to the constant of
    their width, over 2 floor(N / 2 k) + 2 letters and where N >= k^6 (`pointer_chasing`); and the
    bound by counting with all constants for the width of our recurrent model; it is 0 where there
    are too few tokens or letters.
    """
    logarithm = float(K_HOP_ROUNDS.rounds.subs({C: 1 / log(2), K: k}))
    for line, layers, source in (
        (CONDITIONAL, round(logarithm, 6), K_HOP_ROUNDS.source),
        (CHASING, k, "pointer chasing: Corollaries 5.2 and 5.3 of arXiv 2402.09268"),
        (COUNTING, counted_depth(n, n_letters, k), recurrent_width(1, 1).source),
    ):
        if line == CONDITIONAL and n_letters * (2 * k + 1) < 2 * n:
            continue
        if line == CHASING and not says_something(n, n_letters, k):
            continue
        row = {"line": line, "kind": "lower-bound", "n": n, "n_letters": n_letters, "k": k}
        whole = int(layers) if float(layers).is_integer() else layers
        rest = dict.fromkeys(("bound", "width", "width_bound", "compared", "differ"))
        yield {**row, "layers": whole, **rest, "ok": True, "source": source}


def counted_depth(n: int, n_letters: int, k: int) -> int:
    """Return the layers that a causal model of A + 1 words per layer needs, by counting prefixes.

    The best of all families that fit: 2 q + 2 letters and 2 q k + k + 2 tokens.
    """
    most = min((n_letters - 2) // 2, (n - 2 - k) // (2 * k))
    if most < 1:
        return 0
    return recurrent_width(most, k).least_depth(n_letters + 1, n_letters.bit_length())


def depth_rows(
    n: int, n_letters: int, hops: Sequence[int], *, run: int = 0, seed: int = 0
) -> Iterator[Row]:
    """Yield the rows of all constructions, and then of all lower bounds, for every k.

    Raises
    ------
    InputError
        A k below 1 or of more layers than are built, less than two letters, or no token.
    """
    if n < 1 or n_letters < 2 or min(hops) < 1:
        raise InputError(
            f"n = {n}, letters = {n_letters}, k = {min(hops)}: give one token, two letters and one "
            "hop, or more"
        )
    if max(hops) > MOST_LAYERS:
        raise InputError(
            f"k = {max(hops)}: some models have one layer per hop; choose k at most {MOST_LAYERS}"
        )
    for construction in constructions():
        for k in hops:
            try:
                yield depth_row(construction, n, n_letters, k, run=run, seed=seed)
            except ShapeError:  # made for few letters, and these are too many
                continue
    bounds = [row for k in hops for row in lower_bound_rows(n, n_letters, k)]
    for line in (CONDITIONAL, CHASING, COUNTING):
        yield from (row for row in bounds if row["line"] == line)


def layers_a_doubling(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, ...]]:
    """Return, for every construction, the different steps in layers where k doubles."""
    steps: dict[str, set[int]] = {}
    for line in dict.fromkeys(row["line"] for row in rows if row["kind"] == "construction"):
        own = sorted((row["k"], row["layers"]) for row in rows if row["line"] == line)
        steps[line] = {more - less for (k, less), (twice, more) in pairwise(own) if twice == 2 * k}
    return {line: tuple(sorted(found)) for line, found in steps.items()}


def _inputs(n: int, n_letters: int, k: int, seed: int) -> tuple[Instance, Instance]:
    drawn = np.random.default_rng(seed).integers(0, n_letters, n)
    in_turn = HARD_LETTERS["two in turn"](n)
    return sequence_of(drawn, k, n_letters), sequence_of(in_turn, k, n_letters)
