"""Sample sort: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.sample_sort import ScanCounts, Split, sample_sort
from reductions.algorithms.algorithm import HARD_SEQUENCES, Algorithm, Words
from reductions.algorithms.sort_and_scan import QUANTITIES, Most, stages_of
from reductions.bounds import Bound

SOURCE = "splitters: Goodrich, Sitchinava, Zhang, arXiv 1101.1902; loads: Chernoff, delta = 1/N"


def _instance(n: int, seed: int) -> Words:
    return np.random.default_rng(seed).integers(0, max(2, 4 * n), n)


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Per level i: loads x_i, leader y_i, samples S_i, fan-out f_i, arity a_i, t_i broadcasts.

    D buckets of at most b words at the end, scanned by a tree of L levels and q other children.
    """
    (split,), (scan,) = stages_of(protocol, Split), stages_of(protocol, ScanCounts)
    plan, tree = split.plan(cluster), scan.tree(cluster)
    n, block, buckets, bucket, levels, others = sympy.symbols("N B D b L q", integer=True)
    values = {
        "N": cluster.n_words,
        "B": cluster.block_words,
        "D": plan.n_machines,
        "b": plan.bucket,
        "L": tree.levels,
        "q": tree.others,
    }
    rounds = 1 + 2 * levels + (0 if plan.levels else 1)
    held, received = [2 * bucket, bucket + 2 + others, block], [2 * bucket, others, block]
    for number, level in enumerate(plan.levels):
        load, leader, samples, fan_out, arity, broadcasts = (
            sympy.Symbol(f"{letter}{number}", integer=True) for letter in "xySfat"
        )
        values |= {
            f"x{number}": level.load,
            f"y{number}": level.leader_load,
            f"S{number}": level.samples,
            f"f{number}": level.fan_out,
            f"a{number}": level.arity,
            f"t{number}": level.broadcast_rounds,
        }
        rounds += 2 + broadcasts
        held += [
            2 * (load + sympy.Min(load, samples)),
            2 * (leader + samples),
            2 * (load + arity * (fan_out - 1)),
        ]
        received += [2 * samples, 2 * (fan_out - 1), 2 * load]
    if not plan.levels:
        held.append(2 * block)
    formulas = (
        rounds,
        Most(*held),
        Most(*held),
        Most(*received),
        Most(sympy.ceiling(n / block), buckets),
    )
    return tuple(
        Bound(name, formula, values, "exact" if name == "rounds" else "whp", SOURCE)
        for name, formula in zip(QUANTITIES, formulas, strict=True)
    )


SAMPLE_SORT = Algorithm(
    name="sample_sort",
    statement="N words; out: the words in increasing order, with random splitters",
    regime=(
        "gamma = 0, O(1 / epsilon) rounds with probability 1 - 1/N; c_s = 16 is enough for every "
        "N tried at epsilon >= 0.45; below that small N are refused"
    ),
    source=SOURCE,
    constants=(
        "records of 2 words; every level may make a bucket 2 to 4 times the mean, so that all "
        "events hold with probability 1 - 1/N, and a leader gets all samples of its group: "
        "c_s = 8 at epsilon = 2/3, 16 at 1/2 and 0.45"
    ),
    protocol=lambda n: sample_sort(),
    instance=_instance,
    hard=HARD_SEQUENCES,
    oracle=np.sort,
    bounds=_bounds,
)
