"""Files of arrays: npz without pickle, a JSON header, a checksum over every byte, written whole.

A file is a zip archive of ``header.json`` and one ``.npy`` per array, uncompressed, so that
``numpy.load`` and ``unzip`` read it as well. Its archive comment, the last bytes of the file, is
the SHA-256 of all bytes before it. Nothing is parsed before that matches, and what is parsed can
only be JSON and arrays of integers: the checksum guards against damage, the parser against malice.

Arrays are int64 in memory; on disk they take 1, 2, 4 or 8 bytes per word, as their words need.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from mpc_sim.errors import MPCError
from mpc_sim.records import Words
from mpc_sim.saving.whole_file import whole_file

HEADER = "header.json"
SUFFIX = ".npy"
DTYPES = ("|u1", "<u2", "<u4", "<i8")
SEAL = b"sha256:"
SEAL_BYTES = len(SEAL) + 64
CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class FileKind:
    """A kind of file: its name, the version of its format, and the error that it raises."""

    name: str
    version: int
    error: type[MPCError]


@contextmanager
def reading(path: str | Path, kind: FileKind) -> Iterator[None]:
    """Turn whatever goes wrong inside into the error of the kind, in one line."""
    try:
        yield
    except kind.error:
        raise
    except OSError as error:
        raise kind.error(
            f"{path} cannot be read: {error.strerror or error}", path=str(path)
        ) from None
    except Exception as error:  # a foreign file: any parser may fail on it
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise kind.error(
            f"{path} is no {kind.name} that this library can read: {reason}", path=str(path)
        ) from None


def write(
    path: str | Path, kind: FileKind, header: Mapping[str, Any], arrays: Mapping[str, Words]
) -> None:
    """Write a file whole or not at all; equal contents make equal bytes.

    ``mpc_sim.saving.whole_file`` says how.

    Raises
    ------
    kind.error
        If it cannot be written.
    """
    full = {"format": f"mpc_sim {kind.name}", "version": kind.version, **header}
    with whole_file(path, kind.error) as file:
        _write_archive(file, full, arrays)
        _seal(file)


def read(path: str | Path, kind: FileKind) -> tuple[dict[str, Any], dict[str, Words]]:
    """Return the header and the arrays (int64, writable) of a file.

    Raises
    ------
    kind.error
        If the file is missing, empty, truncated, damaged in any byte, of another kind or version,
        or holds anything but JSON and integers. No code of a file is run.
    """
    with reading(path, kind), Path(path).open("rb") as file:
        _check_seal(file, path, kind)
        with ZipFile(file) as archive:
            size = os.fstat(file.fileno()).st_size
            members = {info.filename: info for info in archive.infolist()}
            if sum(info.file_size for info in members.values()) > size:
                raise ValueError("its members are longer than the file")
            for info in members.values():
                stored = info.compress_type == ZIP_STORED and info.compress_size == info.file_size
                if not stored or info.file_size > size:
                    raise ValueError(f"member {info.filename!r} is compressed")
            header = json.loads(archive.read(members.pop(HEADER)))
            _check_header(header, path, kind)
            arrays = {
                name.removesuffix(SUFFIX): _read_array(archive, info)
                for name, info in members.items()
            }
    return header, arrays


def _write_archive(file: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, Words]) -> None:
    with ZipFile(file, "w", ZIP_STORED) as archive:
        archive.writestr(ZipInfo(HEADER), json.dumps(header, indent=1))
        for name, array in arrays.items():
            with archive.open(ZipInfo(name + SUFFIX), "w", force_zip64=True) as member:
                npy.write_array(member, _narrow(array), version=(1, 0), allow_pickle=False)
        archive.comment = b"-" * SEAL_BYTES


def _narrow(array: Words) -> Words:
    """Return the array in the least of ``DTYPES`` that holds it."""
    bits = int(array.max(initial=0)).bit_length() if array.min(initial=0) >= 0 else 64
    dtype = DTYPES[sum(bits > most for most in (8, 16, 32))]
    return np.ascontiguousarray(array, dtype=dtype)


def _read_array(archive: ZipFile, info: ZipInfo) -> Words:
    with archive.open(info) as member:
        if npy.read_magic(member) != (1, 0):
            raise ValueError(f"member {info.filename!r} is no array of format 1.0")
        shape, fortran, dtype = npy.read_array_header_1_0(member)
        if dtype.str not in DTYPES or fortran:
            raise ValueError(f"member {info.filename!r} is of type {dtype.str}, not of words")
        n_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or member.tell() + n_bytes != info.file_size:
            raise ValueError(f"member {info.filename!r} has not the size that it states")
        array = np.empty(shape, np.int64)
        flat, done = array.reshape(-1), 0
        while data := member.read(CHUNK_BYTES):
            part = np.frombuffer(data, dtype)
            flat[done : done + len(part)] = part
            done += len(part)
    return array


def _check_header(header: Any, path: str | Path, kind: FileKind) -> None:
    found = header["format"]
    if found != f"mpc_sim {kind.name}":
        raise kind.error(f"{path} is a {found!s:.40} file, no {kind.name}", path=str(path))
    if header["version"] != kind.version:
        raise kind.error(
            f"{path} has version {header['version']!s:.20} of the {kind.name} format; "
            f"this library reads version {kind.version}: use the library that wrote it",
            path=str(path),
        )


def _seal(file: IO[bytes]) -> None:
    """Put the digest of everything before it in place of the archive comment."""
    end = file.seek(0, os.SEEK_END) - SEAL_BYTES
    digest = _digest(file, end)
    file.seek(end)
    file.write(digest)


def _check_seal(file: IO[bytes], path: str | Path, kind: FileKind) -> None:
    end = file.seek(0, os.SEEK_END) - SEAL_BYTES
    file.seek(0)
    if end + SEAL_BYTES == 0:
        raise kind.error(f"{path} is empty; it is no {kind.name}", path=str(path))
    if file.read(2) != b"PK":
        raise kind.error(f"{path} is no {kind.name}: it is no npz archive", path=str(path))
    if end < 0 or file.seek(end) != end or file.read() != _digest(file, end):
        raise kind.error(
            f"{path} is damaged, cut short, or was not written as a {kind.name}: "
            "its checksum does not match",
            path=str(path),
        )


def _digest(file: IO[bytes], end: int) -> bytes:
    """Return the seal for the first ``end`` bytes."""
    digest = hashlib.sha256()
    file.seek(0)
    while end > 0 and (chunk := file.read(min(end, CHUNK_BYTES))):
        digest.update(chunk)
        end -= len(chunk)
    return SEAL + digest.hexdigest().encode()
