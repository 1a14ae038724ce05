"""Pages: one self-contained HTML file that steps through a run, without a kernel or a network.

A page is values that say what is to be seen (`Page` and what it holds), written into one file with
the script and the style that lie beside this module. The notebook widgets draw with the same
script.
"""

from __future__ import annotations

from mpc_sim.pages.contents import Grid, Matrix, Page, Section, Side
from mpc_sim.pages.html import html_page, save_page
from mpc_sim.pages.packing import Packed, pack

__all__ = [
    "Grid",
    "Matrix",
    "Packed",
    "Page",
    "Section",
    "Side",
    "html_page",
    "pack",
    "save_page",
]
