"""Notebooks: the expected ones, stored without outputs, run from top to bottom."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from cases.notebooks import small
from repository import ROOT

FOLDER = ROOT / "notebooks"
EXPECTED = [
    "01_step_through_k_hop.ipynb",
    "02_what_anna_keeps_and_drops.ipynb",
    "03_from_a_protocol_to_a_transformer.ipynb",
    "04_and_back.ipynb",
    "05_bounds_against_measurements.ipynb",
    "06_write_your_own_protocol.ipynb",
    "07_learned_models.ipynb",
    "08_who_does_what_and_how_deep.ipynb",
]
MAX_LINES_OF_A_FUNCTION = 3
SUBJECTS = {"06_write_your_own_protocol.ipynb": frozenset({"Rises", "Peeking", "Talking"})}
"""Classes that a notebook is about, and therefore defines itself."""


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the kernels away from profiles, configuration and kernels of whoever runs the tests."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    # a second thread of BLAS spins while it waits for a core that others use
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")


def notebooks(folder: Path) -> list[str]:
    """Every notebook below a folder, hidden folders left out."""
    found = (path.relative_to(folder) for path in folder.rglob("*.ipynb"))
    return sorted(path.as_posix() for path in found if not path.as_posix().startswith("."))


def not_stripped(notebook: Any) -> list[str]:
    """What a run, an editor or a widget left in a notebook."""
    allowed = {"kernelspec", "language_info"}
    found = [f"metadata: {name}" for name in notebook["metadata"] if name not in allowed]
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        found.append("kernel is not python3")
    for number, cell in enumerate(notebook["cells"]):
        found += [f"cell {number}: metadata {name}" for name in cell["metadata"]]
        found += [f"cell {number}: {name}" for name in ("attachments",) if cell.get(name)]
        for name in ("outputs", "execution_count"):
            found += [f"cell {number}: {name}"] if cell.get(name) else []
    return found


def code_of(notebook: Any) -> list[str]:
    """The code cells, in order."""
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return ["".join(cell["source"]) for cell in cells]


def unproved(notebook: Any, subjects: frozenset[str] = frozenset()) -> list[str]:
    """Code cells without an assert, and functions that should live in a package."""
    found = []
    for source in code_of(notebook):
        tree = ast.parse(source)
        if not any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
            found.append(f"no assert: {source.splitlines()[0]}")
        own = [node for node in tree.body if getattr(node, "name", None) not in subjects]
        for node in (inner for outer in own for inner in ast.walk(outer)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and (
                (node.end_lineno or 0) - node.lineno >= MAX_LINES_OF_A_FUNCTION
            ):
                found.append(f"a long definition: {node.name}")
    return found


def execute(notebook: Any, folder: Path) -> Any:
    """Run a copy of a notebook in a kernel of its own that works in a folder."""
    copy = nbformat.reads(json.dumps(notebook), as_version=4)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(copy, kernel_name="python3", timeout=300, resources=where).execute()
    return copy


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_the_notebooks_are_the_expected_ones() -> None:
    assert notebooks(FOLDER) == EXPECTED


FIRST = ("01_step_through_k_hop.ipynb", "06_write_your_own_protocol.ipynb")
"""Run by default; the others with the slow tests."""


@pytest.mark.parametrize("name", EXPECTED)
def test_a_notebook_is_stored_without_outputs(name: str) -> None:
    notebook = read(name)
    assert notebook["nbformat"] == 4
    nbformat.validate(nbformat.from_dict(notebook))
    assert not_stripped(notebook) == []
    assert unproved(notebook, SUBJECTS.get(name, frozenset())) == []
    assert notebook["cells"][0]["cell_type"] == "markdown"


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.slow] * (one not in FIRST)) for one in EXPECTED],
)
def test_a_notebook_runs(name: str) -> None:
    ran = execute(read(name), FOLDER)
    cells = [cell for cell in ran["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not_stripped(ran) != []  # the run printed something
    assert not_stripped(read(name)) == []


# --- canaries ---


def test_canary_a_failing_assert_fails(tmp_path: Path) -> None:
    good = small("x = 1", "from pathlib import Path\nassert Path('mark').exists()")
    (tmp_path / "mark").touch()
    execute(good, tmp_path)
    (tmp_path / "mark").unlink()
    with pytest.raises(CellExecutionError, match="AssertionError"):
        execute(good, tmp_path)


def test_canary_not_stripped() -> None:
    assert not_stripped(small("x = 1")) == []
    damages: list[tuple[list[str | int], Any]] = [
        (["metadata", "widgets"], {"state": {}}),
        (["metadata", "kernelspec"], {"name": "conda"}),
        (["cells", 0, "outputs"], [{"output_type": "stream", "name": "stdout", "text": "1"}]),
        (["cells", 0, "execution_count"], 3),
        (["cells", 0, "metadata"], {"scrolled": True}),
        (["cells", 0, "attachments"], {"image.png": {}}),
    ]
    for path, value in damages:
        notebook: Any = small("x = 1")
        place = notebook
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        assert len(not_stripped(notebook)) == 1


def test_canary_unproved() -> None:
    long = "def f(x):\n    y = x\n    z = y\n    return z\nassert f(1)"
    assert unproved(small("assert True", "f = len\nassert f")) == []
    assert unproved(small("x = 1", long)) == ["no assert: x = 1", "a long definition: f"]
    assert unproved(small(long), frozenset({"f"})) == []
    assert unproved(small(long), frozenset({"g"})) == ["a long definition: f"]


def test_canary_notebooks(tmp_path: Path) -> None:
    for name in ("b.ipynb", "deep/a.ipynb", ".ipynb_checkpoints/b-checkpoint.ipynb", "c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert notebooks(tmp_path) == ["b.ipynb", "deep/a.ipynb"]
