"""The counting sort of a round.

R messages, P machines. Inputs are C-contiguous and validated by the caller; outputs are allocated
by the caller.
"""

from __future__ import annotations

from numba import njit, types

READ = types.Array(types.int64, 1, "C", readonly=True)
WRITE = types.Array(types.int64, 1, "C")


@njit(types.void(READ, WRITE, WRITE), cache=True)
def place(to, next_slot, slot):  # type: ignore[no-untyped-def]
    """Give every message the next free slot of its destination, in the order of the messages.

    to : int64[R] in 0 .. P-1; next_slot : int64[P], the first slot of every machine, advanced; slot
    : int64[R], written.
    """
    for r in range(to.shape[0]):
        machine = to[r]
        slot[r] = next_slot[machine]
        next_slot[machine] += 1
