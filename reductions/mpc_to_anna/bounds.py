"""What Theorem 4.1 says of any protocol, from its declared channels alone.

Written from the statement, without the compiler: K_t is the most messages to others that a machine
sends in round t, or receives where heads are spread, w_t the words of the widest record with a tag
word where several channels send, or 1 where records travel word by word, and b_t the most messages
that meet in one head: in the order of emission those that a machine receives, at most (P - 1) g, g
the tokens of a machine, and with spread heads what the union over R rounds, P machines and ceil(K /
g) heads asks for. There are 1 + ceil(K_t / g) heads, and one if g is more than what a machine sends
and receives, where what it keeps is one message more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache

import sympy

from mpc_sim import Channel, Cluster, Protocol
from reductions.bounds import Bound, Kind
from reductions.mpc_to_anna.codes import Code, MessageCode
from reductions.mpc_to_anna.codes.code import numbers_of
from reductions.mpc_to_anna.fan_out import BoundedFanOut
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.token_groups import TokenGroups, tokens_of

MODEL = "limits of the model (arXiv 2509.09001, section 2)"
THEOREM = "Theorem 4.1 (arXiv 2509.09001)"
FEW_HEADS = "Theorem 4.1 (arXiv 2509.09001); few heads: this project"
CODEWORDS = "ids as columns of a Weil sum, U = P + 2 <= d^2, d = 4^j at least 16"

SYMBOLS = {
    "c": "channels of a round",
    "w": "words of a message",
    "B": "bits of a word",
    "r": "words that are packed into one number",
    "g": "tokens of a machine",
    "D": "words that a machine emits in a round",
}

Formula = tuple[sympy.Expr, dict[str, int]]


@dataclass(frozen=True)
class RoundShape:
    """What the theorem needs to know of a round.

    Parameters
    ----------
    channels : int
        c, that carry anything.
    sent, received, words : int
        K, the most messages that a machine receives, and w with the destination where ids are
        hashed; K is 0 where none can arrive.
    most : int
        The larger of what a machine may send and receive.
    meet : int
        b, with what is kept where one head does all.
    failure : Fraction
        The most that the probability may be that the code of the round fails.
    tokens : int
        g.
    tag_bits : int
        Bits of a tag in front of a word.
    header : int
        The largest word of a header: a tag, or a count of records.
    declared : int
        D, the words that a machine emits at most, so keeps at most.
    """

    channels: int
    sent: int
    received: int
    words: int
    most: int = 0
    meet: int = 0
    failure: Fraction = Fraction(1)
    tokens: int = 1
    tag_bits: int = 0
    header: int = 0
    declared: int = 0

    @property
    def in_one_head(self) -> bool:
        """Whether one head carries the messages and what is kept."""
        return bool(self.sent) and self.most < self.tokens

    @classmethod
    def of(
        cls,
        channels: tuple[Channel, ...],
        cluster: Cluster,
        options: CompilerOptions,
        partners: int | None = None,
    ) -> RoundShape:
        """Read the shape off the declared channels, and the partners where they are bounded."""
        sent, received, words, tag_bits = messages(channels, cluster, options)
        header = len(channels)
        if partners is not None and words:
            # a bundle: a count per channel, and no more words than local memory has
            s, away = cluster.memory_words, [one for one in channels if not one.local]
            sent = received = min(partners, cluster.n_machines - 1)
            counts = [min(one.per_machine, _heard(one, s)) for one in away]
            carried = sum(n * one.words for n, one in zip(counts, away, strict=True))
            words, tag_bits, header = len(away) + min(carried, s), 0, max(counts)
        most = max(sent, received)
        if not min(sent, received):
            sent = received = 0
        return cls(
            len(channels),
            sent,
            received,
            words + int(options.hashed),
            most=most,
            tag_bits=tag_bits,
            header=header,
            declared=sum(channel.per_machine * channel.words for channel in channels),
        )

    def with_tokens(
        self, tokens: int, cluster: Cluster, options: CompilerOptions, n_rounds: int
    ) -> RoundShape:
        """Return the shape with g tokens per machine."""
        groups, drawn = TokenGroups.of(cluster, tokens), options.head_order.made.is_drawn
        failure = Fraction(options.failure) / max(1, drawn + options.code.made.is_drawn)
        shape = replace(self, tokens=tokens, failure=failure / max(1, n_rounds))
        if not self.sent:
            return shape
        order = HeadOrder.EMISSION if shape.in_one_head else options.head_order
        if order.made.is_drawn:
            shape = replace(shape, sent=self.most, received=self.most)
        meet = order.made.most_met(shape.received, groups, n_rounds, failure)
        return replace(shape, meet=meet + int(shape.in_one_head))


def theorem_bounds(
    protocol: Protocol, cluster: Cluster, options: CompilerOptions | None = None
) -> tuple[Bound, ...]:
    """Return the bounds that hold for every protocol on a cluster, however it is compiled.

    The width of a head is that of its code with capacity b: b (ceil(w / r) + 1) + 2 for the
    syndrome code, r words in a number of 31 bits, rows of w + 3 words for the others; the self head
    has the words that a machine keeps and a count per channel; in one head both are beside each
    other. Widths are shown for the round in which they are largest. With bounded fan-out the rows
    of the machines are those of the protocol itself, and the rows of the layers those of 2 L R
    rounds in which d partners exchange bundles of at most s' + c words.
    """
    options = options or CompilerOptions()
    s, n, p, rounds, g = sympy.symbols("s N P R g")
    sizes = {
        "s": cluster.memory_words,
        "N": cluster.n_words,
        "P": cluster.n_machines,
        "R": protocol.n_rounds(cluster),
    }
    code = f"{THEOREM}, {options.code} code, {options.head_order} heads"
    tokens = tokens_of_machines(protocol, cluster, options)
    rows: list[tuple[str, Formula, Kind, str]] = [
        ("rounds", (rounds, sizes), "exact", MODEL),
        ("local_memory", (s, sizes), "upper", MODEL),
        ("sent_words", (s, sizes), "upper", MODEL),
        ("received_words", (s, sizes), "upper", MODEL),
        ("machines", (p, sizes), "upper", MODEL),
        *((name, *row) for name, row in _layers(protocol, cluster, options, code).items()),
        ("context_length", (sympy.Max(n, p * g), sizes | {"g": tokens}), "exact", FEW_HEADS),
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
    largest = max(shapes, key=lambda shape: shape.meet, default=RoundShape(0, 0, 0, 0))
    b, K, p, g = sympy.symbols("b K P g")
    if options.head_order.made.is_drawn:
        some = "R P K / (b + 1)!"
        if largest.tokens > 1:
            some = "R P H exp(-(c ln(c/g) - c + g)), c = b + 1, H = ceil(K/g)"
        source = f"{some} at most {options.failure} over the seed, for all R rounds"
        return Bound("met_messages", b, {"b": largest.meet}, "whp", source)
    values = {"K": largest.received, "P": n_machines, "g": largest.tokens}
    met = sympy.Min(K, (p - 1) * g) + int(largest.in_one_head)
    symbols = SYMBOLS | {"K": "messages of others to a machine in a round"}
    return Bound("met_messages", met, values, "upper", FEW_HEADS, symbols)


def tokens_of_machines(protocol: Protocol, cluster: Cluster, options: CompilerOptions) -> int:
    """Return g."""
    shapes, _ = _shapes(protocol, cluster, options)
    if shapes:
        return shapes[0].tokens
    protocol, cluster = options.reduced(protocol, cluster)
    return tokens_of(options.tokens, cluster.n_words, cluster.n_machines, 0)


def messages(
    channels: tuple[Channel, ...], cluster: Cluster, options: CompilerOptions
) -> tuple[int, int, int, int]:
    """Return the most messages sent and received, w, and the bits of a tag in front of a word.

    They are those of a round that declares these channels. With the syndrome code records travel
    word by word, at most s of them, where that makes k (w' + 1) smaller: k the larger of both, w'
    the numbers of at most 31 bits into which the words of a message are packed. A word with its tag
    has no more bits.
    """
    s = cluster.memory_words
    away = [channel for channel in channels if not channel.local]
    if not away or cluster.n_machines == 1:
        return 0, 0, 0, 0
    most = s // min(channel.words for channel in away)
    sent = min(sum(channel.per_machine for channel in away), most)
    received = min(sum(_heard(channel, s) for channel in away), most)
    words = max(channel.words for channel in away) + (len(away) > 1)
    out = min(sum(channel.per_machine * channel.words for channel in away), s)
    come = min(sum(_heard(channel, s) * channel.words for channel in away), s)
    tag_bits = (len(away) - 1).bit_length()
    header, longest = int(options.hashed), options.code.made.longest_of_linear
    bits = max(cluster.word_bits, (len(away) - 1).bit_length())
    whole = 1 + numbers_of(words + header, bits, longest)
    single = 1 + numbers_of(1 + header, cluster.word_bits + tag_bits, longest)
    cheaper = max(sent, received) * whole > max(out, come) * single
    if cheaper and cluster.word_bits + tag_bits <= longest:
        return out, come, 1, tag_bits
    return sent, received, words, 0


def _heard(channel: Channel, memory: int) -> int:
    return memory // channel.words if channel.per_receiver is None else channel.per_receiver


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
    block, most, rounds, p, g = sympy.symbols("B_in K R P g")
    gather: Formula = block, {"B_in": cluster.block_words}
    several = 1 + sympy.ceiling(most / g)
    distinct = list(dict.fromkeys(shapes))  # few among hundreds of rounds, and formulas are slow
    heads = [
        (sympy.Integer(1) if shape.in_one_head else several, {"K": shape.sent, "g": shape.tokens})
        for shape in distinct
    ]
    codes: list[Formula] = []
    widths, totals, bits = [gather], [gather], [_gathered_bits(cluster)]
    for shape in distinct:
        width, total, precise = _of_round(shape, cluster, options)
        widths.append(width)
        totals.append(total)
        if shape.sent:
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
        "heads": (_largest([one, *heads]), "upper", FEW_HEADS),
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
        RoundShape.of(protocol.channels(t, cluster), cluster, options, partners)
        for t in range(n_rounds)
    ]
    most = max((shape.most for shape in shapes), default=0)
    tokens = tokens_of(options.tokens, cluster.n_words, cluster.n_machines, most)
    given = tokens, cluster, options, n_rounds
    return [shape.with_tokens(*given) for shape in shapes], cluster.n_machines


def _of_round(
    shape: RoundShape, cluster: Cluster, options: CompilerOptions
) -> tuple[Formula, Formula, Formula]:
    """Return width of a head, total width and bits in a round."""
    values = {
        "s": cluster.memory_words,
        "c": shape.channels,
        "K": shape.sent,
        "W": _word_bits(shape, cluster),
        "D": shape.declared,
    }
    if not shape.sent:
        kept, _, _ = _widths(sympy.Integer(0))
        return (kept, values), (kept, values), (sympy.Symbol("W"), values)
    width, sizes = _code_width(shape, cluster, options)
    n_sources = _n_sources(shape, cluster, options)
    values |= sizes | {"g": shape.tokens}
    values |= {"b_bits": shape.meet.bit_length(), "U_bits": n_sources.bit_length()}
    bits = _code(shape, cluster, options).precision_formula
    both, wider, total = _widths(width)
    if shape.in_one_head:
        return (both, values), (both, values), (bits, values)
    return (wider, values), (total, values), (bits, values)


@cache
def _widths(width: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """Return what is kept beside one message, the wider of both, and what is kept beside all.

    One for all rounds of a code: sympy compares every two terms of a maximum.
    """
    s, c, emitted, K, g = sympy.symbols("s c D K g")
    kept = sympy.Min(s, emitted) + c
    return kept + width, sympy.Max(kept, width), kept + sympy.ceiling(K / g) * width


def _code_width(shape: RoundShape, cluster: Cluster, options: CompilerOptions) -> Formula:
    """Return the width of a message in the code of a round."""
    code = _code(shape, cluster, options)
    return code.width_bound_formula, dict(code.formula_values)


def _code(shape: RoundShape, cluster: Cluster, options: CompilerOptions) -> MessageCode:
    bits, n_sources = _word_bits(shape, cluster), _n_sources(shape, cluster, options)
    return _widest(shape, options.code, options.seed, bits, n_sources)


def _word_bits(shape: RoundShape, cluster: Cluster) -> int:
    return max(cluster.word_bits + shape.tag_bits, shape.header.bit_length())


def _n_sources(shape: RoundShape, cluster: Cluster, options: CompilerOptions) -> int:
    P = cluster.n_machines
    if options.hashed:
        return max(cluster.n_words, P * shape.tokens)
    if options.head_order.made.is_drawn and not shape.in_one_head:
        return P * shape.tokens
    return P * min(shape.tokens, shape.sent, shape.received) + int(shape.in_one_head)


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
