"""Pictures of a run: loads of the machines in every round, and the messages between them in one.

Axes: P machines, R rounds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mpc_sim.inspect.message_matrix import message_matrix
from mpc_sim.ledger.ledger import Ledger
from mpc_sim.routing import Traffic
from reductions.plots.picture import MARKERS, PALETTE, picture


def draw_loads(ledger: Ledger, file: str | Path) -> None:
    """Draw the most words of a machine in every round below the line at s, and what each holds.

    Parameters
    ----------
    ledger : Ledger
        After at least one round.
    file : path
        Ends in .svg, .png or .pdf.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        No round has run, or another suffix.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 8, "2/3"), [0, 1, 0, 1, 1, 0, 0, 1])
    >>> draw_loads(sim.ledger, "loads.svg")
    Traceback (most recent call last):
        ...
    ValueError: the ledger has no round yet: step or run the simulation
    """
    if not ledger.rounds:
        raise ValueError("the ledger has no round yet: step or run the simulation")
    s = ledger.cluster.memory_words
    with picture(file, 7, 6) as figure:
        above, below = figure.subplots(2, sharex=True, height_ratios=(1, 1))
        at = range(len(ledger.rounds))
        for number, name in enumerate(("sent", "held", "received")):
            words = [int(getattr(row, name).max()) for row in ledger.rounds]
            above.plot(
                at, words, color=PALETTE[number], marker=MARKERS[number], label=f"{name}, most"
            )
        above.axhline(s, color="black", linestyle="--", linewidth=1, label=f"s = {s}")
        above.set_ylim(0, 1.3 * max(s, ledger.max_sent_words))  # the legend lies above the line
        above.set_ylabel("words of a machine")
        above.legend(loc="upper center", ncols=4, fontsize=8)
        held = np.stack([row.held for row in ledger.rounds], axis=1)
        image = below.imshow(held, aspect="auto", origin="lower", vmin=0, vmax=s)
        below.xaxis.get_major_locator().set_params(integer=True)
        below.yaxis.get_major_locator().set_params(integer=True)
        below.set_xlabel("round")
        below.set_ylabel("machine")
        figure.colorbar(image, ax=[above, below], label=f"words held after the round (s = {s})")


def draw_messages(traffic: Traffic, file: str | Path, most_groups: int = 256) -> None:
    """Draw the words sent between machines in one round, what is kept on the diagonal.

    Parameters
    ----------
    traffic : Traffic
        What ``Simulation.peek`` returns.
    file : path
        Ends in .svg, .png or .pdf.
    most_groups : int
        More machines than this are drawn in groups of neighbours.

    Raises
    ------
    ImportError
        matplotlib is missing.
    ValueError
        Another suffix, or no group.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 8, "2/3"), [0, 1, 0, 1, 1, 0, 0, 1])
    >>> draw_messages(sim.peek(), "messages")
    Traceback (most recent call last):
        ...
    ValueError: end the name of a picture in .svg, .png, .pdf, not nothing
    """
    matrix, size = message_matrix(traffic, most_groups)
    unit = "machine" if size == 1 else f"group of {size} machines"
    with picture(file, 5.5, 4.5) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(matrix, origin="upper", vmin=0)
        for ticks in (axes.xaxis, axes.yaxis):
            ticks.get_major_locator().set_params(integer=True)
        axes.set_xlabel(f"to {unit}")
        axes.set_ylabel(f"from {unit}")
        axes.set_title(f"round {traffic.round}: {traffic.label}")
        figure.colorbar(image, ax=axes, label="words (diagonal: kept)")
