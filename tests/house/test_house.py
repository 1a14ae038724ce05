"""Rules of the source tree. Every check is a function, and a canary beside it makes it fail."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from repository import ROOT

PACKAGES = ("mpc_sim", "anna_model", "reductions")
STRANGERS = {"mpc_sim": {"anna_model", "reductions"}, "anna_model": {"mpc_sim", "reductions"}}
HEAVY = {"numba", "sympy", "networkx", "torch", "ray", "matplotlib", "ipywidgets", "anywidget"}
ROOMS = {  # where an import may run when the module loads; elsewhere only inside functions
    "torch": "anna_model.surrogate",
    "ray": "mpc_sim.engines",
    "matplotlib": "reductions.plots",
    "ipywidgets": "mpc_sim.inspect.explore",
    "anywidget": "mpc_sim.inspect.explore",
}
MAX_LINES = 400
OF_THE_WHOLE = {"house", "golden"}
"""Folders of tests that are about no single package."""
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc"}
LINKED_HOSTS = {"arxiv.org", "doi.org", "graphml.graphdrawing.org"}  # the last is a name space
LEAKS = {
    "index option": r"--(?:(?:extra-)?index-url|find-links|trusted-host)",
    "index setting": r"(?m)^\s*(?:(?:extra-)?index-url|find-links|trusted-host)\s*=",
    "index variable": r"PIP_(?:EXTRA_INDEX|INDEX|FIND|TRUSTED)_",
    "file address": r"file:/{2}",
    "path of one machine": r"(?<![\w.~])/(?:home|root|work|opt|Users)/\w|[A-Za-z]:\\{1,2}Users\\",
    "editable install": r"(?m)^\s*(?:-e|--editable)\s",
}


# --- what the tree holds ---


def modules(root: Path) -> dict[str, str]:
    """Dotted name -> source of every module of the packages; a package is `name.__init__`."""
    paths = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted(paths)
    }


def house_files(root: Path) -> list[Path]:
    """Files under version control or about to be; all but hidden folders where git is absent."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True)
        found = [root / name for name in listed.stdout.split("\0") if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        skipped = re.compile(r"(?:^|/)(?:\.(?!ci/)[^/]*|__pycache__|build|dist|[^/]*\.egg-info)/")
        found = [p for p in root.rglob("*") if not skipped.search(p.relative_to(root).as_posix())]
    return sorted(path for path in found if path.is_file())


def text_of(path: Path) -> str:
    """The text of a file, empty for a binary one."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


SOURCES = modules(ROOT)
FILES = house_files(ROOT)


def test_the_tree_is_there() -> None:
    assert {f"{package}.__init__" for package in PACKAGES} <= set(SOURCES)
    names = {path.relative_to(ROOT).as_posix() for path in FILES}
    assert {"pyproject.toml", "constraints.txt", "Makefile", ".ci/run"} <= names


# --- imports ---


@dataclass(frozen=True)
class Import:
    """One import: absolute module, names taken from it, whether it waits for a call."""

    module: str
    names: tuple[str, ...]
    lazy: bool

    def targets(self) -> Iterator[str]:
        """Everything that may be a module among what is imported."""
        yield self.module
        yield from (f"{self.module}.{name}" for name in self.names)


def imports(name: str, source: str) -> Iterator[Import]:
    """Every import of a module, lazy where it lies in a function or under TYPE_CHECKING."""

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=aliases):
                yield from (Import(alias.name, (), lazy) for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = name.split(".")[:-level] if level else []
                origin = ".".join([*base, *([module] if module else [])])
                yield Import(origin, tuple(alias.name for alias in aliases), lazy)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield Import(module, (), lazy)
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for statement in node.body:
                    yield from visit(statement, True)
                for statement in node.orelse:
                    yield from visit(statement, lazy)
                return
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(ast.parse(source), False)


def sideways(sources: Mapping[str, str]) -> list[str]:
    """Imports between packages against the one direction."""
    return [
        f"{name} imports {found.module}"
        for name, source in sources.items()
        for found in imports(name, source)
        if found.module.split(".")[0] in STRANGERS.get(name.split(".")[0], ())
    ]


COMPILED = "anna_model.kernels.compiled"


def not_public(sources: Mapping[str, str]) -> list[str]:
    """Imports of reductions that reach into private parts or kernels of the other packages.

    What compiles loops is shared by all loops.
    """
    return [
        f"{name} imports {target}"
        for name, source in sources.items()
        if name.startswith("reductions.")
        for found in imports(name, source)
        if found.module.split(".")[0] in STRANGERS
        for target in found.targets()
        if any(part == "kernels" or part.startswith("_") for part in target.split("."))
        and not ("kernels" in name.split(".") and target.startswith(COMPILED))
    ]


def outside_rooms(sources: Mapping[str, str]) -> list[str]:
    """Third-party imports outside the places that may make them."""
    faults = []
    for name, source in sources.items():
        for found in imports(name, source):
            library = found.module.split(".")[0]
            allowed = {
                "numba": "kernels" in name.split("."),
                "sympy": name.startswith("reductions."),
            }.get(library, found.lazy or f"{name}.".startswith(f"{ROOMS.get(library, name)}."))
            if not allowed:
                faults.append(f"{name} imports {found.module}")
    return faults


def loaded_by(statement: str) -> set[str]:
    """The heavy libraries that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return HEAVY & set(run.stdout.split())


@pytest.mark.parametrize("check", [sideways, not_public, outside_rooms])
def test_imports_run_one_way(check: Callable[[Mapping[str, str]], list[str]]) -> None:
    assert check(SOURCES) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_import_is_light(package: str) -> None:
    assert loaded_by(f"import {package}") == set()


def test_canary_loaded_by() -> None:
    assert loaded_by("import networkx") == {"networkx"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mpc_sim.cluster", "import anna_model"),
        ("mpc_sim.algorithms.k_hop", "from reductions.mpc_to_anna.codes import syndrome"),
        ("anna_model.transformer", "def f():\n    from mpc_sim.records import Records"),
        ("anna_model.__init__", "import importlib\nimportlib.import_module('mpc_sim')"),
        ("mpc_sim.routing", "if TYPE_CHECKING:\n    import anna_model.fixed_point.grid as p"),
    ],
)
def test_canary_sideways(name: str, source: str) -> None:
    assert len(sideways({name: source})) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from mpc_sim import kernels",
        "from mpc_sim.kernels.sorting import count",
        "from anna_model._join import join",
        "from anna_model.transformer import _forward",
        "import mpc_sim.kernels.sorting",
    ],
)
def test_canary_not_public(source: str) -> None:
    assert not_public({"reductions.mpc_to_anna.compile": source})
    assert (
        not_public({"reductions.mpc_to_anna.compile": "from mpc_sim.records import Records"}) == []
    )


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mpc_sim.routing", "import numba"),
        ("mpc_sim.routing", "def f():\n    from numba import njit"),
        ("anna_model.fixed_point.grid", "def f():\n    import sympy"),
        ("anna_model.gpt2", "import torch.nn"),
        ("reductions.cli", "import matplotlib.pyplot as plt"),
        ("mpc_sim.simulation", "import ipywidgets"),
        ("mpc_sim.routing", "import ray"),
    ],
)
def test_canary_outside_rooms(name: str, source: str) -> None:
    assert len(outside_rooms({name: source})) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mpc_sim.kernels.sorting", "from numba import njit"),
        ("reductions.bounds", "import sympy"),
        ("anna_model.gpt2", "def f():\n    import torch"),
        ("anna_model.surrogate.train", "import torch"),
        ("reductions.cli", "import numpy"),
    ],
)
def test_rooms_admit_their_own(name: str, source: str) -> None:
    assert outside_rooms({name: source}) == []


