"""Checkpoints: a resumed run equals the uninterrupted one; a bad file is never resumed."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases.checkpoints import Cached, FanOut, Plain, captured, last_hops, start
from mpc_sim import Channel, Cluster, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import Double, k_hop
from mpc_sim.checkpoint import FILE, Checkpoint, schedule
from mpc_sim.errors import CheckpointError, InputError, RoundBudgetExceeded
from mpc_sim.identity import identity
from mpc_sim.saving import archive
from mpc_sim.stages.columnsort import columnsort
from repository import ROOT

ONE_LINE = r"^[^\n]+$"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint of k-hop, k = 5, before round 6."""
    sim = start()
    sim.goto(6)
    sim.save(tmp_path / "run.npz")
    return tmp_path / "run.npz"


# --- a resumed run equals the uninterrupted one ---


@pytest.mark.parametrize(("k", "n"), [(0, 20), (1, 1), (6, 48), (13, 300)])
def test_resume_at_every_round(tmp_path: Path, k: int, n: int) -> None:
    whole = start(k, n)
    output = whole.run()
    for round in range(whole.n_rounds + 1):
        sim = start(k, n)
        sim.goto(round)
        sim.save(tmp_path / "run.npz")
        resumed = Simulation.resume(tmp_path / "run.npz", k_hop(k), whole.cluster)
        assert (resumed.round, resumed.mode) == (round, "strict")
        assert str(resumed.machine(0)) == str(sim.machine(0))
        assert resumed.run().tobytes() == output.tobytes()
        assert not resumed.ledger.diff(whole.ledger)
        resumed.save(tmp_path / "resumed.npz")
        whole.save(tmp_path / "whole.npz")
        assert (tmp_path / "resumed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_a_resumed_run_goes_back_behind_its_checkpoint(saved: Path) -> None:
    resumed = Simulation.resume(saved, k_hop(5), keep_bytes=0)
    whole = start()
    for round in (5, 0, 3, 8, 1):
        resumed.goto(round)
        whole.goto(round)
        assert str(resumed.machine(2)) == str(whole.machine(2))
        assert not resumed.ledger.diff(whole.ledger)


def test_charged_rounds_are_in_the_checkpoint(tmp_path: Path) -> None:
    cluster = Cluster(n_words=2, memory_words=4, n_machines=3, block_words=1)
    whole = Simulation(FanOut(), cluster, [1, 2], mode="charge")
    output = whole.run(checkpoint=tmp_path / "end.npz")
    assert (output.tolist(), whole.ledger.n_rounds) == ([3, 3], 3)
    for round in range(3):
        sim = Simulation(FanOut(), cluster, [1, 2], mode="charge")
        sim.goto(round)
        sim.save(tmp_path / "run.npz")
        resumed = Simulation.resume(tmp_path / "run.npz", FanOut())
        assert resumed.mode == "charge"
        assert resumed.run().tolist() == [3, 3]
        assert not resumed.ledger.diff(whole.ledger)
    assert Simulation.resume(tmp_path / "end.npz", FanOut()).run().tolist() == [3, 3]


# --- saving as the run goes ---


@pytest.mark.parametrize(
    ("every", "rounds"),
    [(None, list(range(1, 11))), (1, list(range(1, 11))), (3, [3, 6, 9, 10]), (99, [10])],
)
def test_run_saves_every_so_many_rounds_and_at_the_end(
    tmp_path: Path, every: int | None, rounds: list[int]
) -> None:
    path, seen = tmp_path / "run.npz", []
    sim = start()

    def look(done: int, total: int) -> None:
        if path.exists():
            seen.append(Checkpoint.load(path).round)

    sim.run(progress=look, checkpoint=path, every_rounds=every)
    assert sorted(set(seen)) == rounds


def test_run_saves_every_so_many_seconds() -> None:
    now = iter([0.0, 4.0, 9.9, 10.0, 12.0, 30.0, 31.0])
    due = schedule(None, 10.0, clock=lambda: next(now))
    assert [due() for _ in range(6)] == [False, False, True, False, True, False]
    now = iter([0.0, 1.0, 2.0, 9.0, 9.1])
    due = schedule(2, 5.0, clock=lambda: next(now))
    assert [due() for _ in range(4)] == [False, True, True, False]


@pytest.mark.parametrize("wrong", [{"every_rounds": 0}, {"every_seconds": 0.0}])
def test_a_schedule_is_positive(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="give at least 1 round, or more than 0 seconds"):
        start().run(checkpoint=tmp_path / "run.npz", **wrong)
    with pytest.raises(InputError, match="give checkpoint"):
        start().run(every_rounds=2)


def test_an_interrupted_run_goes_on_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    whole = start()
    output = whole.run()

    def interrupt(at: int, done: int, total: int) -> None:
        if done == at:
            raise KeyboardInterrupt

    for at in range(1, whole.n_rounds + 1):
        with pytest.raises(KeyboardInterrupt):
            start().run(progress=partial(interrupt, at), checkpoint=path, every_rounds=2)
        if at == 1:
            assert not path.exists()
            continue
        resumed = Simulation.resume(path, k_hop(5))
        assert resumed.round == (at if at == whole.n_rounds else at - at % 2)
        assert np.array_equal(resumed.run(), output)
        assert not resumed.ledger.diff(whole.ledger)


# --- whose run it is ---


def test_another_protocol_is_refused(saved: Path) -> None:
    for other in (k_hop(4), k_hop(11), columnsort(), FanOut()):
        with pytest.raises(CheckpointError, match=r"run\.npz is a run of another protocol") as e:
            Simulation.resume(saved, other)
        assert "\n" not in str(e.value)
        assert len(str(e.value)) < 400
    assert "Double(bit=0, is_set=True)" in str(e.value) or "stages=" in str(e.value)
    Simulation.resume(saved, k_hop(5))


def test_another_cluster_is_refused(saved: Path) -> None:
    cluster = start().cluster
    Simulation.resume(saved, k_hop(5), cluster)
    other = replace(cluster, n_machines=cluster.n_machines + 1)
    with pytest.raises(
        CheckpointError, match=rf"another cluster, n_machines = {cluster.n_machines} \(here"
    ):
        Simulation.resume(saved, k_hop(5), other)


def test_another_version_of_the_steps_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mpc_sim.stages.columnsort.Columnsort.label", lambda *_: "other")
        with pytest.raises(CheckpointError, match="another version of this protocol"):
            Simulation.resume(saved, k_hop(5))
    with monkeypatch.context() as patch:
        channels = (Channel("sorted", ("letter", "index", "more"), 9, local=True),)
        patch.setattr("mpc_sim.algorithms.k_hop.Neighbours.channels", lambda *_: channels)
        with pytest.raises(CheckpointError, match="another version of this protocol"):
            Simulation.resume(saved, k_hop(5))
    Simulation.resume(saved, k_hop(5))


def test_identity_is_the_same_in_every_process() -> None:
    base = identity(Plain(a=np.arange(5000), f=last_hops, s=frozenset({"x", "y"}), c=Cached(3)))
    code = (
        "import numpy as np; from mpc_sim.identity import identity;"
        "from cases.checkpoints import Cached, Plain, last_hops;"
        "print(identity(Plain(a=np.arange(5000), f=last_hops, s=frozenset({'y', 'x'}),"
        " c=Cached(3, {'z': 1}))))"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": path}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == base


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Plain(a=np.arange(5000)), Plain(a=np.arange(5000) // 4999)),
        (Plain(a=1), Plain(a="1")),
        (Plain(f=last_hops), Plain(f=start)),
        (Double(1, True), Double(1, False)),
        (Plain(d={"a": 1}), Plain(d={"a": 2})),
        (Plain(c=Cached), Plain(c=Cached(1))),
        (Plain(f=captured(0)), Plain(f=captured(1))),
        (Plain(f=lambda x: x + 1), Plain(f=lambda x: x + 2)),
        (Plain(f=lambda x, y=1: x), Plain(f=lambda x, y=2: x)),
    ],
)
def test_canary_identity_tells_apart(one: Protocol, other: Protocol) -> None:
    assert identity(one) != identity(other)
    assert identity(one) == identity(one)


def test_a_field_without_a_name_is_refused_when_saving(tmp_path: Path) -> None:
    cluster = Cluster(n_words=2, memory_words=4, n_machines=3, block_words=1)
    for nameless in (partial(start, 3), np.random.default_rng(0), start().step):
        sim = Simulation(Plain(f=nameless), cluster, [1, 2], mode="charge")
        with pytest.raises(CheckpointError, match="cannot be saved: nothing names that field"):
            sim.save(tmp_path / "run.npz")
    assert list(tmp_path.iterdir()) == []


# --- damaged files ---


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError, match=ONE_LINE) as e:
        Simulation.resume(path, k_hop(5))
    assert str(path) in str(e.value)
    return str(e.value)


