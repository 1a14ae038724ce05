"""Theorem 4.1 for every algorithm of the library, however it is compiled, and for one's own."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest

import reductions.certify.run
import reductions.certify.runs
from cases.protocols import MANY_ROUNDS, PROTOCOLS
from mpc_sim import Cluster, Protocol, ShapeError, fit_cluster
from mpc_sim.stages.columnsort import columnsort
from reductions import CompiledProtocol, compile_protocol
from reductions.certify.certificate import Certificate, Recorder
from reductions.certify.measured import measured_layers
from reductions.certify.run import How, certify
from reductions.certify.runs import refuse_what_cannot_fit
from reductions.cli import main
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.codes import CODE_NAMES, PRINTED, CodeDomainError
from reductions.mpc_to_anna.hashed_ids import FarCollision
from reductions.mpc_to_anna.head_assignment import HEAD_NAMES
from reductions.mpc_to_anna.options import ATTENTION_NAMES, CompilerOptions
from reductions.problems.columnsort import COLUMNSORT
from reductions.problems.problem import GRAPH
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import solver

EVERY = [CompilerOptions(*chosen) for chosen in product(CODE_NAMES, HEAD_NAMES, ATTENTION_NAMES)]
LONG = MANY_ROUNDS - {"connectivity", "cycle-counting"}
N_WORDS, N_VERTICES, MOST_WORDS = 48, 8, 128
"""A graph has several words a vertex, and its protocols have hundreds of rounds; a pair of matrices
has more than n words.
"""


def certified(algorithm: ProtocolSolver, n: int, options: CompilerOptions) -> Certificate:
    given = algorithm.instance(n, options.seed)
    return certify(algorithm, given, How(options=options))


def failing(certificate: Certificate) -> list[tuple[str, object, int]]:
    rows = [check for check in certificate.checks if check.status != "PASS"]
    return [(row.name, row.measured, row.bound) for row in rows]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param(name, way, marks=[pytest.mark.slow] if name in LONG else [], id=name)
        for name, way in zip(PROTOCOLS, cycle(EVERY[1::5]), strict=False)
    ],
)
def test_every_algorithm_is_certified_in_one_way(name: str, options: CompilerOptions) -> None:
    algorithm = solver(name)
    certificate = certified(algorithm, 8, options)
    assert not failing(certificate)
    assert certificate["sides-differ"].measured == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_algorithm_is_certified_by_every_code_and_by_three_seeds_of_hashing(
    name: str,
) -> None:
    algorithm = solver(name)
    n = N_VERTICES if algorithm.problem.reads == GRAPH else N_WORDS
    while len(algorithm.words(algorithm.instance(n, 0))) > MOST_WORDS:
        n //= 2
    ways = [CompilerOptions(code) for code in CODE_NAMES] + [CompilerOptions(head_order="spread")]
    ways += [CompilerOptions(attention="anna", seed=seed) for seed in range(3)]
    for options in ways:
        certificate = certified(algorithm, n, options)
        assert not failing(certificate), options
        assert certificate["sides-differ"].measured == 0


@pytest.mark.parametrize("options", EVERY, ids=str)
def test_sort_is_certified_in_every_way(options: CompilerOptions) -> None:
    certificate = certified(COLUMNSORT, 48, options)
    assert not failing(certificate)
    sides = {"mpc", "transformer", *(["lsh"] if options.attention != "ema" else [])}
    assert set(certificate.outputs) == sides


def test_without_a_choice_the_command_runs_both(capsys: pytest.CaptureFixture[str]) -> None:
    """Hashing adds its output and its collisions; all other rows are those of exact match."""
    rows = {}
    for chosen in ("", "--attention both", "--attention ema"):
        assert main(["certify", "columnsort", "--n", "40", *chosen.split(), "--json"]) == 0
        checks = json.loads(capsys.readouterr().out)["checks"]
        rows[chosen] = {check["name"]: check["measured"] for check in checks}
    assert rows[""] == rows["--attention both"]
    hashed = {"output-lsh": 0, "far_collisions": 0, "far_uncorrected": 0}
    assert rows[""] == rows["--attention ema"] | hashed


def test_hashing_that_was_not_asked_for_and_cannot_be_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = reductions.certify.runs.compile_protocol

    def refusing(protocol: Protocol, cluster: Cluster, **chosen: object) -> CompiledProtocol:
        if chosen["attention"] == "anna":
            raise ShapeError("no room for a destination")
        return build(protocol, cluster, **chosen)  # type: ignore[arg-type]

    monkeypatch.setattr(reductions.certify.runs, "compile_protocol", refusing)
    assert main(["certify", "columnsort", "--n", "40"]) == 0
    told = capsys.readouterr().out
    assert "note: no run by hashing: no room for a destination" in told
    assert "output-lsh" not in told
    assert main(["certify", "columnsort", "--n", "40", "--attention", "anna"]) == 2


@pytest.mark.parametrize("heads", HEAD_NAMES)
def test_the_construction_as_printed_runs_and_is_the_widest(heads: str) -> None:
    """Lemma B.4 with its b^4 rows, beside the b^2 that suffice, measured on what was run."""
    widths = {}
    for code in (*CODE_NAMES, PRINTED):
        certificate = certified(COLUMNSORT, 32, CompilerOptions(code, heads))
        assert not failing(certificate)
        widths[code] = certificate["token_width"].measured
    assert widths["syndrome"] < widths["disjunct"] < widths["repetition"] < widths[PRINTED]
    assert widths[PRINTED] > 3 * widths["repetition"]


def test_heads_that_cannot_fit_are_refused_before_they_are_filled() -> None:
    cluster = fit_cluster(columnsort(), 2**20, "1/2")
    refuse_what_cannot_fit(compile_protocol(columnsort(), cluster))
    with pytest.raises(ShapeError, match="choose a narrower code, spread heads, or a smaller inpu"):
        refuse_what_cannot_fit(
            compile_protocol(columnsort(), cluster, code=PRINTED, tokens_per_machine=1)
        )


def test_bounds_of_one_way_fail_for_what_another_builds() -> None:
    """The rows measure the object: bounds of the narrow code refuse the wide ones."""
    cluster = fit_cluster(columnsort(), 256, "2/3")
    narrow = layer_bounds(columnsort(), cluster, CompilerOptions())
    for other in (CompilerOptions("disjunct"), CompilerOptions(attention="anna")):
        built = measured_layers(compile_protocol(columnsort(), cluster, **other.keywords))
        status = {
            row.name: row.status for row in (one.check(built[one.quantity]) for one in narrow)
        }
        wide = "token_width" if other.attention == "ema" else "query_width"
        assert status[wide] == "FAIL", other


def test_spread_heads_are_bounded_below_the_order_of_emission() -> None:
    cluster = fit_cluster(columnsort(), 2**14, "2/3")
    widths = {}
    for heads in HEAD_NAMES:
        options = CompilerOptions(head_order=heads, tokens_per_machine=1)
        built = measured_layers(compile_protocol(columnsort(), cluster, **options.keywords))
        for bound in layer_bounds(columnsort(), cluster, options):
            assert bound.check(built[bound.quantity]).status == "PASS", bound.quantity
        widths[heads] = built["token_width"]
    assert widths["spread"] * 2 < widths["emission"]


def test_a_tighter_failure_needs_wider_heads() -> None:
    cluster = fit_cluster(columnsort(), 2**14, "2/3")
    values = []
    for failure in ("1/10", Fraction(1, 10**12)):
        options = CompilerOptions(head_order="spread", failure=failure, tokens_per_machine=1)
        bounds = {one.quantity: one for one in layer_bounds(columnsort(), cluster, options)}
        built = compile_protocol(columnsort(), cluster, **options.keywords)
        assert 0 < built.failure <= Fraction(failure)
        assert bounds["token_width"].check(built.resources().token_width).status == "PASS"
        values.append(bounds["token_width"].value)
    assert values[0] < values[1]


def test_sides_that_differ_fail() -> None:
    recorder = Recorder(task="demo", parameters={})
    recorder.outputs |= {"mpc": np.array([1, 2, 3]), "transformer": np.array([1, 2, 4])}
    recorder.agree()
    (row,) = recorder.checks
    assert (row.measured, row.compared, row.status) == (1, 3, "FAIL")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code": "morse"}, CodeDomainError),
        ({"head_order": "two"}, CodeDomainError),
        ({"failure": "2"}, CodeDomainError),
        ({"attention": "softmax"}, ShapeError),
    ],
    ids=str,
)
def test_unknown_options_are_refused(wrong: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        CompilerOptions(**wrong)  # type: ignore[arg-type]


def test_a_protocol_without_an_oracle_is_held_to_its_simulation() -> None:
    cluster: Cluster = fit_cluster(columnsort(), 30, "2/3", largest_word=30)
    words = np.arange(30)[::-1].copy()
    how = How(cluster=cluster, options=CompilerOptions("repetition"))
    certificate = certify(columnsort(), words, how)
    assert certificate.ok
    assert "output-mpc" not in [check.name for check in certificate.checks]
    assert certificate.outputs["transformer"].tolist() == sorted(words)


@pytest.mark.parametrize("arguments", ["", "--head-order spread --attention anna --code disjunct"])
def test_the_command_certifies_an_algorithm(
    arguments: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.txt"
    given = ["certify", "columnsort", "--n", "40", "--out", str(out), "--json", *arguments.split()]
    assert main(given) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert report["parameters"]["seed"] == 0
    written = [int(line) for line in out.read_text().splitlines()]
    assert written == sorted(COLUMNSORT.instance(40, 0).tolist())


def test_the_command_certifies_a_graph_from_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    graph, out = tmp_path / "g.txt", tmp_path / "out.txt"
    graph.write_text("b a\nc d\n")
    given = ["certify", "connectivity", "--graph", str(graph), "--side", "transformer"]
    assert main([*given, "--out", str(out)]) == 0
    assert "sides-differ" in capsys.readouterr().out
    labels = dict(line.split() for line in out.read_text().splitlines())
    assert labels["a"] == labels["b"] != labels["c"] == labels["d"]


def test_the_command_certifies_a_protocol_of_ones_own(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_sorts.py").write_text(
        "from mpc_sim.stages.columnsort import columnsort\n"
        "from reductions.problems.columnsort import COLUMNSORT as known\n"
        "built = columnsort()\n"
        "nothing = 3\n"
        "def needs(argument):\n    return argument\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("built", "columnsort", "known"):
        assert main(["certify", f"my_sorts:{name}", "--n", "30"]) == 0
        assert "PASS" in capsys.readouterr().out
    for name, message in [
        ("nothing", "name a Protocol or a solver"),
        ("needs", "missing 1 required"),
        ("absent", "has no attribute 'absent'"),
    ]:
        assert main(["certify", f"my_sorts:{name}"]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nothing", "is unknown; choose from"),
        ("no.such:thing", "cannot import no.such"),
        ("columnsort --text -", "columnsort takes numbers"),
        ("columnsort --k 3", "unrecognized arguments: --k"),
        ("columnsort --code morse", "'morse' is unknown"),
        ("columnsort --attention softmax", "use ema, anna or both"),
        ("columnsort --head-order spread --failure 2", "strictly between 0 and 1"),
        ("columnsort --graph -", "takes numbers"),
        ("connectivity --input -", "takes a graph"),
        ("match2 --head-order spread", "leave them out"),
        ("k-hop --graph -", "takes a text"),
        ("columnsort --attention ema --side lsh --out words.txt", "leave --attention ema out"),
        ("columnsort --out -", "standard output holds the report; name a file"),
        ("columnsort --no-back --side back --out words.txt", "leave --no-back out"),
        ("columnsort --side back --out words.txt", "this run has the sides mpc, transformer, lsh"),
        ("mpc_sim.stages.columnsort:columnsort --graph -", "takes numbers"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", *arguments.split()]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_collision_is_one_line_and_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def collide(*_: object) -> None:
        raise FarCollision(1, 2)

    monkeypatch.setattr(reductions.certify.run, "certify_case", collide)
    assert main(["certify", "columnsort", "--n", "9"]) == 1
    assert "FarCollision: 1 pair of an id" in capsys.readouterr().err
