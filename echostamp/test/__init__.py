"""Unit tests: they need no network, no other process and no real clock."""
