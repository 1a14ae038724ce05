"""Inputs of the commands: from a file or by construction, kept beside a checkpoint, written out."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpc_sim.errors import InputError
from reductions.commands.files import printable, read_lines, read_text, refuse_size, write_text
from reductions.commands.usage import UsageError
from reductions.registry import solver

if TYPE_CHECKING:
    from mpc_sim.inputs.graphs import Graph
    from mpc_sim.records import Words
    from reductions.problems.problem import Instance, Problem

GRAPH_FILE, INPUT_FILE = "graph.npz", "input.json"


def load_solver(name: str) -> Any:
    """Load a solver by its name, or from ``module:name``: it, a protocol, or what builds one."""
    from mpc_sim import Protocol
    from reductions.problems.own_protocol import own_solver

    module, colon, attribute = name.partition(":")
    if not colon:
        return solver(name)
    if "" not in sys.path:
        sys.path.insert(0, "")  # as for python -m: the module may lie in the working folder
    try:
        found: Any = import_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{name}: cannot import {module}: {one_line(error)}") from None
    try:
        for part in attribute.split("."):
            found = getattr(found, part)
        if callable(found) and not isinstance(found, Protocol) and not is_record(found):
            found = found()
    except AttributeError as error:
        raise UsageError(f"{name}: {one_line(error)}") from None
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{name}: {one_line(error)}; name a protocol that is built, as in module:protocol"
        ) from None
    if isinstance(found, Protocol):
        return own_solver(found, name)
    if not is_record(found):
        raise UsageError(f"{name} is a {type(found).__name__}; name a Protocol or a solver")
    return found


def is_record(found: Any) -> bool:
    """Whether an object is a solver: it has a problem, and says what it compiles."""
    from reductions.problems.problem import Problem

    return isinstance(getattr(found, "problem", None), Problem) and hasattr(found, "compiles")


def one_line(error: BaseException) -> str:
    """Return what an error of a user's module says, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def add_parameters(command: argparse.ArgumentParser, arguments: list[str]) -> None:
    """Add an option for every parameter of the problem that the arguments name."""
    from reductions.commands.values import is_solver, size

    name = positional(command, arguments)
    if name is None or not is_solver(name):
        return
    for one in load_solver(name).problem.parameters:
        option = f"--{one.name.replace('_', '-')}"
        if option not in command._option_string_actions:
            command.add_argument(option, type=size, help=one.help.replace("%", "%%"))


def positional(command: argparse.ArgumentParser, arguments: list[str]) -> str | None:
    """Return the first argument that is neither an option nor the value of one.

    An option that is not known here may be a parameter, so that its value is what follows it.
    """
    waiting = iter(arguments)
    for argument in waiting:
        if not argument.startswith("-") or argument == "-":
            return argument
        if "=" in argument:
            continue
        known = [
            action
            for option, action in command._option_string_actions.items()
            if option.startswith(argument)
        ]
        if not known or known[0].nargs != 0:
            next(waiting, None)
    return None


def parameters_of(problem: Problem, options: argparse.Namespace) -> dict[str, int]:
    """Return the parameters of a problem that the options give."""
    given = {one.name: getattr(options, one.name, None) for one in problem.parameters}
    return {name: value for name, value in given.items() if value is not None}


def read_instance(
    problem: Problem, options: argparse.Namespace, default_n: int, bytes_a_word: int
) -> tuple[Instance, list[str]]:
    """Read the input that the options name, or draw one; and what is to be remarked on it."""
    from mpc_sim.inputs.instances import Letters, integers
    from reductions.problems.problem import GRAPH, LETTERS

    text, words = getattr(options, "text", None), getattr(options, "words", False)
    parameters = parameters_of(problem, options)
    for name, path in (("text", text), ("input", options.input), ("graph", options.graph)):
        if path is None:
            continue
        if options.n is not None:
            raise UsageError(f"--n is for the seeded input; leave it out with --{name}")
        takes = {"text": (LETTERS,), "graph": (GRAPH,)}.get(name, ())
        if (takes and problem.reads not in takes) or (name == "input" and problem.reads == GRAPH):
            raise UsageError(f"{problem.name} takes {TAKES[problem.reads]}; leave --{name} out")
    remarks: list[str] = []
    given: Any
    if options.graph is not None:
        given, remarks = read_graph(problem, options.graph)
    elif text is not None:
        read = read_text(text)
        given = Letters.of(read.split() if words else read)
    elif options.input is not None and problem.reads == LETTERS:
        lines = (line.strip() for line in read_lines(options.input))
        given = Letters.of(line for line in lines if line)
    elif options.input is not None:
        given = integers(read_lines(options.input), options.input)
    else:
        n = default_n if options.n is None else options.n
        refuse_size(n, bytes_a_word)
        return problem.draw(n, options.seed or 0, **parameters), remarks
    return problem.instance(given, **parameters), remarks


