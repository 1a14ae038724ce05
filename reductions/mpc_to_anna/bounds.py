"""What Theorem 4.1 says of any protocol, from its declared channels alone.

Written from the statement, without the compiler: K_t is the most messages to others that a machine
sends or receives in round t, w_t the words of the widest record with a tag word where several
channels send, or 1 where records travel word by word, and b_t the most messages that meet in one
head: min(K_t, (P - 1) g) in the order of emission, g the tokens of a machine, and with spread heads
what the union over R rounds, P machines and ceil(K / g) heads asks for. There are 1 + ceil(K_t / g)
heads, and one if g > K_t, where what a machine keeps is one message more.
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
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.token_groups import TokenGroups, tokens_of

MODEL = "limits of the model (arXiv 2509.09001, section 2)"
THEOREM = "Theorem 4.1 (arXiv 2509.09001)"
FEW_HEADS = "Theorem 4.1 (arXiv 2509.09001); few heads: this project"
CODEWORDS = "ids as columns of a Weil sum, U = P + 2 <= d^2, d = 4^j at least 16"

Formula = tuple[sympy.Expr, dict[str, int]]


@dataclass(frozen=True)
class RoundShape:
    """What the theorem needs to know of a round.

    Parameters
    ----------
    channels : int
        c, that carry anything.
    most, words, meet : int
        K, w with the destination where ids are hashed, and b.
    tokens : int
        g.
    tag_bits : int
        Bits of a tag in front of a word.
    declared : int
        D, the words that a machine emits at most, so keeps at most.
    """

    channels: int
    most: int
    words: int
    meet: int
    tokens: int = 1
    tag_bits: int = 0
    declared: int = 0

    @property
    def in_one_head(self) -> bool:
        """Whether one head carries the messages and what is kept."""
        return 0 < self.most < self.tokens

    @classmethod
    def of(
        cls,
        channels: tuple[Channel, ...],
        cluster: Cluster,
        options: CompilerOptions,
        partners: int | None = None,
    ) -> RoundShape:
        """Read the shape off the declared channels, and the partners where they are bounded."""
        most, words, tag_bits = messages(channels, cluster, options)
        if partners is not None and most:
            # a bundle: a count per channel, and no more words than local memory has
            most = min(partners, cluster.n_machines - 1)
            words, tag_bits = len(channels) + cluster.memory_words, 0
        declared = sum(channel.per_machine * channel.words for channel in channels)
        return cls(len(channels), most, words + int(options.hashed), 0, 1, tag_bits, declared)

    def with_tokens(
        self, tokens: int, cluster: Cluster, options: CompilerOptions, n_rounds: int
    ) -> RoundShape:
        """Return the shape with g tokens per machine."""
        groups, failure = TokenGroups.of(cluster, tokens), Fraction(options.failure)
        order = HeadOrder.EMISSION if self.most < tokens else options.head_order
        meet = order.made.most_met(self.most, groups, n_rounds, failure) if self.most else 0
        return replace(self, tokens=tokens, meet=meet)


def theorem_bounds(
    protocol: Protocol, cluster: Cluster, options: CompilerOptions | None = None
) -> tuple[Bound, ...]:
    """Return the bounds that hold for every protocol on a cluster, however it is compiled.

    The width of a head is that of its code with capacity b: b (w + 1) + 2 for the syndrome code,
    rows of w + 3 words for the others; the self head has the words that a machine keeps and a count
    per channel; in one head both are beside each other. Widths are shown for the round in which
    they are largest. With bounded fan-out the rows of the machines are those of the protocol
    itself, and the rows of the layers those of 2 L R rounds in which d partners exchange bundles of
    at most s' + c words.
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
    return tuple(Bound(name, *formula, kind, source) for name, formula, kind, source in rows)


def layer_bounds(
    protocol: Protocol, cluster: Cluster, options: CompilerOptions
) -> tuple[Bound, ...]:
    """Return the bounds on the transformer alone."""
    of_machines = {"rounds", "local_memory", "sent_words", "received_words", "machines"}
    bounds = theorem_bounds(protocol, cluster, options)
    return tuple(bound for bound in bounds if bound.quantity not in of_machines)


def meeting_bound(protocol: Protocol, cluster: Cluster, options: CompilerOptions) -> Bound:
    """Return b, the most messages that meet in a head, in the round in which it is largest."""
    shapes, n_machines = _shapes(protocol, cluster, options)
    largest = max(shapes, key=lambda shape: shape.meet, default=RoundShape(0, 0, 0, 0))
    b, K, p, g = sympy.symbols("b K P g")
    own = int(largest.in_one_head)
    if options.head_order.made.is_drawn:
        some = "R P K / (b + 1)!"
        if largest.tokens > 1:
            some = "R P H exp(-(c ln(c/g) - c + g)), c = b + 1, H = ceil(K/g)"
        source = f"{some} at most {options.failure} over the seed, for all R rounds"
        return Bound("met_messages", b, {"b": largest.meet + own}, "whp", source)
    values = {"K": largest.most, "P": n_machines, "g": largest.tokens}
    return Bound("met_messages", sympy.Min(K, (p - 1) * g) + own, values, "upper", FEW_HEADS)


