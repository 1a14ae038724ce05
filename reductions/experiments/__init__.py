"""Sweeps and growth as functions; the commands only print them."""
