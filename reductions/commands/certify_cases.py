"""What ``anna-mpc certify`` runs: a task, a construction, an algorithm, or a protocol of a user."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from mpc_sim.inputs.instances import integers
from reductions.commands.certify_inputs import (
    BYTES_A_TOKEN,
    DEFAULT_N,
    compiler_options,
    lettered,
    read_modulus,
    read_sequence,
    refuse_compiler_options,
    there_and_back,
    with_seed,
)
from reductions.commands.files import printable, read_lines, refuse_size
from reductions.commands.graph_input import (
    output_lines,
    read_graph,
    refuse_wrong_input,
    takes_graphs,
)
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.registry import find

if TYPE_CHECKING:
    from mpc_sim import Protocol
    from mpc_sim.records import Words
    from reductions.certify.certificate import Certificate
    from reductions.commands.certify_inputs import Write
    from reductions.constructions.model import Construction
    from reductions.problems.algorithm import Algorithm, GraphAlgorithm
    from reductions.problems.problem import Instance

MOST_BACK = {"k-hop": 64, "match2": 256, "sum": 256, "induction-heads": 256}
"""Up to so many tokens the way back is taken unless it is left out."""

DEFAULT_N_OF_ALGORITHMS = 64
ALGORITHM_OF = {
    "three-sum": "three_sum",
    "connectivity": "connectivity",
    "one-vs-two-cycle": "cycle_counting",
}
COMPILED = "compiled"
OF_LETTERS, OF_NUMBERS = ("k-hop", "induction-heads"), ("match2", "sum")
MOST_STEPS, PAIRS_A_STEP = 10**7, 2**10
"""Tokens in all layers that are no hour of work, where softmax looks at a pair in no time."""
BYTES_A_NUMBER = 32
"""A value as it is made, laid out, received and folded."""


def _k_hop(options: argparse.Namespace) -> tuple[Certificate, Write]:
    from reductions.constructions.k_hop import certify_k_hop

    epsilon, gamma = options.epsilon or "2/3", options.gamma or "0"
    if options.n is not None:
        refuse_size(options.n, BYTES_A_TOKEN, epsilon, gamma)
    if options.modulus is not None:
        raise UsageError("--modulus is for match2")
    sequence = read_sequence(options)
    refuse_size(len(sequence), BYTES_A_TOKEN, epsilon, gamma)
    certificate = there_and_back(
        options,
        len(sequence) <= MOST_BACK["k-hop"],
        lambda back: certify_k_hop(
            sequence,
            4 if options.k is None else options.k,
            epsilon,
            gamma,
            options=compiler_options(options),
            precision=options.precision,
            back=back and (options.buckets or "sorted"),
            progress=progress_line(),
        ),
    )
    letters = ("none", *(printable(letter) for letter in sequence.alphabet))
    return with_seed(certificate, options), lettered(letters)


def _match2(options: argparse.Namespace) -> tuple[Certificate, Write]:
    from reductions.constructions.match2 import certify_match2
    from reductions.problems.words import random_numbers

    if options.k is not None:
        raise UsageError("--k is for k-hop")
    if options.epsilon or options.gamma:
        raise UsageError("--epsilon and --gamma are for protocols; leave them out")
    refuse_compiler_options(options)
    if options.n is not None:
        refuse_size(options.n, BYTES_A_TOKEN)  # its heads are 1 wide: no rows of blocks
    if options.text is not None or options.graph is not None:
        raise UsageError("match2 takes numbers: give --input FILE with one integer per line")
    if options.input is not None:
        numbers = integers(read_lines(options.input), options.input)
        modulus = read_modulus(options.modulus, len(numbers))
    else:
        n = DEFAULT_N if options.n is None else options.n
        modulus = read_modulus(options.modulus, n)
        numbers = random_numbers(n, modulus, seed=options.seed)
    certificate = there_and_back(
        options,
        len(numbers) <= MOST_BACK["match2"],
        lambda back: certify_match2(numbers, modulus, back=back, progress=progress_line()),
    )
    return with_seed(certificate, options), lettered(("0", "1"))


def certify_sum(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify SUM on seeded words, or on those of a file."""
    from reductions.constructions import sum as task
    from reductions.problems.words import uniform_words

    _refuse_of_protocols(options)
    if options.text is not None or options.graph is not None:
        raise UsageError("sum takes words: give --input FILE with one integer per line")
    if options.input is not None:
        words = integers(read_lines(options.input), options.input)
    else:
        n = DEFAULT_N if options.n is None else options.n
        refuse_size(n, BYTES_A_TOKEN)
        words = uniform_words(n, seed=options.seed)
    certificate = there_and_back(
        options,
        len(words) <= MOST_BACK["sum"],
        lambda back: task.certify_sum(words, back=back, progress=progress_line()),
    )
    return with_seed(certificate, options), lambda output: "".join(f"{w}\n" for w in output)


