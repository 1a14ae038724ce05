"""What Theorem 4.1 says of any protocol, from its declared channels alone.

Written from the statement, without the compiler: K_t is the most messages to others that a machine
sends in round t, w_t the words of the widest record with a tag word where several channels send,
and b_t the most messages that meet in one head: in the order of emission at most P, and at most
those that a machine receives; with spread heads, where K_t counts messages sent or received, what
the union over R rounds, P machines and K heads asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import sympy

from mpc_sim import Channel, Cluster, Protocol
from reductions.bounds import Bound, Kind
from reductions.mpc_to_anna.codes import Code, MessageCode
from reductions.mpc_to_anna.fan_out import BoundedFanOut
from reductions.mpc_to_anna.options import CompilerOptions

MODEL = "limits of the model (arXiv 2509.09001, section 2)"
THEOREM = "Theorem 4.1 (arXiv 2509.09001)"
CODEWORDS = "ids as columns of a Weil sum, U = P + 2 <= d^2, d = 4^j at least 16"

SYMBOLS = {"c": "channels of a round", "w": "words of a message", "B": "bits of a word"}

Formula = tuple[sympy.Expr, dict[str, int]]


@dataclass(frozen=True)
class RoundShape:
    """What the theorem needs to know of a round.

    Parameters
    ----------
    channels : int
        c, that carry anything.
    most, received, words, meet : int
        K, the most messages that a machine receives, w with the destination where ids are hashed,
        and b.
    failure : Fraction
        The most that the probability may be that the code of the round fails.
    """

    channels: int
    most: int
    received: int
    words: int
    meet: int
    failure: Fraction

    @classmethod
    def of(
        cls,
        channels: tuple[Channel, ...],
        cluster: Cluster,
        options: CompilerOptions,
        n_rounds: int,
        partners: int | None = None,
    ) -> RoundShape:
        """Read the shape off the declared channels, and the partners where they are bounded."""
        sent, received, words = messages(channels, cluster)
        if partners is not None and sent:
            # a bundle: a count per channel, and no more words than local memory has
            sent = received = min(partners, cluster.n_machines - 1)
            words = len(channels) + cluster.memory_words
        if options.heads.made.is_drawn:
            sent = received = max(sent, received)
        n_drawn = options.heads.made.is_drawn + options.code.made.is_drawn
        failure = Fraction(options.failure) / max(1, n_drawn)
        of_round = failure / max(1, n_rounds)
        meet = options.heads.made.most_met(received, cluster.n_machines, n_rounds, failure)
        return cls(len(channels), sent, received, words + int(options.hashed), meet, of_round)


def theorem_bounds(
    protocol: Protocol, cluster: Cluster, options: CompilerOptions | None = None
) -> tuple[Bound, ...]:
    """Return the bounds that hold for every protocol on a cluster, however it is compiled.

    The width of a head is that of its code with capacity b: b (w + 1) + 2 for the syndrome code,
    rows of w + 3 words for the others; the self head has the words of local memory and a count per
    channel. Widths are shown for the round in which they are largest. With bounded fan-out the rows
    of the machines are those of the protocol itself, and the rows of the layers those of 2 L R
    rounds in which d partners exchange bundles of at most s' + c words.
    """
    options = options or CompilerOptions()
    s, n, p, rounds = sympy.symbols("s N P R")
    sizes = {
        "s": cluster.memory_words,
        "N": cluster.n_words,
        "P": cluster.n_machines,
        "R": protocol.n_rounds(cluster),
    }
    code = f"{THEOREM}, {options.code} code, {options.heads} heads"
    rows: list[tuple[str, Formula, Kind, str]] = [
        ("rounds", (rounds, sizes), "exact", MODEL),
        ("local_memory", (s, sizes), "upper", MODEL),
        ("sent_words", (s, sizes), "upper", MODEL),
        ("received_words", (s, sizes), "upper", MODEL),
        ("machines", (p, sizes), "upper", MODEL),
        *((name, *row) for name, row in _layers(protocol, cluster, options, code).items()),
        ("context_length", (sympy.Max(n, p), sizes), "exact", THEOREM),
    ]
    return tuple(
        Bound(name, *formula, kind, source, SYMBOLS) for name, formula, kind, source in rows
    )


def layer_bounds(
    protocol: Protocol, cluster: Cluster, options: CompilerOptions, own: tuple[Bound, ...] = ()
) -> tuple[Bound, ...]:
    """Return the bounds on the transformer alone.

    With ``own``, the claims of the protocol, it has a layer more than the rounds that these claim,
    and not than those that the protocol says that it has.
    """
    of_machines = {"rounds", "local_memory", "sent_words", "received_words", "machines"}
    bounds = theorem_bounds(protocol, cluster, options)
    found = (bound for bound in bounds if bound.quantity not in of_machines)
    claimed = {bound.quantity: bound for bound in own}
    if options.fan_out is not None or "rounds" not in claimed:
        return tuple(found)
    rounds = claimed["rounds"]
    layers = replace(rounds, quantity="layers", expression=rounds.expression + 1, source=THEOREM)
    return tuple(layers if bound.quantity == "layers" else bound for bound in found)


def meeting_bound(protocol: Protocol, cluster: Cluster, options: CompilerOptions) -> Bound:
    """Return b, the most messages that meet in a head, in the round in which it is largest."""
    shapes, n_machines = _shapes(protocol, cluster, options)
    largest = max(
        shapes, key=lambda shape: shape.meet, default=RoundShape(0, 0, 0, 0, 0, Fraction(1))
    )
    b, K, p = sympy.symbols("b K P")
    if options.heads.made.is_drawn:
        source = f"R P K / (b + 1)! at most {options.failure} over the seed, for all R rounds"
        return Bound("met_messages", b, {"b": largest.meet}, "whp", source)
    values = {"K": largest.received, "P": n_machines}
    return Bound("met_messages", sympy.Min(K, p), values, "upper", THEOREM)


def messages(channels: tuple[Channel, ...], cluster: Cluster) -> tuple[int, int, int]:
    """Return the most messages sent and received, and w, of a round that declares these."""
    s = cluster.memory_words
    away = [channel for channel in channels if not channel.local]
    if not away:
        return 0, 0, 0
    sent = sum(channel.per_machine for channel in away)
    received = sum(
        s // channel.words if channel.per_receiver is None else channel.per_receiver
        for channel in away
    )
    most = s // min(channel.words for channel in away)
    if not sent or not received:
        return 0, 0, 0
    words = max(channel.words for channel in away) + (len(away) > 1)
    return min(sent, most), min(received, most), words


def _layers(
    protocol: Protocol,
    cluster: Cluster,
    options: CompilerOptions,
    source: str,
) -> dict[str, tuple[Formula, Kind, str]]:
    shapes, n_machines = _shapes(protocol, cluster, options)
    protocol, cluster = options.reduced(protocol, cluster)
    if options.fan_out is not None:
        source = f"{source}, fan-out {options.fan_out}"
    sizes = {"P": n_machines, "R": len(shapes)}
    block, most, rounds, p = sympy.symbols("B_in K R P")
    gather: Formula = block, {"B_in": cluster.block_words}
    heads = [(most + 1, {"K": shape.most}) for shape in shapes]
    codes: list[Formula] = []
    widths, totals, bits = [gather], [gather], [_gathered_bits(cluster)]
    for shape in shapes:
        width, total, precise = _of_round(shape, cluster, options)
        widths.append(width)
        totals.append(total)
        if shape.most:
            codes.append(_code_width(shape, cluster, options))
        bits.append(precise)
    one: Formula = sympy.Integer(1), {}
    coded: dict[str, tuple[Formula, Kind, str]]
    coded = {"code_width": (_largest(codes), "upper", source)} if codes else {}
    asked: Formula = one
    if options.hashed:
        asked = sympy.Max(16, 4 * sympy.ceiling(sympy.sqrt(p + 2))), sizes
    return {
        "layers": ((rounds + 1, sizes), "exact", THEOREM),
        "heads": (_largest([one, *heads]), "upper", THEOREM),
        "head_width": (_largest(widths), "upper", source),
        **coded,
        "token_width": (_largest(totals), "upper", source),
        "query_width": (asked, "upper", CODEWORDS if options.hashed else THEOREM),
        "precision_bits": (_largest(bits), "upper", f"{source}; distinct averages stay distinct"),
    }


def _shapes(
    protocol: Protocol, cluster: Cluster, options: CompilerOptions
) -> tuple[list[RoundShape], int]:
    """Return the shapes of all rounds of what is compiled, and P."""
    protocol, cluster = options.reduced(protocol, cluster)
    partners = None
    if options.fan_out is not None:
        assert isinstance(protocol, BoundedFanOut)
        partners = protocol.partners
    n_rounds = protocol.n_rounds(cluster)
    shapes = [
        RoundShape.of(protocol.channels(t, cluster), cluster, options, n_rounds, partners)
        for t in range(n_rounds)
    ]
    return shapes, cluster.n_machines


def _of_round(
    shape: RoundShape, cluster: Cluster, options: CompilerOptions
) -> tuple[Formula, Formula, Formula]:
    """Return width of a head, total width and bits in a round."""
    s, c, K, word = sympy.symbols("s c K W")
    header = shape.channels if options.fan_out is None else cluster.memory_words
    word_bits = max(cluster.word_bits, header.bit_length())
    own = s + c
    values = {"s": cluster.memory_words, "c": shape.channels, "K": shape.most, "W": word_bits}
    if not shape.most:
        return (own, values), (own, values), (word, values)
    n_sources = max(cluster.n_words, cluster.n_machines) if options.hashed else cluster.n_machines
    width, sizes = _code_width(shape, cluster, options)
    code = _code(shape, cluster, options)
    values |= sizes
    values |= {"b_bits": shape.meet.bit_length(), "U_bits": n_sources.bit_length()}
    bits = code.precision_formula
    return (sympy.Max(own, width), values), (own + K * width, values), (bits, values)


def _code_width(shape: RoundShape, cluster: Cluster, options: CompilerOptions) -> Formula:
    """Return the width of a message in the code of a round."""
    code = _code(shape, cluster, options)
    return code.width_bound_formula, dict(code.formula_values)


def _code(shape: RoundShape, cluster: Cluster, options: CompilerOptions) -> MessageCode:
    header = shape.channels if options.fan_out is None else cluster.memory_words
    word_bits = max(cluster.word_bits, header.bit_length())
    n_sources = max(cluster.n_words, cluster.n_machines) if options.hashed else cluster.n_machines
    return _widest(shape, options.code, options.seed, word_bits, n_sources)


@lru_cache(maxsize=256)
def _widest(
    shape: RoundShape, coding: Code, seed: int, word_bits: int, n_sources: int
) -> MessageCode:
    """Return the code whose width bounds that of every capacity up to b."""
    made = coding.made
    capacities = range(shape.meet if made.grows else 1, shape.meet + 1)
    codes = (
        made.from_options(b, shape.words, word_bits, n_sources, seed=seed, failure=shape.failure)
        for b in capacities
    )
    return max(codes, key=lambda code: code.width)


def _gathered_bits(cluster: Cluster) -> Formula:
    word, block = sympy.symbols("W B_bits")
    return word + block, {"W": cluster.word_bits, "B_bits": cluster.block_words.bit_length()}


def _largest(formulas: list[Formula]) -> Formula:
    """Return the formula with the largest value."""
    return max(formulas, key=lambda one: Bound("", one[0], one[1], "upper", "").value)
