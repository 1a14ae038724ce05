"""The options of the compiler of protocols, in one value that commands, bounds and tests share."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any, Never

from anna_model import ExactMatch, Mechanism
from anna_model.lsh import Family
from mpc_sim import Cluster, Protocol, ShapeError
from mpc_sim.integers import as_exponent
from reductions.mpc_to_anna.codes.choice import Code
from reductions.mpc_to_anna.codes.code import CodeDomainError
from reductions.mpc_to_anna.fan_out import fan_out_cluster, fan_out_of_exponent
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.head_assignment import HeadOrder, order_of, probability
from reductions.mpc_to_anna.token_groups import (
    TokenRule,
    TokensPerMachine,
    tokens_per_machine,
)


class Attention(StrEnum):
    """How ids are matched: exactly, by hashing, or exactly with a run by hashing beside it."""

    EMA = "ema"
    ANNA = "anna"
    BOTH = "both"

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise ShapeError(f"attention {value!r} is unknown; use ema, anna or both")

    @property
    def beside(self) -> Attention | None:
        """That of the transformer that runs beside it, if one does."""
        return Attention.ANNA if self is Attention.BOTH else None

    @property
    def hashed(self) -> bool:
        """Whether the transformer whose resources count hashes ids."""
        return self is Attention.ANNA

    def mechanism(
        self,
        n_machines: int,
        n_tokens: int,
        *,
        family: Family | None,
        hashes: int | None,
        seed: int,
    ) -> Mechanism:
        """Return the mechanism of all heads of the transformer whose resources count."""
        if not self.hashed:
            return ExactMatch()
        return HashedIds.fit(n_machines, n_tokens, family=family, hashes=hashes, seed=seed)


ATTENTION_NAMES = tuple(Attention)


@dataclass(frozen=True)
class CompilerOptions:
    """How `compile_protocol` is to build a transformer; see there.

    Parameters
    ----------
    code, head_order, attention : Code, HeadOrder, Attention
        Or their names. With both the transformer of exact match is built, and a certificate runs
        the one that hashes beside it.
    tokens_per_machine : int, TokenRule or str
        Of a machine; spread heads where they are balanced.
    failure : Fraction or str
        The most that the probability of an overload of spread heads may be.
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

    code: Code = Code.SYNDROME
    head_order: HeadOrder = HeadOrder.EMISSION
    attention: Attention = Attention.EMA
    tokens_per_machine: TokensPerMachine | str = TokenRule.FREE
    failure: Fraction | str = "1/100"
    seed: int = 0
    fan_out: Fraction | str | None = None
    hashes: int | None = None
    family: Family | None = None

    def __post_init__(self) -> None:
        known: type[Code | HeadOrder]
        for option, known in (("code", Code), ("head_order", HeadOrder)):
            given = getattr(self, option)
            if given not in tuple(known):
                raise CodeDomainError(f"{given!r} is unknown; use one of {', '.join(known)}")
            object.__setattr__(self, option, known(given))
        tokens = tokens_per_machine(self.tokens_per_machine)
        object.__setattr__(self, "tokens_per_machine", tokens)
        object.__setattr__(self, "head_order", order_of(tokens, self.head_order))
        object.__setattr__(self, "attention", Attention(self.attention))
        object.__setattr__(self, "failure", probability(self.failure))
        if self.fan_out is not None:
            rho = as_exponent(self.fan_out, "fan-out")
            if rho < 0:
                raise ShapeError(f"fan-out {rho}: choose the exponent at least 0")
            object.__setattr__(self, "fan_out", rho)
        if not self.may_hash and (self.hashes, self.family) != (None, None):
            raise ShapeError(
                "only anna hashes: choose attention anna, or neither hashes nor family"
            )
        if self.hashes is not None and self.hashes < 1:
            raise ShapeError(f"hashes = {self.hashes}: choose at least 1")

    @property
    def keywords(self) -> dict[str, Any]:
        """The options as keywords of `compile_protocol`."""
        built = self.built
        return {one.name: getattr(built, one.name) for one in fields(built)}

    @property
    def built(self) -> CompilerOptions:
        """The options of the transformer whose resources count."""
        return self if self.hashed else self.by_exact_match

    @property
    def shown(self) -> dict[str, str]:
        """What a certificate lists of them; the drawn hashes are listed where they run."""
        names = ("code", "tokens_per_machine", "head_order", "attention")
        shown = {name: str(getattr(self, name)) for name in names}
        if self.fan_out is not None:
            shown["fan_out"] = str(self.fan_out)
        if self.family is not None:
            shown["family"] = type(self.family).__name__
        return shown

    @property
    def tokens(self) -> TokensPerMachine:
        """The tokens per machine, as they were read."""
        assert not isinstance(self.tokens_per_machine, str) or isinstance(
            self.tokens_per_machine, TokenRule
        )
        return self.tokens_per_machine

    @property
    def by_exact_match(self) -> CompilerOptions:
        """The same options with exact match in place of hashing."""
        return replace(self, attention=Attention.EMA, hashes=None, family=None)

    @property
    def beside(self) -> CompilerOptions | None:
        """The options of a transformer that hashes and runs beside that of exact match, or None."""
        beside = self.attention.beside
        return None if beside is None else replace(self, attention=beside)

    def reduced(self, protocol: Protocol, cluster: Cluster) -> tuple[Protocol, Cluster]:
        """Return what is compiled: the protocol, or where asked the one with bounded fan-out."""
        if self.fan_out is None:
            return protocol, cluster
        bounded = fan_out_of_exponent(protocol, cluster, self.fan_out, seed=self.seed)
        return bounded, fan_out_cluster(bounded)

    @property
    def hashed(self) -> bool:
        """Whether ids are hashed by the transformer whose resources count."""
        return self.attention.hashed

    @property
    def may_hash(self) -> bool:
        """Whether ids are hashed by it, or by one that runs beside it."""
        return self.hashed or self.attention.beside is not None
