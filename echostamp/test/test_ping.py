"""Tests for L{echostamp.client.ping}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.ping import PingOptions, ping
from echostamp.exitstatus import Outcome
from echostamp.probe.dialers import Wish
from echostamp.probe.route import Route
from echostamp.test.fakes import FakeReactor


class PingTests(SynchronousTestCase):
    """
    Tests for the options that the command refuses.
    """

    def test_wrong(self) -> None:
        """Impossible options are refused before the reactor runs."""
        for target, route, why in [
            ("far", Route(True, True), "-4, -6 and --source exclude each other"),
            ("unix:/s", Route(True), "-4, -6 and --source go with HOST:PORT"),
            ("far:0", Route(), "TARGET 'far:0': 0 is not a port from 1 to 65535"),
        ]:
            wish = Wish(target, route=route)
            outcome = ping(FakeReactor(), PingOptions(wish))
            self.assertEqual(outcome, Outcome(2, why))
