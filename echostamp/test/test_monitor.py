"""Tests for L{echostamp.monitor.monitor} and L{echostamp.monitor.eventlog}."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from echostamp.connect.tls import TlsFiles
from echostamp.measure.windowspec import WindowSpec
from echostamp.monitor.event import Event, Kind
from echostamp.monitor.eventlog import EventLog, eventJson, eventLine
from echostamp.monitor.monitor import Monitor
from echostamp.monitor.peer import Limits
from echostamp.monitor.snapshot import Kept
from echostamp.monitor.tally import Skip
from echostamp.probe.surroundings import surroundings
from echostamp.test.fakes import FakeReactor
from echostamp.test.monitorcases import MonitorCase, peer
from echostamp.times import SECOND, Moment


class MonitorTests(MonitorCase):
    """
    Peers are watched together.
    """

    def test_spread(self) -> None:
        """The probes of all peers are spread over the interval."""
        self.monitor.watch([peer(f"p{number}") for number in range(100)])
        self.monitor.start()
        self.run_(10)
        first = sorted(at % 1 for at, _ in self.sent[:100])
        gaps = [b - a for a, b in zip([*first[-1:], *first], first, strict=False)]
        self.assertLess(max(gaps), 0.1)
        self.assertEqual(len(self.sent), 1000)

    def test_reload(self) -> None:
        """Peers that stay keep their probes, and not one is late; others come and go;
        one that changes keeps its counters."""
        self.monitor.watch([peer("a"), peer("b"), peer("c")])
        self.monitor.start()
        self.run_(10.5)
        kept = self.monitor.peers["a"]
        self.monitor.watch(
            [peer("a", limits=Limits(loss=5.0)), peer("d"), peer("c", "x")]
        )
        self.run_(10)
        self.assertIs(self.monitor.peers["a"], kept)
        self.assertEqual(kept.peer.limits.loss, 5.0)
        first, *_ = times = self.sentTo("a")
        for turn, at in enumerate(times):
            self.assertAlmostEqual(at, first + turn, 6)
        self.assertIn(len(self.sentTo("b")), (10, 11))
        self.assertIn(len(self.sentTo("d")), (9, 10))
        self.assertEqual(list(self.monitor.peers), ["a", "d", "c"])
        found = {each.peer.name: each for each in self.monitor.snapshots()}
        count = len(self.sentTo("c")) + len(self.sentTo("x"))
        self.assertEqual(found["c"].tally.sent, count)
        self.assertGreater(len(self.sentTo("x")), 8)

    def test_changingInSteps(self) -> None:
        """Each peer is a step, whether it stays, changes, comes or goes.  Between the
        steps all that are watched are probed."""
        self.monitor.watch([peer(f"p{number}") for number in range(20)])
        self.monitor.start()
        self.run_(10)
        wanted = [
            *(peer(f"p{number}") for number in range(10)),
            *(peer(f"p{number}", resolve=SECOND) for number in range(10, 15)),
            *(peer(f"n{number}") for number in range(5)),
        ]
        count = 0
        for _ in self.monitor.changing(wanted):
            count += 1
            self.run_(0.1)
        self.assertEqual(count, 45)
        self.assertEqual(list(self.monitor.peers), [each.name for each in wanted])
        first, *_ = times = self.sentTo("p0")
        for turn, at in enumerate(times):
            self.assertAlmostEqual(at, first + turn, 6)
        self.assertGreaterEqual(len(times), 14)

    def test_stopWhileChanging(self) -> None:
        """A monitor that stops between the steps leaves no probe behind."""
        for count in 3, 5, 7:
            self.monitor.watch([peer("a"), peer("b")])
            self.monitor.start()
            self.run_(5)
            steps = self.monitor.changing([peer("b", "x"), peer("c"), peer("d")])
            for _ in range(count):
                next(steps)
            self.monitor.stop()
            sent = len(self.sent)
            self.run_(10)
            self.assertEqual(len(self.sent), sent)

    def test_newCertificates(self) -> None:
        """A peer whose files of certificates or keys have changed uses them after a
        reload; one whose files are the same keeps its probes."""
        paths = [Path(self.mktemp()) for _ in range(2)]
        files = dict(zip("ab", map(TlsFiles, map(str, paths)), strict=True))
        peers = [peer(name) for name in "ab"]
        peers = [
            replace(each, wish=each.wish._replace(files=files[each.name]))
            for each in peers
        ]
        for path in paths:
            path.write_text("old")
        self.monitor.watch(peers)
        before = dict(self.monitor.peers)
        paths[0].write_text("renewed")
        self.monitor.watch(peers)
        self.assertIsNot(self.monitor.peers["a"], before["a"])
        self.assertIs(self.monitor.peers["b"], before["b"])

    def test_reloadIsWhollyOrNotAtAll(self) -> None:
        """If one peer is wrong, nothing changes."""
        self.monitor.watch([peer("a")])
        self.monitor.start()
        with self.assertRaises(ValueError) as raised:
            self.monitor.watch([peer("b"), peer("c", "wrong")])
        self.assertEqual(str(raised.exception), "c: TARGET 'wrong': it is wrong")
        self.assertEqual(list(self.monitor.peers), ["a"])

    def test_allDown(self) -> None:
        """When no peer answers, one event says so first."""
        self.monitor.watch([peer("a"), peer("b"), peer("c", isPaused=True)])
        self.monitor.start()
        self.run_(10)
        self.silent = {"a", "b"}
        self.run_(20)
        self.silent = set()
        self.run_(20)
        [first, *rest] = self.kinds()
        self.assertEqual(first, ("", Kind.DOWN))
        self.assertEqual(self.events[0].text, "none of the 2 peers answers")
        self.assertEqual(set(rest[:2]), {("a", Kind.DOWN), ("b", Kind.DOWN)})
        self.assertEqual(rest[2], ("", Kind.UP))

    def test_oneDown(self) -> None:
        """When one of several peers is down, only that is said."""
        self.monitor.watch([peer("a"), peer("b")])
        self.monitor.start()
        self.run_(10)
        self.silent = {"a"}
        self.run_(20)
        self.assertEqual(self.kinds(), [("a", Kind.DOWN)])

    def test_ownClock(self) -> None:
        """A step of our own clock is one event for all peers."""
        self.monitor.watch([peer("a"), peer("b")])
        self.monitor.start()
        self.run_(10)
        self.step = 5 * SECOND
        self.run_(10)
        self.assertEqual(self.kinds(), [("", Kind.OWN_CLOCK_STEP)])

    def test_stall(self) -> None:
        """A process that stands still is an event, and no peer is down by that."""
        self.monitor.watch([peer("a"), peer("b")])
        self.monitor.start()
        self.run_(10)
        self.reactor.advance(10)
        self.run_(10)
        self.assertEqual(self.kinds(), [("", Kind.STALL)])
        for snapshot in self.monitor.snapshots():
            tally = snapshot.tally
            self.assertEqual(sum(tally.lost.values()), 0)
            self.assertIs(snapshot.isUp, True)
        self.assertGreater(self.monitor.lag.counts[-1] + self.monitor.lag.counts[-2], 0)

    def test_noBurstAfterAStall(self) -> None:
        """Probes of the time of a stall are skipped for that reason, also those of a
        peer without a link.  They do not all leave behind it."""
        self.unlinked.add("away")
        names = [*(f"p{number}" for number in range(50)), "away"]
        self.monitor.watch([peer(name) for name in names])
        self.monitor.start()
        self.run_(10.5)
        before = len(self.sent)
        self.reactor.advance(2.5)
        self.assertLess(len(self.sent) - before, 10)
        self.run_(9.95)
        for snapshot in self.monitor.snapshots():
            tally = snapshot.tally
            self.assertIn(tally.skipped[Skip.STALL], (2, 3))
            if snapshot.peer.name == "away":
                self.assertIn(tally.skipped[Skip.NO_CONNECTION], (19, 20, 21))
            else:
                self.assertEqual(tally.due, tally.sent + tally.skipped[Skip.STALL])

    def test_smallDelay(self) -> None:
        """A probe that is late by less than a tenth of its interval is sent."""
        self.monitor.watch([peer("a")])
        self.monitor.start()
        self.run_(10.001)
        (last,) = self.sentTo("a")[-1:]
        self.reactor.advance(last + 1.05 - self.reactor.seconds())
        self.assertEqual(self.surroundings.stalls.count, 1)
        self.assertAlmostEqual(self.sentTo("a")[-1], last + 1.05, 6)

    def test_stop(self) -> None:
        """Nothing is left behind."""
        self.monitor.watch([peer("a"), peer("b", isPaused=True)])
        self.monitor.start()
        self.run_(5)
        ended: list[object] = []
        self.monitor.stop().addCallback(ended.append)
        self.run_(5)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(len(ended), 1)

    def test_stopBeforeTheFirstProbe(self) -> None:
        """Nothing is left behind if no probe was due yet."""
        self.monitor.watch([peer("a"), peer("b")])
        ended: list[object] = []
        self.monitor.stop().addCallback(ended.append)
        self.monitor.start()
        self.monitor.stop().addCallback(ended.append)
        self.run_(5)
        self.assertEqual((len(ended), self.sent), (2, []))

    def test_kept(self) -> None:
        """Another window, and the last RTTs, are kept if that is asked for."""
        ten = WindowSpec("10s", length=10 * SECOND)
        monitor = Monitor(
            self.reactor,
            self.surroundings,
            self.events.append,
            dial=self.dial,
            kept=Kept(ten, recent=5),
        )
        monitor.watch([peer("a")])
        monitor.start()
        self.run_(30)
        self.silent = {"a"}
        self.run_(5)
        [found] = monitor.snapshots()
        assert found.window is not None
        self.assertIn(found.window.figures.due, (10, 11, 12, 13))
        self.assertIsNone(found.minute)
        rtts = [each for each in found.recent if each is not None]
        self.assertEqual(len(found.recent), 5)
        self.assertIn(len(rtts), (2, 3, 4))
        self.assertEqual(found.recent[: len(rtts)], tuple(rtts))

    def test_usuallyTheMinute(self) -> None:
        """By default the last minute is kept, and no RTTs."""
        self.monitor.watch([peer("a")])
        self.monitor.start()
        self.run_(30)
        [found] = self.monitor.snapshots()
        self.assertIs(found.window, found.minute)
        self.assertEqual(found.recent, ())

    def test_judged(self) -> None:
        """Which limits are exceeded is in the snapshot, at once if that is asked
        for."""
        self.monitor.watch([peer("a", limits=Limits(rtt=1)), peer("b")])
        self.monitor.start()
        self.run_(2)
        for each in self.monitor.peers.values():
            each.judge()
        high, fine = self.monitor.snapshots()
        self.assertEqual([name for name, _ in high.exceeded], ["max-rtt"])
        self.assertEqual(fine.exceeded, ())
        self.assertEqual(
            (list(high.exceededSince), fine.exceededSince), (["max-rtt"], {})
        )
        self.assertEqual(self.kinds(), [("a", Kind.RTT_HIGH)])


class EventLogTests(SynchronousTestCase):
    """
    How events are written.
    """

    def test_line(self) -> None:
        """A line has the peer, the kind, the threshold and the text."""
        event = Event(Kind.RTT_HIGH, "ams", 0, "max-rtt", "median 3 ms", leftOut=2)
        self.assertEqual(
            eventLine(event), "ams rtt_high max-rtt: median 3 ms (2 more left out)"
        )
        self.assertEqual(eventLine(Event(Kind.RELOAD, "", 0)), "reload")

    def test_json(self) -> None:
        """The line of JSON has all of it."""
        event = Event(Kind.UP, "a", 7, text="was down", values={"down": 5})
        self.assertEqual(
            json.loads(eventJson(event)),
            {
                "time": 7,
                "event": "up",
                "peer": "a",
                "subject": "",
                "text": "was down",
                "left_out": 0,
                "values": {"down": 5},
            },
        )

    def test_limits(self) -> None:
        """Events that come too often are written later, the last one of them."""
        reactor: Any = FakeReactor()

        def now() -> int:
            return round(float(reactor.seconds()) * 1e9)

        near = surroundings(reactor, lambda: Moment(now(), now(), now()))
        written: list[Event] = []
        logged: list[Any] = []
        observer: Any = logged.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        log = EventLog(near.agenda, now, written.append)
        for kind in Kind.DOWN, Kind.UP, Kind.DOWN, Kind.UP:
            log.report(Event(kind, "a", 0))
            reactor.advance(1)
        self.assertEqual([each.kind for each in written], [Kind.DOWN, Kind.UP])
        reactor.advance(60)
        self.assertEqual([each.kind for each in written[2:]], [Kind.UP])
        self.assertEqual(written[-1].leftOut, 1)
        self.assertEqual(
            [(each["log_level"], each["line"]) for each in logged],
            [
                (LogLevel.warn, "a down"),
                (LogLevel.info, "a up"),
                (LogLevel.info, "a up (1 more left out)"),
            ],
        )
