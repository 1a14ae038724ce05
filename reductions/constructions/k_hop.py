"""k-hop induction heads: k times, go to the token after the last occurrence of the letter.

For letters w_1 .. w_N, sigma(i) = max({0} and {j <= i : w_(j-1) = w_i}); the output at i is the
letter at sigma^k(i), none where that is 0, and 0 is absorbing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mpc_sim import fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.inputs.instances import Letters
from reductions.certify.certificate import Certificate, Progress
from reductions.certify.certify import Back, certify_protocol
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.k_hop import N_MACHINE_ROWS, k_hop_bounds
from reductions.problems.words import k_hop_oracle

ORACLE = "sequential loop over the definition"


def certify_k_hop(
    sequence: Letters,
    k: int,
    epsilon: str = "2/3",
    gamma: str = "0",
    *,
    options: CompilerOptions | None = None,
    precision: bool = False,
    back: Back = False,
    progress: Progress | None = None,
) -> Certificate:
    """Certify k-hop on a sequence: protocol and compiled transformer against the oracle.

    Parameters
    ----------
    sequence : Letters
    k : int
        Hops, at least 0.
    epsilon, gamma : str or rational
        Exponents of local memory and of the number of machines.
    options : CompilerOptions, optional
        With other than the default code, heads, attention and fan-out the rows of the transformer
        are those of `theorem_bounds`.
    precision : bool
        Measure the row precision_bits by runs on fewer bits (`fewest_bits`).
    back : bool or str
        Simulate the transformer on machines again, as `certify_protocol`.
    progress : callable, optional

    Returns
    -------
    Certificate

    Raises
    ------
    ShapeError, ValueError
        The sizes are impossible; the message names the parameter to change.
    NoWayBack
        The way back was asked for and does not fit.

    Examples
    --------
    >>> certificate = certify_k_hop(Letters.of("aabcbabca"), k=2)
    >>> certificate.ok, certificate["layers"].measured, certificate["rounds"].measured
    (True, 10, 9)
    """
    protocol = k_hop(k)
    cluster = fit_cluster(
        protocol, len(sequence), epsilon, gamma, largest_word=len(sequence.alphabet)
    )
    options = options or CompilerOptions()
    bounds = k_hop_bounds(cluster, k)
    shown: dict[str, Any] = {"n": len(sequence), "k": k, "n_letters": len(sequence.alphabet)}
    built = options.built
    if replace(built, failure="1/100", seed=0) != CompilerOptions():
        bounds = (*bounds[:N_MACHINE_ROWS], *layer_bounds(protocol, cluster, options))
        shown |= options.shown
    return certify_protocol(
        "k-hop",
        protocol,
        cluster,
        sequence.words,
        k_hop_oracle(sequence.words, k),
        bounds,
        oracle=ORACLE,
        options=options,
        precision=precision,
        back=back,
        parameters=shown,
        progress=progress,
    )
