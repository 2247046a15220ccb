"""Tests for L{echostamp.probe.route}."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.route import Route


class RouteTests(SynchronousTestCase):
    """
    Tests for the types of addresses that a route allows.
    """

    def test_types(self) -> None:
        """Each option excludes some types; some options exclude each other."""
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
