"""Timings against references in the same run: ``anna-mpc bench`` and the files in benchmarks/."""
