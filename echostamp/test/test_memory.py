"""Tests for L{echostamp.history.memory}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.interfaces import EventQuery
from echostamp.history.memory import MOST_EVENTS, MemoryHistory
from echostamp.history.row import MINUTE
from echostamp.test import historycases
from echostamp.test.historycases import NOON, event, row


class MemoryTests(historycases.HistoryCases):
    """
    What every history does.
    """

    def setUp(self) -> None:
        """Keep a day."""
        self.history = MemoryHistory(1440)


class BoundTests(SynchronousTestCase):
    """
    How much is kept.
    """

    def test_events(self) -> None:
        """The last thousand events are kept."""
        history = MemoryHistory()
        history.write({}, [event(at) for at in range(MOST_EVENTS + 5)])
        found = history.events(EventQuery(most=MOST_EVENTS * 2))
        self.assertEqual(len(found), MOST_EVENTS)
        self.assertEqual(found[-1].event.leftOut, 5)

    def test_noRows(self) -> None:
        """By default no rows are kept."""
        history = MemoryHistory()
        history.write({"a": row(NOON)}, [])
        self.assertEqual(history.peers(), [])

    def test_rows(self) -> None:
        """The last minutes of each peer are kept, and the last peers."""
        history = MemoryHistory(2, 2)
        history.write({"a": row(NOON)}, [])
        for at in range(4):
            history.write({name: row(NOON + MINUTE * at) for name in "bc"}, [])
        self.assertEqual(history.peers(), ["b", "c"])
        found = history.points("c", 0, 2**40).rows
        self.assertEqual([each.at - NOON for each in found], [120, 180])
        history.close()
        self.assertEqual(history.peers(), [])
