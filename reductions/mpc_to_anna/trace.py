"""Traces of a compiled protocol: what every token held and received, beside its machine.

The row of a token is decoded: it is the memory of the machine, as `Simulation` has it on the same
input.

Axes: N input words, P machines, L layers, S = L + 1 steps: step 0 is the input, step l + 1 comes
after layer l.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from anna_model import Rows, SparseAnswer, SparseHeads
from mpc_sim import Inbox, InputError, Simulation
from mpc_sim.inspect.trace import Trace, memory_side
from mpc_sim.pages import Grid, Page, Section, Side
from mpc_sim.placement import load_input
from reductions.arrays import Integers
from reductions.inspect.transformer_trace import TransformerTrace, run_kept
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.init_layer import INPUT, InitLayer
from reductions.mpc_to_anna.route_layer import RouteLayer


@dataclass(frozen=True, eq=False)
class CompiledTrace(TransformerTrace):
    """One run of a compiled protocol, and the same run on machines.

    Parameters
    ----------
    machines : Trace
        Of the simulator, on the same input.
    output : int64[N]
        What the simulator put out.
    """

    machines: Trace
    output: Integers

    @classmethod
    def of_words(cls, transformer: CompiledProtocol, words: ArrayLike) -> CompiledTrace:
        """Run a compiled protocol and the protocol itself, and keep both.

        Raises
        ------
        InputError, WordOverflow, CodeOverload, FarCollision
            As `CompiledProtocol.run`, and the limits of the simulator.
        """
        first = transformer.layers[0]
        assert isinstance(first, InitLayer)
        checked = load_input(words, transformer.cluster)["input"]["word"]
        tokens = np.arange(len(checked)), checked[:, None].astype(np.float64)
        kept = run_kept(transformer, Rows(transformer.n_tokens, *tokens))
        sim = Simulation(first.protocol, transformer.cluster, checked)
        output = sim.run()
        return cls(transformer, *kept, sim.trace(), output)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the S steps are called: a layer by the round that it simulates."""
        of_rounds = (
            f"layer {round + 1}: round {round}, {label}"
            for round, label in enumerate(self.machines.ledger.labels)
        )
        return ("input", "layer 0: init", *of_rounds)

    def token_memory(self, step: int) -> Inbox:
        """Return the memories that the rows of the tokens hold after a layer, decoded.

        Raises
        ------
        InputError
            Before the first layer and after the last the rows hold words of the input or output.
        """
        if not 1 <= step < self.n_layers:
            raise InputError(f"rows hold memories after steps 1 .. {self.n_layers - 1}, not {step}")
        rows, P = self.rows[step], self.machines.ledger.cluster.n_machines
        layer = self.transformer.layers[step - 1]
        row_format = layer.leaving if isinstance(layer, RouteLayer) else INPUT
        first = rows.restrict(np.arange(P)).apart()
        return row_format.read(first.position, first.values, np.arange(P))

    def sides(self, step: int) -> tuple[Side, ...]:
        """Return the row of every token, its machine's memory, and the messages it received."""
        if step == 0:
            return (_words_side("token: input word", "input", self.rows[0]),)
        if step == self.n_layers:
            at = np.arange(len(self.output))
            machine = Section("output", ("word",), at, (self.output,))
            own = _words_side("token: output word", "output", self.rows[step])
            sides: tuple[Side, ...] = own, Side("machine: output word", (machine,))
        else:
            sides = (
                memory_side("token: row, decoded", self.token_memory(step)),
                memory_side("machine: memory", self.machines.inboxes[step - 1]),
            )
        return (*sides, *self._messages(step - 1))

    def _messages(self, index: int) -> Iterator[Side]:
        """Give the messages that the tokens received in the heads of a layer, decoded."""
        layer = self.transformer.layers[index]
        if not isinstance(layer, RouteLayer) or layer.code is None:
            return
        sections: dict[str, list[Section]] = {}
        for block, answer in self.asked[index]:
            assert isinstance(block, SparseHeads)
            assert isinstance(answer, SparseAnswer)
            if not layer.is_coded(block):
                continue
            heard = layer.received(block, answer).heard
            records = layer.messages.unpack(heard)
            for channel in layer.messages.away:
                message, _, columns = records[channel.name]
                token, copy = _tokens_of(block.token_class, heard.machine[message])
                head = heard.head[message] + layer.first_message_head
                of_message = head, heard.source[message]
                named = (*of_message, *(columns[name] for name in channel.fields))
                fields = ("head", "from", *channel.fields)
                section = Section(channel.name, fields, token, tuple(one[copy] for one in named))
                sections.setdefault(channel.name, []).append(section)
        yield Side("token: received, decoded", tuple(map(_joined, sections.values())))

    def page(self, title: str, most_heads: int) -> Page:
        """Return what the page shows; the memory of machines against s as well."""
        page = super().page(title, most_heads)
        ledger = self.machines.ledger
        P = ledger.cluster.n_machines
        held = np.zeros((self.n_layers + 1, self.transformer.n_tokens), np.int64)
        first = self.transformer.layers[0]
        assert isinstance(first, InitLayer)
        machine = first.groups.classes(self.transformer.n_tokens)
        for step in range(1, self.n_layers):
            of_machine = np.append(self.token_memory(step).held_words(P), 0)
            held[step] = of_machine[machine]  # the last entry is that of class -1
        memory = Grid("words held in rows", held, limit=ledger.cluster.memory_words)
        return replace(page, grids=(memory, *page.grids))


def _words_side(title: str, name: str, rows: Rows) -> Side:
    words = rows.values[:, 0].astype(np.int64)
    return Side(title, (Section(name, ("word",), rows.position, (words,)),))


def _tokens_of(token_class: Integers, machine: Integers) -> tuple[Integers, Integers]:
    """Give the records of a query class to each of its tokens: token and record of every copy."""
    order = np.argsort(token_class, kind="stable")
    first, end = (np.searchsorted(token_class[order], machine, side) for side in ("left", "right"))
    row = np.repeat(np.arange(len(machine)), end - first)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(end - first) - (end - first), end - first)
    return order[first[row] + rank], row


def _joined(sections: list[Section]) -> Section:
    """Make one section of those of the blocks of a layer."""
    owner = np.concatenate([section.owner for section in sections])
    columns = zip(*(section.columns for section in sections), strict=True)
    return replace(sections[0], owner=owner, columns=tuple(map(np.concatenate, columns)))
