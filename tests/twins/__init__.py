"""Twins of the columnar stages: plain Python functions of one machine, for teaching and tests."""
