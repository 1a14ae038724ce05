"""``anna-mpc certify`` of the tasks that have a direct construction, or an algorithm of their own.

SUM and induction heads are done by one and two layers of exact match; 3-SUM, connectivity and
1-vs-2-cycle are certified by the algorithm that does them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from mpc_sim.inputs.instances import integers
from reductions.commands.certify import (
    BYTES_A_TOKEN,
    DEFAULT_N,
    MOST_BACK,
    lettered,
    read_sequence,
    refuse_compiler_options,
    there_and_back,
    with_seed,
)
from reductions.commands.certify_algorithm import certify_by_name
from reductions.commands.files import printable, read_lines, refuse_size
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError

if TYPE_CHECKING:
    from reductions.certify.certificate import Certificate
    from reductions.commands.certify import Write

ALGORITHM_OF = {
    "three-sum": "three_sum",
    "connectivity": "connectivity",
    "one-vs-two-cycle": "cycle_counting",
}


def certify_sum(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify SUM on seeded words, or on those of a file."""
    from reductions.constructions import sum as task
    from reductions.problems.words import random_words

    _refuse(options)
    if options.text is not None or options.graph is not None:
        raise UsageError("sum takes words: give --input FILE with one integer a line")
    if options.input is not None:
        words = integers(read_lines(options.input), options.input)
    else:
        n = DEFAULT_N if options.n is None else options.n
        refuse_size(n, BYTES_A_TOKEN)
        words = random_words(n, seed=options.seed)
    certificate = there_and_back(
        options,
        len(words) <= MOST_BACK["sum"],
        lambda back: task.certify_sum(words, back=back, progress=progress_line()),
    )
    return with_seed(certificate, options), lambda output: "".join(f"{w}\n" for w in output)


def certify_induction_heads(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify induction heads on seeded letters, or on those of a file."""
    from reductions.constructions import induction_heads as task

    _refuse(options)
    sequence = read_sequence(options)
    certificate = there_and_back(
        options,
        len(sequence) <= MOST_BACK["induction-heads"],
        lambda back: task.certify_induction_heads(sequence, back=back, progress=progress_line()),
    )
    letters = ("none", *(printable(letter) for letter in sequence.alphabet))
    return with_seed(certificate, options), lettered(letters)


def certify_by_algorithm(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify a task by its algorithm, under the name of the task."""
    if options.text is not None:
        raise UsageError(f"--text is for letters; give {options.task} --input or --graph FILE")
    named = argparse.Namespace(**vars(options))
    named.task = ALGORITHM_OF[options.task]
    certificate, write = certify_by_name(named)
    return replace(certificate, task=options.task), write


def _refuse(options: argparse.Namespace) -> None:
    if options.k is not None:
        raise UsageError("--k is for k-hop")
    if options.modulus is not None:
        raise UsageError("--modulus is for match2")
    if options.epsilon or options.gamma:
        raise UsageError("--epsilon and --gamma are for protocols; leave them out")
    refuse_compiler_options(options)


CERTIFY_TASK = {
    "sum": certify_sum,
    "induction-heads": certify_induction_heads,
    **dict.fromkeys(ALGORITHM_OF, certify_by_algorithm),
}
