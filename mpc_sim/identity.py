"""Which protocol it is: text that is the same in every process, so that a file can name it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from mpc_sim.errors import CheckpointError

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
EXCERPT = 60


def identity(value: Any) -> str:
    """Return the qualified name of a protocol and its fields, those of its stages included.

    Functions count by their name and what they have captured, arrays by a digest, fields that are
    not compared not at all. Two protocols of one identity have the same class and fields; the code
    may have changed since.

    Raises
    ------
    CheckpointError
        If a field has no text that outlives the process.
    """
    if isinstance(value, type | BuiltinFunctionType):
        return _qualified(value)
    if isinstance(value, FunctionType):
        return _function(value)
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return f"array({value.dtype}, {value.shape}, {digest})"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(map(identity, value))})"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(identity, value)))})"
    if isinstance(value, Mapping):
        pairs = (f"{identity(key)}: {identity(one)}" for key, one in value.items())
        return f"{type(value).__name__}({', '.join(pairs)})"
    named: dict[str, Any] | None = None
    if "__dataclass_fields__" in vars(type(value)):
        named = {field.name: getattr(value, field.name) for field in fields(value) if field.compare}
    elif is_dataclass(value) or getattr(type(value), "__repr__", None) == object.__repr__:
        named = dict(getattr(value, "__dict__", {}))
    if named is not None:
        listed = (f"{name}={identity(one)}" for name, one in named.items())
        return f"{_qualified(type(value))}({', '.join(listed)})"
    text = repr(value)
    if ADDRESS.search(text):
        raise CheckpointError(
            f"a run of a protocol with the field {text[:60]} cannot be saved: nothing names that "
            "field in another process; make it a frozen dataclass or a function of a module"
        )
    return text


def difference(one: str, other: str) -> tuple[str, str]:
    """Return the two texts from shortly before the place where they differ."""
    pairs = zip(one, other, strict=False)
    place = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    start = max(0, place - EXCERPT // 2)
    return _excerpt(one, start), _excerpt(other, start)


def _function(value: FunctionType) -> str:
    """Return the name of a function, with its defaults and captured values; lambdas by code."""
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    captured = (*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
    listed = [identity(one) for one in captured if one is not value]
    if value.__name__ == "<lambda>":
        code = value.__code__
        text = f"{code.co_code.hex()} {code.co_names} {ADDRESS.sub('', repr(code.co_consts))}"
        listed.append(hashlib.sha256(text.encode()).hexdigest()[:16])
    return _qualified(value) + (f"<{', '.join(listed)}>" if listed else "")


def _excerpt(text: str, start: int) -> str:
    stop = start + EXCERPT
    return ("..." if start else "") + text[start:stop] + ("..." if stop < len(text) else "")


def _qualified(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
