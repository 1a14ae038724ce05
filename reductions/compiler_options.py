"""The options of the compiler of protocols, in one value that commands, bounds and tests share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from mpc_sim import ShapeError
from reductions.codes import CODE_NAMES, CodeDomainError
from reductions.head_assignment import HEAD_NAMES, probability

ATTENTION_NAMES = ("ema", "anna")


@dataclass(frozen=True)
class CompilerOptions:
    """How `compile_protocol` is to build a transformer; see there.

    Parameters
    ----------
    code, heads, attention : str
        Of CODE_NAMES, HEAD_NAMES and ATTENTION_NAMES.
    failure : Fraction or str
        The most that the probability of an overload of spread heads may be.
    seed : int

    Raises
    ------
    CodeDomainError, ShapeError
        A name is unknown, or `failure` is no probability.

    Examples
    --------
    >>> CompilerOptions(heads="spread").keywords["failure"]
    Fraction(1, 100)
    """

    code: str = "syndrome"
    heads: str = "emission"
    attention: str = "ema"
    failure: Fraction | str = "1/100"
    seed: int = 0

    def __post_init__(self) -> None:
        for given, known in ((self.code, CODE_NAMES), (self.heads, HEAD_NAMES)):
            if given not in known:
                raise CodeDomainError(f"{given!r} is unknown; use one of {', '.join(known)}")
        if self.attention not in ATTENTION_NAMES:
            raise ShapeError(f"attention {self.attention!r} is unknown; use ema or anna")
        object.__setattr__(self, "failure", probability(self.failure))

    @property
    def keywords(self) -> dict[str, Any]:
        """The options as keywords of `compile_protocol`."""
        return asdict(self)

    @property
    def by_exact_match(self) -> CompilerOptions:
        """The same options with exact match in place of hashing."""
        return replace(self, attention="ema")

    @property
    def hashes(self) -> bool:
        """Whether ids are hashed."""
        return self.attention == "anna"
