"""A run in a new process, where strings hash otherwise and nothing has run before.

The parent sends a pickled (protocol, cluster, words) to standard input and reads a JSON list back.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

from mpc_sim import Cluster, Protocol, Simulation
from reductions.testing.not_conforming import NotConforming


def run_elsewhere(protocol: Protocol, cluster: Cluster, words: list[int]) -> list[int]:
    """Return the output words of a protocol that ran in a new process.

    Raises
    ------
    NotConforming
        It does not run there.
    """
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        finished = subprocess.run(
            [sys.executable, "-m", __name__],
            input=pickle.dumps((protocol, cluster, words)),
            capture_output=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path},
        )
    except (subprocess.CalledProcessError, pickle.PicklingError, AttributeError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        reason = said.rsplit("\n", 1)[-1] or str(error)
        raise NotConforming("new process", f"it does not run there: {reason}") from error
    output: list[int] = json.loads(finished.stdout)
    return output


def main() -> None:
    """Run what stands on standard input."""
    protocol, cluster, words = pickle.load(sys.stdin.buffer)
    print(json.dumps(Simulation(protocol, cluster, words).run().tolist()))


if __name__ == "__main__":
    main()
