"""``anna-mpc sweep ALGORITHM``: rounds and loads against N, epsilon, diameter and seed."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mpc_sim import InputError, ShapeError
from reductions.cli import UsageError
from reductions.commands.files import refuse_size, write_text
from reductions.commands.graph_input import graph_of_diameter, takes_graphs
from reductions.commands.simulate import BYTES_A_WORD
from reductions.commands.tables import progress_line
from reductions.plots import SUFFIXES, draw_sweep
from reductions.registry import find

if TYPE_CHECKING:
    from reductions.algorithms.algorithm import Algorithm

SCHEMA = "anna-mpc/sweep/1"
RESOURCES = ("rounds", "local_memory", "sent_words", "received_words", "machines")
Row = dict[str, Any]


def run(options: argparse.Namespace) -> int:
    """Run the grid; the exit status is 0 if every output and bound holds and 1 otherwise."""
    algorithm: Algorithm = find("algorithm", options.algorithm).load()
    epsilons = options.epsilon.split(",") if options.epsilon else [algorithm.epsilon]
    sizes, seeds = options.n, options.seed
    refuse_size(max(sizes), BYTES_A_WORD)
    if options.out:
        _refuse_suffix(options.out)
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
        write_rows(options.out, rows)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "ok": ok, "algorithm": algorithm.name, "rows": rows}))
    elif not options.out:
        print(FORMATS[options.format](rows), end="")
    return 0 if ok else 1


class Point(NamedTuple):
    """A point of a grid: N, or the vertices of a graph; of graphs the diameter as well."""

    n: int
    epsilon: str
    seed: int
    diameter: int | None = None


def measure(algorithm: Algorithm, grid: list[Point], gamma: str | None = None) -> Iterator[Row]:
    """Yield a row for every point of a grid: sizes, resources and their bounds."""
    from reductions.algorithms.run import run_algorithm

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


def as_csv(rows: list[Row]) -> str:
    """Write rows as comma-separated values with a header.

    Examples
    --------
    >>> print(as_csv([{"n": 4, "rounds": 5}]), end="")
    n,rounds
    4,5
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(rows: list[Row]) -> str:
    """Write rows as a Markdown table.

    Examples
    --------
    >>> print(as_markdown([{"n": 4, "rounds": 5}]), end="")
    | n | rounds |
    |---|---|
    | 4 | 5 |
    """
    header, *body = _cells(rows)
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(line) + " |" for line in body]
    return "\n".join(lines) + "\n"


def as_latex(rows: list[Row]) -> str:
    r"""Write rows as a LaTeX tabular.

    Examples
    --------
    >>> print(as_latex([{"n": 4, "sent_words": 5}]), end="")
    \begin{tabular}{rr}
    n & sent\_words \\
    \hline
    4 & 5 \\
    \end{tabular}
    """
    cells = _cells(rows)
    lines = [" & ".join(cell.replace("_", r"\_") for cell in line) + r" \\" for line in cells]
    body = "\n".join([lines[0], r"\hline", *lines[1:]])
    return f"\\begin{{tabular}}{{{'r' * len(cells[0])}}}\n{body}\n\\end{{tabular}}\n"


def as_text(rows: list[Row]) -> str:
    """Write rows as aligned columns.

    Examples
    --------
    >>> print(as_text([{"n": 4, "rounds": 5}, {"n": 16, "rounds": 5}]), end="")
     n  rounds
     4       5
    16       5
    """
    cells = _cells(rows)
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    return "".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + "\n"
        for line in cells
    )


def _cells(rows: list[Row]) -> list[list[str]]:
    """Choose what to show: the resources, and every column in which the rows differ."""
    shown = [
        name
        for name in rows[0]
        if name in RESOURCES or name in ("n", "ok") or len({row[name] for row in rows}) > 1
    ]
    return [shown, *([str(row[name]) for name in shown] for row in rows)]


FORMATS = {"text": as_text, "csv": as_csv, "latex": as_latex, "markdown": as_markdown}
BY_SUFFIX = {".csv": as_csv, ".tex": as_latex, ".md": as_markdown}


def write_rows(name: str, rows: list[Row]) -> None:
    """Write rows as the suffix says: .csv, .parquet, .tex, .md, or a picture of the rounds."""
    suffix = Path(name).suffix
    if suffix in BY_SUFFIX:
        write_text(name, BY_SUFFIX[suffix](rows))
        return
    try:
        if suffix in SUFFIXES:
            draw_sweep(rows, name)
        else:
            _write_parquet(name, rows)
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from None


def _write_parquet(name: str, rows: list[Row]) -> None:
    import polars

    partial = Path(f"{name}.partial")
    try:
        polars.DataFrame(rows).write_parquet(partial)
        partial.replace(name)
    finally:
        partial.unlink(missing_ok=True)


def _refuse_suffix(name: str) -> None:
    """Refuse what cannot be written before anything is computed."""
    suffix = Path(name).suffix
    extras = {".parquet": ("polars", "data")} | dict.fromkeys(SUFFIXES, ("matplotlib", "plots"))
    if suffix in extras:
        from importlib.util import find_spec

        package, extra = extras[suffix]
        if find_spec(package) is None:
            raise UsageError(f"--out FILE{suffix} needs {package}: pip install 'anna-mpc[{extra}]'")
    elif suffix not in BY_SUFFIX:
        endings = ", ".join([*BY_SUFFIX, *extras])
        raise UsageError(f"--out {name}: end the name in one of {endings}")
