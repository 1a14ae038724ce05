"""``anna-mpc sweep ALGORITHM``: rounds and loads against N, epsilon, diameter and seed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib import import_module
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mpc_sim import InputError, ShapeError
from reductions.commands.inputs import (
    add_parameters as add_parameters,
    graph_of_diameter,
    load_solver,
    parameters_of,
)
from reductions.commands.own_code import place
from reductions.commands.row_files import FORMATS, RESOURCES, Row, refuse_suffix, write_rows
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import seeds, size, sizes, solver_name
from reductions.plots import draw_sweep
from reductions.registry import names

if TYPE_CHECKING:
    from reductions.bounds import Check
    from reductions.experiments.exponents import Growth
    from reductions.problems.problem import Instance, Problem
    from reductions.problems.protocol_solver import ProtocolSolver

SCHEMA = "anna-mpc/sweep/1"
DEFAULT_SIZES = [2**power for power in range(6, 13)]


OTHERS = ("machines", "depth", "heads", "bounds", "exponents")
"""What can be swept and is no algorithm: a command in ``sweep_...``."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    problems = names("problem")
    command.add_argument(
        "algorithm",
        type=lambda text: text if text in OTHERS else solver_name(text),
        metavar="PROBLEM",
        help=f"{', '.join(problems)}; machines: those of softmax, ANNA, exact match and low rank "
        "when they are simulated; depth: layers of k-hop against k, by every construction; "
        "heads: those of k-hop against the tokens per machine, with their width and its exponent; "
        "bounds: lower and upper sides of tasks in one table; exponents: fitted to the claims of "
        "all algorithms, beside theory",
    )
    command.add_argument(
        "--n",
        type=sizes,
        help="words or vertices: 2^10..2^20 doubles, or a list (2^6..2^12; machines 2^5..2^9; "
        "depth 2^13 alone; heads 2^10)",
    )
    command.add_argument(
        "--diameter", type=sizes, help="of graphs, such as 4,16,64: caterpillars of n vertices"
    )
    command.add_argument("--epsilon", help="exponents, separated by commas")
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon)")
    command.add_argument(
        "--c-s", type=size, help="c_s of s = c_s N^epsilon (the least that fits all points)"
    )
    command.add_argument(
        "--c-p", type=size, help="c_p of the machines (the least that fits all points)"
    )
    command.add_argument(
        "--mechanism", help="of machines: some of softmax, anna, exact-match, low-rank (all)"
    )
    command.add_argument("--ratio", help="of machines: c of anna, separated by commas (10,16,20)")
    command.add_argument("--gap", help="of machines: local memory c_b N^gap (1/2)")
    command.add_argument("--k", type=sizes, help="hops (4); of depth (1..2^12), of heads (16)")
    command.add_argument(
        "--tokens-per-machine",
        metavar="G,...",
        help="of heads: numbers, free, all, balanced (1, 2, 4, ..., k, and the rules)",
    )
    command.add_argument("--letters", type=size, help="of depth: letters, A (16)")
    command.add_argument(
        "--run",
        dest="run_tokens",
        type=size,
        help="of depth: tokens of the runs that are compared with the oracle, 0 for none (256)",
    )
    command.add_argument("--seed", type=seeds, default=[0], help="a seed, or a range such as 0..4")
    command.add_argument(
        "--out", metavar="FILE", help="write .csv, .parquet, .tex, .md, or draw .svg, .png, .pdf"
    )
    command.add_argument(
        "--format", choices=("text", "csv", "latex", "markdown"), default="text", help="(text)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Run the grid; the exit status is 0 if every output and bound holds and 1 otherwise."""
    if options.algorithm in OTHERS:
        other = import_module(f"reductions.commands.sweep_{options.algorithm}")
        return int(other.run(options))
    solver = load_solver(options.algorithm).compiles
    if solver is None:
        raise UsageError(f"{options.algorithm} has no protocol; sweep depth compares its models")
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    own = {one.name for one in solver.problem.parameters}
    refuse_options(options, tuple({"k", "letters", "run_tokens"} - own), "depth")
    refuse_options(options, ("tokens_per_machine",), "heads")
    chosen = options.n or DEFAULT_SIZES
    if min(chosen) < 1:
        raise UsageError("--n 0: an input has at least one word")
    if options.out:
        refuse_suffix(options.out)
    from reductions.problems.problem import GRAPH

    if options.diameter is not None and solver.problem.reads != GRAPH:
        raise UsageError(f"--diameter is for graphs; {solver.name} takes words: leave it out")
    given = parameters_of(solver.problem, options)
    values = [each if isinstance(each, list) else [each] for each in given.values()]
    epsilons = options.epsilon.split(",") if options.epsilon else [solver.epsilon]
    grid = [
        Point(n, epsilon, seed, diameter, dict(zip(given, chosen_values, strict=True)))
        for epsilon in epsilons
        for n in chosen
        for diameter in options.diameter or [None]
        for chosen_values in product(*values)
        for seed in options.seed
    ]
    line = progress_line()
    rows: list[Row] = []
    try:
        for row in measure(solver, grid, options.gamma, c_s=options.c_s, c_p=options.c_p):
            rows.append(row)
            if line is not None:
                line("sweep", len(rows), len(grid))
    except (InputError, ShapeError) as error:
        raise UsageError(f"{error}{place(error)}") from None
    ok = all(row["ok"] for row in rows)
    if options.out:
        write_rows(options.out, rows, draw_sweep)
    fits = fitted(solver, rows)
    if options.json:
        report = {"schema": SCHEMA, "ok": ok, "algorithm": solver.name, "rows": rows}
        print(
            json.dumps(report | {"fits": [{"series": said, **asdict(fit)} for said, fit in fits]})
        )
    elif not options.out:
        print(FORMATS[options.format](rows), end="")
        if options.format == "text":
            print("".join(f"{said}: {fit}\n" for said, fit in fits), end="")
    return 0 if ok else 1


def refuse_options(options: argparse.Namespace, names: tuple[str, ...], of: str) -> None:
    """Refuse options that belong to another sweep."""
    for name in sorted(names):
        if getattr(options, name) is not None:
            option = "run" if name == "run_tokens" else name.replace("_", "-")
            raise UsageError(f"--{option} is for {of}; leave it out with {options.algorithm}")


def fitted(solver: ProtocolSolver, rows: list[Row]) -> list[tuple[str, Growth]]:
    """Fit the exponents of every series of enough sizes."""
    from mpc_sim import Cluster
    from reductions.experiments.exponents import growths

    series: dict[str, list[Row]] = {}
    own = [one.name for one in solver.problem.parameters]
    for row in rows:
        names = ("epsilon", "diameter", *(name for name in own if name in row))
        said = ", ".join(f"{name} = {row[name]}" for name in names if row.get(name) is not None)
        series.setdefault(said, []).append(row)
    found = []
    for said, mine in series.items():
        if mine[0]["rounds"] is None:
            continue
        clusters = [
            Cluster.from_exponents(
                row["n_words"],
                row["epsilon"],
                row["gamma"],
                memory_factor=row["c_s"],
                machine_factor=row["c_p"],
            )
            for row in mine
        ]
        closed = [{name: row[f"{name}_bound"] for name in RESOURCES} for row in mine]
        parameters = {name: mine[0].get(name) for name in own}
        found += [(said, one) for one in growths(solver, clusters, mine, closed, parameters)]
    return found


def instance_of(problem: Problem, point: Point) -> Instance:
    """Return the input of a point."""
    if point.diameter is None:
        return problem.draw(point.n, point.seed, **point.parameters)
    graph = graph_of_diameter(problem, point.n, point.diameter, point.seed)
    return problem.instance(graph, **point.parameters)


def _over(check: Check | None) -> float | None:
    """Return what was measured over what the paper states without a constant."""
    if check is None or check.paper is None or check.measured is None:
        return None
    return round(check.measured / check.paper.size, 6)


class Point(NamedTuple):
    """A point of a grid: N, or the vertices of a graph; its diameter, and parameters."""

    n: int
    epsilon: str
    seed: int
    diameter: int | None = None
    parameters: Mapping[str, int] = MappingProxyType({})

    @property
    def series(self) -> str:
        """What all points of a series have in common."""
        return str((self.epsilon, self.diameter, sorted(self.parameters.items())))


def measure(
    solver: ProtocolSolver,
    grid: list[Point],
    gamma: str | None = None,
    *,
    c_s: int | None = None,
    c_p: int | None = None,
) -> Iterator[Row]:
    """Yield a row for every point of a grid: sizes, resources and their bounds.

    Along a series, of all N and seeds, c_s and c_p are the same: the least that fit all its points.
    """
    from reductions.certify.run import simulate
    from reductions.certify.run_size import refuse_draw, refuse_run
    from reductions.experiments import exponents

    problem, held, chosen = solver.problem, dict[str, tuple[int, int]](), gamma or solver.gamma
    for n in {point.n for point in grid}:
        refuse_draw(problem, n)

    def machines_of(point: Point) -> exponents.Point:
        return exponents.Point.of(solver, instance_of(problem, point).shape)

    for point in grid:
        n, epsilon, seed, diameter, _ = point
        if point.series not in held:
            points = [machines_of(other) for other in grid if other.series == point.series]
            held[point.series] = exponents.held_factors(points, epsilon, chosen, c_s=c_s, c_p=c_p)
        instance = instance_of(problem, point)
        machines = machines_of(point)
        cluster = machines.cluster(epsilon, chosen, *held[point.series])
        refuse_run(machines.protocol, cluster)
        certificate = simulate(solver, instance, cluster).certificate
        of_graph = {"diameter": diameter}
        row: Row = {
            "algorithm": solver.name,
            "n": n,
            "n_words": cluster.n_words,
            **({} if instance.graph is None else of_graph),
            **instance.parameters,
            "epsilon": epsilon,
            "gamma": str(cluster.gamma),
            "seed": seed,
            "c_s": cluster.memory_factor,
            "c_p": cluster.machine_factor,
            "memory_words": cluster.memory_words,
            "n_machines": cluster.n_machines,
        }
        checks = {check.name: check for check in certificate.checks}
        for name in RESOURCES:  # a protocol of a user has no bounds of its own
            row[name] = checks[name].measured if name in checks else None
            row[f"{name}_bound"] = checks[name].bound if name in checks else None
        memory, law = checks.get("local_memory"), checks.get("rounds")
        row["held_over_n_epsilon"] = _over(memory)
        row["rounds_over_law"] = _over(law)
        row["law"] = "" if solver.law is None else solver.law.text
        row["ok"] = certificate.ok
        row["seconds"] = round(certificate.seconds, 4)
        yield row