def test_truncation_at_every_97th_byte(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in {*range(0, len(whole), 97), *range(len(whole) - 100, len(whole))}:
        saved.write_bytes(whole[:length])
        refused(saved)
    saved.write_bytes(whole + b"\0")
    assert "its checksum does not match" in refused(saved)
    saved.write_bytes(whole)
    Simulation.resume(saved, k_hop(5))


def test_flipped_bytes(saved: Path) -> None:
    whole = saved.read_bytes()
    rng = np.random.default_rng(3)
    for place in {*rng.integers(0, len(whole), 400).tolist(), *range(60), *range(-130, 0)}:
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        saved.write_bytes(damaged)
        refused(saved)
    for _ in range(50):
        damaged = bytearray(whole)
        at = int(rng.integers(0, len(whole) - 64))
        damaged[at : at + 64] = rng.bytes(64)
        saved.write_bytes(damaged)
        refused(saved)


def test_canary_without_its_seal_a_flip_goes_unnoticed(saved: Path) -> None:
    """A flip in a date of the archive harms no parser: only the checksum sees it."""
    damaged = bytearray(saved.read_bytes())
    damaged[12] ^= 1
    with zipfile.ZipFile(io.BytesIO(damaged)) as file:
        assert file.testzip() is None
    saved.write_bytes(damaged)
    assert "its checksum does not match" in refused(saved)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"P", "is no npz archive"),
        (b"PK", "damaged, cut short"),
        (b"\x89PNG\r\n" * 50, "is no npz archive"),
        (pickle.dumps([1, 2]), "is no npz archive"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "run.npz").write_bytes(content)
    assert message in refused(tmp_path / "run.npz")


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "run.npz")
    assert "cannot be read" in refused(tmp_path)
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    assert "was not written as a checkpoint" in refused(tmp_path / "other.npz")
    start().ledger.save(tmp_path / "ledger.npz")
    assert "is a mpc_sim ledger file, no checkpoint" in refused(tmp_path / "ledger.npz")


