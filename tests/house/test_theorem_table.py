"""The theorem table: what the page shows is the registry, and what an entry names is there."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from docs.theorem_table import BEGIN, END, FAMILIES, theorem_table, with_table
from reductions.registry import ENTRIES, Entry, find
from repository import ROOT

PAGE = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
UNVERIFIED: list[str] = []
"""Entries that nothing of the default suite checks."""


def decorated_slow(function: ast.FunctionDef) -> bool:
    """Whether a whole test is left out of the default suite."""
    return any("mark.slow" in ast.unparse(one) for one in function.decorator_list
               if "parametrize" not in ast.unparse(one))  # fmt: skip


def mentions(text: str, entry: Entry) -> bool:
    """Whether a text names the thing, its module, or iterates over the registry it is in."""
    module, attribute = entry.home.split(":")
    spelled = entry.name.replace("-", "_")
    names = (attribute, module.split(".")[-1], entry.name, spelled, "reductions.registry")
    return any(name in text for name in names)


def fault_of_home(entry: Entry, root: Path = ROOT) -> str:
    """What is wrong with file and attribute, empty where nothing is."""
    if not (root / entry.file).is_file():
        return f"no file {entry.file}"
    tree = ast.parse((root / entry.file).read_text(encoding="utf-8"))
    names = {getattr(node, "name", "") for node in tree.body}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    attribute = entry.home.split(":")[1]
    return "" if attribute in names else f"{entry.file} defines no {attribute}"


def fault_of_test(entry: Entry, root: Path = ROOT) -> str:
    """What is wrong with the named test, empty where nothing is."""
    file, _, function = entry.test.partition("::")
    path = root / file
    if root / "tests" not in path.parents or not path.is_file():
        return f"no file {file}"
    text = path.read_text(encoding="utf-8")
    tests = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    if not function.startswith("test_") or function not in tests:
        return f"no test {entry.test}"
    if decorated_slow(tests[function]) or "\npytestmark" in text:
        return f"not in the default suite: {entry.test}"
    modules = re.findall(r"from ((?:cases\.)?\w+) import", text)
    shared = [root / "tests" / f"{module.replace('.', '/')}.py" for module in modules]
    text += "".join(one.read_text(encoding="utf-8") for one in shared if one.is_file())
    return "" if mentions(text, entry) else f"{file} does not mention {entry.name}"


def fault_of_notebook(entry: Entry, root: Path = ROOT) -> str:
    """What is wrong with the named notebook, empty where nothing is."""
    path = root / "notebooks" / entry.notebook
    if not path.is_file():
        return f"no notebook {entry.notebook}"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "" if mentions(code, entry) else f"{entry.notebook} does not use {entry.name}"


def test_the_page_shows_the_registry() -> None:
    shown = with_table(PAGE, theorem_table())
    assert shown == PAGE, "run: python -m docs.theorem_table docs/tables.md"


def test_what_an_entry_names_is_there() -> None:
    faults = [fault_of_home(entry) for entry in ENTRIES]
    faults += [fault_of_test(entry) for entry in ENTRIES if entry.test]
    faults += [fault_of_notebook(entry) for entry in ENTRIES if entry.notebook]
    assert [fault for fault in faults if fault] == []


def test_every_entry_is_shown_once() -> None:
    table = theorem_table()
    for entry in ENTRIES:
        claim = f"{entry.statement} ({entry.source})".replace("|", "\\|")
        assert table.count(f"| {entry.name} | {claim} |") == 1
        assert all((entry.statement, entry.source)), entry.name
    assert len({(entry.family, entry.name) for entry in ENTRIES}) == len(ENTRIES)
    assert {entry.family for entry in ENTRIES} == set(FAMILIES)


def test_what_nothing_checks_is_known() -> None:
    assert [entry.name for entry in ENTRIES if entry.status == "UNVERIFIED"] == UNVERIFIED


# --- canaries ---


COMPILER = find("reduction", "mpc-to-anna")


def test_canary_a_changed_claim_is_found() -> None:
    changed = [replace(COMPILER, states="R layers") if entry is COMPILER else entry
               for entry in ENTRIES]  # fmt: skip
    assert with_table(PAGE, theorem_table(changed)) != PAGE
    unchecked = theorem_table([replace(COMPILER, test="")])
    assert unchecked.endswith("| UNVERIFIED |")
    with pytest.raises(KeyError, match="no heading for the families wish"):
        theorem_table([replace(COMPILER, family="wish")])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_canary_markers(text: str) -> None:
    with pytest.raises(ValueError, match="the text needs one line"):
        with_table(text, "table")


def test_canary_what_is_not_there(tmp_path: Path) -> None:
    for folder in ("tests", "notebooks", "reductions/mpc_to_anna"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "reductions" / "mpc_to_anna" / "compile.py").write_text("compile = 1\n")
    test = tmp_path / "tests" / "test_it.py"
    cell = {"cell_type": "code", "source": ["compile_protocols = 1"]}
    for name, cells in (("good", [cell]), ("bad", [{"cell_type": "code", "source": ["x = 1"]}])):
        (tmp_path / "notebooks" / name).write_text(json.dumps({"cells": cells}))
    entry = replace(COMPILER, test="tests/test_it.py::test_it", notebook="good")
    assert fault_of_test(entry, tmp_path) == "no file tests/test_it.py"
    for text, fault in (
        ("def test_other(): compile_protocol", "no test tests/test_it.py::test_it"),
        ("def test_it(): pass", "tests/test_it.py does not mention mpc-to-anna"),
        ("@pytest.mark.slow\ndef test_it(): compile_protocol", "not in the default suite"),
        ("x = 1\npytestmark = slow\ndef test_it(): compile_protocol", "not in the default suite"),
        ("def test_it(): compile_protocol", ""),
    ):
        test.write_text(text)
        assert fault_of_test(entry, tmp_path).startswith(fault)
        assert bool(fault_of_test(entry, tmp_path)) == bool(fault)
    assert (
        fault_of_home(entry, tmp_path)
        == "reductions/mpc_to_anna/compile.py defines no compile_protocol"
    )
    assert fault_of_home(find("code", "syndrome"), tmp_path).startswith("no file")
    assert fault_of_notebook(entry, tmp_path) == ""
    assert fault_of_notebook(replace(entry, notebook="bad"), tmp_path).startswith("bad does not")
    assert fault_of_notebook(replace(entry, notebook="gone"), tmp_path).startswith("no notebook")
