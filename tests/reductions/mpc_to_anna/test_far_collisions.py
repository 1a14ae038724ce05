"""Far collisions of runs by hashing are counted in every head, and shown where they spoil a run."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from anna_model import SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from cases.hashed_ids import a_k_hop, a_sort, forced, mechanism_of, to_the_next
from mpc_sim import ShapeError, Simulation
from reductions.certify.certificate import Certificate
from reductions.certify.run import How, certify
from reductions.cli import main
from reductions.mpc_to_anna.codes import CODE_NAMES, CodeOverload
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.far_collisions import far_collision_bounds, run_counted
from reductions.mpc_to_anna.hashed_ids import FarCollision
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.columnsort import COLUMNSORT
from reductions.registry import solver


def counted_by_loops(compiled: CompiledProtocol, words: list[int]) -> list[int]:
    """Pairs by layer and kind of head, over the blocks of a run in which no two ids meet."""
    buckets = mechanism_of(compiled).buckets.tolist()
    counts = [0, 0]

    def count(layer: int, block: HeadBlock, answer: Answer) -> None:
        assert isinstance(block, SparseHeads)
        asked, keys = block.Q[:, 0].astype(int).tolist(), block.K[:, 0].astype(int).tolist()
        pairs = [(i, j) for i, j in product(asked, keys) if i != j and buckets[i] == buckets[j]]
        counts[int(block.first_head > 0)] += len(pairs)

    plain = forced(compiled, (0, 0))
    plain.run(words, trace=count)
    return counts


@pytest.mark.parametrize("hashes", [3, 8])
def test_counts_are_those_of_plain_loops(hashes: int) -> None:
    """Also where the run raises at its first collision: all heads of all layers are counted."""
    protocol, cluster, words = a_k_hop(64, 2)
    for seed in range(8):
        compiled = compile_protocol(protocol, cluster, attention="anna", hashes=hashes, seed=seed)
        if mechanism_of(compiled).null_is_heard:
            continue  # the loops would have to send to NULL as well
        run = run_counted(compiled, words)
        plain, coded = counted_by_loops(compiled, words)
        assert run.met == plain + coded
        assert plain <= run.uncorrected <= run.met


@pytest.mark.parametrize("name", ["k-hop", "columnsort", "reduce-by-key"])
def test_a_quarter_of_the_hashes_shows_failures_and_counts_every_one(name: str) -> None:
    algorithm = solver(name)
    words = algorithm.instance(64, 0)
    protocol, cluster = algorithm.protocol_for(words), algorithm.cluster(words, "1/2")
    expected = Simulation(protocol, cluster, words).run().tolist()
    assert algorithm.n_wrong(words, np.array(expected)) == 0
    quarter = mechanism_of(compile_protocol(protocol, cluster, attention="anna")).hashes // 4
    seen = Counter[str]()
    for seed in range(40):
        options = CompilerOptions(attention="anna", hashes=quarter, seed=seed)
        run = run_counted(compile_protocol(protocol, cluster, **options.keywords), words)
        if run.output is None:
            assert run.met >= run.uncorrected > 0
            assert isinstance(run.error, FarCollision | CodeOverload)
        else:
            assert run.output.tolist() == expected
            assert run.uncorrected == 0
        seen["counted" if run.uncorrected else "exact"] += 1
    print(name, dict(seen))
    assert seen["counted"] > 0
    assert seen["exact"] > 0


@pytest.mark.parametrize("code", CODE_NAMES)
@pytest.mark.parametrize("P", [4, 6])
def test_what_a_code_corrects_is_counted_apart(P: int, code: str) -> None:
    """P / 2 messages to NULL and one of its own meet: for P = 4 just as many as the code takes."""
    protocol, cluster = to_the_next(P)
    compiled = compile_protocol(protocol, cluster, attention="anna", code=code)
    changed = forced(compiled, (mechanism_of(compiled).null, 1))
    run = run_counted(changed, [0] * P)
    assert run.output is not None
    assert run.output.tolist() == Simulation(protocol, cluster, [0] * P).run().tolist()
    assert (run.met > 0, run.uncorrected, run.error) == (True, 0, None)


@pytest.mark.parametrize("hashes", [2, 5])
def test_collisions_stay_below_their_expectation_and_not_far(hashes: int) -> None:
    """P T H / Q is a bound for the mean over seeds; with Q^2 for Q it would be none."""
    protocol, cluster, words = a_sort(64)
    met = []
    for seed in range(40):
        compiled = compile_protocol(protocol, cluster, attention="anna", hashes=hashes, seed=seed)
        met.append(run_counted(compiled, words).met)
    bound, _ = far_collision_bounds(compiled)
    assert bound.check(max(met)).status == "PASS"
    values = bound.values
    assert np.mean(met) <= values["P"] * values["T"] * values["H"] / values["Q"]
    assert np.mean(met) > values["P"] * values["T"] * values["H"] / values["Q"] ** 2 / 10


def certified(hashes: int | None, seed: int) -> Certificate:
    words = COLUMNSORT.instance(64, 0)
    options = CompilerOptions(attention="anna", hashes=hashes, seed=seed)
    return certify(COLUMNSORT, words, How(options=options, epsilon="1/2"))


def test_a_run_with_an_uncorrected_collision_is_never_called_exact() -> None:
    verdicts = set()
    for seed in range(10):
        certificate = certified(8, seed)
        count, output = certificate["far_uncorrected"], certificate["output-lsh"]
        assert (count.measured, count.bound, count.kind)[1:] == (0, "exact")
        assert certificate.ok == (count.measured == 0) == (output.measured == 0)
        assert ("lsh" in certificate.outputs) == certificate.ok
        told = any("the run by hashing raised" in remark for remark in certificate.remarks)
        assert told != certificate.ok
        verdicts.add(certificate.ok)
    assert verdicts == {True, False}
    chosen = certified(None, 0)
    assert [chosen[row].measured for row in ("far_collisions", "far_uncorrected")] == [0, 0]
    assert chosen["far_collisions"].bound == 0
    assert chosen["far_collisions"].kind == "whp"


def test_the_command_shows_a_failed_run_by_hashing_with_its_counts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = ["certify", "columnsort", "--n", "64", "--epsilon", "1/2", "--attention", "anna"]
    out = tmp_path / "out.txt"
    nowhere = ["--out", str(out), "--side", "lsh"]
    assert main([*given, "--hashes", "8", "--seed", "1", "--json", *nowhere]) == 1
    assert not out.exists()
    report = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in report["checks"]}
    assert not report["ok"]
    assert report["parameters"]["hashes"] == 8
    assert rows["far_uncorrected"]["status"] == rows["output-lsh"]["status"] == "FAIL"
    assert rows["far_collisions"]["measured"] >= rows["far_uncorrected"]["measured"] > 0
    assert rows["output-transformer"]["status"] == "PASS"
    assert main([*given, "--hashes", "8", "--seed", "1", "--precision"]) == 1
    assert "UNVERIFIED" in capsys.readouterr().out  # no output, so no bits that give it
    assert main([*given, "--seed", "1", *nowhere]) == 0
    assert len(out.read_text().splitlines()) == 64
    assert main(["certify", "k-hop", "--n", "16", "--attention", "anna", "--hashes", "1"]) == 1
    shown = capsys.readouterr().out
    assert "attention = anna" in shown
    assert "hashes = 1," in shown


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("hyperplane", "Hyperplane"),
        ("gaussian-cross-polytope", "CrossPolytope"),
        ("p-stable", "PStable"),
    ],
)
def test_the_command_takes_any_family(
    family: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["certify", "columnsort", "--n", "40", "--attention", "anna", "--json"]
    assert main([*given, "--family", family]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parameters"]["family"] == name
    assert report["parameters"]["hashes"] > 5


@pytest.mark.parametrize(
    "arguments", ["--attention ema --hashes 8", "--hashes 0", "--attention ema --family p-stable"]
)
def test_hashes_that_make_no_sense_are_refused(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", "columnsort", *arguments.split()]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_counts_are_for_runs_that_hash() -> None:
    protocol, cluster, _ = a_sort(9)
    compiled = compile_protocol(protocol, cluster)
    with pytest.raises(ValueError, match="compile with attention='anna'"):
        far_collision_bounds(compiled)
    with pytest.raises(ShapeError, match="choose at least 1"):
        compile_protocol(protocol, cluster, attention="anna", hashes=0)
