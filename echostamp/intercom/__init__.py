"""The conversation on top of the line protocol."""
