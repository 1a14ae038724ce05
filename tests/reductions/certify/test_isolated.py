"""Whoever cheats is named, with round, machine and kind; whoever does not passes."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases.cheats import KINDS, REFUSED, Keeps
from cases.command_line import Anna, anna_command, plain_surroundings  # noqa: F401
from cases.protocols import MANY_ROUNDS, PROTOCOLS, SOLVERS
from mpc_sim import Cluster, Inbox, InputError, Outbox, Records, Simulation
from mpc_sim.clean_process import CleanProcesses
from mpc_sim.isolation import Isolated, run_isolated
from mpc_sim.stages.columnsort import columnsort
from reductions.certify import certify
from reductions.registry import solver

CHEATS = [(one.__name__, kind) for kind, cheats in KINDS.items() for one in cheats]


@pytest.mark.parametrize(("name", "kind"), CHEATS)
def test_a_cheat_is_named(anna: Anna, name: str, kind: str) -> None:
    run = anna("certify", f"cases.cheats:{name}", "--n", "16", "--input-seed", "1", "--json")
    assert run.status == 1
    row = {check["name"]: check for check in run.json["checks"]}["isolated"]
    assert (row["status"], row["bound"], row["kind"]) == ("FAIL", 0, "exact")
    assert 0 < row["measured"] <= row["compared"]
    (remark,) = (text for text in run.json["remarks"] if text.startswith("not isolated"))
    assert re.match(r"not isolated: round \d \(\w+\): in isolation.* machine \d", remark)
    assert remark.endswith(f"({kind})")


@pytest.mark.parametrize("cheat", REFUSED, ids=lambda one: one.__name__)
def test_what_is_no_word_or_no_protocol_is_refused(anna: Anna, cheat: type[Keeps]) -> None:
    run = anna("certify", f"cases.cheats:{cheat.__name__}", "--n", "16")
    assert run.status in (1, 2)
    assert run.err.count("\n") == 1
    assert re.search(REFUSED[cheat], run.err), run.err


CLUSTER = Cluster(n_words=9, memory_words=6, n_machines=3, block_words=3)
WORDS = [5, 3, 8, 1, 0, 2, 7, 4, 6]


def isolated(protocol: Any, *, forks: bool = True, seconds: float = 5) -> Isolated:
    with CleanProcesses(protocol, forks=forks) as clean:
        return run_isolated(Simulation(protocol, CLUSTER, WORDS), clean, seconds=seconds)


def test_an_honest_protocol_passes_with_forks_and_without() -> None:
    for forks in (True, False):
        found = isolated(Keeps(), forks=forks)
        assert (found.n_different, found.n_compared, found.rounds) == (0, 27, (0, 1, 2))
        assert (found.output.tolist(), found.fault) == (WORDS, None)


def test_canary_the_new_interpreters_are_isolated_too() -> None:
    (cheat,) = (one for one in KINDS["hidden state"] if one.__name__ == "ModuleDict")
    fault = isolated(cheat(), forks=False).fault
    assert fault is not None
    assert (fault.round, fault.kind) == (1, "hidden state")


def test_a_class_that_is_in_no_module_travels_by_value() -> None:
    pytest.importorskip("cloudpickle")

    @dataclass(frozen=True)
    class Doubles(Keeps):
        by: int = 2

        def recall(self, words: Records, inbox: Inbox, cluster: Cluster) -> Any:
            return self.by * words["word"]

    found = isolated(Doubles())
    assert (found.n_different, found.fault) == (0, None)
    assert found.output.tolist() == [2 * word % CLUSTER.word_limit for word in WORDS]


def test_what_does_not_pickle_is_refused_before_anything_runs() -> None:
    @dataclass(frozen=True)
    class Holds(Keeps):
        generator: Any = None

    with pytest.raises(InputError, match=r"^Holds does not pickle, .*install cloudpickle"):
        certify(Holds(generator=(n for n in range(3))), [1, 2, 3])


def test_a_script_without_cloudpickle_is_refused_in_one_line(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import sys\n"
        "sys.modules['cloudpickle'] = None\n"
        "from cases.cheats import Keeps\n"
        "from reductions.certify import certify\n"
        "class Mine(Keeps): pass\n"
        "if __name__ == '__main__':\n"
        "    certify(Mine(), [1, 2, 3])\n"
    )
    run = subprocess.run(
        [sys.executable, script], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True
    )
    last = run.stderr.decode().splitlines()[-1]
    assert re.search("Mine stands in a notebook or script.*cloudpickle", last)


def test_a_step_that_ends_its_process_is_a_fault() -> None:
    @dataclass(frozen=True)
    class Ends(Keeps):
        def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
            if len(inbox.machines) < cluster.n_machines:
                sys.exit("no more") if round else __import__("os")._exit(3)
            return super().step(round, inbox, cluster)

    found = isolated(Ends())
    assert found.fault is not None
    assert "its process ended without an answer" in str(found.fault)
    assert found.output.tolist() == WORDS


def test_rounds_are_sampled_where_all_would_take_long() -> None:
    found = isolated(Keeps(), seconds=0)
    assert (found.rounds, found.is_sampled) == ((0, 1, 2), False)  # each is the first of its label
    columns = columnsort()
    cluster = Cluster(n_words=64, memory_words=8, n_machines=64, block_words=4)
    with CleanProcesses(columns) as clean:
        simulation = Simulation(columns, cluster, np.arange(64)[::-1])
        found = run_isolated(simulation, clean, seconds=0)
    assert found.rounds == (0, simulation.n_rounds - 1, simulation.n_rounds)
    assert (found.is_sampled, found.n_different) == (True, 0)


def test_the_input_of_a_protocol_of_ones_own_is_new_each_time(anna: Anna) -> None:
    runs = [anna("certify", "cases.cheats:Keeps", "--n", "16", "--json").json for _ in range(2)]
    seeds = [run["parameters"]["input_seed"] for run in runs]
    assert seeds[0] != seeds[1]
    again = [
        anna("simulate", "cases.cheats:Keeps", "--n=16", f"--input-seed={seeds[0]}", "--out=-").out
        for _ in range(2)
    ]
    assert again[0] == again[1]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in MANY_ROUNDS else [])
        for name in PROTOCOLS
    ],
)
def test_the_library_does_not_cheat(name: str) -> None:
    problem = solver(name).problem
    for n in (12, 40):
        given = problem.draw(n, n)
        protocol = SOLVERS[name].protocol_for(given)
        with CleanProcesses(protocol) as clean:
            simulation = Simulation(protocol, SOLVERS[name].cluster(given), given.words)
            assert run_isolated(simulation, clean).fault is None