# --- files made to deceive: their checksum is right ---


def forge(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Write an archive of any members with a valid checksum."""
    with path.open("w+b") as file:
        with zipfile.ZipFile(file, "w", compression) as members_of:
            for name, content in members.items():
                members_of.writestr(name, content)
            members_of.comment = b"-" * archive.SEAL_BYTES
        archive._seal(file)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def npy(array: Any, *, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), (1, 0), allow_pickle=allow_pickle)
    return file.getvalue()


def words_of(content: bytes) -> Any:
    return np.lib.format.read_array(io.BytesIO(content)).astype(np.int64)


class Payload:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_a_pickled_payload_is_refused_and_does_not_run(saved: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    array = np.array([Payload(mark)], object)
    content = members(saved)
    for name in ("input.npy", "sent.npy", "unknown.npy"):
        forge(saved, content | {name: npy(array, allow_pickle=True)})
        assert "is of type |O, not of words" in refused(saved)
        forge(saved, content | {name: pickle.dumps(array)})
        refused(saved)
    forge(saved, content | {"header.json": pickle.dumps(array)})
    refused(saved)
    np.savez(saved, input=array)
    refused(saved)
    assert not mark.exists()


def test_canary_the_payload_runs_when_pickle_is_allowed(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    np.savez(tmp_path / "evil.npz", x=np.array([Payload(mark)], object))
    with np.load(tmp_path / "evil.npz", allow_pickle=True) as arrays:
        arrays["x"]
    assert mark.exists()


HUGE = npy(np.zeros(3, np.uint8)).replace(b"(3,)", b"(3333333333333,)").replace(b" " * 12, b"", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sent.npy": None}, "KeyError 'sent'"),
        ({"input.npy": npy(np.zeros(7, np.int64))}, "takes 48 integer words"),
        ({"input.npy": npy(np.full(48, 2**40))}, "input words lie in"),
        ({"input.npy": npy(np.zeros(48))}, "is of type <f8"),
        ({"input.npy": npy(np.zeros((4, 12), np.uint8, order="F"))}, "not of words"),
        ({"input.npy": HUGE}, "has not the size that it states"),
        ({"input.npy": b"\x93NUMPY\x01\x00"}, "EOF"),
        ({"input.npy": b"\x93NUMPY\x03\x00" + b"\0" * 99}, "no array of format 1.0"),
        ({"sent.npy": npy(np.zeros((6, 2), np.int64))}, "sent of shape"),
        ({"held.npy": npy(-np.ones((6, 14), np.int64))}, "held of shape"),
        ({"channel_0_machine.npy": npy(np.zeros(3, np.int64))}, "columns of different lengths"),
        ({"header.json": b"{"}, "JSONDecodeError"),
        ({"header.json": b"[1]"}, "TypeError"),
        ({"header.json": b"[" * 100_000}, "RecursionError"),
        ({"header.json": b"{}"}, "KeyError 'format'"),
        ({"header.json": None}, "KeyError 'header.json'"),
    ],
)
def test_parts_that_do_not_fit(saved: Path, change: dict[str, bytes | None], message: str) -> None:
    content = members(saved) | change
    forge(saved, {name: part for name, part in content.items() if part is not None})
    text = refused(saved)
    assert message in text
    assert len(text) < len(str(saved)) + 300


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, "has version 1 of the checkpoint format; this library reads version 2"),
        ({"format": "something else"}, "is a something else file, no checkpoint"),
        ({"round": 5}, "round and ledger differ"),
        ({"mode": "lax"}, "mode = 'lax'"),
        ({"channels": []}, "do not hold what the ledger says"),
        ({"channels": 3}, "TypeError"),
        ({"ledger": {}}, "KeyError 'cluster'"),
        ({"protocol": 7}, "is a run of another protocol"),
    ],
)
def test_headers_that_do_not_fit(saved: Path, change: dict[str, Any], message: str) -> None:
    content = members(saved)
    header = json.loads(content["header.json"]) | change
    forge(saved, content | {"header.json": json.dumps(header).encode()})
    assert message in refused(saved)


@pytest.mark.parametrize("name", ["channel_0_machine", "channel_0_field_0"])
@pytest.mark.parametrize("value", [-1, 2**40])
def test_words_and_machines_stay_in_range(saved: Path, name: str, value: int) -> None:
    content = members(saved)
    array = words_of(content[f"{name}.npy"])
    array[0 if value < 0 else -1] = value
    forge(saved, content | {f"{name}.npy": npy(array)})
    assert "channel sorted" in refused(saved)


def test_records_lie_in_the_order_of_their_machines(saved: Path) -> None:
    """Two owners exchanged: every machine holds as many words as before, but others."""
    content = members(saved)
    owner = words_of(content["channel_0_machine.npy"])
    assert owner[0] < owner[-1]
    owner[[0, -1]] = owner[[-1, 0]]
    forge(saved, content | {"channel_0_machine.npy": npy(owner)})
    assert "channel sorted does not lie on the machines" in refused(saved)


def test_the_first_word_beyond_the_range_is_refused(saved: Path) -> None:
    content, limit = members(saved), start().cluster.word_limit
    array = words_of(content["channel_0_field_0.npy"])
    array[0] = limit - 1
    forge(saved, content | {"channel_0_field_0.npy": npy(array)})
    Simulation.resume(saved, k_hop(5))
    array[0] = limit
    forge(saved, content | {"channel_0_field_0.npy": npy(array)})
    assert "channel sorted holds words out of range" in refused(saved)


def test_canary_a_forged_file_that_fits_is_read(saved: Path) -> None:
    forge(saved, members(saved))
    assert Simulation.resume(saved, k_hop(5)).run().tolist() == start().run().tolist()


def test_compressed_members_are_refused(saved: Path) -> None:
    forge(saved, members(saved), zipfile.ZIP_DEFLATED)
    assert "is compressed" in refused(saved)


# --- writing ---


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace"])
def test_a_failed_write_leaves_the_old_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(failing, full)
        with pytest.raises(CheckpointError, match=r"cannot be written: No space left on device$"):
            start().save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["run.npz"]


def test_a_run_ends_when_its_checkpoint_cannot_be_written(tmp_path: Path) -> None:
    sim = start()
    with pytest.raises(CheckpointError, match="cannot be written"):
        sim.run(checkpoint=tmp_path / "none" / "run.npz")
    assert sim.round == 1
    with pytest.raises(RoundBudgetExceeded):
        sim.output()


# --- SIGKILL ---

KILLS = 20
CHILD = """
import sys
import numpy as np
from pathlib import Path
from mpc_sim import Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop

folder, k, n = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
path, protocol = folder / "run.npz", k_hop(k)
words = np.random.default_rng(0).integers(0, n // 8, n)
Simulation(k_hop(1), fit_cluster(k_hop(1), 4, "2/3"), [0, 0, 1, 1]).run()  # loads the kernels
if path.exists():
    sim = Simulation.resume(path, protocol)
else:
    sim = Simulation(protocol, fit_cluster(protocol, n, "2/3"), words)
print(sim.round, flush=True)
np.save(folder / "output.npy", sim.run(checkpoint=path, every_rounds=1))
sim.ledger.save(folder / "ledger.npz")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_at_random_times(tmp_path: Path) -> None:
    k, n = 2**200 + 12345, 2**14
    words = np.random.default_rng(0).integers(0, n // 8, n)
    whole = Simulation(k_hop(k), fit_cluster(k_hop(k), n, "2/3"), words)
    expected = whole.run()
    assert expected.tolist() == last_hops(words)
    rng = np.random.default_rng(1)
    path = tmp_path / "run.npz"
    kills, started, torn = 0, [], 0
    finished = False
    while kills < KILLS or not finished:
        if finished:  # too quick: once more from the beginning
            path.unlink()
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(k), str(n)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        with child:
            assert child.stdout is not None
            started.append(int(child.stdout.readline()))
            if kills < KILLS:
                try:
                    child.wait(rng.uniform(0, 0.15))
                except subprocess.TimeoutExpired:
                    child.kill()
                    kills += 1
        finished = child.returncode == 0
        assert finished or child.returncode == -9
        if path.exists():
            assert Checkpoint.load(path).round >= started[-1]
        part = tmp_path / ".run.npz.part"
        if part.exists():
            try:
                archive.read(part, FILE)
            except CheckpointError:
                torn += 1
            else:  # killed between the last byte and the renaming: a whole file
                done = Checkpoint.load(path).round if path.exists() else 0
                assert Checkpoint.load(part).round == done + 1
        if finished:
            assert np.array_equal(np.load(tmp_path / "output.npy"), expected)
            assert not whole.ledger.diff(type(whole.ledger).load(tmp_path / "ledger.npz"))
    print(f"{kills} kills, resumed before rounds {started}, {torn} torn files")
    assert len(set(started)) > 5
