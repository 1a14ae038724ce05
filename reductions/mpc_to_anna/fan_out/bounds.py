"""What bounded fan-out costs: rounds, partners and loads, before anything has run."""

from __future__ import annotations

import sympy

from reductions.bounds import Bound
from reductions.mpc_to_anna.fan_out.bounded import BoundedFanOut
from reductions.mpc_to_anna.fan_out.loads import HEADER_WORDS, WordLoad

SOURCE = "Liu et al., arXiv 2509.09001, Lemma B.12 (arXiv 2405.18512, Proposition 24)"
LOADS = (
    f"{SOURCE}; the largest load of all hops. On the way (Bernstein): K words that the machine "
    "keeps, W words of the widest record, mu mean load over W, t = ln(events / delta), e machines "
    "with T words each whose words can meet. At either end: m words in n records, 3 header words "
    "each; s words without rounds"
)
WORDS, RECORDS, MEMORY, KEPT = sympy.symbols("m n s K", integer=True, nonnegative=True)
MEAN, TAIL, WIDEST = sympy.symbols("mu t W", integer=True, nonnegative=True)
ENDS, MOST = sympy.symbols("e T", integer=True, nonnegative=True)

Formula = tuple[sympy.Expr, dict[str, int]]


def fan_out_bounds(protocol: BoundedFanOut) -> tuple[Bound, ...]:
    """Return the bounds on a run of a protocol with bounded fan-out.

    Rounds are exact, partners and machines hold always, loads with probability 1 - delta.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> from reductions.mpc_to_anna.fan_out import bounded_fan_out
    >>> cluster = Cluster(n_words=4096, memory_words=1024, n_machines=8, block_words=512)
    >>> for bound in fan_out_bounds(bounded_fan_out(columnsort(), cluster, partners=1)):
    ...     print(bound.quantity, bound.kind, bound.value)
    rounds exact 30
    sent_partners upper 1
    received_partners upper 1
    local_memory whp 3080
    sent_words whp 3080
    received_words whp 2568
    machines upper 8
    """
    hops, rounds, partners, machines = sympy.symbols("L R d P", integer=True, positive=True)
    values = {
        "L": protocol.digits.n_hops,
        "R": len(protocol.plans),
        "d": protocol.partners,
        "P": protocol.digits.n_machines,
    }
    memory, received = _memory(protocol), _received(protocol)
    return (
        Bound("rounds", 2 * hops * rounds, values, "exact", f"{SOURCE}; least L, (d + 1)^L >= P"),
        Bound("sent_partners", partners, values, "upper", SOURCE),
        Bound("received_partners", partners, values, "upper", SOURCE),
        Bound("local_memory", *memory, "whp", LOADS),
        Bound("sent_words", *memory, "whp", LOADS),
        Bound("received_words", *received, "whp", LOADS),
        Bound("machines", machines, values, "upper", "the machines of the protocol inside"),
    )


def _memory(protocol: BoundedFanOut) -> Formula:
    """Return the most words that a machine holds, or sends with what it keeps."""
    most = max(protocol.plans, key=lambda plan: plan.memory, default=None)
    if most is None or most.memory <= protocol.inner.memory_words:
        return MEMORY, {"s": protocol.inner.memory_words}
    kept = most.kept_words
    for load in most.word_loads():
        if kept + load.value == most.memory:
            expression, values = _on_the_way(load)
            return KEPT + expression, values | {"K": kept}
    ends = [most.end_words(received, kept) for received in (False, True)]
    return _at_the_end(max(ends, key=_charge))


def _received(protocol: BoundedFanOut) -> Formula:
    """Return the most words that a machine receives in a hop."""
    plans = protocol.plans
    end = max((plan.end_words(received=True) for plan in plans), key=_charge, default=(0, 0))
    loads = [load for plan in plans for load in plan.word_loads()]
    most = max(loads, key=lambda load: load.value, default=None)
    if most is None or most.value < _charge(end):
        return _at_the_end(end)
    return _on_the_way(most)


def _charge(end: tuple[int, int]) -> int:
    words, records = end
    return words + HEADER_WORDS * records


def _at_the_end(end: tuple[int, int]) -> Formula:
    words, records = end
    return WORDS + HEADER_WORDS * RECORDS, {"m": words, "n": records}


def _on_the_way(load: WordLoad) -> Formula:
    root = sympy.ceiling(sympy.sqrt(TAIL**2 + 18 * TAIL * MEAN))
    likely = WIDEST * (MEAN + sympy.ceiling((TAIL + root) / 3))
    values = {"mu": load.mean, "t": load.tail, "W": load.widest, "e": load.ends, "T": load.most}
    return sympy.Min(ENDS * MOST, likely), values
