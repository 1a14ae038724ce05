"""The error of a protocol that does not conform: which check, where, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "frozen": "the protocol is hashable and cannot be changed after it was made",
        "pickling": "it survives pickling, so that a compiled transformer runs elsewhere",
        "shape": "rounds and channels depend on the cluster and the protocol's own fields only",
        "step": "no step and no output map raises",
        "inbox": "a step does not write into the inbox that it reads",
        "randomness": "random words are keyed by (seed, round, machine)",
        "hidden state": "nothing survives a round but what lies in the inbox",
        "locality": "what a machine emits depends on that machine's inbox alone",
        "order": "nothing depends on the order in which the machines of a batch are listed",
        "isolation": "clean processes that hold a part of the machines each send the same",
        "budget": "only declared channels are used, with no more records than declared",
        "limits": "words sent, words held and the range of every word stay within the model",
        "output": "the output words lie in the blocks of the input",
        "seed": "a second run gives the same ledger and the same output",
        "new process": "so does one in a new process, where strings hash otherwise",
        "oracle": "the output is the oracle's",
        "compilation": "every message code carries the messages of every round",
        "transformer": "the compiled transformer gives the simulated output",
        "bounds": "measured resources stay within their bounds; layers are exactly R + 1",
    }
)
"""Every check by its name, in the order in which an input goes through them."""


class NotConforming(AssertionError):
    """A protocol failed a check of the conformance kit.

    Parameters
    ----------
    check : str
        One of `CHECKS`.
    fault : str
        What is wrong and what to change, in one line.
    **details
        ``round``, ``machine``, ``channel``, ``code``, ``words`` and ``cluster`` where they are
        known; None otherwise.

    Raises
    ------
    ValueError
        There is no such check.

    Examples
    --------
    >>> fault = NotConforming("locality", "machine 3 emits other rows", round=1, machine=3)
    >>> print(fault)
    locality: machine 3 emits other rows
    >>> fault.check, fault.round, fault.machine, fault.channel
    ('locality', 1, 3, None)
    """

    def __init__(self, check: str, fault: str, **details: Any) -> None:
        if check not in CHECKS:
            raise ValueError(f"check {check!r} is none of {', '.join(CHECKS)}")
        super().__init__(f"{check}: {fault}")
        self.check = check
        self.fault = fault
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.check, self.fault, self.details)

    @property
    def round(self) -> int | None:
        """The round in which it shows; R is the output map."""
        return self.details.get("round")

    @property
    def machine(self) -> int | None:
        """The machine at which it shows."""
        return self.details.get("machine")

    @property
    def channel(self) -> str | None:
        """The channel on which it shows."""
        return self.details.get("channel")

    def report(self) -> str:
        """Return what a reader needs to reproduce it: one line per item.

        Examples
        --------
        >>> print(NotConforming("oracle", "word 0 is 3, not 4", words=[3, 1]).report())
        check   oracle: the output is the oracle's
        fault   word 0 is 3, not 4
        words   [3, 1]
        """
        rows = {"check": f"{self.check}: {CHECKS[self.check]}", "fault": self.fault} | self.details
        return "\n".join(f"{name:<8}{value}" for name, value in rows.items() if value is not None)


def _rebuild(
    kind: type[NotConforming], check: str, fault: str, details: dict[str, Any]
) -> NotConforming:
    return kind(check, fault, **details)
