"""Damaged files, and small ones that declare huge sizes: a typed error, little memory, no code."""

from __future__ import annotations

import gzip
import pickle
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from anna_model.weights_file import WeightsFileError, read_weights
from cases.damage import (
    LOADERS,
    SEALED,
    TYPED,
    damaged,
    is_typed,
    packed,
    safetensors_of,
    sealed,
    whole_files,
)
from mpc_sim.errors import CheckpointError, InputError
from mpc_sim.inputs.graph_file import FILE, load_graph
from mpc_sim.saving import archive


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return whole_files(tmp_path_factory.mktemp("whole"))


@contextmanager
def little_memory(n_bytes: int) -> Iterator[None]:
    """Measure what is allocated inside, of Python and NumPy: 64 MiB and 8 times the file."""
    tracemalloc.start(1)
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**26 + 8 * n_bytes


def load_damaged(name: str, data: bytes, folder: Path, n: int) -> int:
    """Load n damaged copies; return how many were refused."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    path, refused = folder / name, 0
    for number in range(n):
        content = damaged(data, rng)
        if name in SEALED and number % 4:
            content = sealed(content)
        path.write_bytes(content)
        with little_memory(len(content)):
            try:
                LOADERS[name](path)
            except TYPED as error:
                found = error
            else:
                found = None
        if found is not None:
            assert is_typed(found), (number, found)
            assert "\n" not in str(found)
            refused += 1
    return refused


def test_every_kind_is_there(whole: dict[str, bytes], tmp_path: Path) -> None:
    assert set(whole) == set(LOADERS)
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
        LOADERS[name](tmp_path / name)


@pytest.mark.parametrize("name", LOADERS)
def test_damaged_files(name: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    load_damaged(name, whole[name], tmp_path, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADERS)
def test_500_damaged_files(name: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    assert load_damaged(name, whole[name], tmp_path, 500) > (30 if name != "letters.txt" else 5)


def _tensor(key: str, offset: str, shape: str, stride: str) -> bytes:
    """A tensor as protocol 2 writes it, by opcodes in words."""
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + b"X\x07\0\0\0storagectorch\nFloatStorage\n"
        + b"X"
        + len(key).to_bytes(4, "little")
        + key.encode()
        + b"X\x03\0\0\0cpuK\x04tQ"
        + b"".join(_numbers(text) for text in (offset, shape, stride))
        + b"\x89NtR"
    )


def _numbers(text: str) -> bytes:
    if not text.startswith("("):
        return b"J" + int(text).to_bytes(4, "little", signed=True)
    parts = text.strip("()").split()
    return b"(" + b"".join(_numbers(part) for part in parts) + b"t"


def _state(*tensors: bytes) -> bytes:
    named = b"".join(
        b"X\x02\0\0\0" + f"{at:02}".encode() + tensor for at, tensor in enumerate(tensors)
    )
    return packed(
        {"data.pkl": b"\x80\x02}(" + named + b"u.", "data/0": np.ones(64, "<f4").tobytes()}
    )


def _nested() -> bytes:
    return b"\x80\x02" + b")" + b"\x85" * 10**5 + b"K\x01s."


def _overlapping() -> bytes:
    return safetensors_of(
        {
            f"a{at}": {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}
            for at in range(3000)
        },
        bytes(4000),
    )


SMALL_AND_HUGE = {
    "stride 0": ("a.pt", _state(_tensor("0", "0", "(20000 20000)", "(0 0)"))),
    "a storage 90 times": ("b.pt", _state(*[_tensor("0", "0", "(64)", "(1)")] * 90)),
    "a place far off": ("c.pt", packed({"data.pkl": b"\x80\x02}r\xff\xff\xff\x3fh\1u."})),
    "a text of 4 GiB": ("d.pt", packed({"data.pkl": b"\x80\x02X\xff\xff\xff\x7fa."})),
    "nested keys": ("e.pt", packed({"data.pkl": _nested()})),
    "a pickle that calls": ("f.pt", packed({"data.pkl": b"cposix\nsystem\n(X\x02\0\0\0lstR."})),
    "one region 3,000 times": ("g.safetensors", _overlapping()),
    "a hole": (
        "h.safetensors",
        safetensors_of({"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}, bytes(2)),
    ),
    "a long header": ("i.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
    "a deep header": ("j.safetensors", (10**5).to_bytes(8, "little") + b"[" * 10**5),
}


@pytest.mark.parametrize("what", SMALL_AND_HUGE)
def test_small_weights_that_declare_much(what: str, tmp_path: Path) -> None:
    name, data = SMALL_AND_HUGE[what]
    (tmp_path / name).write_bytes(data)
    with (
        little_memory(len(data)),
        pytest.raises(WeightsFileError, match=name),
    ):
        read_weights(tmp_path / name)


def test_views_of_one_storage_are_read(tmp_path: Path) -> None:
    """Tied weights, a transposed matrix and a part: the canary of the refusals above."""
    path = tmp_path / "views.pt"
    path.write_bytes(_state(_tensor("0", "0", "(8 8)", "(1 8)"), _tensor("0", "60", "(4)", "(1)")))
    found = read_weights(path)
    assert found["00"].shape == (8, 8)
    assert found["01"].tolist() == [1] * 4
    with pytest.raises(ValueError, match="read-only"):
        found["00"][0, 0] = 2


@pytest.mark.parametrize("n_vertices", [10**18, 2**31, 0, -1, 1.5, "5", None])
def test_a_graph_of_many_vertices_is_no_memory(n_vertices: object, tmp_path: Path) -> None:
    path = tmp_path / "graph.npz"
    header = {"n_vertices": n_vertices, "names": None}
    archive.write(path, FILE, header, {"edges": np.zeros((0, 2), np.int64)})
    with little_memory(path.stat().st_size), pytest.raises(CheckpointError, match="graph"):
        load_graph(path, np.arange(5))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.gr", "p edge 2147483648 0\n"),
        ("a.mtx", "%%MatrixMarket matrix coordinate pattern general\n2147483648 2147483648 0\n"),
        ("a.net", "*Vertices 2147483648\n*Edges\n"),
        ("a.graph", "2147483648 0\n"),
        ("a.mtx", "%%MatrixMarket matrix coordinate real general\n9 9 999999999999\n1 1 1\n"),
        ("a.txt.gz", "line without an end"),
    ],
)
def test_graphs_that_declare_much_take_little(name: str, text: str, tmp_path: Path) -> None:
    data = gzip.compress(b"1" * 10**8) if name.endswith("gz") else text.encode()
    (tmp_path / name).write_bytes(data)
    with little_memory(len(data)), suppress(InputError):
        LOADERS["edges.txt"](tmp_path / name)


def test_the_canary_runs() -> None:
    """An unpickler would have called it, and a copy of every view would be refused here."""
    assert pickle.loads(b"cbuiltins\nlen\n(X\x02\0\0\0lstR.") == 2
    with pytest.raises(AssertionError), little_memory(0):
        np.ones(2**24)
