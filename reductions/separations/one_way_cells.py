"""Cells of causal models that send too little across a cut: recurrent ones, and low-rank attention.

What is refuted is one model; beside it stands the general bound that it is a case of.
"""

from __future__ import annotations

import numpy as np

from mpc_sim.inputs.graph_instances import cycle, two_cycles
from reductions.arrays import Integers
from reductions.constructions.one_way_messages import Messages
from reductions.constructions.recurrent_k_hop import recurrent_k_hop
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell, counted
from reductions.separations.collision_search import drawn_prefixes, same_boards, same_messages
from reductions.separations.drawn_low_rank import drawn_low_rank
from reductions.separations.drawn_recurrent import drawn_recurrent
from reductions.separations.hard_prefixes import HardPrefixes, asking_suffix
from reductions.separations.indistinguishable import TwoInputs, WordFunction, refute
from reductions.separations.pointer_chasing import (
    LOW_RANK,
    RECURRENT,
    SOURCE as POINTER_CHASING,
    PointerChasing,
    pointer_chasing,
)
from reductions.separations.refuted import Refuted, across, oracle_of, refuted
from reductions.separations.state_counting import board_width, low_rank_width, recurrent_width

HARD_LETTERS = 3
LOW_RANK_PREFIX = 12
MOST_PREFIXES = 3000
BOARD_TOKENS = 14
VERTICES = 8


def recurrent(task: Problem) -> Cell | None:
    """Refute a recurrent model: one of fewer layers than hops, or one of few bits."""
    k = task.random["uniform"](8, 0).shape["k"]
    family = HardPrefixes(HARD_LETTERS + (k == 1), k)
    oracle = oracle_of(task, Instance(np.zeros(family.n_tokens, np.int64), {"k": k}))
    bits_needed = recurrent_width(family.q, k)
    if k > 1:
        hops = recurrent_k_hop(family.n_tokens, family.n_letters, k - 1)
        model = hops.model
        run: WordFunction = hops.run

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
    prefixes = family.candidates(rng, MOST_PREFIXES)
    claim = same_messages(task.name, tell, oracle, prefixes, list(family.suffixes()))
    chasing = pointer_chasing(
        RECURRENT, family.n_tokens, k, depth=len(model.layers), words_a_layer=model.state_words
    )
    refuted_model = Refuted(
        architecture="recurrent",
        depth=len(model.layers),
        width=model.state_words,
        statement=f"{'drawn, ' * (k == 1)}{counted(len(model.layers), 'layer')} of "
        f"{counted(model.state_words, 'word')} of {model.word_bits} bits asked for "
        f"{counted(k, 'hop')}",
        bound=f"any causal model: L W b >= k log2(q!) = {bits_needed.bits} bits for these "
        f"{family.n_letters} letters{_beside(chasing)}",
        source=f"{bits_needed.source}; {POINTER_CHASING}",
    )
    return across(claim, tell, run, oracle, refuted_model)


def low_rank(task: Problem) -> Cell | None:
    """Refute causal low-rank attention, which cannot forget what it has added."""
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
    chasing = pointer_chasing(LOW_RANK, n, k, depth=depth, words_a_layer=words)
    refuted_model = Refuted(
        architecture="low rank",
        depth=depth,
        width=words,
        statement=f"drawn, causal, {counted(depth, 'layer')} that send r m H = "
        f"{counted(words, 'word')} each across a cut",
        bound="of any depth: L r m H b >= (N - k - 2) log2(A - 2), "
        f"{needed.bits} bits here{_beside(chasing)}",
        source=f"{needed.source}; {POINTER_CHASING}",
    )
    return across(claim, tell, drawn.run, oracle, refuted_model)


def _beside(chasing: PointerChasing) -> str:
    """Return what the bound says of a model of fewer layers than hops."""
    return "" if chasing.side == "deep" else f"; {chasing.explain()}"


def boards(task: Problem) -> Cell | None:
    """Refute low-rank attention that sees all tokens and is asked for a hop at every one."""
    n, letters = BOARD_TOKENS, 2
    drawn = drawn_low_rank(n, depth=2, rank=1, width=1, causal=False)
    oracle = oracle_of(task, Instance(np.zeros(n, np.int64), {"k": 1}))

    def tell(words: Integers) -> Messages:
        return drawn.tell(words, n)

    claim = same_boards(task.name, tell, oracle, drawn_prefixes(letters, n, MOST_PREFIXES))
    if claim is None:
        return None
    sizes, needed = drawn.transformer.resources(), board_width(n)
    return refuted(
        claim,
        lambda: refute(drawn.run, oracle, claim),
        Refuted(
            architecture="low rank",
            depth=sizes.layers,
            width=sizes.token_width,
            statement=f"drawn, {counted(sizes.layers, 'layer')} of rank 1 and width 1 over all "
            "tokens, asked for answers at every token",
            bound=f"of any depth: L r m H b >= N - 1, {needed.bits} bits here, for answers at "
            "every token",
            source=needed.source,
        ),
        remark=f"; {counted(sum(tell(claim.first).words), 'equal word')} on the boards",
    )


def too_early(task: Problem) -> Cell | None:
    """Refute causal models of a graph task: its vertices are read, and answer, before any edge."""
    one, two = cycle(VERTICES), two_cycles(VERTICES)
    instance = Instance(one.words, graph=one)
    if task.random["uniform"](VERTICES, 0).graph is None:
        return None
    bits = int(one.words.max()).bit_length()
    model = drawn_recurrent(len(one.words), depth=2, state_words=4, bits=bits, row_bits=bits)
    oracle, claim = (
        oracle_of(task, instance),
        TwoInputs(task.name, one.words, two.words, VERTICES - 1),
    )
    return refuted(
        claim,
        lambda: refute(model.run, oracle, claim),
        Refuted(
            architecture="recurrent",
            depth=len(model.layers),
            width=model.state_words,
            statement=f"{counted(len(model.layers), 'layer')} of "
            f"{counted(model.state_words, 'word')}, drawn",
            bound="causal models of any depth and width: the vertices answer, and stand before "
            "all edges",
            source="the order of the input words",
        ),
    )
