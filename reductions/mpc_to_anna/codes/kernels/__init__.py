"""Compiled loops on plain arrays; they check nothing, their callers do."""
