"""`njit` whose cache can only help: without a place for it, or with a damaged one, it compiles.

Numba keeps compiled loops beside the source or in the folder of the user. It raises where neither
can be written, where a file of the cache is cut short, and where the disk is full; machine code
with a changed byte it runs. Here what is read must have the checksum that it was written with, and
what goes wrong with the cache leaves the loop compiled for this process alone. The logger
"anna_mpc.compiling" hears where compilation begins, and with ``seconds`` where it ends.

mpc_sim and anna_model never import each other, so each has this file; a test holds them equal.
"""

# mypy: allow-untyped-calls
# numba is untyped.

from __future__ import annotations

import hashlib
import logging
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

try:
    from numba import config as config, njit as numba_njit, types as types
    from numba.core import typeinfer
    from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
except ImportError as error:
    raise ImportError(
        f"the loops of this library are compiled by numba, which cannot be imported ({error}): "
        "pip install numba"
    ) from None

SEAL_BYTES = 32
LOGGER = logging.getLogger("anna_mpc.compiling")


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
        dispatcher._cache = _Nowhere()
        with suppress(RuntimeError, OSError):  # there is no place that can be written
            dispatcher._cache = _Cache(function)
        if signature is not None:
            with typeinfer.register_dispatcher(dispatcher):
                dispatcher.compile(signature)
                dispatcher.disable_compile()
        return dispatcher

    return compiled


class _Misses:
    """Logs from a miss to what is then saved; a loop that others call is compiled within theirs."""

    began: list[float] = []  # noqa: RUF012 - of all loops, the outermost first

    def miss(self) -> None:
        self.began.append(time.perf_counter())
        LOGGER.info("compiling (once per machine)")

    def compiled(self) -> None:
        began = self.began.pop()
        if not self.began:
            LOGGER.info("compiled", extra={"seconds": time.perf_counter() - began})


class _Nowhere(NullCache, _Misses):
    """A cache without a place."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        self.miss()

    def save_overload(self, sig: Any, data: Any) -> None:
        self.compiled()


class _Cache(FunctionCache, _Misses):
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
        found = None
        with suppress(Exception):  # a damaged file may raise nearly anything
            found = super().load_overload(sig, target_context)
        if found is None:
            self.miss()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        self.compiled()
        with suppress(Exception):  # a full disk, a folder that is gone
            super().save_overload(sig, data)


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
