"""Cells of tasks that ask whether a number was seen: Match2 and 3-SUM by causal models of few bits.

The prefix is a set of numbers of 1 .. h, the rest asks for one of them (`set_width`). A recurrent
model and causal low-rank attention with drawn maps are searched for two sets that they confuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from reductions.arrays import Integers
from reductions.constructions.one_way_messages import Messages
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell, counted
from reductions.separations.collision_search import same_messages
from reductions.separations.drawn_low_rank import drawn_low_rank
from reductions.separations.drawn_recurrent import drawn_recurrent
from reductions.separations.refuted import across, oracle_of
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
SETS = {
    "match2": AskForMember(0, lambda s: (FAR - s,), {"modulus": FAR}),
    "three-sum": AskForMember((SIZE + 2) ** 3, lambda s: (-s - FAR, FAR)),
}


def set_cell(task: Problem, architecture: str) -> Cell | None:
    """Refute a model of an architecture that has too few bits for a set.

    Parameters
    ----------
    task : Problem
        match2 or three-sum.
    architecture : str
        recurrent or low rank.
    """
    family = SETS[task.name]
    suffixes, needed = family.suffixes(), set_width(SIZE, HALF)
    n, bits = SIZE + len(suffixes[0]), needed.bits - 1
    oracle = oracle_of(task, Instance(np.zeros(n, np.int64), family.parameters))
    if architecture == "recurrent":
        reader = drawn_recurrent(n, depth=1, state_words=1, bits=bits, row_bits=bits)
        depth, width, run = len(reader.layers), reader.state_words, reader.run
        statement = f"drawn, one layer of a word of {bits} bits"

        def tell(words: Integers) -> Messages:
            return Messages(reader.states(words[:SIZE]))
    else:
        drawn = drawn_low_rank(n, depth=2, rank=1, width=1)
        sizes = drawn.transformer.resources()
        depth, width, run = sizes.layers, sizes.token_width, drawn.run  # type: ignore[assignment]
        statement = (
            f"drawn, causal, {counted(depth, 'layer')} that send {counted(width, 'word')} each"
        )

        def tell(words: Integers) -> Messages:
            return drawn.tell(words, SIZE)

    claim = same_messages(task.name, tell, oracle, family.prefixes(), suffixes)
    return across(
        claim,
        tell,
        run,
        oracle,
        architecture,
        depth,
        width,
        f"{statement}, for {needed.prefixes} sets of {SIZE} numbers",
        f"any causal model: L W b >= log2 of the sets, here {needed.bits} bits",
        needed.source,
    )
