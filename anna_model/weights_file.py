"""Named arrays from files of other programs: safetensors, and state dictionaries of PyTorch.

Nothing in a file is executed. A ``.pt`` file holds a pickle; it is read by an unpickler that knows
an ordered dictionary, the tensor constructors and the storage types, and rejects every other name.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_HEADER_BYTES = 10**8
BFLOAT16 = "bfloat16"
SAFETENSORS_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": BFLOAT16, "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
STORAGE_DTYPES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2",
    "BFloat16Storage": BFLOAT16, "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2",
    "CharStorage": "|i1", "ByteStorage": "|u1", "BoolStorage": "|b1",
}  # fmt: skip


class WeightsFileError(ValueError):
    """A file that cannot be read as named arrays; the message says what to change."""


def read_weights(path: str | Path) -> dict[str, Array]:
    """Read the arrays of a file by name.

    Parameters
    ----------
    path : str or Path
        A ``.safetensors`` file, or a state dictionary written by ``torch.save`` (zip format, since
        PyTorch 1.6). A dictionary under the key ``model`` or ``state_dict`` of the outermost one is
        taken; entries that are no tensors are left out. On which device it was saved is ignored.

    Returns
    -------
    dict of str to array
        In the dtype of the file; bfloat16 becomes float32. All arrays own their memory.

    Raises
    ------
    WeightsFileError
        A damaged, truncated or foreign file, or a name in a pickle that is not allowed.
    OSError
        The file cannot be read.
    """
    path = Path(path)
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
    data = path.read_bytes()
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > min(len(data) - 8, MAX_HEADER_BYTES):
            raise ValueError(f"its header has {length} bytes")
        header = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        body = memoryview(data)[8 + length :]
        return {name: _safetensor(entry, body) for name, entry in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsFileError(f"{path.name} is damaged or no safetensors file: {error}") from None


def _safetensor(entry: Mapping[str, Any], body: memoryview) -> Array:
    low, high = entry["data_offsets"]
    shape = tuple(entry["shape"])
    dtype = SAFETENSORS_DTYPES[entry["dtype"]]
    if not 0 <= low <= high <= len(body) or any(size < 0 for size in shape):
        raise ValueError(f"an array lies at {low} .. {high} of {len(body)} bytes")
    return _numbers(bytes(body[low:high]), dtype).reshape(shape)


def _numbers(data: bytes, dtype: str) -> Array:
    if dtype == BFLOAT16:  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, dtype).copy()


@dataclass(frozen=True)
class _StorageType:
    dtype: str


def _read_torch(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            (index,) = [name for name in archive.namelist() if name.endswith("data.pkl")]
            reader = _TensorUnpickler(archive, index.removesuffix("data.pkl"))
            found = reader.load()
    except WeightsFileError as error:
        raise WeightsFileError(f"{path.name}: {error}") from None
    except Exception as error:  # an unpickler on damaged bytes may raise nearly anything
        raise WeightsFileError(
            f"{path.name} is damaged or no state dictionary of torch.save: "
            f"{type(error).__name__}: {error}"
        ) from None
    for key in ("model", "state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping):
        raise WeightsFileError(f"{path.name} holds a {type(found).__name__}, no state dictionary")
    return {str(name): value for name, value in found.items() if isinstance(value, np.ndarray)}


class _TensorUnpickler(pickle.Unpickler):
    """Build arrays where the pickle names tensors; know nothing else."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(_stored(archive, f"{folder}data.pkl")))
        self.archive, self.folder = archive, folder
        if f"{folder}byteorder" in archive.namelist():
            order = _stored(archive, f"{folder}byteorder")
            if order != b"little":
                raise WeightsFileError(f"its byte order is {order!r}; only little is read")

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGE_DTYPES:
            return _StorageType(STORAGE_DTYPES[name])
        known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "Size"): tuple,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
        }
        if (module, name) not in known:
            raise WeightsFileError(
                f"its pickle asks for {module}.{name}, which is not executed: save the state "
                "dictionary alone, torch.save(model.state_dict(), path)"
            )
        return known[module, name]

    def persistent_load(self, pid: Any) -> Array:
        kind, storage, key, _device, _size = pid
        if kind != "storage" or not isinstance(storage, _StorageType):
            raise WeightsFileError(f"its pickle refers to {kind!r}, not to a storage")
        return _numbers(_stored(self.archive, f"{self.folder}data/{key}"), storage.dtype)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED:
        raise WeightsFileError(f"{name} is compressed; torch.save stores it as it is")
    return archive.read(entry)


def _rebuild_tensor(
    storage: Array, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Array:
    """Lay an array over a storage, as far as it reaches."""
    sizes = [*shape, *stride, offset]
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if any(type(size) is not int or size < 0 for size in sizes):
        raise WeightsFileError(f"a tensor has shape {shape} and strides {stride}")
    if math.prod(shape) and last >= len(storage):
        raise WeightsFileError(
            f"a tensor of shape {shape} reaches beyond its {len(storage)} numbers"
        )
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()


def _rebuild_parameter(data: Array, *_: Any) -> Array:
    return data
