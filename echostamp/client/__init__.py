"""The C{echostamp} command."""
