"""Inputs of the commands: from a file or by construction, kept beside a checkpoint, written out."""

from __future__ import annotations

import argparse
import json
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpc_sim.errors import InputError
from reductions.commands.files import (
    content_lines,
    open_bytes,
    read_lines,
    read_text,
    shown_name,
    shown_token,
    write_text,
)
from reductions.commands.own_objects import load_own
from reductions.commands.usage import UsageError
from reductions.registry import solver

if TYPE_CHECKING:
    from mpc_sim.inputs.graphs import Graph
    from mpc_sim.inputs.reading import GraphRead
    from mpc_sim.records import Words
    from reductions.problems.problem import Instance, Problem

GRAPH_FILE, INPUT_FILE = "graph.npz", "input.json"


def load_solver(name: str) -> Any:
    """Load a solver by its name, or from ``module:name``: it, a protocol, or what builds one."""
    from mpc_sim import Protocol
    from reductions.problems.own_protocol import own_solver

    if ":" not in name:
        return solver(name)

    def is_made(found: Any) -> bool:
        return not isinstance(found, type) and (isinstance(found, Protocol) or is_record(found))

    found = load_own(name, "protocol or a solver", is_made)
    return own_solver(found, name) if isinstance(found, Protocol) else found


def is_record(found: Any) -> bool:
    """Whether an object is a solver: it has a problem, and says what it compiles."""
    from reductions.problems.problem import Problem

    return isinstance(getattr(found, "problem", None), Problem) and hasattr(found, "compiles")


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


def add_inputs(command: argparse.ArgumentParser) -> None:
    """Add the options that name an input."""
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--text", metavar="FILE", help="one token per character; - reads standard input"
    )
    source.add_argument(
        "--input",
        metavar="FILE",
        help="one word or letter per line, of three-sum a number plus n^3; '# ' begins a comment; "
        "- reads standard input",
    )
    source.add_argument(
        "--graph",
        metavar="FILE",
        help="an edge 'u v' or 'u v weight' per line, csv, tsv, Matrix Market, DIMACS, METIS, GML, "
        "GraphML or Pajek, packed by gzip or not; - reads standard input",
    )
    command.add_argument(
        "--input-format",
        metavar="F",
        help="of --graph, where its content and suffix do not say it: edge-list, csv, tsv, "
        "matrix-market, dimacs, metis, gml, graphml, pajek",
    )
    command.add_argument("--words", action="store_true", help="with --text: one token per word")
    command.set_defaults(echoed={})


def read_instance(
    problem: Problem, options: argparse.Namespace, default_n: int
) -> tuple[Instance, list[str]]:
    """Read the input that the options name, or draw one; and what is to be remarked on it."""
    from mpc_sim.inputs.instances import Letters, integers
    from reductions.certify.run_size import BYTES_DRAWN, refuse_bytes, refuse_draw
    from reductions.problems.problem import GRAPH, LETTERS

    text, words = options.text, options.words
    if words and text is None:
        raise UsageError("--words goes with --text FILE")
    if options.input_format is not None and options.graph is None:
        raise UsageError("--input-format goes with --graph FILE")
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
        found = read_graph(problem, options.graph, options.input_format)
        given, remarks = found.graph, list(found.remarks)
        refuse_bytes(BYTES_DRAWN * given.shape.n_words, f"the graph of {options.graph}")
        options.echoed = {
            "input_format": found.format,
            "lines_passed_over": found.n_passed_over,
        }
    elif text is not None:
        read = read_text(text)
        given = Letters.of(read.split() if words else read)
    elif options.input is not None and problem.reads == LETTERS:
        lines, remarks = content_lines(read_lines(options.input), options.input)
        given = Letters.of(line for line in lines if line)
    elif options.input is not None:
        lines, remarks = content_lines(read_lines(options.input), options.input)
        given = integers(lines, options.input)
    else:
        n = default_n if options.n is None else options.n
        if n < 1:
            raise UsageError(f"--n {n}: an input has at least one word")
        refuse_draw(problem, n)
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


def read_graph(problem: Problem, name: str, input_format: str | None) -> GraphRead:
    """Read the graph in a file, with weights where the problem takes them."""
    from mpc_sim.inputs.graph_formats import read_graph

    called = "standard input" if name == "-" else name
    with open_bytes(name) as stream:
        return read_graph(stream, called, input_format=input_format, weighted=problem.is_weighted)


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
        parameters = {str(key): index(value) for key, value in kept["parameters"].items()}
        alphabet = tuple(str(letter) for letter in kept["alphabet"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{name} is damaged: begin the run anew") from None
    if problem.reads == GRAPH:
        return problem.instance(load_graph(Path(folder) / GRAPH_FILE, words), **parameters)
    largest = max(problem.largest_word(words), len(alphabet))
    found = Instance(words, largest_word=largest, alphabet=alphabet)
    return problem.instance(
        found, **{k: v for k, v in parameters.items() if k not in problem.fixed}
    )


def output_lines(problem: Problem, instance: Instance, output: Words) -> str:
    """Write an output as what it stands for: letters, vertices by name, numbers by their layout.

    Of a graph ``name word`` for vertices and ``u v word`` for edges, as the problem declares what
    they mean. Where a word is a vertex its name is written. An edge has several output words; their
    maximum is written. ``anna-mpc list NAME`` says it in words.
    """
    from reductions.problems.problem import NOTHING, VERTEX

    graph = instance.graph
    if instance.alphabet:
        letters = ("none", *(shown_token(letter) for letter in instance.alphabet))
        return "".join(f"{letters[word]}\n" for word in output.tolist())
    if graph is None:
        return "".join(f"{line}\n" for line in problem.layout.lines(output))
    if len(output) != graph.shape.n_words:
        raise InputError(f"{len(output)} output words for a graph of {graph.shape.n_words}")
    n = graph.n_vertices
    names = [shown_name(name) for name in graph.names or map(str, range(n))]
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
