"""Stepping through a transformer in a notebook: a slider of layers, and what every token received.

The widgets are those of `mpc_sim.inspect.explore`.
"""

from __future__ import annotations

from typing import Any

from mpc_sim.inspect.explore import (
    canvas,
    column,
    mimebundle,
    number,
    pre,
    require_widgets,
    row,
    slider,
    square_json,
)
from reductions.inspect.transformer_trace import PAIRS, TransformerTrace, same_memory, side_text


class TransformerExplorer:
    """Widgets that step through the layers of one run; a notebook shows it.

    Arrow keys move the slider; a click on the pattern chooses a token.

    Parameters
    ----------
    trace : TransformerTrace
        Of `CompiledProtocol.trace`, with machines beside the tokens, or of any transformer.

    Attributes
    ----------
    layer : IntSlider
        Layers that have run, 0 .. L.
    head, token : BoundedIntText
        The chosen head and token.
    pattern : Canvas
        How the tokens weigh each other in the head.
    said, statistics : HTML
        The layer; what the head's buckets were.
    memory : HTML
        What the token holds and received, and its machine; of a compiled protocol only.
    box : VBox
        All of them.

    Raises
    ------
    ImportError
        Without the extra ``notebooks``.
    """

    def __init__(self, trace: TransformerTrace) -> None:
        widgets = require_widgets()
        self.trace = trace
        self.layer = slider("layer", trace.n_layers, 0)
        self.head = number("head", 0)
        self.token = number("token", trace.transformer.n_tokens - 1)
        self.said, self.statistics, self.memory = (widgets.HTML() for _ in range(3))
        self.pattern = canvas()
        self._show_layer()
        self.layer.observe(lambda _: self._show_layer(), names="value")
        self.head.observe(lambda _: self._show_head(), names="value")
        self.token.observe(lambda _: self._show_token(), names="value")
        self.pattern.observe(self._hit, names="hit")
        self.box = widgets.VBox(
            [
                row(self.layer, self.head, self.token),
                self.said,
                row(
                    column(widgets.HTML(PAIRS), self.pattern, self.statistics),
                    column(self.memory),
                ),
            ]
        )

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, Any]:
        return mimebundle(self.box, str(self))

    def __str__(self) -> str:
        return f"{self.trace}\n{self._memory_text()}".rstrip("\n")

    def _show_layer(self) -> None:
        step = self.layer.value
        self.said.value = pre(self.trace.labels[step])
        n_heads = self.trace.transformer.layers[step - 1].n_heads if step else 1
        self.head.max = max(0, n_heads - 1)
        self._show_head()
        self._show_token()

    def _show_head(self) -> None:
        """Show the pattern of the head; before the first layer there is none."""
        step, n_tokens = self.layer.value, self.trace.transformer.n_tokens
        if not step:
            self.pattern.content = canvas().content
            self.statistics.value = ""
            return
        matrix = self.trace.matrix(step - 1, self.head.value)
        self.pattern.content = square_json(matrix, n_tokens)
        self.pattern.label = f"{PAIRS}, {matrix.name}"
        self.statistics.value = pre("\n".join(matrix.notes))

    def _show_token(self) -> None:
        self.pattern.row = self.token.value
        self.memory.value = pre(self._memory_text())

    def _memory_text(self) -> str:
        """Say what the token holds and its machine, whether they agree, what the token received."""
        sides, token = self.trace.sides(self.layer.value), self.token.value
        parts = [side_text(side, token) for side in sides]
        if len(sides) > 1:
            is_same = same_memory(sides[0], sides[1], token)
            parts.insert(2, "the same" if is_same else "DIFFERENT")
        return "\n".join(parts)

    def _hit(self, change: Any) -> None:
        self.token.value = change["new"][0]
