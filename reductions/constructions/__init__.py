"""Transformers built by hand or compiled for a problem, each with its claims."""
