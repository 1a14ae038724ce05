"""``anna-mpc certify ALGORITHM`` and ``certify module:name``: Theorem 4.1 for any protocol."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from reductions.commands.certify import BYTES_A_TOKEN, compiler_options, with_seed
from reductions.commands.files import read_lines, refuse_size
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
    from reductions.certify.certificate import Certificate
    from reductions.commands.certify import Write
    from reductions.problems.algorithm import Algorithm, GraphAlgorithm, Words

DEFAULT_N = 64


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
    from reductions.certify.certify_algorithm import certify_algorithm

    refuse_wrong_input(algorithm, options.input, options.graph)
    given: Any
    if options.graph is not None:
        given, _ = read_graph(algorithm, options.graph)
    elif options.input is not None:
        given = integers(read_lines(options.input), options.input)
    else:
        n = DEFAULT_N if options.n is None else options.n
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
        return _numbers(output)

    return with_seed(certificate, options), write


def _own(protocol: Protocol, options: argparse.Namespace) -> tuple[Certificate, Write]:
    from mpc_sim import fit_cluster
    from mpc_sim.inputs.instances import integers
    from mpc_sim.randomness import random_below, random_words
    from reductions.certify.certify_algorithm import certify_own

    if options.graph is not None:
        raise UsageError("a protocol takes words: give --input FILE")
    if options.input is not None:
        words = integers(read_lines(options.input), options.input)
    else:
        n = DEFAULT_N if options.n is None else options.n
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
    return with_seed(certificate, options), _numbers


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


def _numbers(output: Words) -> str:
    return "".join(f"{word}\n" for word in output.tolist())
