"""``anna-mpc sweep ALGORITHM``: rounds and loads against N, epsilon, diameter and seed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from mpc_sim import InputError, ShapeError
from reductions.commands.files import refuse_size
from reductions.commands.graph_input import graph_of_diameter, takes_graphs
from reductions.commands.row_files import FORMATS, RESOURCES, Row, refuse_suffix, write_rows
from reductions.commands.simulate import BYTES_A_WORD
from reductions.commands.sweep_arguments import OTHERS
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import draw_sweep
from reductions.registry import find

if TYPE_CHECKING:
    from reductions.problems.algorithm import Algorithm

SCHEMA = "anna-mpc/sweep/1"
DEFAULT_SIZES = [2**power for power in range(6, 13)]


def run(options: argparse.Namespace) -> int:
    """Run the grid; the exit status is 0 if every output and bound holds and 1 otherwise."""
    if options.algorithm in OTHERS:
        other = import_module(f"reductions.commands.sweep_{options.algorithm}")
        return int(other.run(options))
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    refuse_options(options, ("k", "letters", "run_tokens"), "depth")
    algorithm: Algorithm = find("algorithm", options.algorithm).load()
    epsilons = options.epsilon.split(",") if options.epsilon else [algorithm.epsilon]
    sizes, seeds = options.n or DEFAULT_SIZES, options.seed
    refuse_size(max(sizes), BYTES_A_WORD)
    if options.out:
        refuse_suffix(options.out)
    if options.diameter is not None and not takes_graphs(algorithm):
        raise UsageError(f"--diameter is for graphs; {algorithm.name} takes words: leave it out")
    diameters = [None] if options.diameter is None else options.diameter
    grid = [
        Point(n, epsilon, seed, diameter)
        for epsilon in epsilons
        for n in sizes
        for diameter in diameters
        for seed in seeds
    ]
    line = progress_line()
    rows: list[Row] = []
    try:
        for row in measure(algorithm, grid, options.gamma):
            rows.append(row)
            if line is not None:
                line("sweep", len(rows), len(grid))
    except (InputError, ShapeError) as error:
        raise UsageError(str(error)) from None
    ok = all(row["ok"] for row in rows)
    if options.out:
        write_rows(options.out, rows, draw_sweep)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "ok": ok, "algorithm": algorithm.name, "rows": rows}))
    elif not options.out:
        print(FORMATS[options.format](rows), end="")
    return 0 if ok else 1


def refuse_options(options: argparse.Namespace, names: tuple[str, ...], of: str) -> None:
    """Refuse options that belong to another sweep."""
    for name in names:
        if getattr(options, name) is not None:
            option = name.partition("_")[0]
            raise UsageError(f"--{option} is for {of}; leave it out with {options.algorithm}")


class Point(NamedTuple):
    """A point of a grid: N, or the vertices of a graph; of graphs the diameter as well."""

    n: int
    epsilon: str
    seed: int
    diameter: int | None = None


def measure(algorithm: Algorithm, grid: list[Point], gamma: str | None = None) -> Iterator[Row]:
    """Yield a row for every point of a grid: sizes, resources and their bounds."""
    from reductions.certify.run_algorithm import run_algorithm

    for n, epsilon, seed, diameter in grid:
        if diameter is None:
            given = algorithm.instance(n, seed)
        else:
            given = graph_of_diameter(algorithm, n, diameter, seed)
        cluster = algorithm.cluster(given, epsilon, gamma)
        certificate = run_algorithm(algorithm, given, cluster).certificate
        of_graph = {"n_words": cluster.n_words, "diameter": diameter}
        row: Row = {
            "algorithm": algorithm.name,
            "n": n,
            **(of_graph if takes_graphs(algorithm) else {}),
            "epsilon": epsilon,
            "gamma": str(cluster.gamma),
            "seed": seed,
            "c_s": cluster.memory_factor,
            "c_p": cluster.machine_factor,
            "memory_words": cluster.memory_words,
            "n_machines": cluster.n_machines,
        }
        for name in RESOURCES:
            row[name] = certificate[name].measured
            row[f"{name}_bound"] = certificate[name].bound
        row["ok"] = certificate.ok
        row["seconds"] = round(certificate.seconds, 4)
        yield row