def tokens_of_machines(protocol: Protocol, cluster: Cluster, options: CompilerOptions) -> int:
    """Return g."""
    shapes, _ = _shapes(protocol, cluster, options)
    if shapes:
        return shapes[0].tokens
    protocol, cluster = options.reduced(protocol, cluster)
    return tokens_of(options.tokens, cluster.n_words, cluster.n_machines, 0)


def messages(
    channels: tuple[Channel, ...], cluster: Cluster, options: CompilerOptions
) -> tuple[int, int, int]:
    """Return (K, w, bits of a tag in front of a word) of a round that declares these channels.

    With the syndrome code records travel word by word, at most s of them, where that makes
    K (w + 1) smaller and a word with its tag has at most 31 bits.
    """
    s = cluster.memory_words
    away = [channel for channel in channels if not channel.local]
    if not away or cluster.n_machines == 1:
        return 0, 0, 0
    sent = sum(channel.per_machine for channel in away)
    received = sum(_heard(channel, s) for channel in away)
    most = min(max(sent, received), s // min(channel.words for channel in away))
    words = max(channel.words for channel in away) + (len(away) > 1)
    sent, received = (
        sum(each(channel) * channel.words for channel in away)
        for each in (lambda one: one.per_machine, lambda one: _heard(one, s))
    )
    single, tag_bits = min(max(sent, received), s), (len(away) - 1).bit_length()
    header, longest = int(options.hashed), options.code.made.longest_of_linear
    cheaper = most * (words + header + 1) > single * (2 + header)
    if cheaper and cluster.word_bits + tag_bits <= longest:
        return single, 1, tag_bits
    return most, words, 0


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
    heads = [
        (sympy.Integer(1) if shape.in_one_head else several, {"K": shape.most, "g": shape.tokens})
        for shape in shapes
    ]
    widths, totals, bits = [gather], [gather], [_gathered_bits(cluster)]
    for shape in shapes:
        width, total, precise = _of_round(shape, cluster, options)
        widths.append(width)
        totals.append(total)
        bits.append(precise)
    one: Formula = sympy.Integer(1), {}
    asked: Formula = one
    if options.hashed:
        asked = sympy.Max(16, 4 * sympy.ceiling(sympy.sqrt(p + 2))), sizes
    return {
        "layers": ((rounds + 1, sizes), "exact", THEOREM),
        "heads": (_largest([one, *heads]), "upper", FEW_HEADS),
        "head_width": (_largest(widths), "upper", source),
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
    s, c, emitted, K, g, word = sympy.symbols("s c D K g W")
    header = shape.channels if options.fan_out is None else cluster.memory_words
    word_bits = max(cluster.word_bits + shape.tag_bits, header.bit_length())
    kept = sympy.Min(s, emitted) + c
    values = {"s": cluster.memory_words, "c": shape.channels, "K": shape.most, "W": word_bits}
    values["D"] = shape.declared
    if not shape.most:
        return (kept, values), (kept, values), (word, values)
    P, own = cluster.n_machines, int(shape.in_one_head)
    n_sources = P * min(shape.tokens, shape.most) + own
    if options.head_order.made.is_drawn:
        n_sources = P * shape.tokens + own
    if options.hashed:
        n_sources = max(cluster.n_words, P * shape.tokens)
    meet = shape.meet + own
    code = _widest(meet, shape.words, options.code, options.seed, word_bits, n_sources)
    width = code.width_bound_formula
    values |= code.formula_values
    values |= {"g": shape.tokens, "b_bits": meet.bit_length(), "U_bits": n_sources.bit_length()}
    bits = code.precision_formula
    if shape.in_one_head:
        return (kept + width, values), (kept + width, values), (bits, values)
    total = kept + sympy.ceiling(K / g) * width
    return (sympy.Max(kept, width), values), (total, values), (bits, values)


@lru_cache(maxsize=256)
def _widest(
    meet: int, words: int, coding: Code, seed: int, word_bits: int, n_sources: int
) -> MessageCode:
    """Return the code whose width bounds that of every capacity up to b."""
    made = coding.made
    capacities = range(meet if made.grows else 1, meet + 1)
    codes = (made.from_options(b, words, word_bits, n_sources, seed=seed) for b in capacities)
    return max(codes, key=lambda code: code.width)


def _gathered_bits(cluster: Cluster) -> Formula:
    word, block = sympy.symbols("W B_bits")
    return word + block, {"W": cluster.word_bits, "B_bits": cluster.block_words.bit_length()}


def _largest(formulas: list[Formula]) -> Formula:
    """Return the formula with the largest value."""
    return max(formulas, key=lambda one: Bound("", one[0], one[1], "upper", "").value)
