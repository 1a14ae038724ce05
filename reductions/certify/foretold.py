"""How long a compiled transformer runs, foretold from its shape before anything runs.

A message costs its moves, a multiplication for each number of its codeword, to encode it and to
encode it again, and a step of Horner's rule for each source that its receiver tries. Channels
declare worst cases, so a run takes at most about so long; the constants are of one core.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mpc_sim import Cluster, Protocol, ShapeError
from reductions.mpc_to_anna.codes import CodeDomainError
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.token_groups import TokenRule

SECONDS_A_MESSAGE, SECONDS_A_NUMBER, SECONDS_A_SOURCE = 7e-7, 2.5e-9, 5e-10
LONG_SECONDS = 60.0
LEAST_WORDS = 2**12
"""Of a run that may be long: below, nothing is compiled to foretell it."""

QUICK: tuple[dict[str, Any], ...] = (
    {"tokens_per_machine": 1, "head_order": HeadOrder.SPREAD},
    {"tokens_per_machine": TokenRule.BALANCED, "head_order": HeadOrder.SPREAD},
)


def seconds_of(transformer: CompiledProtocol) -> float:
    """Return about how many seconds a run of a transformer takes."""
    total, n_machines = 0.0, transformer.cluster.n_machines
    for layer in transformer.layers:
        if not isinstance(layer, RouteLayer) or layer.code is None:
            continue
        shape, likely = layer.messages.shape, layer.sources.likely
        tried = layer.code.n_sources if likely is None else likely.first
        of_one = SECONDS_A_NUMBER * layer.code.width + SECONDS_A_SOURCE * tried
        total += n_machines * min(shape.sent, shape.received) * (SECONDS_A_MESSAGE + of_one)
    return total


def long_run(protocol: Protocol, cluster: Cluster, options: CompilerOptions) -> str | None:
    """Say how long the runs by attention take, and what is faster; None below a minute."""
    if cluster.n_words < LEAST_WORDS:
        return None
    runs = 1 + (options.beside is not None or options.hashed)
    seconds = runs * _seconds(protocol, cluster, options)
    if seconds <= LONG_SECONDS:
        return None
    found = []
    for chosen in QUICK:
        try:
            found.append((runs * _seconds(protocol, cluster, replace(options, **chosen)), chosen))
        except (ShapeError, CodeDomainError):
            continue
    said = f"this takes about {_minutes(seconds)}"
    least, chosen = min(found, key=lambda one: one[0], default=(seconds, {}))
    if least < seconds / 2:
        flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in chosen.items())
        said += f"; with {flags} about {_minutes(least)}"
    return said


def _seconds(protocol: Protocol, cluster: Cluster, options: CompilerOptions) -> float:
    return seconds_of(compile_protocol(protocol, cluster, **options.by_exact_match.keywords))


def _minutes(seconds: float) -> str:
    if seconds < LONG_SECONDS:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minute" + "s" * (seconds >= 90)
