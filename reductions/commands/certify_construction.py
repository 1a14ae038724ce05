"""``anna-mpc certify TASK/WAY``: one construction of a task on one input, and its two bounds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mpc_sim.inputs.instances import integers
from reductions.commands.certify import (
    BYTES_A_TOKEN,
    DEFAULT_N,
    lettered,
    read_modulus,
    read_sequence,
    refuse_compiler_options,
    with_seed,
)
from reductions.commands.files import printable, read_lines, refuse_size
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.registry import find

if TYPE_CHECKING:
    from reductions.certify.certificate import Certificate
    from reductions.commands.certify import Write
    from reductions.constructions.model import Construction
    from reductions.problems.problem import Instance

COMPILED = "compiled"
OF_LETTERS, OF_NUMBERS = ("k-hop", "induction-heads"), ("match2", "sum")
MOST_STEPS, PAIRS_A_STEP = 10**7, 2**10
"""Tokens in all layers that are no hour of work, where softmax looks at a pair in no time."""
BYTES_A_NUMBER = 32
"""A value as it is made, laid out, heard and folded."""


def certify_construction(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify the construction that the options name on the input that they name, or on a drawn."""
    construction: Construction = find("construction", options.task).load()
    refuse_compiler_options(options)
    if options.back:
        raise UsageError("--back is for tasks and protocols; leave it out")
    if options.epsilon or options.gamma:
        raise UsageError("--epsilon and --gamma are for protocols; leave them out")
    if options.k is not None and construction.task != "k-hop":
        raise UsageError("--k is for k-hop")
    if options.modulus is not None and construction.task != "match2":
        raise UsageError("--modulus is for match2")
    instance, write = _letters(options) if construction.task in OF_LETTERS else _numbers(options)
    layers, width = (bound.value for bound in construction.bounds(instance.shape))
    tokens = len(instance.words)
    refuse_size(tokens, max(BYTES_A_TOKEN, BYTES_A_NUMBER * width))
    pairs = tokens // PAIRS_A_STEP if construction.architecture == "softmax" else 0
    if layers * tokens * (1 + pairs) > MOST_STEPS:
        raise UsageError(
            f"{options.task}: {layers} layers of {tokens} tokens take long; choose a smaller --n "
            "or --k"
        )
    certificate = construction.certify(instance, progress=progress_line())
    return with_seed(certificate, options), write


def task_of(name: str) -> str:
    """Return the task that is certified by a compiled protocol, as which its way is certified."""
    task, _, way = name.partition("/")
    return task if way == COMPILED and task != "induction-heads" else name


def _letters(options: argparse.Namespace) -> tuple[Instance, Write]:
    from reductions.problems.sequences import sequence_of

    sequence = read_sequence(options)
    default = 4 if options.task.startswith("k-hop/") else 1
    hops = default if options.k is None else options.k
    letters = ("none", *(printable(letter) for letter in sequence.alphabet))
    return sequence_of(sequence.words, hops, len(sequence.alphabet)), lettered(letters)


def _numbers(options: argparse.Namespace) -> tuple[Instance, Write]:
    from reductions.problems.definitions import match2_instance, sum_instance
    from reductions.problems.words import random_numbers, random_words

    task = options.task.partition("/")[0]
    if options.text is not None or options.graph is not None:
        raise UsageError(f"{task} takes numbers: give --input FILE with one integer a line")
    n = DEFAULT_N if options.n is None else options.n
    if options.input is not None:
        words = integers(read_lines(options.input), options.input)
        n = len(words)
    refuse_size(n, BYTES_A_TOKEN)
    modulus = read_modulus(options.modulus, n)
    if options.input is None and task == "match2":
        words = random_numbers(n, modulus, seed=options.seed)
    elif options.input is None:
        words = random_words(n, seed=options.seed)
    instance = match2_instance(words, modulus) if task == "match2" else sum_instance(words)
    return instance, lambda output: "".join(f"{word}\n" for word in output.tolist())
