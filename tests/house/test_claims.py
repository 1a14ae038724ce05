"""Claims are computed without plans: no module of the problems asks a protocol what it plans."""

from __future__ import annotations

import ast

import pytest

from repository import ROOT


def plans_in(source: str) -> list[str]:
    """Names of plans that a module imports, and methods of that name that it calls."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                whole = [module.rsplit(".", 1)[-1], *(alias.name for alias in names)]
                found += [name for name in whole if "plan" in name.lower().split("_")]
            case ast.Attribute(attr=name) if "plan" in name.lower().split("_"):
                found.append(name)
    return found


def test_no_claim_is_read_off_a_plan() -> None:
    modules = sorted((ROOT / "reductions/problems").glob("*.py"))
    assert len(modules) > 40
    assert {path.name: found for path in modules if (found := plans_in(path.read_text()))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from mpc_sim.stages.splitting import plan_splitting",
        "from mpc_sim.stages import matching_plan",
        "from mpc_sim.stages.matching_plan import CERTAIN",
        "levels = protocol.plan(cluster).levels",
        "plan = splitting.plan_splitting(n, 1, 2, 3, n)",
    ],
)
def test_canary(source: str) -> None:
    assert plans_in(source)
