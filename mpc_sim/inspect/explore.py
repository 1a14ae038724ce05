"""Stepping through a simulation in a notebook: a slider of rounds, and what every machine knows.

The widgets of ipywidgets are loaded when an explorer is made, by this module alone; what else steps
in a notebook is built from its parts.
"""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

import numpy as np

from mpc_sim.errors import MPCError
from mpc_sim.extras import needed
from mpc_sim.inspect.trace import PAIRS, Flow
from mpc_sim.ledger.loads import LOADS, RoundLoads
from mpc_sim.machine_view import MachineView
from mpc_sim.pages import Grid, Matrix
from mpc_sim.pages.html import asset, grid_json, matrix_json
from mpc_sim.records import Inbox
from mpc_sim.simulation import Simulation

PRE = (
    "max-height: 20em; overflow: auto; margin: 0; white-space: pre-wrap; word-break: normal; "
    "line-height: 1.35"
)


class Explorer:
    """Widgets that step a simulation; `Simulation.explore` makes it, a notebook shows it.

    The slider moves the simulation itself: forwards it runs rounds, under their limits, backwards
    it takes them back. A broken limit is reported in one line, and the simulation stays at the
    round before. Arrow keys move the slider and, on the heat map, round and machine; a click
    chooses both.

    Attributes
    ----------
    round : IntSlider
        Rounds that have run, 0 .. R.
    machine : BoundedIntText
        The chosen machine.
    load : Dropdown
        What the heat map shows: words held, sent or received.
    loads, messages : Canvas
        Machines and rounds against s, of the rounds seen so far; words between machines in the
        round that ran last.
    said, memory, changes : HTML
        The step and its loads, or an error; the memory of the machine; what the last round changed.
    box : VBox
        All of them.

    Raises
    ------
    ImportError
        Without the extra ``notebooks``.
    """

    def __init__(self, sim: Simulation) -> None:
        widgets = require_widgets()
        cluster = sim.cluster
        self.sim = sim
        self._seen: list[RoundLoads] = []
        self._before: Inbox | None = None
        self.round = slider("round", sim.n_rounds, sim.round)
        self.machine = number("machine", cluster.n_machines - 1)
        options = [(f"words {load}", load) for load in ("held", "sent", "received")]
        self.load = widgets.Dropdown(options=options, description="show")
        self.said, self.memory, self.changes = (widgets.HTML() for _ in range(3))
        self.loads, self.messages = canvas(), canvas()
        self._go_to(sim.round)
        self._draw_loads()
        self._show()
        self.round.observe(self._moved, names="value")
        self.machine.observe(lambda _: self._show(), names="value")
        self.load.observe(lambda _: self._draw_loads(), names="value")
        self.loads.observe(self._hit_loads, names="hit")
        self.messages.observe(self._hit_messages, names="hit")
        self.box = widgets.VBox(
            [
                row(self.round, self.machine, self.load),
                self.said,
                widgets.HTML("Rounds (down) and machines (across)"),
                self.loads,
                row(
                    column(widgets.HTML(PAIRS), self.messages),
                    column(self.memory, self.changes),
                ),
            ]
        )

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, Any]:
        return mimebundle(self.box, str(self))

    def __str__(self) -> str:
        return f"{self.sim.ledger}\n{self.sim.machine(self.machine.value)}"

    def _moved(self, change: Any) -> None:
        if change["new"] == self.sim.round:
            return
        n_seen, failure = len(self._seen), ""
        try:
            self._go_to(change["new"])
        except MPCError as error:
            failure = f"<b>{type(error).__name__}</b>: {escape(str(error))}"
            self._go_to(self.sim.round)
            self.round.value = self.sim.round
        if len(self._seen) > n_seen:
            self._draw_loads()
        self._show()
        self.said.value = failure or self.said.value

    def _go_to(self, round: int) -> None:
        """Go to a round through the one before, whose messages are then known."""
        sim = self.sim
        before, flow = None, None
        if round:
            sim.goto(round - 1)
            before, flow = sim.inbox, Flow.of(sim.peek())
        sim.goto(round)
        self._before = before
        known = sim.ledger.rounds
        self._seen = known + self._seen[len(known) :]
        self._draw_messages(flow)

    def _show(self) -> None:
        """Show the chosen machine at the round where the simulation is."""
        sim, chosen = self.sim, self.machine.value
        view = sim.machine(chosen)
        self.memory.value = pre(str(view))
        self.changes.value = ""
        if self._before is not None:
            before = MachineView.of(self._before, chosen, sim.cluster, sim.round - 1)
            self.changes.value = pre("Since the round before:\n" + view.changes(before))
        self.said.value = escape(self._summary())
        self.loads.row, self.loads.column = sim.round, chosen
        self.messages.row = chosen

    def _summary(self) -> str:
        if not self.sim.ledger.rounds:
            return f"input: at most {self.sim.ledger.input_held.max()} words held"
        last, s = self.sim.ledger.rounds[-1], self.sim.cluster.memory_words
        return (
            f"round {self.sim.round - 1} ({last.label}): {last.n_messages} messages, at most "
            f"{last.max_sent_words} words sent, {last.max_received_words} received, "
            f"{last.max_held_words} held of s = {s}"
        )

    def _draw_loads(self) -> None:
        """Draw the rounds that were seen; those to come are blank."""
        sim, load = self.sim, self.load.value
        values = np.zeros((sim.n_rounds + 1, sim.cluster.n_machines), np.int64)
        if load == LOADS[-1]:
            values[0] = sim.ledger.input_held
        for number, loads in enumerate(self._seen, start=1):
            values[number] = getattr(loads, load)
        grid = Grid(f"words {load}", values, limit=sim.cluster.memory_words)
        self.loads.content = grid_json(grid) | {"rowNames": ["in", *range(sim.n_rounds)]}
        self.loads.label = f"words {load}: rounds down, machines across"

    def _draw_messages(self, flow: Flow | None) -> None:
        nothing = np.zeros(0, np.int64)
        shown = flow or Flow(nothing, nothing, nothing)
        matrix = shown.matrix(self.sim.cluster.memory_words)
        self.messages.content = square_json(matrix, self.sim.cluster.n_machines)
        self.messages.label = PAIRS

    def _hit_loads(self, change: Any) -> None:
        self.round.value, self.machine.value, _ = change["new"]

    def _hit_messages(self, change: Any) -> None:
        self.machine.value = change["new"][0]


