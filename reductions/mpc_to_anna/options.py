"""The options of the compiler of protocols, in one value that commands, bounds and tests share."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from anna_model.lsh import Family
from mpc_sim import Cluster, Protocol, ShapeError
from mpc_sim.integers import as_exponent
from reductions.mpc_to_anna.codes import CODE_NAMES, PRINTED, CodeDomainError
from reductions.mpc_to_anna.fan_out import fan_out_cluster, fan_out_of_exponent
from reductions.mpc_to_anna.head_assignment import HEAD_NAMES, probability

ATTENTION_NAMES = ("ema", "anna", "both")


@dataclass(frozen=True)
class CompilerOptions:
    """How `compile_protocol` is to build a transformer; see there.

    Parameters
    ----------
    code, heads, attention : str
        Of CODE_NAMES or PRINTED, HEAD_NAMES and ATTENTION_NAMES. With both the transformer of exact
        match is built, and a certificate runs the one that hashes beside it.
    failure : Fraction or str
        The most that the probability of an overload of spread heads may be.
    seed : int
    fan_out : Fraction or str, optional
        rho: machines get at most N^rho partners per round, and bundle what they send to each.
    hashes : int, optional
        z of anna; by default that of Theorem 3.4.
    family : Family, optional
        Of the hash functions of anna; by default random hyperplanes.

    Raises
    ------
    CodeDomainError, ShapeError
        A name is unknown, `failure` is no probability, `fan_out` is negative, hashes are below 1,
        or hashes or their family are chosen without anna.
    """

    code: str = "syndrome"
    heads: str = "emission"
    attention: str = "ema"
    failure: Fraction | str = "1/100"
    seed: int = 0
    fan_out: Fraction | str | None = None
    hashes: int | None = None
    family: Family | None = None

    def __post_init__(self) -> None:
        codes = (*CODE_NAMES, PRINTED)
        for given, known in ((self.code, codes), (self.heads, HEAD_NAMES)):
            if given not in known:
                raise CodeDomainError(f"{given!r} is unknown; use one of {', '.join(known)}")
        if self.attention not in ATTENTION_NAMES:
            raise ShapeError(f"attention {self.attention!r} is unknown; use ema, anna or both")
        object.__setattr__(self, "failure", probability(self.failure))
        if self.fan_out is not None:
            rho = as_exponent(self.fan_out, "fan-out")
            if rho < 0:
                raise ShapeError(f"fan-out {rho}: choose the exponent at least 0")
            object.__setattr__(self, "fan_out", rho)
        if self.attention == "ema" and (self.hashes, self.family) != (None, None):
            raise ShapeError(
                "only anna hashes: choose attention anna, or neither hashes nor family"
            )
        if self.hashes is not None and self.hashes < 1:
            raise ShapeError(f"hashes = {self.hashes}: choose at least 1")

    @property
    def keywords(self) -> dict[str, Any]:
        """The options as keywords of `compile_protocol`."""
        built = self.by_exact_match if self.attention == "both" else self
        return {one.name: getattr(built, one.name) for one in fields(built)}

    @property
    def shown(self) -> dict[str, str]:
        """What a certificate lists of them; the drawn hashes are listed where they run."""
        shown = {"code": self.code, "heads": self.heads, "attention": self.attention}
        if self.fan_out is not None:
            shown["fan_out"] = str(self.fan_out)
        if self.family is not None:
            shown["family"] = type(self.family).__name__
        return shown

    @property
    def by_exact_match(self) -> CompilerOptions:
        """The same options with exact match in place of hashing."""
        return replace(self, attention="ema", hashes=None, family=None)

    @property
    def beside(self) -> CompilerOptions | None:
        """The options of a transformer that hashes and runs beside that of exact match, or None."""
        return replace(self, attention="anna") if self.attention == "both" else None

    def reduced(self, protocol: Protocol, cluster: Cluster) -> tuple[Protocol, Cluster]:
        """Return what is compiled: the protocol, or where asked the one with bounded fan-out."""
        if self.fan_out is None:
            return protocol, cluster
        bounded = fan_out_of_exponent(protocol, cluster, self.fan_out, seed=self.seed)
        return bounded, fan_out_cluster(bounded)

    @property
    def hashed(self) -> bool:
        """Whether ids are hashed by the transformer whose resources count."""
        return self.attention == "anna"
