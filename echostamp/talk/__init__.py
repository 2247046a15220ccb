"""The interactive client: C{echostamp talk}."""
