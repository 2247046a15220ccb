"""Tests for L{echostamp.daemon.monotonic}."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.monotonic import MonotonicTimers
from echostamp.test.fakes import FakeReactor


class MonotonicTimersTests(SynchronousTestCase):
    """
    The reactor's clock is chosen when the daemon starts.
    """

    def test_starts(self) -> None:
        """Both ways to start choose the monotonic clock; to make the service does
        not."""
        for name in "privilegedStartService", "startService":
            reactor = FakeReactor()
            service = MonotonicTimers(reactor)
            self.assertNotEqual(reactor.seconds, time.monotonic)
            getattr(service, name)()
            self.assertIs(reactor.seconds, time.monotonic)
