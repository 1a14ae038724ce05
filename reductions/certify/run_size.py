"""How much memory a simulation takes, from the shape of its protocol, before anything is drawn.

A record is held as its words and three more: its machine, where it came from, and its place in the
order of delivery. So a round takes 8 bytes for each of these, of as many records as its channels
declare for all machines; the ledger keeps three words per machine and round. 90 bytes for every
input word were measured beside it: the input, its copies, and the judge. Channels declare worst
cases; no algorithm of the registry was seen to take more than 4,352 bytes a word.
"""

from __future__ import annotations

from mpc_sim import Cluster, Protocol, ShapeError
from reductions.certify.host_memory import available_bytes
from reductions.problems.problem import Problem

BYTES_A_WORD, MOST_BYTES_A_WORD = 90, 4352
BYTES_DRAWN = 64
"""Of an input word while it is drawn."""


def run_bytes(protocol: Protocol, cluster: Cluster) -> int:
    """Return about how many bytes a simulation takes: within a factor of 2 in full rounds."""
    rounds = protocol.n_rounds(cluster)
    n_machines, n = cluster.n_machines, cluster.n_words
    most = max(
        (
            sum(channel.per_machine * (3 + channel.words) for channel in channels)
            for channels in {protocol.channels(round, cluster) for round in range(rounds)}
        ),
        default=0,
    )
    full = BYTES_A_WORD * n + 8 * most * n_machines
    return min(full, MOST_BYTES_A_WORD * n) + 24 * rounds * n_machines


def refuse_run(protocol: Protocol, cluster: Cluster) -> None:
    """Refuse a simulation that cannot fit this machine.

    Raises
    ------
    ShapeError
    """
    need = run_bytes(protocol, cluster)
    refuse_bytes(need, f"a run of {cluster.n_words} words on {cluster.n_machines} machines")


def refuse_draw(problem: Problem, n: int) -> None:
    """Refuse a seeded input that cannot fit this machine, before it is drawn.

    Raises
    ------
    ShapeError
    """
    words = words_drawn(problem, n)
    refuse_bytes(BYTES_DRAWN * words, f"an input of {words} words")


def words_drawn(problem: Problem, n: int) -> int:
    """Return about how many words the seeded input of a size has: as n, or a power of it."""
    small, large = (len(problem.draw(size, 0).words) for size in (16, 32))
    power = max(large // small, 1).bit_length() - 1
    foretold: int = large * n**power // 32**power
    return max(n, foretold)


def refuse_bytes(need: int, what: str) -> None:
    """Refuse what needs more memory than this machine has.

    Raises
    ------
    ShapeError
    """
    available = available_bytes()
    if need > available:
        raise ShapeError(
            f"{what} needs about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose a smaller --n, --epsilon or --gamma"
        )
