"""Protocols of the library, a file a task."""
