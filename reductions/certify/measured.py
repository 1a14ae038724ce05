"""What a certificate says of a run: resources of ledgers and transformers, sizes, versions."""

from __future__ import annotations

from typing import Any, TypeGuard

from anna_model import Layer, Transformer
from mpc_sim import Cluster, Ledger, Protocol
from mpc_sim.protocol import open_receipts
from reductions.certify.runs import Compiled
from reductions.mpc_to_anna.route_layer import RouteLayer


def measured_rounds(ledger: Ledger) -> dict[str, int]:
    """Read the resources of a finished simulation off its ledger."""
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def measured_layers(transformer: Transformer) -> dict[str, int]:
    """Read the resources of a transformer off the object."""
    resources = transformer.resources()
    codes = [layer.code.width for layer in transformer.layers if _sends(layer) and layer.code]
    return {
        "layers": resources.layers,
        "heads": resources.heads,
        "head_width": resources.head_width,
        **({"code_width": max(codes)} if codes else {}),
        "query_width": resources.query_width,
        "token_width": resources.token_width,
        "context_length": resources.context_length,
        "precision_bits": resources.precision_bits,
    }


def _sends(layer: Layer) -> TypeGuard[RouteLayer]:
    return isinstance(layer, RouteLayer)


def used_layers(compiled: Compiled) -> dict[str, int]:
    """Return what a run of a transformer used, and read off the object what no run shows."""
    declared = compiled.transformer.resources()
    return compiled.used.measured | {
        "query_width": declared.query_width,
        "precision_bits": declared.precision_bits,
    }


def receipts_remark(protocol: Protocol, cluster: Cluster) -> list[str]:
    """Return what a reader must know when a protocol does not say what its machines receive."""
    found = [
        (round, name)
        for round in range(protocol.n_rounds(cluster))
        for name in open_receipts(protocol.channels(round, cluster))
    ]
    if not found:
        return []
    round, name = found[0]
    return [
        f"channels do not declare what a machine receives ({len(found)}, the first is {name!r} of "
        f"round {round}): only local memory limits it, so give per_receiver"
    ]


def cluster_parameters(cluster: Cluster) -> dict[str, Any]:
    """Return the sizes of a cluster and the constants behind them, as plain JSON types."""
    return {
        "n_words": cluster.n_words,
        "epsilon": None if cluster.epsilon is None else str(cluster.epsilon),
        "gamma": None if cluster.gamma is None else str(cluster.gamma),
        "c_s": cluster.memory_factor,
        "c_p": cluster.machine_factor,
        "memory_words": cluster.memory_words,
        "n_machines": cluster.n_machines,
        "block_words": cluster.block_words,
        "word_bits": cluster.word_bits,
    }
