"""Named arrays from files of other programs: safetensors, and state dictionaries of PyTorch.

Nothing in a file is executed, and what is read takes no more memory than a small multiple of the
file, whatever sizes it declares. Of the pickle in a ``.pt`` file `anna_model.torch_file` knows an
ordered dictionary, the tensor constructors and the storage types, and rejects every other name.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anna_model.stored_numbers import (
    BFLOAT16,
    Array as Array,
    WeightsFileError as WeightsFileError,
    numbers_of,
)
from anna_model.torch_file import read_torch

INDEX = ".index.json"
SHARD = re.compile(r"-\d+-of-(\d+)\.")
MAX_HEADER_BYTES = 2**21
"""Some 20,000 arrays; parsed JSON may take 20 times its text."""

SAFETENSORS_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": BFLOAT16, "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


def read_weights(path: str | Path) -> dict[str, Array]:
    """Read the arrays of a file by name.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` file, or a state dictionary written by ``torch.save`` (zip format, since
        PyTorch 1.6). A dictionary under ``model``, ``state_dict`` or ``model_state_dict`` of the
        outermost one is taken; entries that are no tensors are left out. On which device it was
        saved is ignored. Or the ``.index.json`` of several such files beside it.

    Returns
    -------
    dict of str to array
        In the dtype of the file, read-only, in one memory; bfloat16 becomes float32.

    Raises
    ------
    WeightsFileError
        A damaged, truncated or foreign file, or a name in a pickle that is not allowed.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    if path.name.endswith(INDEX):
        return _read_shards(path)
    if (part := SHARD.search(path.name)) and int(part[1]) > 1:
        raise WeightsFileError(
            f"{path.name} is one part of {int(part[1])}: give the {INDEX} beside it, or the folder"
        )
    return _read_one(path)


def weights_in(path: Path) -> Path:
    """Return a file of weights; of a folder the one that transformers writes into it.

    Raises
    ------
    WeightsFileError
        The folder has none.
    """
    if not path.is_dir():
        return path
    for name in ("model.safetensors", "pytorch_model.bin"):
        for file in (path / name, path / f"{name}{INDEX}"):
            if file.is_file():
                return file
    raise WeightsFileError(f"{path.name} holds no model.safetensors and no pytorch_model.bin")


def _read_shards(path: Path) -> dict[str, Array]:
    """Read all files that an index names, each array from the file that it names for it."""
    try:
        places = json.loads(path.read_bytes())["weight_map"]
        files = sorted({str(name) for name in places.values()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsFileError(f"{path.name} is damaged or no index: {_said(error)}") from None
    found: dict[str, Array] = {}
    for file in files:
        if Path(file).name != file or file in ("", ".", ".."):
            raise WeightsFileError(f"{path.name} names {file[:80]!r}: parts lie beside the index")
        if not (path.parent / file).is_file():
            raise WeightsFileError(f"{path.name} names {file}, which is not there")
        arrays = _read_one(path.parent / file)
        named = {name for name, place in places.items() if place == file}
        if named != arrays.keys():
            one = min(named ^ arrays.keys())
            raise WeightsFileError(f"{path.name} and {file} differ: {one} is in one of them only")
        found |= arrays
    return found


def _read_one(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        return _read_torch(path)
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    raise WeightsFileError(
        f"{path.name} is neither a .safetensors file nor a zip file of torch.save: save it with "
        "torch.save(model.state_dict(), path) or as safetensors"
    )


def write_weights(path: str | Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays as a safetensors file, under another name first.

    Parameters
    ----------
    path : str or Path
        Ends in ``.safetensors``.
    arrays : mapping of str to array
        Of a dtype that safetensors has, but bfloat16.

    Raises
    ------
    ValueError
        Another suffix or dtype.
    OSError
        The file cannot be written; an old one stays whole.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"end the name of a file of weights in .safetensors, not {path.name}")
    names = {dtype: name for name, dtype in SAFETENSORS_DTYPES.items()}
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    end = 0
    for name, array in arrays.items():
        stored = array.astype(array.dtype.newbyteorder("<"))
        if stored.dtype.str not in names:
            raise ValueError(f"{name} has dtype {array.dtype}, which safetensors has not")
        parts.append(stored.tobytes())
        begin, end = end, end + len(parts[-1])
        kind = names[stored.dtype.str]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the arrays begin at a multiple of 8
    write_whole(path, struct.pack("<Q", len(text)) + text + b"".join(parts))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it; if that fails an old one stays whole."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read_safetensors(path: Path) -> dict[str, Array]:
    """Read a file whose arrays lie one behind the other and fill it, as its format wants."""
    data = path.read_bytes()
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > min(len(data) - 8, MAX_HEADER_BYTES):
            raise ValueError(f"its header has {length} bytes")
        header = json.loads(data[8 : 8 + length], object_pairs_hook=_once)
        header.pop("__metadata__", None)
        body = memoryview(data)[8 + length :]
        end = 0
        for low, high in sorted(entry["data_offsets"] for entry in header.values()):
            if low != end or high < low:
                raise ValueError(f"an array lies at {low} .. {high}, behind one that ends at {end}")
            end = high
        if end != len(body):
            raise ValueError(f"its arrays end at {end} of {len(body)} bytes")
        return {name: _safetensor(entry, body) for name, entry in header.items()}
    except Exception as error:  # a parser on damaged bytes may raise nearly anything
        raise WeightsFileError(
            f"{path.name} is damaged or no safetensors file: {_said(error)}"
        ) from None


def _safetensor(entry: Mapping[str, Any], body: memoryview) -> Array:
    low, high = entry["data_offsets"]
    shape = tuple(entry["shape"])
    dtype = SAFETENSORS_DTYPES[entry["dtype"]]
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"an array has shape {shape}"[:200])
    return numbers_of(body[low:high], dtype).reshape(shape)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in its header")
    return found


def _said(error: Exception) -> str:
    """Write an error on one line of bounded length."""
    return " ".join(f"{type(error).__name__} {error}".split())[:200]


def _read_torch(path: Path) -> dict[str, Array]:
    try:
        found = read_torch(path)
    except WeightsFileError as error:
        raise WeightsFileError(f"{path.name}: {error}") from None
    except Exception as error:  # a zip file or a pickle of damaged bytes may raise nearly anything
        raise WeightsFileError(
            f"{path.name} is damaged or no state dictionary of torch.save: {_said(error)}"
        ) from None
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping):
        raise WeightsFileError(f"{path.name} holds a {type(found).__name__}, no state dictionary")
    return {str(name): value for name, value in found.items() if isinstance(value, np.ndarray)}
