"""Aggregate: every output word is what all input words combine to, by two trees."""

from __future__ import annotations

from mpc_sim.compose import sequence
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.converge_cast import ConvergeCast, of_one_word
from mpc_sim.stages.operations import Operation


def aggregate(operation: Operation) -> Protocol:
    """Return the protocol that puts what all input words combine to into every output word.

    Parameters
    ----------
    operation : Operation
        On elements of one word; associative, it need not be commutative.

    Returns
    -------
    Protocol
        2 L rounds, L the least with s^L >= the machines that hold input. A function of full degree
        (sum, parity, OR) needs ceil(log_s N) - 1 deliveries, and L is at least that.

    Raises
    ------
    ShapeError
        If the elements of the operation have several words.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902; Roughgarden, Vassilvitskii, Wang, Shuffles and
    circuits, J. ACM 65 (2018) for the lower bound.
    """
    return sequence(
        Rename("input", "records"),
        ConvergeCast(of_one_word(operation), ("word",)),
        Broadcast(("word",)),
        FillBlocks(),
    )
