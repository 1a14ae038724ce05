"""The simulation: the only loop of this package, one round at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from mpc_sim.charge import Mode, as_mode, deliveries
from mpc_sim.checkpoint import Checkpoint, schedule
from mpc_sim.cluster import Cluster
from mpc_sim.errors import InputError, RoundBudgetExceeded
from mpc_sim.identity import identity
from mpc_sim.kept_rounds import KeptRounds
from mpc_sim.ledger.ledger import Ledger
from mpc_sim.ledger.loads import RoundLoads
from mpc_sim.machine_view import MachineView
from mpc_sim.placement import load_input, read_output
from mpc_sim.protocol import Protocol, act, check_shape, left_by
from mpc_sim.records import Words
from mpc_sim.routing import Traffic, collect

if TYPE_CHECKING:
    from mpc_sim.inspect.explore import Explorer
    from mpc_sim.inspect.trace import Trace


class Simulation:
    """Runs a protocol on an input under the limits of the model.

    Every machine's memory is its inbox; words held, sent and received are checked in every round
    before anything moves. An error leaves the simulation at the round before, to be inspected.

    Parameters
    ----------
    protocol : Protocol
    cluster : Cluster
    words : array_like of int, shape [N]
        The input, in order; block words per machine.
    mode : str
        ``strict``: a machine that sends more than s words in a round, what it keeps included, is
        an error. ``charge``: the round is spread over max over machines of ceil(sent words / s)
        deliveries, at least one, and charged all of them; ``ledger.n_rounds`` counts deliveries,
        ``ledger.n_protocol_rounds`` rounds. What a machine holds after the round, kept and
        received, is at most s in both modes, or an error. Not charged is the memory in which a
        machine waits while the round is spread (``mpc_sim.charge`` says how much that is).
    keep_bytes : int
        Memory budget for past rounds. ``back`` and ``goto`` replay from the nearest kept one; round
        0 is always kept.

    Raises
    ------
    ShapeError
        If the cluster is too small for the protocol.
    WordOverflow, InputError
        If the input has another length than N, or a word of it is out of range.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> words = [ord(letter) - ord("a") for letter in "aabcbabca"]
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 9, "2/3", largest_word=26), words)
    >>> "".join(".abc"[word] for word in sim.run())
    '.a..cbabb'
    """

    def __init__(
        self,
        protocol: Protocol,
        cluster: Cluster,
        words: ArrayLike,
        *,
        mode: Mode = "strict",
        keep_bytes: int = 2**28,
    ) -> None:
        self.mode = as_mode(mode)
        check_shape(protocol, cluster, self.mode)
        self.protocol = protocol
        self.cluster = cluster
        self.inbox = load_input(words, cluster)
        self.round = 0
        self.ledger = Ledger(cluster, self.inbox.held_words(cluster.n_machines))
        self._kept = KeptRounds(self.inbox, keep_bytes)

    @property
    def n_rounds(self) -> int:
        """R, the rounds of the protocol."""
        return self.protocol.n_rounds(self.cluster)

    @property
    def finished(self) -> bool:
        """Whether all R deliveries have happened."""
        return self.round == self.n_rounds

    def peek(self) -> Traffic:
        """Return what the next round will send; nothing is sent or checked against the limits."""
        if self.finished:
            raise RoundBudgetExceeded(
                f"all {self.n_rounds} rounds of the protocol have run",
                round=self.round,
                limit=self.n_rounds,
            )
        outbox = act(self.protocol, self.round, self.inbox, self.cluster)
        return collect(
            outbox,
            self.protocol.channels(self.round, self.cluster),
            self.inbox.machines,
            self.cluster,
            round=self.round,
            label=self.protocol.label(self.round, self.cluster),
            joint_limit=self.protocol.joint_limit(self.round, self.cluster),
        )

    def step(self) -> RoundLoads:
        """Run one round and return its loads; on an error nothing has changed."""
        return self._move(self.peek())

    def _move(self, traffic: Traffic) -> RoundLoads:
        """Check and deliver what the next round sends, as `peek` returned it."""
        traffic.check(self.mode)
        inbox = traffic.deliver()
        loads = RoundLoads(
            traffic.label,
            traffic.sent,
            traffic.received,
            traffic.held,
            traffic.n_messages,
            deliveries(traffic.sent, self.cluster),
        )
        self.inbox = inbox
        self.round += 1
        self.ledger.rounds.append(loads)
        self._kept.keep(self.round, self.inbox)
        return loads

    def run(
        self,
        *,
        progress: Callable[[int, int], object] | None = None,
        checkpoint: str | Path | None = None,
        every_rounds: int | None = None,
        every_seconds: float | None = None,
    ) -> Words:
        """Run the remaining rounds and return the output.

        Parameters
        ----------
        progress : callable, optional
            Called with (rounds run, R) after every round, and after its checkpoint.
        checkpoint : path, optional
            Save there as the run goes, and after the last round; :meth:`resume` goes on from it.
        every_rounds, every_seconds : number, optional
            How often; by default after every round.
        """
        if checkpoint is None and (every_rounds, every_seconds) != (None, None):
            raise InputError("every_rounds and every_seconds say when to save; give checkpoint")
        due = schedule(every_rounds, every_seconds)
        for _ in self:
            if checkpoint is not None and (due() or self.finished):
                self.save(checkpoint)
            if progress is not None:
                progress(self.round, self.n_rounds)
        return self.output()

    def __iter__(self) -> Iterator[RoundLoads]:
        while not self.finished:
            yield self.step()

    def back(self) -> None:
        """Return to the round before."""
        self.goto(self.round - 1)

    def goto(self, round: int) -> None:
        """Go to the state before ``round``, backwards or forwards; ``n_rounds`` is the end.

        Raises
        ------
        RoundBudgetExceeded
            If there is no such round.
        """
        if not 0 <= round <= self.n_rounds:
            raise RoundBudgetExceeded(
                f"there is no round {round}; this protocol has 0 .. {self.n_rounds}",
                round=round,
                limit=self.n_rounds,
            )
        if round < self.round:
            self.round, self.inbox = self._kept.rewind(round)
            del self.ledger.rounds[self.round :]
        while self.round < round:
            self.step()

    def save(self, path: str | Path) -> None:
        """Save the run as it is before the next round; :meth:`resume` goes on from there.

        Raises
        ------
        CheckpointError
            If it cannot be written, or the protocol has a field that cannot be named in a file.
        """
        words = self._kept.first["input"]["word"]
        Checkpoint(self._identity, self.mode, words, self.inbox, self.ledger).save(path)

    @classmethod
    def resume(
        cls,
        path: str | Path,
        protocol: Protocol,
        cluster: Cluster | None = None,
        *,
        keep_bytes: int = 2**28,
    ) -> Simulation:
        """Go on with a run that was saved, to the same output and the same ledger.

        Parameters
        ----------
        path : path
        protocol : Protocol
            That of the run.
        cluster : Cluster, optional
            That of the run, which is taken from the file where it is not given.
        keep_bytes : int

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, foreign, or of another protocol or cluster.

        Examples
        --------
        >>> import tempfile
        >>> from mpc_sim import fit_cluster
        >>> from mpc_sim.stages.columnsort import columnsort
        >>> sim = Simulation(columnsort(), fit_cluster(columnsort(), 6, "2/3"), [5, 1, 4, 1, 0, 3])
        >>> _ = sim.step()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sim.save(f"{folder}/sort.npz")
        ...     resumed = Simulation.resume(f"{folder}/sort.npz", columnsort())
        >>> resumed.round, resumed.run().tolist()
        (1, [0, 1, 1, 3, 4, 5])
        """
        saved = Checkpoint.load(path)
        saved.require(protocol, cluster, path)
        sim = cls(
            protocol, saved.ledger.cluster, saved.words, mode=saved.mode, keep_bytes=keep_bytes
        )
        sim.inbox, sim.round, sim.ledger = saved.inbox, saved.round, saved.ledger
        sim._kept.keep(sim.round, sim.inbox)
        return sim

    def trace(self) -> Trace:
        """Replay the rounds that were run and keep all that can be seen of them.

        The simulation is where it was afterwards. Memory: that of all machines in all rounds.

        Examples
        --------
        >>> from mpc_sim import fit_cluster
        >>> from mpc_sim.stages.columnsort import columnsort
        >>> sim = Simulation(columnsort(), fit_cluster(columnsort(), 6, "2/3"), [5, 1, 4, 1, 0, 3])
        >>> sim.goto(2)
        >>> sim.trace().n_rounds, sim.round
        (2, 2)
        """
        from mpc_sim.inspect.trace import Trace

        return Trace.of(self)

    def explore(self) -> Explorer:
        """Return widgets that step this simulation in a notebook (extra ``notebooks``).

        Raises
        ------
        ImportError
            Without ipywidgets and anywidget; the message names the extra.
        """
        from mpc_sim.inspect.explore import Explorer

        return Explorer(self)

    def machine(self, machine: int) -> MachineView:
        """Return the whole memory of one machine, with field names."""
        return MachineView.of(self.inbox, machine, self.cluster, self.round)

    def output(self) -> Words:
        """Return the output words, int64[N], after the last round.

        Raises
        ------
        RoundBudgetExceeded
            If rounds remain.
        OutputError
            If the output map did not give every machine its block of words.
        """
        if not self.finished:
            raise RoundBudgetExceeded(
                f"{self.n_rounds - self.round} rounds remain before the output",
                round=self.round,
                limit=self.n_rounds,
            )
        return read_output(left_by(self.protocol, self.inbox, self.cluster), self.cluster)

    @cached_property
    def _identity(self) -> str:
        return identity(self.protocol)
