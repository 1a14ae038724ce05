"""The zip files of ``torch.save``, by a reader of pickles that builds plain values only.

A pickle is a program for a machine with a stack and numbered places. This one knows the operations
that ``torch.save`` writes (protocol 2). Keys are texts and whole numbers, calls are those of
``CALLS``, places are numbered as they come: so neither code runs, nor does a number in the file say
how much is allocated. Arrays are views of the storages; every storage is read once, and in all they
take no more than the file.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anna_model.stored_numbers import BFLOAT16, Array, WeightsFileError, numbers_of

STORAGE_DTYPES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2",
    "BFloat16Storage": BFLOAT16, "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2",
    "CharStorage": "|i1", "ByteStorage": "|u1", "BoolStorage": "|b1",
}  # fmt: skip
MOST_SHARED = 2
"""Tensors may show a number of the file so many times: tied weights have two names."""


class _Global(NamedTuple):
    module: str
    name: str


class _Mark:
    """Where the arguments of an operation begin."""


MARK = _Mark()
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
NUMBERS_AND_TEXTS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINBYTES", "BINBYTES"),
    *("SHORT_BINSTRING", "BINSTRING"),
}


def read_torch(path: Path) -> Any:
    """Return what a file holds: dictionaries, lists, tuples, numbers, texts and arrays.

    Raises
    ------
    WeightsFileError
        An operation or a name that is not read, a tensor that does not fit its storage.
    Exception
        Whatever `zipfile` and `pickletools` raise on damaged bytes.
    """
    with zipfile.ZipFile(path) as archive:
        (index,) = [name for name in archive.namelist() if name.endswith("data.pkl")]
        return _Reader(archive, index.removesuffix("data.pkl"), path.stat().st_size).load()


class _Reader:
    """The machine of one file."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, n_bytes: int) -> None:
        self.archive, self.folder, self.n_bytes = archive, folder, n_bytes
        self.n_read = self.n_shown = 0
        self.storages: dict[str, tuple[Array, int]] = {}
        self.stack: list[Any] = []
        self.places: dict[int, Any] = {}
        names = archive.namelist()
        if f"{folder}byteorder" in names:
            order = self._stored("byteorder")
            if order != b"little":
                raise WeightsFileError(f"its byte order is {order!r}; only little is read")

    def load(self) -> Any:
        """Run the pickle."""
        for code, argument, _ in pickletools.genops(io.BytesIO(self._stored("data.pkl"))):
            if code.name == "STOP":
                break
            self._run(code.name, argument)
        return self.stack.pop()

    def _run(self, code: str, argument: Any) -> None:
        stack = self.stack
        match code:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                stack.append(MARK)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(self._marked()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                n = int(code[-1])
                stack[-n:] = [tuple(stack[-n:])]
            case "APPEND":
                _list(stack[-2]).append(stack.pop())
            case "APPENDS":
                added = self._marked()
                _list(stack[-1]).extend(added)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _put(stack[-1], [key, value])
            case "SETITEMS":
                pairs = self._marked()
                _put(stack[-1], pairs)
            case "BINPUT" | "LONG_BINPUT":
                self.places[argument] = stack[-1]
            case "MEMOIZE":
                self.places[len(self.places)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.places[argument])
            case "GLOBAL":
                stack.append(_Global(*argument.split(" ", 1)))
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE":
                arguments, call = stack.pop(), stack.pop()
                stack.append(self._called(call, arguments))
            case "BUILD":  # attributes, such as the metadata of a state dictionary
                stack.pop()
            case _ if code in CONSTANTS:
                stack.append(CONSTANTS[code])
            case _ if code in NUMBERS_AND_TEXTS:
                stack.append(argument)
            case _:
                raise WeightsFileError(f"its pickle has the operation {code}, which is not read")

    def _marked(self) -> list[Any]:
        at = next(i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i] is MARK)
        found = self.stack[at + 1 :]
        del self.stack[at:]
        return found

    def _called(self, call: Any, arguments: Any) -> Any:
        if not isinstance(call, _Global) or tuple(call) not in CALLS:
            name = ".".join(call) if isinstance(call, _Global) else type(call).__name__
            raise WeightsFileError(
                f"its pickle asks for {name}, which is not executed: save the state dictionary "
                "alone, torch.save(model.state_dict(), path)"
            )
        return CALLS[tuple(call)](self, *arguments)

    def _storage(self, pid: Any) -> tuple[Array, int]:
        """Return the numbers of a storage and the bytes that one takes in the file."""
        kind, storage, key, _device, _size = pid
        is_known = isinstance(storage, _Global) and storage.module == "torch"
        if kind != "storage" or not is_known or storage.name not in STORAGE_DTYPES:
            raise WeightsFileError("its pickle refers to what is no storage of torch")
        dtype = STORAGE_DTYPES[storage.name]
        if key not in self.storages:
            numbers = numbers_of(self._stored(f"data/{key}"), dtype)
            self.storages[key] = numbers, 2 if dtype == BFLOAT16 else numbers.itemsize
        return self.storages[key]

    def _stored(self, name: str) -> bytes:
        entry = self.archive.getinfo(self.folder + name)
        if entry.compress_type != zipfile.ZIP_STORED:
            raise WeightsFileError(f"{name} is compressed; torch.save stores it as it is")
        self.n_read += entry.file_size
        if self.n_read > self.n_bytes:
            raise WeightsFileError("its parts are longer than the file: they lie over one another")
        return self.archive.read(entry)

    def tensor(self, storage: Any, offset: int, shape: Any, stride: Any, *_: Any) -> Array:
        """Lay an array over a storage, as far as it reaches."""
        numbers, each = storage
        sizes = [*shape, *stride, offset]
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if len(sizes) > 2 * 64 or any(type(size) is not int or size < 0 for size in sizes):
            raise WeightsFileError(f"a tensor has shape {shape} and strides {stride}"[:200])
        n = math.prod(shape)
        if n and last >= len(numbers):
            raise WeightsFileError(
                f"a tensor of shape {shape} reaches beyond its {len(numbers)} numbers"
            )
        self.n_shown += n * each
        if n > len(numbers) or self.n_shown > MOST_SHARED * self.n_bytes:
            raise WeightsFileError(
                f"a tensor of shape {shape} shows the same numbers many times: save it contiguous"
            )
        steps = [step * numbers.itemsize for step in stride]
        view = np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
        return view


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WeightsFileError("its pickle appends to what is no list")
    return value


def _put(target: Any, pairs: list[Any]) -> None:
    """Put keys and values, in turn, into a dictionary."""
    if not isinstance(target, dict) or len(pairs) % 2:
        raise WeightsFileError("its pickle puts entries into what is no dictionary")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | int | float | None):
            raise WeightsFileError(f"a dictionary has a {type(key).__name__} as a key")
        target[key] = value


def _ordered(reader: _Reader, items: Any = ()) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for pair in items:
        _put(found, list(pair))
    return found


def _size(reader: _Reader, numbers: Any) -> tuple[Any, ...]:
    if not isinstance(numbers, tuple | list):
        raise WeightsFileError("a torch.Size is no tuple")
    return tuple(numbers)


CALLS: Mapping[tuple[str, ...], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _ordered,
    ("torch", "Size"): _size,
    ("torch._utils", "_rebuild_tensor_v2"): _Reader.tensor,
    ("torch._utils", "_rebuild_parameter"): lambda reader, data, *_: data,
}
"""What a pickle may call: with the reader, then with what it gives."""
