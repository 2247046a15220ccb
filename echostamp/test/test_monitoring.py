"""Tests for L{echostamp.daemon.monitoring}."""

from __future__ import annotations

import gc
from pathlib import Path

from echostamp.daemon.eventfile import EventFile
from echostamp.daemon.monitoring import Monitoring
from echostamp.monitor import monitor as monitorModule
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.event import Kind
from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import PeersFile
from echostamp.test.eventlines import eventsIn
from echostamp.test.monitorcases import EPOCH, MonitorCase, peer


class MonitoringTests(MonitorCase):
    """
    The service reads its files again when they change.
    """

    def setUp(self) -> None:
        """Make the service with one peer."""
        super().setUp()
        self.frozen: list[str] = []
        self.patch(gc, "freeze", lambda: self.frozen.append("frozen"))
        self.patch(monitorModule, "dialerOf", self.dial)
        self.path = Path(self.mktemp())
        self.path.write_text("first")
        self.events_ = Path(self.mktemp())
        self.file = EventFile(str(self.events_))
        self.found: list[Peer] = [peer("a")]
        self.mistakes: list[str] = []
        self.service = Monitoring(
            self.reactor,
            self.surroundings,
            self.read,
            [str(self.path)],
            BUCKETS,
            self.file,
        )
        self.service.startService()
        self.addCleanup(self.service.stopService)

    def read(self) -> PeersFile:
        """Read the peers."""
        if self.mistakes:
            raise PeersError(self.mistakes)
        return PeersFile(tuple(self.found), "me")

    def kindsWritten(self) -> list[str]:
        """Give the kinds of the events in the file."""
        return [each["event"] for each in eventsIn(self.events_)]

    def test_changedFile(self) -> None:
        """A file that changes is read again within ten seconds, and only then."""
        self.found = [peer("b")]
        self.run_(20)
        self.assertEqual(list(self.service.monitor.peers), ["a"])
        self.path.write_text("second")
        self.run_(10)
        self.assertEqual(list(self.service.monitor.peers), ["b"])
        self.assertEqual(self.kindsWritten(), ["reload"])

    def test_halfWrittenFile(self) -> None:
        """A file is read again when it no longer changes."""
        self.found = [peer("b")]
        for part in "a part", "another part", "all of the parts":
            self.path.write_text(part)
            self.run_(5)
            self.assertEqual(list(self.service.monitor.peers), ["a"])
        self.run_(5)
        self.assertEqual(list(self.service.monitor.peers), ["b"])

    def test_descriptors(self) -> None:
        """Peers for which the limit of open files has no room are a mistake."""
        self.found = [peer("a"), peer("b")]
        self.service.mostDescriptors = 3
        with self.assertRaises(PeersError) as raised:
            self.service.reload()
        self.assertEqual(
            str(raised.exception),
            "the limit of open files is too low: 2 peers may need 4 descriptors, and 3 "
            "can be had",
        )
        self.assertEqual(list(self.service.monitor.peers), ["a"])
        self.assertEqual(self.kindsWritten(), ["reload_failed"])
        self.service.mostDescriptors = 4
        self.assertEqual(self.service.reload(), "2 peers")

    def test_stop(self) -> None:
        """At the end the events that were left out are written."""
        for _ in range(3):
            self.service.reload()
        self.assertEqual(self.kindsWritten(), ["reload"])
        self.service.stopService()
        self.assertEqual(self.kindsWritten(), ["reload", "reload"])
        self.assertEqual(eventsIn(self.events_)[-1]["left_out"], 1)

    def test_frozen(self) -> None:
        """Collections of garbage leave out what was there after the start."""
        self.run_(4)
        self.assertEqual(self.frozen, [])
        self.run_(60)
        self.assertEqual(self.frozen, ["frozen"])

    def test_wrongFile(self) -> None:
        """A file that is wrong changes nothing; that is known until it is right."""
        self.mistakes = ["one", "two"]
        self.path.write_text("second")
        self.run_(20)
        self.assertEqual(list(self.service.monitor.peers), ["a"])
        self.assertEqual(self.kindsWritten(), ["reload_failed"])
        [event] = eventsIn(self.events_)
        self.assertEqual((event["text"], event["values"]), ("one", {"mistakes": 2}))
        found = self.service.daemon()
        self.assertFalse(found.isReloaded)
        self.assertEqual(found.reloadedAt, EPOCH)
        self.assertRaises(PeersError, self.service.reload)
        self.mistakes = []
        self.assertEqual(self.service.reload(), "1 peer")
        found = self.service.daemon()
        self.assertTrue(found.isReloaded)
        self.assertGreater(found.reloadedAt or 0, EPOCH)

    def test_wrongAtFirst(self) -> None:
        """A file that is wrong at the start is an error."""
        self.mistakes = ["one"]
        with self.assertRaises(ValueError):
            Monitoring(self.reactor, self.surroundings, self.read, [], BUCKETS)

    def test_daemon(self) -> None:
        """What is known of the daemon is plain data."""
        self.run_(10)
        found = self.service.daemon()
        self.assertEqual((found.self, found.peers), ("me", 1))
        self.assertEqual(
            found.events,
            {
                Kind.OWN_CLOCK_STEP: 0,
                Kind.STALL: 0,
                Kind.RELOAD: 0,
                Kind.RELOAD_FAILED: 0,
                Kind.DOWN: 0,
                Kind.UP: 0,
            },
        )
        self.assertEqual(found.writeErrors, {"events": 0})
        self.assertEqual(found.lateness[0], BUCKETS)
        self.assertGreater(sum(found.lateness[1]), 8)
        self.assertEqual([each.peer.name for each in self.service.peers()], ["a"])

    def test_allDown(self) -> None:
        """That none of the peers answers is counted without a peer."""
        self.found = [peer("a"), peer("b")]
        self.service.reload()
        self.run_(10)
        self.silent = {"a", "b"}
        self.run_(20)
        self.assertEqual(self.service.daemon().events[Kind.DOWN], 1)

    def test_labels(self) -> None:
        """All peers have the same labels."""
        self.assertEqual(self.service.labels, ())
        self.found = [
            peer("a", labels=(("site", "x"),)),
            peer("b", labels=(("site", ""),)),
        ]
        self.service.reload()
        self.assertEqual(self.service.labels, ("site",))
        self.found = []
        self.service.reload()
        self.assertEqual(self.service.labels, ())
