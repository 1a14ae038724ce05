"""Places where a run can leave something behind, as text that changes when they do."""

from __future__ import annotations

import os
import pickle
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.protocol import Protocol


def traces(protocol: Protocol, cluster: Cluster) -> dict[str, object]:
    """Return what stands in the places that a protocol can write to, by their names.

    The protocol and its parts, its classes, functions and modules (not those of this library), the
    cluster, the environment, the global random generators, threads.
    """
    found: dict[str, object] = {
        "the cluster": _text(vars(cluster)),
        "an environment variable": tuple(sorted(os.environ.items())),
        "the random generator of Python": random.getstate(),
        "the random generator of NumPy": _text(np.random.get_state()),  # noqa: NPY002
        "a thread": threading.active_count(),
        "an attribute of the protocol": _text(vars(protocol)),
    }
    for owner in type(protocol).__mro__:
        if owner.__module__.split(".")[0] in ("mpc_sim", "abc", "builtins"):
            continue
        found[f"class {owner.__qualname__}"] = _held(vars(owner))
        module = sys.modules.get(owner.__module__)
        if module is not None:
            found[f"module {module.__name__}"] = _held(vars(module))
    return found


def _held(names: Mapping[str, Any]) -> tuple[object, ...]:
    """The values of a class or module: of functions their closures, defaults and caches."""
    return tuple(text for name, value in list(names.items()) for text in _parts(name, value))


def _parts(name: str, value: Any) -> Iterator[object]:
    if name.startswith("__") or isinstance(value, type | ModuleType):
        return
    if hasattr(value, "cache_info"):
        yield name, value.cache_info()
        value = getattr(value, "__wrapped__", value)
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if cell != cell.__class__()]
        yield name, _text([cells, value.__defaults__, value.__kwdefaults__, vars(value)])
    else:
        yield name, _text(value)


def _text(value: Any) -> object:
    try:
        return pickle.dumps(value)
    except Exception:
        return repr(value)
