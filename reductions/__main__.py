"""``python -m reductions``: the command ``anna-mpc``."""

from __future__ import annotations

from reductions.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
