"""Rooms of the house: who may import whom. Every check is a function with a canary beside it.

A room is a folder right below a package, or a module there. Rooms stand on levels, and an import
leads to a lower level or stays in its room: at load time, inside functions, and for types alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from repository import ROOT

LEVELS = {
    "mpc_sim": (
        "by_identity errors extras kernels labels randomness",
        "columns identity integers",
        "records",
        "cluster cost counting_sort kept_rounds saving strict_arrays",
        "charge inputs machine_view pages placement",
        "ledger protocol routing",
        "checkpoint clean_process compose hidden_state local_step",
        "isolated_parts simulation stages",
        "algorithms inspect isolation",
        "conformance",
    ),
    "anna_model": (
        "frozen_arrays kernels stored_numbers",
        "gpt2_config lazy_values torch_file",
        "heads joins rows threads weights_file",
        "answers lsh",
        "mechanisms work",
        "transformer",
        "fixed_point forward_by_definition patterns recurrent rowwise rowwise_check surrogate",
        "gpt2_weights",
        "gpt2",
        "gpt2_on_grid",
    ),
    "reductions": (
        "arrays bounds choice inspect plots registry",
        "mpc_to_anna problems",
        "attention_to_mpc benchmarks",
        "certify low_rank_to_anna",
        "constructions testing",
        "separations",
        "experiments",
        "commands",
        "cli",
        "__main__",
    ),
}
"""Of every package, from the ground up."""

LAZY = {
    ("mpc_sim.simulation", "mpc_sim.inspect.trace"),
    ("mpc_sim.simulation", "mpc_sim.inspect.explore"),
    ("reductions.__main__", "reductions.cli"),
    ("reductions.mpc_to_anna.compile", "reductions.mpc_to_anna.trace"),
    ("reductions.mpc_to_anna.compile", "reductions.inspect.explore"),
}
"""Methods of two lines, `trace` and `explore`, that import what looks at their object; the command,
whose import may be interrupted."""

MOST_ROOMS, MOST_LAZY = 20, 10
Graph = dict[str, set[str]]


def sources(root: Path) -> dict[str, str]:
    """Dotted name -> source of every module; a package goes by its own name."""
    found = {}
    for package in LEVELS:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path.read_text(encoding="utf-8")
    return found


def imported(source: str) -> Iterator[tuple[str, bool]]:
    """Every name that a module imports, from anywhere in it, and whether inside a function."""

    def visit(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not used here"
            yield from ((f"{node.module}.{alias.name}", inside) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        within = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, within)

    return visit(ast.parse(source), False)


def graph_of(modules: Mapping[str, str]) -> Graph:
    """Which module imports which, the lazy methods left out."""
    graph: Graph = {}
    for name, source in modules.items():
        near = {one if one in modules else one.rpartition(".")[0] for one, _ in imported(source)}
        graph[name] = {one for one in near & modules.keys() if (name, one) not in LAZY} - {name}
    return graph


def room(module: str) -> str:
    """The room of a module: ``mpc_sim.ledger.table`` lies in ``mpc_sim.ledger``."""
    return ".".join(module.split(".")[:2])


def upwards(graph: Graph) -> list[str]:
    """Imports that do not lead down, fronts of own packages included, and rooms without a level."""
    level = {
        f"{package}.{name}": number
        for package, rows in LEVELS.items()
        for number, row in enumerate(rows)
        for name in row.split()
    }
    faults = [f"{name} has no level" for name in sorted(map(room, graph)) if "." in name]
    faults = [fault for fault in dict.fromkeys(faults) if fault.split()[0] not in level]
    for name, found in graph.items():
        package = name.partition(".")[0]
        for one in sorted(found):
            if package == name or one.partition(".")[0] != package or room(one) == room(name):
                continue  # a front hands names on; packages are kept apart in test_house
            if one == package or level.get(room(one), -1) >= level.get(room(name), -1):
                faults.append(f"{name} imports {one}")
    return faults


def circles(graph: Graph) -> list[list[str]]:
    """The sets of modules that reach each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    reach = {name: reached(name) for name in graph}
    found = {frozenset(m for m in reach[n] if n in reach[m]) for n in graph if n in reach[n]}
    return sorted(map(sorted, found))


def lazily(modules: Mapping[str, str]) -> list[str]:
    """Imports of own packages inside functions, but of kernels and in commands."""
    return [
        f"{name} imports {one}"
        for name, source in modules.items()
        if not name.startswith("reductions.commands.")
        for one, inside in imported(source)
        if inside and one.split(".")[0] in LEVELS and "kernels" not in one.split(".")
    ]


MODULES = sources(ROOT)
GRAPH = graph_of(MODULES)


def test_no_import_leads_up() -> None:
    assert upwards(GRAPH) == []


def test_there_is_no_circle() -> None:
    assert circles(GRAPH) == []


def test_the_lazy_methods_are_the_listed_ones() -> None:
    found = lazily(MODULES)
    assert len(found) <= MOST_LAZY
    assert {fault.rpartition(".")[0] for fault in found} == {f"{a} imports {b}" for a, b in LAZY}


def test_reductions_has_few_rooms() -> None:
    assert len({room(name) for name in MODULES if name.startswith("reductions.")}) <= MOST_ROOMS


SMALL = {
    "mpc_sim": "from mpc_sim.simulation import Simulation",
    "mpc_sim.errors": "",
    "mpc_sim.records": "from mpc_sim.errors import MPCError",
    "mpc_sim.ledger": "",
    "mpc_sim.ledger.table": "from mpc_sim.records import Words",
    "mpc_sim.simulation": "from mpc_sim.ledger.table import text\nimport anna_model",
    "anna_model": "",
}


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("mpc_sim.errors", "from mpc_sim.records import Words", "imports mpc_sim.records"),
        ("mpc_sim.errors", "import mpc_sim.ledger.table", "imports mpc_sim.ledger.table"),
        ("mpc_sim.ledger.table", "def f():\n    from mpc_sim import simulation", ".simulation"),
        ("mpc_sim.errors", "if TYPE_CHECKING:\n    from mpc_sim.records import Words", ".records"),
        ("mpc_sim.errors", "from mpc_sim import Simulation", "imports mpc_sim"),
        ("mpc_sim.cellar", "", "has no level"),
    ],
)
def test_canary_upwards(name: str, source: str, fault: str) -> None:
    assert upwards(graph_of(SMALL)) == []
    (found,) = upwards(graph_of(SMALL | {name: source}))
    assert found.endswith(fault)


def test_canary_circles() -> None:
    assert circles(graph_of(SMALL)) == []
    page = {"mpc_sim.ledger.page": "if TYPE_CHECKING:\n    from mpc_sim.ledger.table import text"}
    table = {"mpc_sim.ledger.table": "def f():\n    import mpc_sim.ledger.page"}
    assert circles(graph_of(SMALL | page | table)) == [
        ["mpc_sim.ledger.page", "mpc_sim.ledger.table"]
    ]


def test_canary_lazily() -> None:
    sneaking = "def f():\n    from mpc_sim.records import Words\n    import numpy"
    assert lazily({"mpc_sim.simulation": sneaking}) == [
        "mpc_sim.simulation imports mpc_sim.records.Words"
    ]
    assert lazily({"reductions.commands.list": sneaking}) == []
    kernels = "def f():\n    from mpc_sim.kernels.routing import count"
    assert lazily({"mpc_sim.simulation": kernels}) == []
