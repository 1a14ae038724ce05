"""Aggregate: every output word is what all input words combine to, all to all or by two trees."""

from __future__ import annotations

from mpc_sim.compose import fewest_rounds, sequence
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.butterfly import Butterfly
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
        For M machines that hold input: by a butterfly L rounds, the least with M = s^L or
        M <= s (s - 1)^(L - 1), so one round where M <= s; by trees 2 ceil(log_s M) rounds, where
        that is fewer, as for s = 2. A function of full degree (sum, parity, OR) needs
        ceil(log_s(N / block)) rounds, which is ceil(log_s M).

    Raises
    ------
    ShapeError
        If the elements of the operation have several words.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902; Roughgarden, Vassilvitskii, Wang, Shuffles and
    circuits, J. ACM 65 (2018) for the lower bound.
    """
    operand = ("word",)
    trees = sequence(ConvergeCast(of_one_word(operation), operand), Broadcast(operand))
    return sequence(
        Rename("input", "records"),
        fewest_rounds(trees, Butterfly(operation, operand)),
        FillBlocks(),
    )
