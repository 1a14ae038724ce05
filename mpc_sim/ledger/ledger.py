"""The ledger of a run: its loads, shown as tables and pages, compared, written and read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.errors import LedgerError
from mpc_sim.ledger.diff import LedgerDiff
from mpc_sim.ledger.loads import LOADS, RoundLoads
from mpc_sim.ledger.page import ledger_page
from mpc_sim.ledger.run_loads import RunLoads
from mpc_sim.ledger.table import html_table, step_table, text_table
from mpc_sim.pages import save_page
from mpc_sim.records import Words
from mpc_sim.saving import archive

FILE = archive.FileKind("ledger", 1, LedgerError)


@dataclass(eq=False)
class Ledger(RunLoads):
    """What a run has used so far, one row per round; ``print`` shows a table of 80 columns.

    It has three counters of rounds. ``n_rounds`` counts deliveries, those that the mode ``charge``
    adds to a round included; ``n_protocol_rounds`` counts the rounds of the protocol,
    ``n_logical_rounds`` the steps of the algorithm.

    Parameters
    ----------
    cluster : Cluster
    input_held : int64[P], read-only
        Words of input on every machine before round 0.
    rounds : list of RoundLoads

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 8, "2/3"), [0, 1, 0, 1, 1, 0, 0, 1])
    >>> _ = sim.run()
    >>> sim.ledger.n_rounds, sim.ledger.n_logical_rounds, sim.ledger.held.shape
    (8, 4, (8, 8))
    >>> print(sim.ledger.step_table())
    step                         rounds max sent received     held held/s   messages
    columnsort                        5        8        4        8   1.00         19
    neighbours                        1        4        2        4   0.50          7
    send home                         1        5        5        5   0.62         11
    answer                            1        2        8        8   1.00          6
    """

    def step_table(self, depth: int = 1) -> str:
        """Return :meth:`steps` as a table of 80 columns."""
        return step_table(self, depth)

    def diff(self, other: Ledger) -> LedgerDiff:
        """Compare with the ledger of another run or of another version of the protocol.

        Returns
        -------
        LedgerDiff
            False where nothing differs, in any machine; ``print`` shows the rounds that do, and the
            totals.
        """
        return LedgerDiff.of(self, other)

    def save(self, path: str | Path) -> None:
        """Write the ledger to a file: npz without pickle, whole or not at all.

        Raises
        ------
        LedgerError
            If it cannot be written.
        """
        archive.write(path, FILE, self.header(), self.arrays())

    def save_html(
        self,
        path: str | Path,
        *,
        title: str = "Loads of all machines",
        loads: tuple[str, ...] = ("held", "sent", "received"),
    ) -> None:
        """Write a page that steps through the rounds: one file, without a kernel or a network.

        A heat map of words held, sent or received against s, machines across and rounds down, with
        the numbers of the chosen round and machine; keys, mouse or touch step. The file is written
        whole or not at all.

        Parameters
        ----------
        path : path
        title : str
        loads : tuple of str
            What the heat map can show, the first at the beginning.

        Raises
        ------
        LedgerError
            If it cannot be written.
        InputError
            If there is no load of a name.

        Notes
        -----
        A load takes at most 4/3 bytes of file for every byte of words, usually much less: one load
        of 4,096 machines in 64 rounds, with words of 16 bits, at most 0.75 MB.

        Examples
        --------
        >>> import tempfile
        >>> cluster = Cluster(n_words=8, memory_words=4, n_machines=2, block_words=4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Ledger(cluster, np.array([4, 4])).save_html(f"{folder}/loads.html")
        ...     "http" in Path(f"{folder}/loads.html").read_text().replace("http-equiv", "")
        False
        """
        save_page(path, ledger_page(self, title, loads), LedgerError)

    @classmethod
    def load(cls, path: str | Path) -> Ledger:
        """Read a ledger that :meth:`save` wrote.

        Raises
        ------
        LedgerError
            If the file is missing, damaged or foreign.
        """
        header, arrays = archive.read(path, FILE)
        with archive.reading(path, FILE):
            return cls.from_parts(header, arrays)

    def header(self) -> dict[str, Any]:
        """Return what a file says of the ledger in JSON."""
        return {"cluster": self.cluster.to_json(), "labels": list(self.labels)}

    def arrays(self) -> dict[str, Words]:
        """Return what a file holds of the ledger in arrays; R rounds, P machines."""
        return {
            "input_held": self.input_held,
            "deliveries": np.array([row.n_deliveries for row in self.rounds], np.int64),
            "messages": np.array([row.n_messages for row in self.rounds], np.int64),
            **{name: self.stacked(name) for name in LOADS},
        }

    @classmethod
    def from_parts(cls, header: dict[str, Any], arrays: dict[str, Words]) -> Ledger:
        """Make the ledger of a file.

        Raises
        ------
        LookupError, ValueError, ShapeError
            If the parts do not fit together.
        """
        cluster = Cluster.from_json(header["cluster"])
        labels = [str(label) for label in header["labels"]]
        n_machines, n_rounds = cluster.n_machines, len(labels)
        shapes = {"input_held": (n_machines,), "deliveries": (n_rounds,), "messages": (n_rounds,)}
        for name, shape in (shapes | dict.fromkeys(LOADS, (n_rounds, n_machines))).items():
            if arrays[name].shape != shape or arrays[name].min(initial=0) < 0:
                raise ValueError(f"{name} of shape {arrays[name].shape}, not {shape}")
        columns = [arrays[name] for name in ("sent", "received", "held")]
        counts = [arrays[name].tolist() for name in ("messages", "deliveries")]
        rounds = [RoundLoads(*row) for row in zip(labels, *columns, *counts, strict=True)]
        return cls(cluster, arrays["input_held"], rounds)

    def __str__(self) -> str:
        return text_table(self)

    def _repr_html_(self) -> str:
        return html_table(self)
