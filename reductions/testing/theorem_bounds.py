"""What Theorem 4.1 says of any protocol, from its declared channels alone.

Written from the statement, without the compiler: k_t is the most messages to others that a machine
sends or receives in round t, w_t the words of the widest record with a tag word where several
channels send, and b_t = min(k_t, P) messages meet in one head.
"""

from __future__ import annotations

import sympy

from mpc_sim import Channel, Cluster, Protocol
from reductions.bounds import Bound, Kind

MODEL = "limits of the model (arXiv 2509.09001, section 2)"
THEOREM = "Theorem 4.1 (arXiv 2509.09001)"
DOUBLE_BITS = 53


def theorem_bounds(protocol: Protocol, cluster: Cluster, code: str) -> tuple[Bound, ...]:
    """Return the bounds that hold for every protocol on a cluster, compiled by a message code.

    Parameters
    ----------
    protocol, cluster
    code : str
        The width of a head is bounded for the syndrome code alone: b (w + 1) + 2.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.algorithms.columnsort import columnsort
    >>> cluster = fit_cluster(columnsort(), 64, "2/3")
    >>> bounds = theorem_bounds(columnsort(), cluster, "syndrome")
    >>> [(bound.quantity, bound.value) for bound in bounds if bound.kind == "exact"]
    [('rounds', 5), ('layers', 6), ('context_length', 64)]
    """
    s, n, p, k, v, rounds = sympy.symbols("s N P k v R")
    n_rounds = protocol.n_rounds(cluster)
    shapes = [messages(protocol.channels(t, cluster), cluster) for t in range(n_rounds)]
    widest = max((len(protocol.channels(t, cluster)) for t in range(n_rounds)), default=0)
    coded = max((min(most, cluster.n_machines) * (w + 1) + 2 for most, w in shapes), default=0)
    values = {
        "s": cluster.memory_words,
        "N": cluster.n_words,
        "P": cluster.n_machines,
        "R": n_rounds,
        "k": max((most for most, _ in shapes), default=0),
        "v": max(coded, cluster.memory_words + widest),
        "p": DOUBLE_BITS,
    }
    rows: list[tuple[str, sympy.Expr, Kind, str]] = [
        ("rounds", rounds, "exact", MODEL),
        ("local_memory", s, "upper", MODEL),
        ("sent_words", s, "upper", MODEL),
        ("received_words", s, "upper", MODEL),
        ("machines", p, "upper", MODEL),
        ("layers", rounds + 1, "exact", THEOREM),
        ("heads", k + 1, "upper", THEOREM),
        ("context_length", sympy.Max(n, p), "exact", THEOREM),
        ("precision_bits", sympy.Symbol("p"), "upper", "integers in doubles"),
    ]
    if code == "syndrome":
        rows.append(("head_width", v, "upper", f"{THEOREM}, syndrome code"))
    return tuple(Bound(name, formula, values, kind, source) for name, formula, kind, source in rows)


def messages(channels: tuple[Channel, ...], cluster: Cluster) -> tuple[int, int]:
    """Return (k, w) of a round that declares these channels.

    Examples
    --------
    >>> cluster = Cluster(n_words=64, memory_words=32, n_machines=8, block_words=8)
    >>> messages((Channel("a", ("x", "y"), 4, 4), Channel("b", ("x",), 3, 2)), cluster)
    (7, 3)
    """
    s = cluster.memory_words
    away = [channel for channel in channels if not channel.local]
    if not away:
        return 0, 0
    sent = sum(channel.per_machine for channel in away)
    received = sum(
        s // channel.words if channel.per_receiver is None else channel.per_receiver
        for channel in away
    )
    most = min(max(sent, received), s // min(channel.words for channel in away))
    return most, max(channel.words for channel in away) + (len(away) > 1)