def certify_induction_heads(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify induction heads on seeded letters, or on those of a file."""
    from reductions.constructions import induction_heads as task

    _refuse_of_protocols(options)
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


def _refuse_of_protocols(options: argparse.Namespace) -> None:
    if options.k is not None:
        raise UsageError("--k is for k-hop")
    if options.modulus is not None:
        raise UsageError("--modulus is for match2")
    if options.epsilon or options.gamma:
        raise UsageError("--epsilon and --gamma are for protocols; leave them out")
    refuse_compiler_options(options)


def certify_by_name(options: argparse.Namespace) -> tuple[Certificate, Write]:
    """Certify the algorithm, or the protocol of a user, that the options name."""
    from reductions.problems.algorithm import Algorithm

    if options.k is not None:
        raise UsageError("--k is for k-hop")
    if options.modulus is not None:
        raise UsageError("--modulus is for match2")
    if options.text is not None:
        raise UsageError(f"--text is for k-hop; give {options.task} --input FILE or --graph FILE")
    if ":" not in options.task:
        return _algorithm(find("algorithm", options.task).load(), options)
    found = _load(options.task)
    return _algorithm(found, options) if isinstance(found, Algorithm) else _own(found, options)


def _algorithm(algorithm: Algorithm, options: argparse.Namespace) -> tuple[Certificate, Write]:
    from mpc_sim.inputs.instances import integers
    from reductions.certify.certify import certify_algorithm

    refuse_wrong_input(algorithm, options.input, options.graph)
    given: Any
    if options.graph is not None:
        given, _ = read_graph(algorithm, options.graph)
    elif options.input is not None:
        given = integers(read_lines(options.input), options.input)
    else:
        n = DEFAULT_N_OF_ALGORITHMS if options.n is None else options.n
        refuse_size(n, BYTES_A_TOKEN)
        given = algorithm.instance(n, options.seed)
    refuse_size(len(algorithm.words(given)), BYTES_A_TOKEN)
    graphs = takes_graphs(algorithm)
    certificate = certify_algorithm(
        algorithm,
        given,
        algorithm.cluster(given, options.epsilon, options.gamma),
        compiler_options(options),
        parameters={"n": given.n_vertices, "m": given.n_edges} if graphs else {"n": len(given)},
        precision=options.precision,
        back=options.back and (options.buckets or "sorted"),
        progress=progress_line(),
    )

    def write(output: Words) -> str:
        if graphs:
            return output_lines(cast("GraphAlgorithm", algorithm), given, output)
        return _numbered(output)

    return with_seed(certificate, options), write


def _own(protocol: Protocol, options: argparse.Namespace) -> tuple[Certificate, Write]:
    from mpc_sim import fit_cluster
    from mpc_sim.inputs.instances import integers
    from mpc_sim.randomness import random_below, random_words
    from reductions.certify.certify import certify_own

    if options.graph is not None:
        raise UsageError("a protocol takes words: give --input FILE")
    if options.input is not None:
        words = integers(read_lines(options.input), options.input)
    else:
        n = DEFAULT_N_OF_ALGORITHMS if options.n is None else options.n
        refuse_size(n, BYTES_A_TOKEN)
        words = random_below(max(n, 1), random_words(options.seed, 0, range(n), 1)[:, 0])
    cluster = fit_cluster(
        protocol,
        len(words),
        options.epsilon or "2/3",
        options.gamma or "0",
        largest_word=int(words.max(initial=0)),
    )
    certificate = certify_own(
        options.task,
        protocol,
        cluster,
        words,
        compiler_options(options),
        parameters={"n": len(words)},
        precision=options.precision,
        back=options.back and (options.buckets or "sorted"),
        progress=progress_line(),
    )
    return with_seed(certificate, options), _numbered


def _load(name: str) -> Protocol | Algorithm:
    """Import a protocol, what builds one without arguments, or an algorithm."""
    from mpc_sim import Protocol
    from reductions.problems.algorithm import Algorithm

    module, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as for python -m: the module may lie in the working folder
    try:
        found = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise UsageError(f"{name}: cannot import {module}: {error}") from None
    except AttributeError:
        raise UsageError(f"{name}: {module} has no {attribute}") from None
    thing: Any = found
    if callable(thing) and not isinstance(thing, (Protocol, Algorithm)):
        try:
            thing = thing()
        except TypeError as error:
            raise UsageError(
                f"{name}: {error}; name a protocol that is built, as in module:protocol"
            ) from None
    if isinstance(thing, (Protocol, Algorithm)):
        return thing
    raise UsageError(f"{name} is a {type(thing).__name__}; name a Protocol or an Algorithm")


def _numbered(output: Words) -> str:
    return "".join(f"{word}\n" for word in output.tolist())


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
    from reductions.problems.words import random_numbers, uniform_words

    task = options.task.partition("/")[0]
    if options.text is not None or options.graph is not None:
        raise UsageError(f"{task} takes numbers: give --input FILE with one integer per line")
    n = DEFAULT_N if options.n is None else options.n
    if options.input is not None:
        words = integers(read_lines(options.input), options.input)
        n = len(words)
    refuse_size(n, BYTES_A_TOKEN)
    modulus = read_modulus(options.modulus, n)
    if options.input is None and task == "match2":
        words = random_numbers(n, modulus, seed=options.seed)
    elif options.input is None:
        words = uniform_words(n, seed=options.seed)
    instance = match2_instance(words, modulus) if task == "match2" else sum_instance(words)
    return instance, lambda output: "".join(f"{word}\n" for word in output.tolist())


CERTIFY_TASK = {
    "k-hop": _k_hop,
    "match2": _match2,
    "sum": certify_sum,
    "induction-heads": certify_induction_heads,
    **dict.fromkeys(ALGORITHM_OF, certify_by_algorithm),
}
