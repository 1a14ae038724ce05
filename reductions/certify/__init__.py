"""One way to a certificate: what is measured beside what is claimed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reductions.certify.certificate import Certificate as Certificate
    from reductions.certify.how import How as How
    from reductions.certify.run import Case as Case, certify as certify

_HOME = {"Case": "run", "Certificate": "certificate", "How": "how", "certify": "run"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"reductions.certify.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reductions.certify' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
