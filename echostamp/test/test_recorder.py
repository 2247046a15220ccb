"""Tests for L{echostamp.daemon.recorder}."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from echostamp.daemon.recorder import Recorder
from echostamp.history.minutes import Counted, countedOf
from echostamp.history.row import MINUTE, KeptRow
from echostamp.monitor.slices import Slices
from echostamp.monitor.spanfigures import SpanFigures
from echostamp.test.monitorcases import EPOCH, MonitorCase, peer
from echostamp.times import MILLISECOND, SECOND

#: The minute that the tests begin in, and how much of it is over, in seconds.
FIRST, OVER = EPOCH // SECOND // MINUTE * MINUTE, EPOCH // SECOND % MINUTE

#: Seconds until it is over.
LEFT = MINUTE - OVER


class RecorderTests(MonitorCase):
    """
    A row of each peer is made at the end of each minute.
    """

    def setUp(self) -> None:
        """Make a recorder of a monitor in memory."""
        super().setUp()
        self.written: list[Mapping[str, KeptRow]] = []
        self.recorder = Recorder(
            self.surroundings,
            Slices(self.reactor, self.surroundings.now),
            lambda: self.monitor.peers,
            self.written.append,
        )
        self.monitor.left = self.recorder.leave

    def start(self, *names: str) -> None:
        """Watch peers."""
        self.monitor.watch(map(peer, names))
        self.monitor.start()
        self.recorder.start()
        self.addCleanup(self.monitor.stop)

    def rows(self, name: str = "a") -> list[KeptRow]:
        """Give the rows of a peer so far."""
        return [each[name] for each in self.written if name in each]

    def total(self, name: str = "a") -> Counted:
        """Add up the rows of a peer."""
        total = Counted()
        for row in self.rows(name):
            total = total.with_(Counted._make(row[1:8]))
        return total

    def test_minutes(self) -> None:
        """A minute has the probes of that minute; the first one begins with the
        daemon."""
        self.start("a")
        self.run_(LEFT - 0.1)
        self.assertEqual(self.written, [])
        self.run_(0.2)
        self.run_(2 * MINUTE)
        ats = [row.at for row in self.rows()]
        self.assertEqual(ats, [FIRST, FIRST + 60, FIRST + 120])
        self.assertEqual([row.sent for row in self.rows()], [LEFT, 60, 60])
        for row in self.rows():
            rtts = {row.least, row.p10, row.median, row.p99, row.most}
            self.assertEqual(rtts, {MILLISECOND})
            self.assertEqual(row.lost, 0)

    def test_figuresOfTheMinute(self) -> None:
        """The figures of a row are those of its own time, also where that is short."""
        self.start("a")
        self.run_(LEFT + 0.1)
        asked: list[int] = []

        def span(length: int) -> SpanFigures:
            asked.append(length)
            return SpanFigures()

        self.patch(self.monitor.peers["a"].flows, "span", span)
        self.run_(MINUTE)
        self.run_(10)
        self.recorder.finish()
        self.run_(0)
        self.assertEqual(asked, [60 * SECOND, 10_100 * MILLISECOND])

    def test_noRttIsMissed(self) -> None:
        """A single slow reply is the greatest RTT of the minute in which it comes."""
        self.start("a")
        self.run_(LEFT)
        for minute in range(59):
            self.run_(minute)
            self.rtt = (100 + minute) * MILLISECOND
            self.run_(1)
            self.rtt = MILLISECOND
            self.run_(MINUTE - minute - 1)
        self.run_(0.5)
        most = [row.most for row in self.rows()[1:]]
        self.assertEqual(most, [(100 + each) * MILLISECOND for each in range(59)])

    def test_sums(self) -> None:
        """Whatever happens to the peers, the rows of each add up to its counters: they
        are silent, change, go and come back."""
        self.start("a", "b")
        self.run_(30)
        self.silent = {"a"}
        self.run_(100)
        tally = self.monitor.peers["b"].tally
        self.monitor.watch([peer("a", "elsewhere")])
        self.run_(10)
        gone = countedOf(tally)
        self.monitor.watch([peer("a", isPaused=True), peer("b")])
        self.run_(200)
        self.monitor.stop()
        self.recorder.finish()
        self.run_(0)
        for name, before in ("a", Counted()), ("b", gone):
            found = self.monitor.peers[name].tally
            self.assertEqual(self.total(name), countedOf(found).with_(before), name)
        [last] = [each for each in self.rows() if each.at == FIRST + 300]
        self.assertGreater(last.due, 0)
        self.assertEqual(last.sent, 0)

    def test_comingAndGoing(self) -> None:
        """A peer that is there for a part of a minute has its row, each time."""
        self.start("a", "b")
        counted = Counted()
        for present in ("b",), ("a", "b"), ("b",), ("a", "b"), ("b",):
            self.run_(11)
            before = self.monitor.peers.get("a")
            self.monitor.watch(map(peer, present))
            if before is not None and "a" not in present:
                counted = counted.with_(countedOf(before.tally))
        self.assertEqual(counted.sent, 33)
        self.run_(2 * MINUTE)
        self.assertEqual(self.total("a"), counted)
        self.assertEqual({row.at for row in self.rows()}, {FIRST, FIRST + 60})

    def test_pausedAndGone(self) -> None:
        """The probes that a paused peer would have sent are counted to its end."""
        self.start("b")
        self.monitor.watch([peer("a", isPaused=True), peer("b")])
        self.run_(5)
        self.monitor.watch([peer("b")])
        self.run_(MINUTE)
        self.assertEqual((self.total("a").due, self.total("a").sent), (5, 0))

    def test_goneForGood(self) -> None:
        """A peer that was removed has one more row, and is forgotten."""
        self.start("a", "b")
        self.run_(LEFT + 30)
        self.monitor.watch([peer("b")])
        self.run_(2 * MINUTE)
        self.assertEqual([row.at for row in self.rows()], [FIRST, FIRST + 60])
        self.assertEqual(self.rows()[1].sent, 30)
        self.assertIsNone(self.rows()[1].median)

    def test_slowPeer(self) -> None:
        """A peer that is probed every ten minutes has a row where a probe was due."""
        slow = peer("a")
        plan = slow.wish.plan
        object.__setattr__(plan, "interval", 600 * SECOND)
        self.monitor.watch([slow])
        self.monitor.start()
        self.recorder.start()
        self.run_(1801)
        self.assertEqual([row.due for row in self.rows()], [1, 1, 1])
        self.assertEqual({row.median for row in self.rows()}, {MILLISECOND})
        steps = [b.at - a.at for a, b in itertools.pairwise(self.rows())]
        self.assertEqual(steps, [600, 600])

    def test_stalls(self) -> None:
        """A row has the time for which this process stood still in its minute."""
        self.start("a")
        stalls = self.surroundings.stalls
        self.run_(10)
        stalls.length += 5
        self.run_(MINUTE)
        stalls.length += 7
        self.run_(MINUTE)
        self.run_(MINUTE)
        self.assertEqual([row.stalled for row in self.rows()], [5, 7, 0])

    def test_setForward(self) -> None:
        """When the clock is set forward, the minute ends at once; the next row belongs
        to the new time.  No probe is lost."""
        self.start("a")
        self.run_(LEFT + 30)
        self.step = 3600 * SECOND
        self.recorder.look()
        self.run_(0)
        self.assertEqual([row.at for row in self.rows()], [FIRST, FIRST + 60])
        self.assertEqual(self.rows()[1].sent, 30)
        self.run_(31)
        self.assertEqual(self.rows()[2].at, FIRST + 60 + 3600)
        self.assertEqual(self.rows()[2].sent, 30)

    def test_setBack(self) -> None:
        """When the clock is set back, the minutes of before get a second row."""
        self.start("a")
        self.run_(LEFT + 10)
        self.step = -60 * SECOND
        self.recorder.look()
        self.run_(60)
        ats = [row.at - FIRST for row in self.rows()]
        self.assertEqual(ats, [0, 60, 0])
        self.assertEqual([row.sent for row in self.rows()], [LEFT, 10, 50])

    def test_unseenStep(self) -> None:
        """A step that nobody reports loses no probe: the timer finds the minute."""
        self.start("a")
        self.run_(LEFT + 10)
        self.step = 600 * SECOND
        self.run_(120)
        self.monitor.stop()
        self.recorder.finish()
        self.run_(0)
        self.assertEqual(self.total(), countedOf(self.monitor.peers["a"].tally))
        ats = [row.at for row in self.rows()]
        self.assertEqual(len(set(ats)), len(ats))

    def test_slewedBack(self) -> None:
        """A clock that is a little behind its timer ends no minute twice."""
        self.start("a")
        self.run_(LEFT - 1)
        self.step = -20 * MILLISECOND
        self.run_(2)
        self.assertEqual([row.at for row in self.rows()], [FIRST])

    def test_slices(self) -> None:
        """Rows are made for a millisecond at a time, and others have their turns."""
        self.start(*(f"p{number}" for number in range(20)))
        self.run_(LEFT - 0.5)
        for each in self.monitor.peers.values():
            self.patch(each.flows, "span", self.slow)
        self.turns: list[float] = []
        self.turn()
        self.run_(0.6)
        self.assertEqual(len(self.written[0]), 20)
        gaps = [b - a for a, b in itertools.pairwise(self.turns)]
        self.assertLess(max(gaps), 0.0016)

    def slow(self, length: int) -> SpanFigures:
        """Take long to give figures."""
        self.reactor.rightNow += 0.0004
        return SpanFigures()

    def turn(self) -> None:
        """Have turns of the event loop."""
        self.turns.append(self.reactor.seconds())
        self.reactor.callLater(0.0001, self.turn)

    def test_nothingToWrite(self) -> None:
        """Without probes a minute has no rows."""
        self.start()
        self.run_(200)
        self.assertEqual(self.written, [{}] * 3)

    def test_finished(self) -> None:
        """After the end no minute is written."""
        self.start("a")
        self.run_(10)
        self.recorder.finish()
        self.run_(200)
        self.assertEqual(len(self.written), 1)

    def test_failure(self) -> None:
        """Where figures cannot be made, the log says so, and the counts are kept, as
        are the rows of the others."""
        self.start("a", "b")
        self.patch(self.monitor.peers["a"].flows, "span", lambda length: 1 // 0)
        self.run_(LEFT + 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual([row.sent for row in self.rows()], [LEFT])
        self.assertIsNone(self.rows()[0].median)
        self.assertEqual([row.sent for row in self.rows("b")], [LEFT])
