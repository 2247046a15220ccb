"""Tests for L{echostamp.daemon.boundedlog}."""

from __future__ import annotations

from twisted.internet.testing import EventLoggingObserver
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.boundedlog import BoundedLog
from echostamp.test.fakes import FakeReactor


class BoundedLogTests(SynchronousTestCase):
    """
    The log takes a limited number of lines of each kind in a second.
    """

    def test_linesThatAreLeftOutAreCounted(self) -> None:
        """Each kind has a count of its own; each second starts at zero."""
        reactor = FakeReactor()
        events = EventLoggingObserver()
        bounded = BoundedLog(reactor, 2, Logger(observer=events))
        admitted = [bounded.admits("numbers") for _ in range(5)]
        self.assertEqual(admitted, [True, True, False, False, False])
        self.assertTrue(bounded.admits("letters"))
        reactor.advance(1)
        self.assertTrue(bounded.admits("numbers"))
        reactor.advance(1)
        lines = ["3 more lines left out: numbers"]
        self.assertEqual([formatEvent(event) for event in events], lines)
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_withoutTimer(self) -> None:
        """A second without a line that is left out needs no timer, and the next second
        starts at zero, too."""
        reactor = FakeReactor()
        bounded = BoundedLog(reactor, 2)
        for _ in range(2):
            self.assertTrue(bounded.admits("numbers"))
            reactor.advance(0.5)
            self.assertTrue(bounded.admits("numbers"))
            self.assertEqual(reactor.getDelayedCalls(), [])
            reactor.advance(0.5)

    def test_wholeSecond(self) -> None:
        """The second begins with its first line, not with the first one that is left
        out."""
        reactor = FakeReactor()
        bounded = BoundedLog(reactor, 1, Logger(observer=EventLoggingObserver()))
        bounded.admits("numbers")
        reactor.advance(0.75)
        self.assertFalse(bounded.admits("numbers"))
        reactor.advance(0.25)
        self.assertTrue(bounded.admits("numbers"))

    def test_atTheEnd(self) -> None:
        """At the end, the lines that were left out of the last second are counted,
        too."""
        reactor = FakeReactor()
        events = EventLoggingObserver()
        bounded = BoundedLog(reactor, 1, Logger(observer=events))
        for _ in range(2):
            bounded.finish()
            bounded.admits("numbers")
            bounded.admits("numbers")
        bounded.finish()
        lines = ["1 more lines left out: numbers"] * 2
        self.assertEqual([formatEvent(event) for event in events], lines)
        self.assertEqual(reactor.getDelayedCalls(), [])
