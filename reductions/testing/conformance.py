"""Take a protocol through everything that the model and Theorem 4.1 ask of it."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mpc_sim import Cluster, Protocol
from mpc_sim.extras import needed
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes import CODE_NAMES
from reductions.testing.compiled_side import Bounds, CompiledSide
from reductions.testing.kit import Case, Kit
from reductions.testing.not_conforming import NotConforming

SHRINKING = 200
"""Inputs that are tried in search of a smaller one that fails."""


def assert_conforms(
    protocol: Protocol,
    inputs: Any,
    *,
    cluster: Cluster | Callable[[Integers], Cluster] | None = None,
    oracle: Callable[[Integers], ArrayLike] | None = None,
    bounds: Bounds = (),
    codes: Sequence[str] = CODE_NAMES,
    may_fail: bool = False,
    new_process: bool = False,
    max_examples: int = 10,
    seed: int = 0,
) -> None:
    """Check that a protocol is one, that it does what it should, and that it compiles.

    Parameters
    ----------
    protocol : Protocol
    inputs : hypothesis strategy, or int[N], or an iterable of them
        Inputs as sequences of words; instead of one, a pair (cluster, words). A flat sequence of
        integers is one input.
    cluster : Cluster or callable, optional
        For inputs that come without: a cluster, or a function of the words. By default
        `fit_cluster` at epsilon = 2/3 with words up to one more than the largest of the input.
    oracle : callable, optional
        words -> the right output, sharing no code with the protocol.
    bounds : iterable of Bound, or callable
        Beside those of Theorem 4.1; a callable is given the cluster. Quantities are those of a
        certificate: rounds, local_memory, sent_words, received_words, machines, layers, heads,
        head_width, token_width, context_length, precision_bits; layers and widths as compiled by
        the first code.
    codes : sequence of str
        The message codes to compile with; none skips the compilation.
    may_fail : bool
        A randomised protocol may put out the failure word everywhere, but not on every input.
    new_process : bool
        Run the first input also in a new process with another PYTHONHASHSEED (about a second).
    max_examples : int
        How many inputs are drawn from a strategy. The first that fails is shrunk: the error shows
        the smallest input found that fails the same check.
    seed : int
        Of the batches, of what hypothesis draws and of the repetition code.

    Raises
    ------
    NotConforming
        The first check that fails, by name, with round and machine; a violation of the model is its
        ``__cause__``.
    InputError, WordOverflow
        An input does not fit its cluster.
    ValueError
        There is no input.

    Notes
    -----
    The checks are listed in `CHECKS`. They are tests, not proofs: a fault that shows on none of the
    inputs is missed. Each round costs about a dozen of its steps.

    References
    ----------
    Liu et al., arXiv 2509.09001, section 2 (the model) and Theorem 4.1.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> assert_conforms(columnsort(), [5, 1, 4, 1, 0, 3], oracle=sorted)
    >>> assert_conforms(columnsort(), [5, 1, 4, 1, 0, 3], oracle=set, codes=())
    Traceback (most recent call last):
        ...
    reductions.testing.not_conforming.NotConforming: oracle: the oracle gives (), not 6 words; \
input of 6 words [5, 1, 4, 1, 0, 3] on P = 2 machines, s = 4
    """
    kit = Kit(
        protocol,
        cluster,
        oracle,
        CompiledSide(protocol, tuple(codes), bounds, seed),
        may_fail,
        new_process,
        np.random.default_rng(seed),
    )
    try:
        kit.check_value()
        if is_strategy(inputs):
            _draw(kit, inputs, max_examples, seed)
        else:
            for case in _cases(inputs):
                kit.check(case)
        kit.close()
    finally:
        kit.release()


def is_strategy(inputs: object) -> bool:
    """Return whether something is a hypothesis strategy, without importing hypothesis."""
    module = sys.modules.get("hypothesis.strategies")
    return module is not None and isinstance(inputs, module.SearchStrategy)


def _draw(kit: Kit, strategy: Any, max_examples: int, seed: int) -> None:
    """Let hypothesis draw the inputs, and shrink the first that fails.

    Smaller inputs count only if they fail the same check, so that what is shown is the fault that
    was seen. A fault is kept with its input and not looked for again: a protocol with hidden state
    fails or not from run to run, which hypothesis would report as flaky.
    """
    needed("hypothesis", "inputs by a strategy")
    import hypothesis

    faults: dict[bytes, NotConforming] = {}
    n_tries = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(strategy)
    def check(case: Case) -> None:
        nonlocal n_tries
        key = pickle.dumps(case)
        if key in faults:
            raise faults[key]
        n_tries += bool(faults)
        if n_tries > SHRINKING:
            return
        try:
            kit.check(case)
        except NotConforming as fault:
            if fault.check != (kit.sought or fault.check):
                return
            kit.sought, faults[key] = fault.check, fault
            raise

    try:
        check()
    except NotConforming:
        raise
    except Exception:
        if not faults:
            raise
        raise next(iter(faults.values())) from None


def _cases(inputs: Any) -> list[Case]:
    cases = list(inputs)
    return [inputs] if cases and isinstance(cases[0], int | np.integer) else cases
