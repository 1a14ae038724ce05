"""The command ``anna-mpc``, also as ``python -m reductions``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run a command and return its exit status; an interrupt while it is imported is one too."""
    try:
        from reductions.cli import main as run

        return run()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            print("anna-mpc: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
