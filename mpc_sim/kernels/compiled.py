"""`njit` whose cache can only help: without a place for it, or with a damaged one, it compiles.

Numba keeps compiled loops beside the source or in the folder of the user. It raises where neither
can be written, where a file of the cache is cut short, and where the disk is full; machine code
with a changed byte it runs. Here what is read must have the checksum that it was written with, and
what goes wrong with the cache leaves the loop compiled for this process alone.

mpc_sim and anna_model never import each other, so each has this file; a test holds them equal.
"""

# mypy: allow-untyped-calls
# numba is untyped.

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

try:
    from numba import config as config, njit as numba_njit, types as types
    from numba.core import typeinfer
    from numba.core.caching import FunctionCache, IndexDataCacheFile
except ImportError as error:
    raise ImportError(
        f"the loops of this library are compiled by numba, which cannot be imported ({error}): "
        "pip install numba"
    ) from None

SEAL_BYTES = 32


def njit(signature: Any = None, **options: Any) -> Any:
    """Compile a function as `numba.njit` with a cache does.

    Parameters
    ----------
    signature : optional
        Compiled for it at once, and for no other; by default for whatever it is called with. The
        function itself, without parentheses, is not taken.
    **options
        Of `numba.njit`, but cache.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher: Any = numba_njit(**options)(function)
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return dispatcher
        with suppress(RuntimeError, OSError):  # there is no place that can be written
            dispatcher._cache = _Cache(function)
        if signature is not None:
            with typeinfer.register_dispatcher(dispatcher):
                dispatcher.compile(signature)
                dispatcher.disable_compile()
        return dispatcher

    return compiled


class _Cache(FunctionCache):
    """A cache whose failures are misses."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        plain = self._cache_file
        self._cache_file = _SealedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=plain._source_stamp,
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged file may raise nearly anything
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:  # a full disk, a folder that is gone: the loop is compiled all the same
            return


class _SealedFiles(IndexDataCacheFile):
    """Index and data with a checksum in front; without a right one they are not there."""

    def _dump(self, obj: Any) -> bytes:
        data: bytes = super()._dump(obj)
        return hashlib.sha256(data).digest() + data

    def _load_index(self) -> Any:
        try:
            with open(self._index_path, "rb") as file:  # noqa: PTH123
                version, data = pickle.load(file), file.read()
            stamp, overloads = pickle.loads(_opened(data))
        except Exception:  # not there, cut short, or of another version
            return {}
        return overloads if (version, stamp) == (self._version, self._source_stamp) else {}

    def _load_data(self, name: str) -> Any:
        with open(self._data_path(name), "rb") as file:  # noqa: PTH123
            return pickle.loads(_opened(file.read()))


def _opened(data: bytes) -> bytes:
    if hashlib.sha256(data[SEAL_BYTES:]).digest() != data[:SEAL_BYTES]:
        raise OSError("a file of the cache is damaged")
    return data[SEAL_BYTES:]
