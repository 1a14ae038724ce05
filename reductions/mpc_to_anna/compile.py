"""Theorem 4.1: any R-round MPC protocol becomes a transformer of exactly R + 1 layers.

Token i stands for input word i and for output word i, and token j + P h, h < g, for machine j; the
context length is T = max(N, P g) (`token_groups`). The init layer gathers the input blocks; routing
layer t runs step t of the protocol in its row-wise maps and delivers the messages by attention; the
last one delivers to the output tokens at once, and the output map picks their words.

Axes: N input words, P machines, g tokens of a machine, T tokens, H heads, k messages of a machine
in a round, w words of a message, b messages that meet in one head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from anna_model import Layer, Rows, Transformer
from anna_model.lsh import Family
from anna_model.transformer import Observer
from mpc_sim import Cluster, Protocol, ShapeError
from mpc_sim.placement import load_input
from mpc_sim.protocol import check_shape
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes.choice import Code
from reductions.mpc_to_anna.fan_out import fan_out_cluster, fan_out_of_exponent
from reductions.mpc_to_anna.fan_out.bounded import BoundedFanOut
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.head_assignment import HeadOrder, order_of, probability
from reductions.mpc_to_anna.init_layer import INPUT, InitLayer
from reductions.mpc_to_anna.messages import messages_of
from reductions.mpc_to_anna.options import Attention
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.token_groups import (
    TokenGroups,
    TokenRule,
    TokensPerMachine,
    tokens_of,
    tokens_per_machine as tokens_per_machine_of,
)

if TYPE_CHECKING:
    from reductions.inspect.explore import TransformerExplorer
    from reductions.mpc_to_anna.trace import CompiledTrace


EXACT_WORD_BITS = 51
"""n fl(x / n) is within x 2^-52 of x, so rounding gives x back if x < 2^51."""


@dataclass(frozen=True)
class CompiledProtocol(Transformer):
    """A transformer that computes what a protocol computes, from the input words alone.

    Made by :func:`compile_protocol`; picklable; holds no input and no state of a simulation.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> cluster = fit_cluster(k_hop(1), 9, "2/3", largest_word=3)
    >>> transformer = compile_protocol(k_hop(1), cluster)
    >>> words = transformer.run(["abc".index(letter) for letter in "aabcbabca"])
    >>> "".join(".abc"[word] for word in words), len(transformer.layers)
    ('.a..cbabb', 9)
    """

    cluster: Cluster

    @property
    def failure(self) -> Fraction:
        """Bound on the probability, over the seed, that an input within the limits raises.

        The sum of `risks`, at most 1.
        """
        return min(Fraction(1), sum(self.risks.values(), Fraction(0)))

    @property
    def risks(self) -> dict[str, Fraction]:
        """What may raise over the seed, with a bound on its probability each; empty for nothing.

        Heads that are drawn and rows of a code that are drawn count once per layer; ids that are
        hashed share one function in all layers, so any two of them meet anywhere or nowhere; with
        bounded fan-out a machine on the way may be overloaded.
        """
        routes = [layer for layer in self.layers if isinstance(layer, RouteLayer)]
        first, mechanism = self.layers[0], self.layers[0].mechanism
        heads = (layer.assignment.failure for layer in routes if layer.assignment)
        rows = (layer.code.failure for layer in routes if layer.code)
        found = {
            "more messages meet in a head than its code decodes": sum(heads, Fraction(0)),
            "some messages have no row of the drawn code to themselves": sum(rows, Fraction(0)),
        }
        if isinstance(mechanism, HashedIds):
            found["two hashed ids meet"] = mechanism.failure
        if isinstance(first, InitLayer) and isinstance(first.protocol, BoundedFanOut):
            overload = Fraction(1, first.protocol.inverse_failure)
            found["a machine on the way of bounded fan-out is overloaded"] = overload
        return {what: chance for what, chance in found.items() if chance}

    def run(
        self,
        words: ArrayLike,
        *,
        trace: Observer | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Integers:
        """Return the N output words, int64[N], for N input words.

        ``trace`` and ``progress`` are those of `Transformer.forward`.

        Raises
        ------
        InputError, WordOverflow
            The input has another length, or a word of it is out of range.
        CodeOverload
            More messages met in a head than its code can distinguish.
        FarCollision
            Ids are hashed, and two of them share a bucket where no code can correct it.
        """
        checked = load_input(words, self.cluster)["input"]["word"]
        tokens = Rows(self.n_tokens, np.arange(len(checked)), checked[:, None].astype(np.float64))
        return self.forward(tokens, trace=trace, progress=progress).values[:, 0].astype(np.int64)

    def trace(self, words: ArrayLike) -> CompiledTrace:
        """Run, and keep what every head averaged and every token held, beside the simulator.

        Raises
        ------
        InputError, WordOverflow, CodeOverload, FarCollision
            As :meth:`run`.
        """
        from reductions.mpc_to_anna.trace import CompiledTrace

        return CompiledTrace.of_words(self, words)

    def explore(self, words: ArrayLike) -> TransformerExplorer:
        """Return widgets that step through the layers of a run in a notebook.

        Raises
        ------
        ImportError
            Without the extra ``notebooks``.
        InputError, WordOverflow, CodeOverload, FarCollision
            As :meth:`run`.
        """
        from reductions.inspect.explore import TransformerExplorer

        return TransformerExplorer(self.trace(words))


def compile_protocol(
    protocol: Protocol,
    cluster: Cluster,
    *,
    code: Code | str = Code.SYNDROME,
    tokens_per_machine: TokensPerMachine | str = TokenRule.FREE,
    head_order: HeadOrder | str = HeadOrder.EMISSION,
    failure: Fraction | str = "1/100",
    attention: Attention | str = Attention.EMA,
    family: Family | None = None,
    hashes: int | None = None,
    seed: int = 0,
    fan_out: Fraction | str | None = None,
) -> CompiledProtocol:
    """Compile an R-round protocol into a transformer of R + 1 layers.

    Parameters
    ----------
    protocol : Protocol
    cluster : Cluster
        The shape is all that is used: no input is run.
    code : Code or str
        syndrome, disjunct, repetition or printed: how the receiver of an average recovers the
        messages.
    tokens_per_machine : int, TokenRule or str
        g, the tokens that act for a machine, each sending a share of its messages; at most k + 1.
        free: floor(N / P), so that T = N where P <= N. all: k + 1, one head. balanced: about
        log N, with spread heads: width O(s) and short codewords.
    head_order : HeadOrder or str
        emission: slot e of a machine, its token e mod g in head e // g, carries its e-th message.
        spread: every machine permutes its slots (g = 1: turns them), so that few messages meet.
    failure : Fraction or str
        For what is drawn, spread heads and rows of the repetition code: the most that the
        probability that any of it fails may be, over the seed and all rounds, on any one input.
    attention : Attention or str
        ema: exact match. anna: locality-sensitive hashing of codewords of the ids, one table and
        one function for all heads and layers; every message then carries its destination.
    family : Family, optional
        For anna: of the hash functions; by default random hyperplanes.
    hashes : int, optional
        For anna: z; by default that of Theorem 3.4 at r = 0, which makes a collision of two ids
        anywhere less likely than 0.1 / T.
    seed : int
        Of the repetition code, of spread heads, of the hash functions and of the machines by which
        records go with bounded fan-out, which are drawn.
        `CompiledProtocol.failure` bounds the probability that a run raises `CodeOverload` or
        `FarCollision`, or with bounded fan-out an error of the model; another seed is then tried.
    fan_out : Fraction or str, optional
        rho, the fan-out reduction: every round becomes the 2 L of `bounded_fan_out` with at most
        d = N^rho partners, and all that a machine sends to a partner travels as one message. So
        there are d + 1 heads of width d (s' + c + 1) + 2 with the syndrome code, s' the memory of
        `fan_out_cluster` and c the channels: with rho = (eps' - eps) / 4 the N^((eps' - eps) / 4)
        heads of width O(N^eps') of the theorem.

    Returns
    -------
    CompiledProtocol
        Layer t has 1 + ceil(k / g) heads, k the most messages to others that a machine sends in
        round t: a self head, of width s + c at most, and heads of messages of the width of their
        code with capacity b, which is b (ceil(w / r) + 1) + 2 <= 2 s + 2 for the syndrome code, r
        words in a number of 31 bits. If g > k it has one head, of width 3 s + c + w + 3 at most. b
        = min(k, (P - 1) g) in the order of emission; with spread heads O(log N / log log N) at g =
        1, O(g + log N) in general. k is what is sent for the heads, what is received for b, and the
        larger for g > k and spread heads.

    Raises
    ------
    ShapeError
        The protocol does not fit the cluster, its words are longer than 51 bits, the attention is
        neither ema nor anna, or `fan_out` is negative.
    CodeDomainError
        There is no code, rule or order of that name, the words are too long for the code, too many
        messages can meet (syndrome: b (b + 2) p >= 2^52), or `failure` is no probability.

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorem 4.1, Lemmas B.4 and B.12; the syndrome code in place
    of the repetition code, and several tokens per machine (this project), so that the total width
    is O(s k / g) instead of O(s^6 log N): the paper leaves open whether the heads can be fewer.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> transformer = compile_protocol(columnsort(), fit_cluster(columnsort(), 6, "2/3"))
    >>> transformer.run([5, 1, 4, 1, 0, 3]).tolist(), transformer.resources().layers
    ([0, 1, 1, 3, 4, 5], 6)
    """
    coding, chosen = Code(code), tokens_per_machine_of(tokens_per_machine)
    order = order_of(chosen, head_order)
    check_shape(protocol, cluster)
    partners = None
    if fan_out is not None:
        bounded = fan_out_of_exponent(protocol, cluster, fan_out, seed=seed)
        protocol, cluster, partners = bounded, fan_out_cluster(bounded), bounded.partners
    if cluster.word_bits > EXACT_WORD_BITS:
        raise ShapeError(
            f"word_bits = {cluster.word_bits}: a transformer carries words of at most "
            f"{EXACT_WORD_BITS} bits exactly; choose smaller words",
            word_bits=cluster.word_bits,
        )
    n_rounds = protocol.n_rounds(cluster)
    n_drawn = coding.made.is_drawn + order.made.is_drawn
    overload = probability(failure) / (max(1, n_rounds) * max(1, n_drawn))
    carried = (
        messages_of(
            protocol.channels(round, cluster),
            cluster,
            partners,
            header=int(attention == Attention.ANNA),
            longest=coding.made.longest_of_linear,
        )
        for round in range(n_rounds)
    )
    most = max((one.shape.most for one in carried), default=0)
    tokens = tokens_of(chosen, cluster.n_words, cluster.n_machines, most)
    n_tokens = TokenGroups.of(cluster, tokens).context_length(cluster.n_words)
    if attention not in (Attention.EMA, Attention.ANNA):
        raise ShapeError(
            f"attention {attention!r} is unknown; use ema or anna", attention=attention
        )
    mechanism = Attention(attention).mechanism(
        cluster.n_machines, n_tokens, family=family, hashes=hashes, seed=seed
    )
    layers: list[Layer] = [InitLayer(protocol, cluster, n_rounds == 0, mechanism, tokens)]
    arriving = INPUT
    for round in range(n_rounds):
        layer = RouteLayer(
            protocol,
            cluster,
            round,
            arriving,
            is_last=round == n_rounds - 1,
            coding=coding,
            order=order,
            overload=overload,
            seed=seed,
            mechanism=mechanism,
            partners=partners,
            tokens=tokens,
        )
        layers.append(layer)
        arriving = layer.leaving
    return CompiledProtocol(tuple(layers), n_tokens, cluster)