def refuse_seed(options: argparse.Namespace) -> None:
    """Reject a seed that draws nothing: the input is given.

    Raises
    ------
    UsageError
    """
    for name in ("text", "input", "graph"):
        if getattr(options, name, None) is not None:
            raise UsageError(f"--seed is for the seeded input; leave it out with --{name}")


TAKES = {
    "letters": "a text: give --text FILE or --input FILE",
    "numbers": "numbers: give --input FILE with one integer per line",
    "graph": "a graph: give --graph FILE",
}


def read_graph(problem: Problem, name: str) -> tuple[Graph, list[str]]:
    """Read the edge list in a file; say in a remark if it has weights that are left out."""
    from mpc_sim.inputs.edge_list import read_edge_list
    from mpc_sim.inputs.graphs import Graph

    graph = read_edge_list(read_lines(name), name, True if problem.is_weighted else None)
    if graph.weights is None or problem.is_weighted:
        return graph, []
    remark = f"the third column of {name}, weights, is left out: {problem.name} takes none"
    return Graph(graph.n_vertices, graph.edges, names=graph.names), [remark]


def graph_of_diameter(problem: Problem, n: int, diameter: int, seed: int) -> Graph:
    """Return a caterpillar of n vertices with a diameter, in random order, weighted where needed.

    Raises
    ------
    InputError
        If there is none of that diameter.
    """
    from mpc_sim.inputs.graph_instances import caterpillar, shuffled, weighted

    graph = shuffled(caterpillar(n, diameter), seed=seed)
    return weighted(graph, seed=seed) if problem.is_weighted else graph


def keep_instance(instance: Instance, folder: str | Path) -> None:
    """Write what a checkpoint does not hold of an input beside it: graph, letters, parameters."""
    from mpc_sim.inputs.graph_file import save_graph

    if instance.graph is not None:
        save_graph(instance.graph, Path(folder) / GRAPH_FILE)
    kept = {"parameters": dict(instance.parameters), "alphabet": list(instance.alphabet)}
    write_text(str(Path(folder) / INPUT_FILE), json.dumps(kept))


def kept_instance(problem: Problem, folder: str | Path, words: Words) -> Instance:
    """Read the input of a run from beside its checkpoint, which holds its words.

    Raises
    ------
    UsageError
        The file of letters and parameters is missing or damaged.
    """
    from mpc_sim.inputs.graph_file import load_graph
    from reductions.problems.problem import GRAPH, Instance

    name = Path(folder) / INPUT_FILE
    try:
        kept = json.loads(read_text(str(name)))
        parameters = {str(key): int(value) for key, value in kept["parameters"].items()}
        alphabet = tuple(str(letter) for letter in kept["alphabet"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{name} is damaged: begin the run anew") from None
    if problem.reads == GRAPH:
        return problem.instance(load_graph(Path(folder) / GRAPH_FILE, words), **parameters)
    largest = max(problem.largest_word(words), len(alphabet))
    found = Instance(words, largest_word=largest, alphabet=alphabet)
    return problem.instance(
        found, **{k: v for k, v in parameters.items() if k not in problem.fixed}
    )


def output_lines(problem: Problem, instance: Instance, output: Words) -> str:
    """Write an output, one word per line: letters by what they stand for, graphs by their names.

    Of a graph ``name word`` for vertices and ``u v word`` for edges, as the problem declares what
    they mean. Where a word is a vertex its name is written. An edge has several output words; their
    maximum is written.
    """
    from reductions.problems.problem import NOTHING, VERTEX

    graph = instance.graph
    if instance.alphabet:
        letters = ("none", *(printable(letter) for letter in instance.alphabet))
        return "".join(f"{letters[word]}\n" for word in output.tolist())
    if graph is None:
        return "".join(f"{word}\n" for word in output.tolist())
    if len(output) != graph.shape.n_words:
        raise InputError(f"{len(output)} output words for a graph of {graph.shape.n_words}")
    n = graph.n_vertices
    names = graph.names or tuple(map(str, range(n)))
    lines: list[str] = []
    words = output[:n].tolist()
    if problem.on_vertices == VERTEX:
        lines += [f"{name} {names[word]}" for name, word in zip(names, words, strict=True)]
    elif problem.on_vertices != NOTHING:
        lines += [f"{name} {word}" for name, word in zip(names, words, strict=True)]
    if problem.on_edges:
        flags = output[n:].reshape(-1, graph.shape.edge_words).max(axis=1, initial=0)
        pairs = zip(graph.edges.tolist(), flags.tolist(), strict=True)
        lines += [f"{names[u]} {names[v]} {word}" for (u, v), word in pairs]
    return "".join(f"{line}\n" for line in lines)
