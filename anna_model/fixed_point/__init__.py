"""Fixed-point numbers: the grid, and attention whose every step is rounded to it."""
