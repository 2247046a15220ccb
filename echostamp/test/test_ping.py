"""Tests for L{echostamp.client.ping}."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.ping import PingOptions, ping
from echostamp.exitstatus import Outcome
from echostamp.probe.dialers import Wish
from echostamp.probe.route import Route
from echostamp.test.fakes import FakeReactor


class RouteTests(SynchronousTestCase):
    """
    By what addresses to go.
    """

    def test_kinds(self) -> None:
        """Each option leaves what goes with it, and some leave nothing."""
        for route, left in [
            (Route(), [IPv4Address, IPv6Address]),
            (Route(only4=True), [IPv4Address]),
            (Route(only6=True), [IPv6Address]),
            (Route(source="192.0.2.1"), [IPv4Address]),
            (Route(source="::1"), [IPv6Address]),
            (Route(True, False, "192.0.2.1"), [IPv4Address]),
            (Route(True, True), []),
            (Route(True, False, "::1"), []),
            (Route(False, True, "192.0.2.1"), []),
        ]:
            self.assertEqual(route.addressTypes(), left, route)

    def test_wrong(self) -> None:
        """What cannot be is refused before anything is run."""
        for target, route, why in [
            ("far", Route(True, True), "-4, -6 and --source exclude each other"),
            ("unix:/s", Route(True), "-4, -6 and --source go with HOST:PORT"),
            ("far:0", Route(), "TARGET 'far:0': 0 is not a port from 1 to 65535"),
        ]:
            wish = Wish(target, route=route)
            outcome = ping(FakeReactor(), PingOptions(wish))
            self.assertEqual(outcome, Outcome(2, why))
