"""Pictures of runs and measurements with matplotlib, an optional extra (``plots``).

Every function takes what it draws and a file that ends in .svg, .png or .pdf. matplotlib is
imported when a picture is drawn, and two saves of one picture are byte for byte equal. `shown`
draws for a notebook: ``shown(draw_loads, sim.ledger)``.
"""

from reductions.plots.attention import draw_attention
from reductions.plots.measurements import draw_depth, draw_errors, draw_heads, draw_machines
from reductions.plots.picture import SUFFIXES, shown
from reductions.plots.runs import draw_loads, draw_messages
from reductions.plots.sweeps import draw_sweep, sweep_axes

__all__ = [
    "SUFFIXES",
    "draw_attention",
    "draw_depth",
    "draw_errors",
    "draw_heads",
    "draw_loads",
    "draw_machines",
    "draw_messages",
    "draw_sweep",
    "shown",
    "sweep_axes",
]
