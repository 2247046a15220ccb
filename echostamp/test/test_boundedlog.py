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
        for number in range(5):
            bounded.info("numbers", "{number}", number=number)
        bounded.info("letters", "a")
        reactor.advance(1)
        bounded.info("numbers", "next")
        reactor.advance(1)
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["0", "1", "a", "3 more lines left out: numbers", "next"],
        )
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_atTheEnd(self) -> None:
        """At the end, the lines that were left out of the last second are counted,
        too."""
        reactor = FakeReactor()
        events = EventLoggingObserver()
        bounded = BoundedLog(reactor, 1, Logger(observer=events))
        for _ in range(2):
            bounded.finish()
            bounded.info("numbers", "1")
            bounded.info("numbers", "2")
        bounded.finish()
        lines = ["1", "1 more lines left out: numbers"] * 2
        self.assertEqual([formatEvent(event) for event in events], lines)
        self.assertEqual(reactor.getDelayedCalls(), [])
