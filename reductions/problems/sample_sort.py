"""Sample sort: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.sample_sort import sample_sort
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.degrees import every_word
from reductions.problems.laws import BY_SAMPLES
from reductions.problems.least_splits import least_splits
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, values_of

LETTERS = "xySfatqz"
SOURCE = (
    "this project; splitters: "
    "Goodrich, Sitchinava, Zhang, arXiv 1101.1902; loads: buckets are checked"
)


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Per level i: x_i records per machine, y_i of the leader, S_i samples, fan-out f_i.

    Its tree has arity a_i, t_i levels, and q_i children of the root on other machines; a machine
    gets z_i records at the end of the level. D buckets of at most b words at the end, ranked by a
    tree of t levels and q such children.
    """
    least = least_splits(cluster)
    levels = [
        {
            "x": level.load,
            "y": level.leader,
            "S": level.samples,
            "f": level.fan_out,
            "a": level.tree.arity,
            "t": level.tree.levels,
            "q": level.tree.others,
            "z": level.received,
        }
        for level in least.levels
    ]
    words, block, buckets, bucket, depth, others = sympy.symbols("N B D b t q", integer=True)
    tree = {"t": least.tree.levels, "q": least.tree.others}
    values = values_of(cluster, D=least.tree.leaves, b=least.bucket, **tree)
    rounds = 1 + 2 * depth + (0 if levels else 1)
    held, received = [2 * bucket, block], [2 * bucket, block]
    if levels:
        held.append(bucket + 2 + others)
        received.append(others)
    else:
        held.append(2 * block)
    for number, level in enumerate(levels):
        load, leader, samples, fan_out, arity, sent_on, children, dealt = (
            sympy.Symbol(f"{letter}{number}", integer=True) for letter in LETTERS
        )
        values |= {f"{letter}{number}": size for letter, size in level.items()}
        rounds += 2 + 3 * sent_on
        held += [
            2 * (load + sympy.Min(load, samples)),
            2 * (leader + samples),
            2 * (load + arity * (fan_out - 1)),
            2 * load + fan_out * (2 + children),
            2 * dealt,
        ]
        received += [2 * samples, 2 * (fan_out - 1), fan_out * (arity - 1), fan_out, 2 * dealt]
    return bounds_table(
        {
            "rounds": rounds,
            "local_memory": Most(*held),
            "sent_words": Most(*held),
            "received_words": Most(*received),
            "machines": Most(sympy.ceiling(words / block), buckets),
        },
        values,
        SOURCE,
    )


SAMPLE_SORT = ProtocolSolver(
    problem=Problem.of_words(
        name="sample-sort",
        statement="N words; out: the words in increasing order, with random splitters",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=np.sort,
        degree=every_word,
        largest_word=lambda words: int(words.max()) + 1,
    ),
    regime=(
        "gamma = 0, O(1 / epsilon^2) rounds; a run fails with probability at most 1/N; c_s = 16 is "
        "enough for every N tried at epsilon >= 0.4; below that small N are rejected"
    ),
    source=SOURCE,
    constants=(
        "records of 2 words; every level may make a bucket 2 to 5 times the mean, so that a larger "
        "one has probability 1/N at most, and a leader gets all samples of its group: c_s = 8 at "
        "epsilon = 2/3 (16 where one machine then holds all), 8 or 16 at 1/2, 16 at 0.45"
    ),
    symbols={
        "D": "buckets",
        "b": "most records of a bucket",
        "t": "levels of the tree that ranks, or of a splitting",
        "x": "records of a machine on a level",
        "y": "records of a leader",
        "S": "samples of a group",
        "f": "buckets that a group splits into",
        "a": "arity of the tree of a level",
        "z": "records that a machine receives at the end of a level",
    },
    law=BY_SAMPLES,
    not_tight=("sent_words", "received_words"),
    protocol=lambda n: sample_sort(),
    bounds=_bounds,
    is_randomised=True,
)
