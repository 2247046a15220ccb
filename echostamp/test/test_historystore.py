"""Tests for L{echostamp.history.store}, and L{echostamp.history.file}."""

from __future__ import annotations

from pathlib import Path

from echostamp.history.store import SqliteHistory
from echostamp.test import historycases


class SqliteTests(historycases.HistoryCases):
    """
    What every history does.
    """

    def setUp(self) -> None:
        """Make a file."""
        self.path = Path(self.mktemp())
        self.history = SqliteHistory(str(self.path))
        self.addCleanup(self.history.close)
