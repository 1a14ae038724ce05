"""Cells of causal models that send too little across a cut: recurrent ones, and low-rank attention.

What is refuted is one model; beside it stands the general bound that it is a case of.
"""

from __future__ import annotations

import numpy as np

from mpc_sim.inputs.graph_instances import cycle, two_cycles
from reductions.arrays import Integers
from reductions.constructions.one_way_messages import Messages
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell, counted
from reductions.separations.collision_search import drawn_prefixes, same_boards, same_messages
from reductions.separations.drawn_low_rank import drawn_low_rank
from reductions.separations.drawn_recurrent import drawn_recurrent
from reductions.separations.hard_prefixes import HardPrefixes, asking_suffix
from reductions.separations.indistinguishable import TwoInputs, refute
from reductions.separations.refuted import Refuted, across, oracle_of, refuted
from reductions.separations.state_counting import board_width, low_rank_width, recurrent_width

HARD_LETTERS = 3
LOW_RANK_PREFIX = 12
MOST_PREFIXES = 3000
BOARD_TOKENS = 14
VERTICES = 8


def recurrent(task: Problem) -> Cell | None:
    """Refute a recurrent model of a layer less than hops, and of a bit too few."""
    k = task.random["uniform"](8, 0).shape["k"]
    family = HardPrefixes(HARD_LETTERS + (k == 1), k)
    oracle = oracle_of(task, Instance(np.zeros(family.n_tokens, np.int64), {"k": k}))
    needed, depth = recurrent_width(family.q, k), max(1, k - 1)
    bits = max(1, (needed.bits - 1) // depth)
    model = drawn_recurrent(
        family.n_tokens, depth=depth, state_words=1, bits=bits, row_bits=max(bits, 4)
    )

    def tell(words: Integers) -> Messages:
        return Messages(model.states(words[: family.cut]))

    rng = np.random.default_rng(0)
    prefixes = family.candidates(rng, MOST_PREFIXES)
    claim = same_messages(task.name, tell, oracle, prefixes, list(family.suffixes()))
    refuted_model = Refuted(
        architecture="recurrent",
        depth=depth,
        width=model.state_words,
        statement=f"drawn, {counted(depth, 'layer')} of {counted(model.state_words, 'word')} of "
        f"{bits} bits asked for {counted(k, 'hop')}",
        bound=f"L W b >= k log2(q!), {needed.bits} bits here",
        hypothesis=f"any causal model, 2 q + 2 = {family.n_letters} letters, "
        f"N >= 2 q k + k + 2 = {family.n_tokens}; the last token answers",
        source=needed.source,
        has=depth * bits,
        needs=needed.bits,
    )
    return across(claim, tell, model.run, oracle, refuted_model)


def low_rank(task: Problem) -> Cell | None:
    """Refute causal low-rank attention, which cannot forget what it has added."""
    k = task.random["uniform"](8, 0).shape["k"]
    cut, letters = LOW_RANK_PREFIX, 2
    n = cut + k + 2
    drawn = drawn_low_rank(n, depth=2, rank=1, width=1, modulus=2)
    oracle = oracle_of(task, Instance(np.zeros(n, np.int64), {"k": k}))

    def tell(words: Integers) -> Messages:
        return drawn.tell(words, cut)

    suffixes = [asking_suffix(a, k - 1, k + 2, letters, letters + 1) for a in range(letters)]
    prefixes = drawn_prefixes(letters, cut, MOST_PREFIXES)
    claim = same_messages(task.name, tell, oracle, prefixes, suffixes)
    depth = drawn.transformer.resources().layers
    words = 0 if claim is None else max(tell(claim.inputs.first).words)
    needed = low_rank_width(n, letters + 2, k)
    refuted_model = Refuted(
        architecture="low rank",
        depth=depth,
        width=words,
        statement=f"drawn, causal, {counted(depth, 'layer')} that send r m H = "
        f"{counted(words, 'word')} of {drawn.message_bits} bits each across a cut",
        bound=f"of any depth: L r m H b >= (N - k - 2) log2(A - 2), {needed.bits} bits here",
        hypothesis=f"causal low-rank attention, exact sums, A = {letters + 2} letters; the last "
        "token answers",
        source=needed.source,
        has=depth * words * drawn.message_bits,
        needs=needed.bits,
    )
    return across(claim, tell, drawn.run, oracle, refuted_model)


def boards(task: Problem) -> Cell | None:
    """Refute low-rank attention that sees all tokens and is asked for a hop at every one."""
    n, letters = BOARD_TOKENS, 2
    drawn = drawn_low_rank(n, depth=2, rank=1, width=1, modulus=2, causal=False)
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
            hypothesis="low-rank attention over all tokens, exact sums, two letters",
            source=needed.source,
            has=sizes.layers * sizes.token_width * drawn.message_bits,
            needs=needed.bits,
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
            hypothesis="a graph as this library writes it: vertices, then edges",
            source="the order of the input words",
            has=claim.token + 1,
            needs=int(claim.places.min()) + 1,
        ),
    )
