"""The fan-out reduction with the number of partners as a power of N, as Theorem 4.1 uses it."""

from __future__ import annotations

from fractions import Fraction

from mpc_sim import Cluster, Protocol
from reductions.mpc_to_anna.fan_out.bounded import BoundedFanOut, bounded_fan_out
from reductions.mpc_to_anna.fan_out.digits import partners_of_exponent


def fan_out_of_exponent(
    protocol: Protocol, cluster: Cluster, rho: Fraction | str, *, seed: int = 0
) -> BoundedFanOut:
    """Return the protocol with at most N^rho partners per machine and round.

    No more than all others: P - 1, and at least one. Errors and guarantee are those of
    `bounded_fan_out`.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster = Cluster(n_words=4096, memory_words=1024, n_machines=8, block_words=512)
    >>> fan_out_of_exponent(columnsort(), cluster, "1/6").partners
    4
    """
    most = min(partners_of_exponent(cluster, rho), cluster.n_machines - 1)
    return bounded_fan_out(protocol, cluster, partners=max(1, most), seed=seed)
