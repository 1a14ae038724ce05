"""How a case is run: what is compiled and how, on which machines, and whether it returns."""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim import Cluster, InputError
from reductions.attention_to_mpc.anna import BucketsBy
from reductions.certify.certificate import Progress
from reductions.mpc_to_anna.options import CompilerOptions

Back = BucketsBy | str | bool


@dataclass(frozen=True, kw_only=True)
class How:
    """How a case is run.

    Parameters
    ----------
    options : CompilerOptions, optional
        By default those of the solver. With anna the transformer runs by exact match and by
        hashing, and the resources are those of the second; with both those of the first.
    epsilon, gamma : str, optional
        Exponents of the machines; by default those of the solver.
    cluster : Cluster, optional
        The machines; by default the solver's, of the least constants that fit.
    precision : bool
        Measure the row precision_bits by runs on fewer bits (`fewest_bits`); otherwise it is what
        the layers declare.
    back : bool or str
        Simulate the transformer on machines again, with its buckets "sorted" or "hashed".
    back_memory : int, optional
        s' / s: words of a machine of the way back, in those of the protocol; by default as
        `way_back` has it.
    back_if_it_fits : bool
        Leave the way back out with a remark where it does not fit.
    progress : callable, optional
        Called with (side, rounds or layers done, in all).

    Raises
    ------
    InputError
        ``back`` is a word and neither of the two.

    Examples
    --------
    >>> from reductions.certify import certify
    >>> certify("columnsort", [3, 1, 2], How(options=CompilerOptions(head_order="spread"))).ok
    True
    """

    options: CompilerOptions | None = None
    epsilon: str | None = None
    gamma: str | None = None
    cluster: Cluster | None = None
    precision: bool = False
    back: Back = False
    back_memory: int | None = None
    back_if_it_fits: bool = False
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.back, bool):
            object.__setattr__(self, "back", BucketsBy(self.back))

    @property
    def compiler(self) -> CompilerOptions:
        """The options, or the compiler's own."""
        return self.options or CompilerOptions()

    def refuse_what_is_of_protocols(self, name: str) -> None:
        """Reject what says how a protocol is run, where a model without one is.

        Raises
        ------
        InputError
        """
        chosen = {
            "options": self.options,
            "epsilon": self.epsilon,
            "gamma": self.gamma,
            "cluster": self.cluster,
            "precision": self.precision or None,
            "back_memory": self.back_memory,
            "back": None if self.back in (True, False, BucketsBy.SORTED) else self.back,
        }
        if given := [field for field, value in chosen.items() if value is not None]:
            raise InputError(f"{', '.join(given)}: for protocols, and {name} has none")
