"""One protocol on one input after the other: simulate it with all checks, compile it, compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpc_sim import Cluster, InputError, MPCError, Protocol, Simulation, fit_cluster
from mpc_sim.clean_process import CleanProcesses
from mpc_sim.cluster import failure_word
from mpc_sim.errors import ChannelExceeded, ShapeError, UnknownChannel
from mpc_sim.isolation import run_isolated
from mpc_sim.placement import load_input
from reductions.arrays import Integers
from reductions.testing.compiled_side import CompiledSide, first_difference
from reductions.testing.emission import Moment
from reductions.testing.new_process import run_elsewhere
from reductions.testing.not_conforming import NotConforming
from reductions.testing.static_shape import Pickled, Shape, check_frozen
from reductions.testing.step_checks import StepChecks

Case = ArrayLike | tuple[Cluster, ArrayLike]

EPSILON = "2/3"
LONGEST_SHOWN = 40


@dataclass(eq=False)
class Kit:
    """A protocol, what it is measured by, and how many inputs it has been through.

    Once a check is ``sought``, in search of a smaller input that fails it, nothing is compiled to
    look for faults that come after it.
    """

    protocol: Protocol
    given_cluster: Cluster | Callable[[Integers], Cluster] | None
    oracle: Callable[[Integers], ArrayLike] | None
    compiled: CompiledSide
    may_fail: bool
    new_process: bool
    rng: np.random.Generator
    pickled: Pickled | None = None
    clean: CleanProcesses | None = None
    n_inputs: int = 0
    n_failed: int = 0
    sought: str | None = None

    def check_value(self) -> None:
        """Check the protocol as a value, before any input exists."""
        check_frozen(self.protocol)
        self.pickled = Pickled.of(self.protocol)
        try:
            self.clean = CleanProcesses(self.protocol)
        except InputError as error:
            raise NotConforming("pickling", str(error)) from error

    def check(self, case: Case) -> None:
        """Take one input through all checks."""
        cluster, words = self._case(case)
        load_input(words, cluster)
        self.n_inputs += 1
        try:
            self._check(cluster, words)
        except NotConforming as fault:
            shown = ", ".join(map(str, words[:LONGEST_SHOWN].tolist()))
            rest = ", ..." if len(words) > LONGEST_SHOWN else ""
            raise NotConforming(
                fault.check,
                f"{fault.fault}; input of {len(words)} words [{shown}{rest}] on "
                f"P = {cluster.n_machines} machines, s = {cluster.memory_words}",
                **fault.details,
                words=words.tolist(),
                cluster=cluster,
            ) from fault.__cause__

    def release(self) -> None:
        """End the processes of the kit."""
        if self.clean is not None:
            self.clean.close()

    def close(self) -> None:
        """Reject a run without inputs, or one in which every input failed."""
        if not self.n_inputs:
            raise ValueError("no input was given, so nothing was checked")
        if self.n_failed == self.n_inputs:
            raise NotConforming(
                "oracle", f"the failure word came out on all {self.n_inputs} inputs"
            )

    def _case(self, case: Case) -> tuple[Cluster, Integers]:
        if isinstance(case, tuple) and len(case) == 2 and isinstance(case[0], Cluster):
            return case[0], np.array(case[1])
        words = np.array(case)
        if isinstance(self.given_cluster, Cluster):
            return self.given_cluster, words
        if self.given_cluster is not None:
            return self.given_cluster(words), words
        largest = int(words.max(initial=0)) + 1
        try:
            return fit_cluster(self.protocol, len(words), EPSILON, largest_word=largest), words
        except ShapeError as error:
            raise NotConforming(
                "shape", f"it fits no cluster of {len(words)} words at epsilon = 2/3: {error}"
            ) from error

    def _check(self, cluster: Cluster, words: Integers) -> None:
        assert self.pickled is not None
        shape = Shape.of(self.protocol, cluster)
        shape.require(self.pickled.fresh(), cluster, "after pickling")
        simulation = self._simulate(cluster, words, shape)
        shape.require(self.protocol, cluster, "after a run on this input")
        self._check_isolated(cluster, words)
        self._check_second_run(cluster, words, simulation)
        output = simulation.output()
        if self.new_process and self.n_inputs == 1:
            elsewhere = np.array(run_elsewhere(self.pickled.fresh(), cluster, words.tolist()))
            difference = first_difference(elsewhere, output)
            if difference:
                raise NotConforming(
                    "new process",
                    f"{difference}; nothing may depend on hash() of a string, on the order of a "
                    "set or on what ran before",
                )
        if self.may_fail and bool((output == failure_word(cluster)).all()):
            self.n_failed += 1
        elif self.oracle is not None:
            _compare(output, np.array(self.oracle(words)))
        if self.sought is not None and not self.compiled.can_fail(self.sought):
            return
        self.compiled.check(words, simulation)

    def _simulate(self, cluster: Cluster, words: Integers, shape: Shape) -> Simulation:
        """Run all rounds under the limits; every step goes through its checks on the way."""
        assert self.pickled is not None
        try:
            simulation = Simulation(self.protocol, cluster, words, keep_bytes=0)
        except ShapeError as error:
            raise NotConforming("shape", str(error)) from error
        seen = []
        for round in range(shape.n_rounds + 1):
            moment = Moment(self.protocol, cluster, round, is_output=round == shape.n_rounds)
            checks = StepChecks(moment, simulation.inbox, self.pickled.fresh(), self.rng)
            seen.append((checks, checks.run()))
            following = range(round + 1, min(round + 2, shape.n_rounds))
            when = f"after {moment.where} on this input"
            shape.require(self.protocol, cluster, when, following)
            if not moment.is_output:
                try:
                    simulation.step()
                except MPCError as error:
                    _refuse(error)
        for checks, whole in reversed(seen):
            checks.later(whole)
        try:
            simulation.output()
        except MPCError as error:
            raise NotConforming("output", str(error), **_details(error)) from error
        return simulation

    def _check_isolated(self, cluster: Cluster, words: Integers) -> None:
        assert self.clean is not None
        simulation = Simulation(self.protocol, cluster, words, keep_bytes=0)
        fault = run_isolated(simulation, self.clean).fault
        if fault is not None:
            raise NotConforming("isolation", str(fault), round=fault.round, machine=fault.machine)

    def _check_second_run(self, cluster: Cluster, words: Integers, first: Simulation) -> None:
        assert self.pickled is not None
        second = Simulation(self.pickled.fresh(), cluster, words, keep_bytes=0)
        rule = "a run is a function of input, cluster and the protocol's own fields, its seed"
        try:
            output = second.run()
        except MPCError as error:
            raise NotConforming("seed", f"a second run fails: {error}; {rule}") from error
        difference = first_difference(output, first.output())
        if difference:
            raise NotConforming("seed", f"in a second run {difference}; {rule}")
        for load in ("sent", "received", "held"):
            old, new = getattr(first.ledger, load), getattr(second.ledger, load)
            if not np.array_equal(old, new):
                round, machine = (int(at) for at in np.argwhere(old != new)[0])
                raise NotConforming(
                    "seed",
                    f"in a second run machine {machine} has {new[round, machine]} words {load} in "
                    f"round {round} instead of {old[round, machine]}; {rule}",
                    round=round,
                    machine=machine,
                )


def _compare(output: Integers, expected: NDArray[Any]) -> None:
    if expected.shape != output.shape:
        raise NotConforming("oracle", f"the oracle gives {expected.shape}, not {len(output)} words")
    difference = first_difference(output, expected)
    if difference:
        raise NotConforming("oracle", f"by the oracle {difference}")


def _refuse(error: MPCError) -> NoReturn:
    check = "budget" if isinstance(error, ChannelExceeded | UnknownChannel) else "limits"
    raise NotConforming(check, f"{type(error).__name__}: {error}", **_details(error)) from error


def _details(error: MPCError) -> dict[str, Any]:
    return {key: error.details.get(key) for key in ("round", "machine", "channel")}