# --- where tests lie, and what they share ---


def from_test_files(sources: Mapping[str, str]) -> list[str]:
    """Imports from a file of tests; what two of them need lies in a module of its own."""
    return [
        f"{name} imports {target}"
        for name, source in sources.items()
        for found in imports(name, source)
        for target in found.targets()
        if any(part.startswith("test_") for part in target.split("."))
    ]


def not_mirrored(root: Path) -> list[str]:
    """Test files outside of the folders for them, folders for rooms that no package has."""
    tests = root / "tests"
    faults = []
    for path in sorted(tests.rglob("*.py")):
        place = path.parent.relative_to(tests)
        folder = place.parts[0] if place.parts else ""
        if folder in PACKAGES:
            if path.name == "__init__.py":
                faults.append(f"tests/{place.as_posix()} is taken for a package")
            elif not (root / place / "__init__.py").is_file():
                faults.append(f"no room {place.as_posix()} for {path.name}")
        elif path.name.startswith("test_") and folder not in OF_THE_WHOLE:
            faults.append(f"{path.name} in no folder of a package")
    return faults


TESTS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "tests").rglob("*.py"))
}


def test_tests_mirror_the_packages() -> None:
    assert not_mirrored(ROOT) == []


def test_no_test_file_is_imported() -> None:
    assert {"tests.house.test_house", "tests.oracles"} <= set(TESTS)
    assert from_test_files(TESTS) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_of_tests_hide_no_package(package: str) -> None:
    assert importlib.import_module(package).__file__ == str(ROOT / package / "__init__.py")


