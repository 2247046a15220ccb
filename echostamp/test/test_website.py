"""Tests for L{echostamp.daemon.website}."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.monitoring import Monitoring
from echostamp.daemon.optionalparts import WEB_DESCRIPTORS
from echostamp.daemon.website import MOST_CONNECTIONS, WebSource, eventsOf
from echostamp.history.interfaces import EventQuery
from echostamp.monitor import monitor as monitorModule
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.event import Kind
from echostamp.monitor.peer import WebPlace
from echostamp.monitor.peersfile import PeersFile
from echostamp.monitor.steps import Steps
from echostamp.test.monitorcases import MonitorCase, peer
from echostamp.web.others import AT_ONCE


class WebSourceTests(MonitorCase):
    """
    What the pages are made of.
    """

    def setUp(self) -> None:
        """Watch a peer."""
        super().setUp()
        self.patch(monitorModule, "sharingDialers", lambda reactor: self.dial)
        self.file = PeersFile((peer("a"),), "me", {"b": WebPlace("https://b.example/")})

    def read(self) -> Steps[PeersFile]:
        """Read the file."""
        yield
        return self.file

    def monitoring(self) -> Monitoring:
        """Start to watch."""
        service = Monitoring(self.reactor, self.surroundings, self.read, [], BUCKETS)
        service.startService()
        self.addCleanup(service.stopService)
        return service

    def source(self, monitoring: Monitoring | None, history: Any = None) -> WebSource:
        """Make a source."""
        history = history or eventsOf(monitoring)
        return WebSource(monitoring, None, dict, dict, lambda: True, history)

    def test_file(self) -> None:
        """Names and places are those of the present file."""
        monitoring = self.monitoring()
        source = self.source(monitoring)
        self.assertEqual(source.selfName, "me")
        self.assertEqual(dict(source.webs()), dict(self.file.webs))
        self.file = PeersFile((peer("a"),), "other")
        reloaded = monitoring.reload()
        self.run_(1)
        self.successResultOf(reloaded)
        self.assertEqual((source.selfName, dict(source.webs())), ("other", {}))

    def test_events(self) -> None:
        """Without a file the last events can be read, and no minutes."""
        monitoring = self.monitoring()
        source = self.source(monitoring)
        self.silent = {"a"}
        self.run_(20)
        found = self.successResultOf(
            source.history.read(lambda history: history.events(EventQuery()))
        )
        self.assertEqual([each.event.kind for each in found], [Kind.DOWN])
        self.assertFalse(source.hasHistory)
        self.assertEqual(source.daemon().writeErrors, {})

    def test_history(self) -> None:
        """With a file minutes can be read, and it is counted how often it could not be
        written."""

        class Kept:
            hasMinutes = True
            writeErrors = {"history": 7}

        source = self.source(self.monitoring(), Kept())
        self.assertTrue(source.hasHistory)
        self.assertEqual(source.daemon().writeErrors, {"history": 7})

    def test_noPeers(self) -> None:
        """Without peers there is nothing of them."""
        source = self.source(None)
        self.assertEqual((source.selfName, dict(source.webs())), ("", {}))
        self.assertFalse(source.hasHistory)
        found = source.history.read(lambda history: history.events(EventQuery()))
        self.assertEqual(self.successResultOf(found), [])


class DescriptorsTests(SynchronousTestCase):
    """
    The descriptors that the daemon keeps for the web site.
    """

    def test_enough(self) -> None:
        """They are enough for its connections, for those to other daemons, and for ten
        ports."""
        self.assertGreaterEqual(WEB_DESCRIPTORS, MOST_CONNECTIONS + AT_ONCE + 10)
