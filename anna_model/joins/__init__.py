"""Joins of rows by equal keys, whole or part after part."""
