"""Writes the result of a run, as text and as JSON."""
