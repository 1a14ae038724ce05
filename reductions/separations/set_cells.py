"""Cells of tasks that ask whether a number was seen: Match2 and 3-SUM by causal models of few bits.

The prefix is a set of numbers of 1 .. h, the rest asks for one of them (`set_width`). A recurrent
model and causal low-rank attention with drawn maps are searched for two sets that they confuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from reductions.arrays import Integers
from reductions.constructions.one_way_messages import Messages
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell, counted
from reductions.separations.collision_search import same_messages
from reductions.separations.drawn_low_rank import drawn_low_rank
from reductions.separations.drawn_recurrent import drawn_recurrent
from reductions.separations.indistinguishable import WordFunction
from reductions.separations.one_way import Tell
from reductions.separations.refuted import Refuted, across, oracle_of
from reductions.separations.state_counting import set_width

HALF, SIZE = 14, 7


@dataclass(frozen=True)
class AskForMember:
    """How a task writes a set down and asks for a number.

    Parameters
    ----------
    offset : int
        Added to all numbers.
    asking : callable
        A number of 1 .. h -> the numbers that ask for it.
    parameters : mapping
        Of the instances.
    """

    offset: int
    asking: Callable[[int], tuple[int, ...]]
    parameters: Mapping[str, int] = field(default_factory=dict)

    def prefixes(self) -> Iterator[Integers]:
        """Return all sets of 7 of the numbers 1 .. 14."""
        for chosen in combinations(range(1, HALF + 1), SIZE):
            yield np.array(chosen, np.int64) + self.offset

    def suffixes(self) -> list[Integers]:
        """Return the suffix that asks for each number."""
        return [np.array(self.asking(s), np.int64) + self.offset for s in range(1, HALF + 1)]


FAR = 2 * HALF + 1
MATCH2_SETS = AskForMember(0, lambda s: (FAR - s,), {"modulus": FAR})
THREE_SUM_SETS = AskForMember((SIZE + 2) ** 3, lambda s: (-s - FAR, FAR))


Drawn = tuple[Refuted, WordFunction, Tell]
"""A drawn model, what it answers on words, and what it sends across the cut behind the set."""


def recurrent_reader(n: int, bits: int) -> Drawn:
    """Draw a recurrent model of one layer, and one word of so many bits."""
    reader = drawn_recurrent(n, depth=1, state_words=1, bits=bits, row_bits=bits)
    model = Refuted(
        architecture="recurrent",
        depth=len(reader.layers),
        width=reader.state_words,
        statement=f"drawn, one layer of a word of {bits} bits",
        has=bits,
    )
    return model, reader.run, lambda words: Messages(reader.states(words[:SIZE]))


def low_rank_reader(n: int, bits: int) -> Drawn:
    """Draw causal low-rank attention of two layers, of rank and width 1, however many the bits."""
    drawn = drawn_low_rank(n, depth=2, rank=1, width=1, modulus=2)
    sizes = drawn.transformer.resources()
    layers, words = counted(sizes.layers, "layer"), counted(sizes.token_width, "word")
    model = Refuted(
        architecture="low rank",
        depth=sizes.layers,
        width=sizes.token_width,
        statement=f"drawn, causal, {layers} that send {words} of {drawn.message_bits} bits each",
        has=sizes.layers * sizes.token_width * drawn.message_bits,
    )
    return model, drawn.run, lambda words: drawn.tell(words, SIZE)


def set_cell(task: Problem, family: AskForMember, draw: Callable[[int, int], Drawn]) -> Cell | None:
    """Refute a model that has too few bits for a set.

    Parameters
    ----------
    family : AskForMember
        Of the task.
    draw : callable
        (N, bits) -> `Drawn`.
    """
    suffixes, needed = family.suffixes(), set_width(SIZE, HALF)
    n = SIZE + len(suffixes[0])
    oracle = oracle_of(task, Instance(np.zeros(n, np.int64), family.parameters))
    model, run, tell = draw(n, needed.bits - 1)
    said = replace(
        model,
        statement=f"{model.statement}, for {needed.prefixes} sets of {SIZE} numbers",
        bound=f"any causal model: L W b >= log2 of the sets, here {needed.bits} bits",
        hypothesis="a causal model whose messages have b bits a word; the last token answers",
        source=needed.source,
        needs=needed.bits,
    )
    claim = same_messages(task.name, tell, oracle, family.prefixes(), suffixes)
    return across(claim, tell, run, oracle, said)
