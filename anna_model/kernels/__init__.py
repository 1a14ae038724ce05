"""Compiled loops on plain arrays; the only place of this package that imports numba."""
