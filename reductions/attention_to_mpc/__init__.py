"""Theorem 4.2: a transformer of ANNA or exact-match heads becomes an MPC protocol.

`compile` puts the protocol together, a `transformer_protocol`; `plan` packs tokens on machines;
`tokens` reads and writes rows; `copies` brings rows to the tables and sums back; `questions` makes
queries, keys and values; `buckets` sorts and sums, with `sums` as the operation of its scan, or
`hashed_plan` and `funnels` let trees on hashed machines sum them; `fold` ends a layer; `bounds` and
`hashed_bounds` derive rounds, loads and machines; `fit` finds the memory of the theorem;
`round_trip` takes a compiled protocol back, and `round_trip_bounds` composes the bounds.
"""

from __future__ import annotations

from reductions.attention_to_mpc.anna import anna_to_mpc
from reductions.attention_to_mpc.fit import fit_anna_to_mpc
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol

__all__ = ["TransformerProtocol", "anna_to_mpc", "fit_anna_to_mpc"]
