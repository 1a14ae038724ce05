"""Cells of causal models that tell too little across a cut: recurrent ones, and low-rank attention.

What is refuted is one model; beside it stands the general bound that it is a case of.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb

import numpy as np

from reductions.separations.cell import Cell, counted
from reductions.separations.collision_search import drawn_prefixes, same_messages
from reductions.separations.drawn_low_rank import drawn_low_rank
from reductions.separations.drawn_recurrent import drawn_recurrent
from reductions.separations.hard_prefixes import HardPrefixes, asking_suffix
from reductions.separations.indistinguishable import Integers, Model, Oracle
from reductions.separations.one_way import Messages, SameMessages, Tell, refute_across
from reductions.separations.pointer_chasing import (
    SOURCE as POINTER_CHASING,
    PointerChasing,
    pointer_chasing,
)
from reductions.separations.recurrent_k_hop import recurrent_k_hop
from reductions.separations.refuted import oracle_of, refuted
from reductions.separations.state_counting import low_rank_width, match2_width, recurrent_width
from reductions.tasks.task import Instance, Task

HARD_LETTERS = 3
LOW_RANK_PREFIX = 12
MOST_PREFIXES = 3000


def recurrent(task: Task) -> Cell | None:
    """Refute a recurrent model: one of fewer layers than hops, or one of few bits.

    Examples
    --------
    >>> from reductions.tasks.definitions import K_HOP
    >>> cell = recurrent(K_HOP)
    >>> cell.depth, cell.width, cell.holds, cell.proved
    (3, 9, False, True)
    """
    if task.name == "match2":
        return _narrow_match2(task)
    if task.name not in ("k-hop", "induction-heads"):
        return None
    k = task.random["uniform"](8, 0).shape["k"]
    family = HardPrefixes(HARD_LETTERS + (k == 1), k)
    oracle = oracle_of(task, Instance(np.zeros(family.n_tokens, np.int64), {"k": k}))
    bits_needed = recurrent_width(family.q, k)
    if k > 1:
        hops = recurrent_k_hop(family.n_tokens, family.n_letters, k - 1)
        model = hops.model
        run: Model = hops.run

        def tell(words: Integers) -> Messages:
            return Messages(hops.messages(words[: family.cut]))
    else:
        bits = (bits_needed.bits - 1) or 1
        model = drawn_recurrent(
            family.n_tokens, depth=1, state_words=1, bits=bits, row_bits=max(bits, 4)
        )
        run = model.run

        def tell(words: Integers) -> Messages:
            return Messages(model.states(words[: family.cut]))

    rng = np.random.default_rng(0)
    prefixes = (family.draw(rng) for _ in range(MOST_PREFIXES))
    claim = same_messages(task.name, tell, oracle, prefixes, list(family.suffixes()))
    chasing = pointer_chasing(
        "recurrent", family.n_tokens, k, depth=len(model.layers), words_a_layer=model.state_words
    )
    return _across(
        claim,
        tell,
        run,
        oracle,
        "recurrent",
        len(model.layers),
        model.state_words,
        f"{counted(len(model.layers), 'layer')} of {counted(model.state_words, 'word')} asked for "
        f"{counted(k, 'hop')}",
        f"any causal model: L W b >= k log2(q!) = {bits_needed.bits} bits for these "
        f"{family.n_letters} letters{_beside(chasing)}",
        f"{bits_needed.source}; {POINTER_CHASING}",
    )


def _narrow_match2(task: Task) -> Cell | None:
    """Refute a recurrent model that has fewer bits than there are sets to remember."""
    n, half = 9, 10
    modulus = 2 * half + 1
    needed = match2_width(n, half)
    bits = needed.bits - 1
    model = drawn_recurrent(n, depth=1, state_words=1, bits=bits, row_bits=bits)
    oracle = oracle_of(task, Instance(np.zeros(n, np.int64), {"modulus": modulus}))

    def tell(words: Integers) -> Messages:
        return Messages(model.states(words[: n - 1]))

    def prefixes() -> Iterator[Integers]:
        for chosen in combinations(range(1, half + 1), n - 1):
            yield np.array(chosen, np.int64)

    suffixes = [np.array([modulus - number]) for number in range(1, half + 1)]
    claim = same_messages(task.name, tell, oracle, prefixes(), suffixes)
    return _across(
        claim,
        tell,
        model.run,
        oracle,
        "recurrent",
        1,
        model.state_words,
        f"one layer of a word of {bits} bits, for {comb(half, n - 1)} sets of residues",
        f"any causal model: L W b >= log2 of the sets of residues, here {needed.bits} bits",
        needed.source,
    )


def low_rank(task: Task) -> Cell | None:
    """Refute causal low-rank attention, which cannot forget what it has added.

    Examples
    --------
    >>> from reductions.tasks.definitions import INDUCTION_HEADS
    >>> cell = low_rank(INDUCTION_HEADS)
    >>> cell.depth, cell.width, cell.holds, cell.proved
    (2, 1, False, True)
    """
    if task.name not in ("k-hop", "induction-heads"):
        return None
    k = task.random["uniform"](8, 0).shape["k"]
    cut, letters = LOW_RANK_PREFIX, 2
    n = cut + k + 2
    drawn = drawn_low_rank(n, depth=2, rank=1, width=1)
    oracle = oracle_of(task, Instance(np.zeros(n, np.int64), {"k": k}))

    def tell(words: Integers) -> Messages:
        return drawn.tell(words, cut)

    suffixes = [asking_suffix(a, k - 1, k + 2, letters, letters + 1) for a in range(letters)]
    prefixes = drawn_prefixes(letters, cut, MOST_PREFIXES)
    claim = same_messages(task.name, tell, oracle, prefixes, suffixes)
    depth = drawn.transformer.resources().layers
    words = 0 if claim is None else max(tell(claim.inputs.first).words)
    needed = low_rank_width(n, letters + 2, k)
    chasing = pointer_chasing("low rank", n, k, depth=depth, words_a_layer=words)
    return _across(
        claim,
        tell,
        drawn.run,
        oracle,
        "low rank",
        depth,
        words,
        f"causal, {counted(depth, 'layer')} that tell r m H = {counted(words, 'word')} each across "
        "a cut",
        "of any depth: L r m H b >= (N - k - 2) log2(A - 2), "
        f"{needed.bits} bits here{_beside(chasing)}",
        f"{needed.source}; {POINTER_CHASING}",
    )


def _beside(chasing: PointerChasing) -> str:
    """Return what the bound says of a model of fewer layers than hops."""
    return "" if chasing.side == "deep" else f"; {chasing.explain()}"


def _across(
    claim: SameMessages | None,
    tell: Tell,
    run: Model,
    oracle: Oracle,
    architecture: str,
    depth: int,
    width: int,
    statement: str,
    bound: str,
    source: str,
) -> Cell | None:
    """Return the cell of two inputs with the same messages; None where none were found."""
    if claim is None:
        return None
    return refuted(
        claim.inputs,
        lambda: refute_across(tell, run, oracle, claim),
        architecture,
        depth,
        width,
        statement,
        bound,
        source,
        remark=f"; {counted(sum(tell(claim.inputs.first).words), 'equal word')} across the cut",
    )
