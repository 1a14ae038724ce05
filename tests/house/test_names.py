"""Nothing is told apart by comparing its name: what differs is a field or a method of its record.

Names of the registry, and of the options of the compiler, are read in one place each: the parser of
the command line, or the enum or record that stands for them. Everywhere else a comparison with such
a name, or a dictionary by such names, is found on the syntax tree. The check has canaries.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from itertools import chain

import pytest

from reductions.attention_to_mpc.anna import BucketsBy
from reductions.mpc_to_anna.codes import Code
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.options import Attention
from reductions.registry import ENTRIES
from repository import ROOT

OPTIONS = {str(name) for name in chain(Code, HeadOrder, Attention, BucketsBy)}
NAMES = {entry.name for entry in ENTRIES} | OPTIONS
KEYS = {entry.name for entry in ENTRIES if entry.family != "theorem"} | OPTIONS

PARSER = {"reductions/cli.py"}

READS_A_PART = {"startswith", "endswith", "removeprefix", "removesuffix"}


def by_name(source: str) -> list[str]:
    """Every comparison with a name, and every dictionary that is looked up by names."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }

    def names(node: ast.expr | None, known: Collection[str] = NAMES) -> Iterator[str]:
        if isinstance(node, ast.Name):
            node = constants.get(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value.rstrip("/") in known:
                yield node.value
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            for part in node.elts:
                yield from names(part, known)

    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                is_found = any(any(names(side)) for side in (node.left, *node.comparators))
            case ast.MatchValue():
                is_found = any(names(node.value))
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in READS_A_PART:
                is_found = any(any(names(argument)) for argument in node.args)
            case ast.Dict():  # one name among other words may be a word
                count = sum(any(names(key, KEYS)) for key in node.keys)
                is_found = count > 1 or 0 < count == len(node.keys)
            case _:
                is_found = False
        if is_found:
            place = node.value if isinstance(node, ast.MatchValue) else node
            found.append(f"line {place.lineno}: {ast.unparse(node)}")
    return found


def test_nothing_is_told_apart_by_its_name() -> None:
    found = {}
    for path in sorted((ROOT / "reductions").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        if file not in PARSER and (places := by_name(path.read_text(encoding="utf-8"))):
            found[file] = places
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "task.name == 'k-hop'",
        "'syndrome' != code",
        "task.name in ('match2', 'sum')",
        "name not in {'induction-heads'}",
        "MINE = ('sum', 'match2')\ndef f(task):\n    return task.name in MINE",
        "MINE: str = 'softmax'\nis_it = name == MINE",
        "heads == 'spread'",
        "match name:\n    case 'repetition' | 'other':\n        pass",
        "name.startswith('k-hop/')",
        "name.removeprefix('connectivity')",
        "{'softmax': 16, 'anna': 16, 'mine': 4}[name]",
        "BOUNDS = {'sum': bounds}",
    ],
)
def test_canary_a_name_that_is_compared_is_found(source: str) -> None:
    (found,) = by_name(source)
    assert found.startswith("line ")


@pytest.mark.parametrize(
    "source",
    [
        "task is SUM",
        "entry.name == name",
        "name == 'a name of nothing'",
        "compile_protocol(protocol, cluster, code='syndrome')",
        "Construction(task='k-hop', name='k-hop/tree')",
        "RULES = {'pickling': '', 'locality': '', 'limits': ''}",
        "row['sum']",
    ],
)
def test_what_names_without_comparing_is_left_alone(source: str) -> None:
    assert by_name(source) == []


# --- arguments ---

ROOMS = ("certify", "problems", "constructions", "separations")
MOST_POSITIONAL = 6


def with_many_arguments(source: str) -> list[str]:
    """Functions, and dataclasses, that take more than so many arguments by their position."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            positional = [*node.args.posonlyargs, *node.args.args]
            count = sum(one.arg not in ("self", "cls") for one in positional)
        elif isinstance(node, ast.ClassDef):
            made = [ast.unparse(one) for one in node.decorator_list]
            is_made = any(one.startswith("dataclass") and "kw_only" not in one for one in made)
            count = is_made * sum(isinstance(one, ast.AnnAssign) for one in node.body)
        else:
            continue
        found += [node.name] if count > MOST_POSITIONAL else []
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_long_lists_of_arguments_are_objects(room: str) -> None:
    files = (ROOT / "reductions" / room).rglob("*.py")
    found = {file.name: with_many_arguments(file.read_text(encoding="utf-8")) for file in files}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a, b, c, d, e, f, g): pass", ["f"]),
        ("def f(a, b, c, d, e, f, *, g): pass", []),
        ("class A:\n    def f(self, a, b, c, d, e, f): pass", []),
        ("@dataclass\nclass A:\n" + "\n".join(f"    x{i}: int" for i in range(7)), ["A"]),
        (
            "@dataclass(kw_only=True)\nclass A:\n" + "\n".join(f"    x{i}: int" for i in "0123456"),
            [],
        ),
    ],
)
def test_canary_arguments(source: str, found: list[str]) -> None:
    assert with_many_arguments(source) == found