@pytest.mark.parametrize(
    "source",
    [
        "from test_routing import state",
        "import tests.mpc_sim.test_routing",
        "from tests.mpc_sim import test_routing",
        "from .test_routing import state",
        "def f():\n    import importlib\n    importlib.import_module('test_routing')",
    ],
)
def test_canary_from_test_files(source: str) -> None:
    good = {"tests.mpc_sim.test_cluster": "from cases.per_machine import state\nimport pytest"}
    assert from_test_files(good) == []
    assert from_test_files(good | {"tests.cases.x": source}) != []


def test_canary_not_mirrored(tmp_path: Path) -> None:
    def touch(name: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    for good in (
        "mpc_sim/__init__.py",
        "mpc_sim/stages/__init__.py",
        "tests/mpc_sim/test_cluster.py",
        "tests/mpc_sim/stages/test_scan.py",
        "tests/house/test_house.py",
        "tests/cases/__init__.py",
        "tests/oracles.py",
    ):
        touch(good)
    assert not_mirrored(tmp_path) == []
    for bad in (
        "tests/mpc_sim/stage/test_tree.py",
        "tests/mpc_sim/stages/__init__.py",
        "tests/test_cluster.py",
        "tests/cases/test_cases.py",
    ):
        touch(bad)
    assert not_mirrored(tmp_path) == [
        "test_cases.py in no folder of a package",
        "no room mpc_sim/stage for test_tree.py",
        "tests/mpc_sim/stages is taken for a package",
        "test_cluster.py in no folder of a package",
    ]


# --- what a file may say, and how it is named ---


def leaks(text: str) -> list[str]:
    """Package indexes, paths of one machine, editable installs, addresses of unlisted hosts."""
    found = [f"{kind}: {m[0]}" for kind, rule in LEAKS.items() for m in re.finditer(rule, text)]
    hosts = re.findall(r"\w+://(?:[^\s/@]+@)?([\w.-]+)", text)
    return found + [f"host: {host}" for host in hosts if host not in LINKED_HOSTS]


def badly_named(paths: Iterable[Path]) -> list[str]:
    """Files and folders named for no concept."""
    return [str(p) for p in paths if VAGUE & {Path(part).stem.strip("_") for part in p.parts}]


def too_long(sources: Mapping[str, str]) -> list[str]:
    """Modules beyond the limit of lines."""
    return [name for name, text in sources.items() if len(text.splitlines()) > MAX_LINES]


def without_init(root: Path) -> list[str]:
    """Folders with modules that are no package, which a wheel would leave out."""
    folders = {path.parent for package in PACKAGES for path in (root / package).rglob("*.py")}
    return sorted(str(f.relative_to(root)) for f in folders if not (f / "__init__.py").is_file())


def test_files_say_nothing_of_a_machine() -> None:
    found = {str(path.relative_to(ROOT)): leaks(text_of(path)) for path in FILES}
    assert {name: leaked for name, leaked in found.items() if leaked} == {}


def test_files_are_named_and_short() -> None:
    python = [path.relative_to(ROOT) for path in FILES if path.suffix == ".py"]
    assert badly_named(python) == []
    modules = [path for path in python if path.parts[0] in PACKAGES]
    assert too_long({str(path): text_of(ROOT / path) for path in modules}) == []
    assert without_init(ROOT) == []


@pytest.mark.parametrize(
    "text",
    [
        "pip install --extra-index¦-url x",
        "[global]\nfind-links ¦= wheels",
        "PIP_¦INDEX_URL=x make test",
        "numpy @ file:¦//wheels/numpy.whl",
        "cd /¦home/someone/project",
        "numpy==2.0\n-e¦ .",
        "git+ssh:¦//git@example.org/project",
        "https:¦//example.org/simple",
    ],
)
def test_canary_leaks(text: str) -> None:
    assert leaks(text.replace("¦", "")) != []


def test_canary_names_lengths_folders(tmp_path: Path) -> None:
    paths = [Path("mpc_sim/_utils.py"), Path("common/x.py"), Path("mpc_sim/cluster.py")]
    assert badly_named(paths) == ["mpc_sim/_utils.py", "common/x.py"]
    assert too_long({"long": "x\n" * (MAX_LINES + 1), "short": "x\n" * MAX_LINES}) == ["long"]
    (tmp_path / "mpc_sim" / "algorithms").mkdir(parents=True)
    (tmp_path / "mpc_sim" / "__init__.py").touch()
    (tmp_path / "mpc_sim" / "algorithms" / "sort.py").touch()
    assert without_init(tmp_path) == [str(Path("mpc_sim/algorithms"))]
