"""Building blocks of protocols; each states its cost in its docstring."""