# --- the parts of an explorer ---


def require_widgets() -> Any:
    """Return the module ipywidgets.

    Raises
    ------
    ImportError
        If it or anywidget is missing; the message names the extra.
    """
    needed("anywidget", "explore()")
    return needed("ipywidgets", "explore()")


def slider(name: str, most: int, value: int) -> Any:
    """Return a slider from 0 to ``most``, moved by mouse, touch and arrow keys."""
    layout = {"width": "min(100%, 30em)"}
    return require_widgets().IntSlider(
        value, 0, most, description=name, continuous_update=False, layout=layout
    )


def number(name: str, most: int) -> Any:
    """Return a field for a number from 0 to ``most``."""
    layout = {"width": "12em"}
    return require_widgets().BoundedIntText(0, 0, most, description=name, layout=layout)


def row(*parts: Any) -> Any:
    """Set widgets side by side, or below each other where there is no room."""
    return require_widgets().HBox(list(parts), layout={"flex_flow": "row wrap"})


def column(*parts: Any) -> Any:
    """Set widgets below each other, in a column of a row."""
    layout = {"flex": "1 1 20em", "min_width": "0"}
    return require_widgets().VBox(list(parts), layout=layout)


def canvas() -> Any:
    """Return an empty canvas: ``content`` is what it draws, ``hit`` what the reader chose.

    ``row`` and ``column`` are marked, or neither with -1. ``hit`` is (row, column, how often).
    """
    require_widgets()
    return _canvas_class()()


@cache
def _canvas_class() -> Any:
    anywidget = needed("anywidget", "explore()")
    import traitlets

    nothing = square_json(Matrix("", *(np.zeros(0, np.int64),) * 3, limit=1), 1)
    traits = {
        "content": traitlets.Dict(nothing),
        "row": traitlets.Int(-1),
        "column": traitlets.Int(-1),
        "label": traitlets.Unicode(),
        "hit": traitlets.List([0, 0, 0]),
    }
    synchronised = {name: trait.tag(sync=True) for name, trait in traits.items()}
    sources = {"_esm": asset("grid.js") + asset("widget.js"), "_css": asset("widget.css")}
    return type("Canvas", (anywidget.AnyWidget,), synchronised | sources)


def square_json(matrix: Matrix, n_items: int) -> dict[str, Any]:
    """Return a matrix between items as a canvas draws it."""
    return matrix_json(matrix) | {"square": True, "size": n_items}


def pre(text: str) -> str:
    """Return text as HTML that keeps its lines."""
    return f'<pre style="{PRE}">{escape(text)}</pre>'


def mimebundle(box: Any, text: str) -> dict[str, Any]:
    """Return how a notebook shows widgets, and the text that stands in for them elsewhere."""
    return {**box._repr_mimebundle_(), "text/plain": text}
