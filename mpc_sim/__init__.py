"""An exact simulator of the MPC model: machines of s words, rounds, every limit enforced."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpc_sim.cluster import Cluster as Cluster
    from mpc_sim.columns import first_rows as first_rows, rank_in_group as rank_in_group
    from mpc_sim.compose import parallel as parallel, sequence as sequence
    from mpc_sim.conformance import assert_local as assert_local
    from mpc_sim.errors import (
        InputError as InputError,
        MPCError as MPCError,
        ShapeError as ShapeError,
    )
    from mpc_sim.ledger.ledger import Ledger as Ledger
    from mpc_sim.local_step import (
        Memory as Memory,
        PerMachine as PerMachine,
        per_machine as per_machine,
    )
    from mpc_sim.placement import output_places as output_places
    from mpc_sim.protocol import Protocol as Protocol, fit_cluster as fit_cluster
    from mpc_sim.randomness import random_words as random_words
    from mpc_sim.records import (
        Channel as Channel,
        Inbox as Inbox,
        Outbox as Outbox,
        Records as Records,
    )
    from mpc_sim.simulation import Simulation as Simulation

_HOME = {
    "Channel": "records",
    "Cluster": "cluster",
    "Inbox": "records",
    "InputError": "errors",
    "Ledger": "ledger.ledger",
    "MPCError": "errors",
    "Outbox": "records",
    "Protocol": "protocol",
    "Records": "records",
    "ShapeError": "errors",
    "Simulation": "simulation",
    "assert_local": "conformance",
    "fit_cluster": "protocol",
    "first_rows": "columns",
    "Memory": "local_step",
    "PerMachine": "local_step",
    "output_places": "placement",
    "parallel": "compose",
    "per_machine": "local_step",
    "rank_in_group": "columns",
    "random_words": "randomness",
    "sequence": "compose",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mpc_sim.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mpc_sim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
