"""Cells of Reformer attention with fixed chunks: too few layers reach too few words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from anna_model import Rows, Transformer
from mpc_sim.inputs.graph_instances import cycle
from reductions.arrays import Integers
from reductions.constructions.chunk_sums import chunk_sums, layers_for
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell
from reductions.separations.drawn_chunks import drawn_chunks
from reductions.separations.indistinguishable import Oracle, TwoInputs, refute
from reductions.separations.receptive_field import (
    SOURCE,
    ReceptiveField,
    receptive_field,
    two_inputs,
)
from reductions.separations.refuted import Refuted, oracle_of, refuted

CHUNK = 4
WORDS = 65
VERTICES = 24


@dataclass(frozen=True)
class FixedChunks:
    """Refute Reformer attention with chunks fixed in advance that reach too few words.

    Parameters
    ----------
    model : callable
        (N, words of a chunk, layers) -> Transformer.
    kind : str
        Ahead of the statement.
    token : int
        Whose answer is wrong on a sequence; on a cycle the vertex opposite to vertex 0.
    """

    model: Callable[[int, int, int], Transformer]
    kind: str
    token: int

    def __call__(self, task: Problem) -> Cell | None:
        """Return the cell; None where no two inputs were found."""
        instance = task.random["uniform"](WORDS, 0)
        graph = None if instance.graph is None else cycle(VERTICES)
        if graph is not None:
            instance = Instance(graph.words, graph=graph)
        oracle, n = oracle_of(task, instance), len(instance.words)
        depth = layers_for(n, CHUNK) - 1
        model = self.model(n, CHUNK, depth)
        field = receptive_field(model, self.token % n if graph is None else VERTICES // 2)
        if graph is None:
            claim = two_inputs(task.name, field, oracle, _mixed(task, n))
        else:
            claim = _crossed(task.name, field, oracle, instance.words)
        if claim is None:
            return None

        def run(words: Integers) -> NDArray[np.float64]:
            rows = Rows.from_dense(words[:, None].astype(np.float64))
            return model.forward(rows).dense()

        reach, sizes = field.bound.check(len(field.tokens)), model.resources()
        refuted_model = Refuted(
            architecture="Reformer, fixed chunks",
            depth=sizes.layers,
            width=sizes.token_width,
            statement=f"{self.kind}{depth} layers of chunks of {CHUNK} fixed in advance",
            bound=f"the output depends on {reach.measured} of {n} words here, at most B^L = "
            f"{CHUNK}^{depth}; so L >= log_B N, {layers_for(n, CHUNK)} layers",
            hypothesis="one pattern a layer, fixed before the input; any heads and width",
            shown="proved in the source",
            source=SOURCE,
            has=reach.bound,
            needs=n,
        )
        is_bounded = reach.status == "PASS"
        return refuted(claim, lambda: refute(run, oracle, claim), refuted_model, also=is_bounded)


fixed_chunks = FixedChunks(drawn_chunks, "drawn, ", -1)
fixed_chunks_of_sums = FixedChunks(chunk_sums, "", 0)
"""The transformer that is built for SUM, one layer short: its chunk is full at token 0."""


def _mixed(task: Problem, n: int) -> Callable[[np.random.Generator], Integers]:
    """Draw inputs of every kind of a task that has n words."""
    kinds = [each for each in task.inputs(n).values() if len(each.words) == n]

    def draw(rng: np.random.Generator) -> Integers:
        kind = int(rng.integers(len(kinds) + 1))
        if kind < len(kinds):
            return kinds[kind].words
        return task.random["uniform"](n, int(rng.integers(2**31))).words

    return draw


def _crossed(task: str, field: ReceptiveField, oracle: Oracle, words: Integers) -> TwoInputs | None:
    """Cross two edges of a cycle, whose second ends lie outside the field: two cycles."""
    n = int(words.max()) + 1
    ends = np.intersect1d(field.outside, np.arange(n + 1, len(words), 2)).tolist()
    for one, other in combinations(ends, 2):
        length = (other - one) // 2
        if min(length, n - length) >= 3:  # of either cycle
            crossed = words.copy()
            crossed[[one, other]] = words[[other, one]]
            claim = TwoInputs(task, words, crossed, field.token)
            answers = [np.asarray(oracle(each))[field.token] for each in (words, crossed)]
            if answers[0] != answers[1]:
                return claim
    return None
