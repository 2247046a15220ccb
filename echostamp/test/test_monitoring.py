"""Tests for L{echostamp.daemon.monitoring}."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

from echostamp.daemon.eventfile import EventFile
from echostamp.daemon.monitoring import Monitoring
from echostamp.monitor import monitor as monitorModule
from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.event import Kind
from echostamp.monitor.mistakes import PeersError
from echostamp.monitor.peer import Peer
from echostamp.monitor.peersfile import PeersFile
from echostamp.monitor.steps import Steps
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
        self.patch(monitorModule, "sharingDialers", lambda reactor: self.dial)
        self.path = Path(self.mktemp())
        self.path.write_text("first")
        self.events_ = Path(self.mktemp())
        self.file = EventFile(str(self.events_))
        self.found: list[Peer] = [peer("a")]
        self.mistakes: list[str] = []
        self.slowness = 0.0
        self.steps: list[tuple[float, str]] = []
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

    def read(self) -> Steps[PeersFile]:
        """Read the peers, in steps."""
        for each in self.found:
            # Time passes only where a test wants that.
            self.reactor.rightNow += self.slowness
            self.steps.append((self.reactor.seconds(), each.name))
            yield
        if self.mistakes:
            raise PeersError(self.mistakes)
        return PeersFile(tuple(self.found), "me")

    def reload(self) -> str:
        """Reload to the end, and give what the log gets."""
        found = self.service.reload()
        self.run_(1)
        text: str = self.successResultOf(found)
        return text

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

    def test_slices(self) -> None:
        """A reload takes a millisecond at a time, and others have their turns."""
        self.found = [peer(f"p{number}") for number in range(10)]
        self.slowness = 0.0004
        turns: list[float] = []

        def turn() -> None:
            turns.append(self.reactor.seconds())
            self.reactor.callLater(0.0001, turn)

        turn()
        self.reload()
        self.assertEqual(len(self.service.monitor.peers), 10)
        gaps = [b - a for a, b in itertools.pairwise(turns)]
        self.assertLess(max(gaps), 0.0015)

    def test_oneAfterTheOther(self) -> None:
        """A reload that is asked for while another one goes on comes behind it."""
        self.slowness = 0.01
        first = self.service.reload()
        self.found = [peer("b"), peer("c")]
        second = self.service.reload()
        self.path.write_text("second")
        self.run_(30)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual([name for _, name in self.steps[1:]], ["b", "c"] * 2)
        self.assertEqual(list(self.service.monitor.peers), ["b", "c"])

    def test_stopWhileReloading(self) -> None:
        """A daemon that stops leaves a reload as it is, and no probe behind."""
        self.found = [peer(f"p{number}") for number in range(10)]
        self.slowness = 0.01
        reloaded = self.service.reload()
        self.reactor.advance(0)
        self.service.stopService()
        self.assertEqual(self.successResultOf(reloaded), "")
        self.run_(60)
        self.assertEqual(self.kindsWritten(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

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
        failed = self.service.reload()
        self.run_(1)
        self.assertEqual(
            self.failureResultOf(failed, PeersError).getErrorMessage(),
            "the limit of open files is too low: 2 peers may need 4 descriptors, and 3 "
            "can be had",
        )
        self.assertEqual(list(self.service.monitor.peers), ["a"])
        self.assertEqual(self.kindsWritten(), ["reload_failed"])
        self.service.mostDescriptors = 4
        self.assertEqual(self.reload(), "")
        self.assertEqual(len(self.service.monitor.peers), 2)

    def test_descriptorsOfAddresses(self) -> None:
        """There is room for all addresses that a name may have, before any is known."""
        self.found = [peer("a", isEachAddress=True, flows=2)]
        self.reload()
        self.assertEqual(self.service.descriptors, 64)

    def test_stop(self) -> None:
        """At the end the events that were left out are written."""
        self.assertEqual([self.reload() for _ in range(3)], ["", "1 peer", "1 peer"])
        self.assertEqual(self.kindsWritten(), ["reload"])
        self.service.stopService()
        self.assertEqual(self.kindsWritten(), ["reload", "reload"])
        self.assertEqual(eventsIn(self.events_)[-1]["left_out"], 1)

    def test_frozen(self) -> None:
        """Collections of garbage leave out the peers at once, and what they have made
        when each is probed."""
        thresholds = gc.get_threshold()
        self.run_(4)
        self.assertEqual(self.frozen, ["frozen"])
        self.run_(62)
        self.assertEqual(self.frozen, ["frozen"] * 2)
        self.found = [peer("b")]
        self.reload()
        self.assertEqual(self.frozen, ["frozen"] * 3)
        self.run_(60)
        self.assertEqual(self.frozen, ["frozen"] * 4)
        # Nothing is new.
        self.reload()
        self.run_(60)
        self.assertEqual(self.frozen, ["frozen"] * 4)
        self.assertEqual(gc.get_threshold(), thresholds)

    def test_reserve(self) -> None:
        """What more peers need is reserved before they begin, and what fewer ones leave
        is free behind that."""
        reserved: list[tuple[int, int]] = []
        self.service.reserve = lambda needed: reserved.append(
            (needed, len(self.service.monitor.peers))
        )
        self.found = [peer("a"), peer("b"), peer("c")]
        self.reload()
        self.found = [peer("b")]
        self.reload()
        self.found = [peer("b"), peer("c", "wrong")]
        failed = self.service.reload()
        self.run_(1)
        self.failureResultOf(failed, ValueError)
        self.assertEqual(reserved, [(6, 1), (6, 3), (6, 3), (2, 1), (4, 1), (2, 1)])

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
        failed = self.service.reload()
        self.run_(1)
        self.failureResultOf(failed, PeersError)
        self.mistakes = []
        self.reload()
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
        self.assertEqual([*self.service.monitor.peers], ["a"])

    def test_allDown(self) -> None:
        """That none of the peers answers is counted without a peer."""
        self.found = [peer("a"), peer("b")]
        self.reload()
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
        self.reload()
        self.assertEqual(self.service.labels, ("site",))
        self.found = []
        self.reload()
        self.assertEqual(self.service.labels, ())
