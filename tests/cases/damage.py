"""Whole files of every kind that is read, damaged copies of them, and their loaders."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx
import numpy as np

from anna_model import gpt2
from anna_model.surrogate.learned import Learned
from anna_model.surrogate.shipped_weights import FOLDER
from cases.gpt2_weights import Arrays, drawn, safetensors
from mpc_sim import Ledger, MPCError, Simulation
from mpc_sim.algorithms.sample_sort import sample_sort
from mpc_sim.checkpoint import Checkpoint
from mpc_sim.inputs.graph_file import load_graph, save_graph
from mpc_sim.inputs.graph_formats import read_graph
from mpc_sim.inputs.graphs import Graph
from mpc_sim.saving import archive
from reductions.commands.files import read_text
from reductions.commands.inputs import INPUT_FILE, kept_instance
from reductions.commands.usage import UsageError
from reductions.experiments.attention_inputs import read_matrix
from reductions.registry import solver

TYPED = (ValueError, MPCError, UsageError)
"""`WeightsFileError`, `HeadFileError` and `GridOverflow` are the ValueErrors; see `is_typed`."""


def is_typed(error: Exception) -> bool:
    """Whether an error is of a class of ours, or says itself what a setting must be."""
    return type(error).__module__.split(".")[0] in ("mpc_sim", "anna_model", "reductions") or (
        type(error) is ValueError
    )


@dataclass
class Storage:
    key: str
    array: np.ndarray[Any, Any]


class Tensor:
    def __init__(self, storage: Storage, shape: tuple[int, ...]) -> None:
        self.storage, self.shape = storage, shape

    def __reduce__(self) -> Any:
        stride = tuple(int(x) for x in np.cumprod((1, *self.shape[:0:-1]))[::-1])
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (self.storage, 0, self.shape, stride, False, OrderedDict())


@contextmanager
def a_torch() -> Iterator[None]:
    """The names that a file of ``torch.save`` refers to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    kind = type("FloatStorage", (), {"__module__": "torch"})
    torch.FloatStorage = kind  # type: ignore[attr-defined]

    def _rebuild_tensor_v2(*arguments: Any) -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = (
        "torch._utils",
        "_rebuild_tensor_v2",
    )
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    kept = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def packed(parts: Mapping[str, bytes]) -> bytes:
    """Return a zip file as `torch.save` writes it."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as file:
        for name, content in parts.items():
            file.writestr(f"any/{name}", content)
    return found.getvalue()


def state_dictionary(
    arrays: Arrays, wrap: Callable[[Any], Any] = lambda found: found, device: str = "cuda:0"
) -> bytes:
    """Return what `torch.save` writes of float32 arrays."""
    storages = {name: Storage(str(at), array) for at, (name, array) in enumerate(arrays.items())}
    text = io.BytesIO()
    with a_torch():

        class Pickler(pickle.Pickler):
            def persistent_id(self, value: Any) -> Any:
                if isinstance(value, Storage):
                    kind = sys.modules["torch"].FloatStorage
                    return ("storage", kind, value.key, device, value.array.size)
                return None

        named = OrderedDict((name, Tensor(storages[name], a.shape)) for name, a in arrays.items())
        Pickler(text, protocol=2).dump(wrap(named))
    data = {f"data/{one.key}": one.array.tobytes() for one in storages.values()}
    return packed({"data.pkl": text.getvalue(), "byteorder": b"little", **data})


def sealed(data: bytes) -> bytes:
    """Return an archive of ours with a seal that fits: damage that its checksum does not show."""
    with suppress(Exception):
        file = io.BytesIO(data)
        archive._seal(file)
        return file.getvalue()
    return data


GRAPH = Graph(5, np.array([[0, 1], [1, 2], [3, 4], [0, 4]]), np.array([3, 1, 4, 1]), tuple("abcde"))
CONFIG = {"n_head": 3, "n_layer": 2}


def run() -> Simulation:
    words = np.arange(64)[::-1].copy()
    protocol = sample_sort(64)
    simulation = Simulation(protocol, solver("sample-sort").cluster(words), words)
    simulation.step()
    return simulation


def whole_files(folder: Path) -> dict[str, bytes]:
    """Write one file of every kind and return its bytes, by file name."""
    simulation = run()
    simulation.save(folder / "run.checkpoint.npz")
    simulation.ledger.save(folder / "run.ledger.npz")
    save_graph(GRAPH, folder / "run.graph.npz")
    np.save(folder / "rows.npy", np.arange(12.0).reshape(3, 4))
    (folder / "model.safetensors").write_bytes(safetensors(drawn()))
    (folder / "model.pt").write_bytes(state_dictionary(drawn()))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    card = FOLDER / "match2-softmax.json"
    (folder / "card.json").write_bytes(card.read_bytes())
    kept = {"parameters": {"k": 2}, "alphabet": ["a", "b"]}
    (folder / "kept.json").write_text(json.dumps(kept))
    (folder / "letters.txt").write_text("a b \u00e9 c\n" * 9, encoding="utf-8")
    lines = "".join(f"{u} {v} {w}\n" for u, v, w in ((1, 2, 3), (2, 3, 1), (3, 4, 2), (1, 4, 7)))
    graphs = {
        "edges.txt": "# a comment\n" + lines,
        "edges.csv": "source,target,weight\n" + lines.replace(" ", ","),
        "graph.mtx": "%%MatrixMarket matrix coordinate integer general\n4 4 4\n" + lines,
        "graph.gr": "c says\np sp 4 4\n" + "".join(f"a {line}\n" for line in lines.splitlines()),
        "graph.graph": "4 4 001\n2 3 4 7\n1 3 3 1\n2 1 4 2\n3 2 1 7\n",
        "graph.net": '*Vertices 4\n1 "a"\n2 "b"\n*Edges\n' + lines,
    }
    for name, text in graphs.items():
        (folder / name).write_text(text)
    (folder / "packed.txt.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    (folder / "wide.txt").write_bytes(lines.encode("utf-16"))
    networkx.write_gml(GRAPH.to_networkx(), folder / "graph.gml")
    networkx.write_graphml(GRAPH.to_networkx(), folder / "graph.graphml")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _graph(path: Path) -> object:
    with path.open("rb") as file:
        return read_graph(file, path.name, weighted=True)


def _kept(path: Path) -> object:
    (path.parent / INPUT_FILE).write_bytes(path.read_bytes())
    return kept_instance(solver("k-hop").problem, path.parent, np.array([0, 1, 1]))


def _card(path: Path) -> object:
    return Learned.read(path, FOLDER / "match2-softmax.safetensors").recipe


def _model(path: Path) -> object:
    return gpt2.load(path, CONFIG, output="tied").logits([1, 2, 3])


def _config(path: Path) -> object:
    return gpt2.Gpt2Config.of(path)


LOADERS: dict[str, Callable[[Path], object]] = {
    "run.checkpoint.npz": Checkpoint.load,
    "run.ledger.npz": Ledger.load,
    "run.graph.npz": lambda path: load_graph(path, GRAPH.words),
    "rows.npy": read_matrix,
    "model.safetensors": _model,
    "model.pt": _model,
    "config.json": _config,
    "card.json": _card,
    "kept.json": _kept,
    "letters.txt": lambda path: read_text(str(path)),
    "edges.txt": _graph,
    "edges.csv": _graph,
    "graph.mtx": _graph,
    "graph.gr": _graph,
    "graph.graph": _graph,
    "graph.net": _graph,
    "packed.txt.gz": _graph,
    "wide.txt": _graph,
    "graph.gml": _graph,
    "graph.graphml": _graph,
}
SEALED = {name for name in LOADERS if name.endswith(".npz")}
HUGE = (b"999999999999999999", b"-1", b"1e999", b"2147483648", b"[" * 2000, b"0.5", b"null")


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file cut off, with other bytes, with some twice, or with other numbers."""
    at, more = (int(x) for x in rng.integers(0, max(1, len(data)), 2))
    kind = int(rng.integers(5))
    if kind == 0:
        return data[:at]
    if kind == 1:
        found = bytearray(data)
        for place in rng.integers(0, len(data), int(rng.integers(1, 5))):
            found[place] ^= int(rng.integers(1, 256))
        return bytes(found)
    if kind == 2:
        return data[:at] + data[more : more + 60] + data[at:]
    if kind == 3:
        return data[:at] + data[at + int(rng.integers(1, 40)) :]
    digits = [i for i, byte in enumerate(data[:5000]) if 48 <= byte < 58]
    if not digits:
        return data[:at] + b"\xff" * 8 + data[at + 8 :]
    place = digits[int(rng.integers(len(digits)))]
    end = place
    while end < len(data) and 48 <= data[end] < 58:
        end += 1
    return data[:place] + HUGE[int(rng.integers(len(HUGE)))] + data[end:]


def safetensors_of(header: object, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body
