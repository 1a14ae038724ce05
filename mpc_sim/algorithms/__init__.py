"""Protocols of the library, one file per task."""
