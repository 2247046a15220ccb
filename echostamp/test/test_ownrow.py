"""Tests for L{echostamp.web.ownrow}."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.slices import SLICE
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.test.fakes import FakeReactor
from echostamp.test.histories import fullRow
from echostamp.test.snapshots import NOW
from echostamp.test.webclients import BrokenWatched, FakeSource, FakeWatched
from echostamp.times import Moment
from echostamp.web.ownrow import FRESH, OwnRow
from echostamp.web.peerfigures import figuresOf
from echostamp.web.rowdata import SourceRow


class SlowWatched(FakeWatched):
    """
    A peer whose figures take time.
    """

    def __init__(self, found: PeerSnapshot, case: OwnRowTests) -> None:
        """
        @param case: has the time.
        """
        super().__init__(found)
        self._case = case

    def snapshot(self) -> PeerSnapshot:
        """Give its figures."""
        self._case.now += SLICE // 4
        return super().snapshot()


class OwnRowTests(SynchronousTestCase):
    """
    Tests for L{OwnRow}.
    """

    def setUp(self) -> None:
        """Make a daemon."""
        self.reactor = FakeReactor()
        self.now = 0
        self.source = FakeSource()
        self.source.hasHistory = False
        self.own = OwnRow(self.reactor, self.source, self.clocks)

    def clocks(self) -> Moment:
        """Read the clocks."""
        return Moment(self.now, NOW + self.now, self.now)

    def turns(self) -> None:
        """Let the event loop turn until nothing is to be done at once."""
        calls, now = self.reactor.getDelayedCalls, self.reactor.seconds()
        while any(each.getTime() <= now for each in calls()):
            self.reactor.advance(0)

    def row(self) -> SourceRow:
        """Ask for the row, and wait for it."""
        waiting = self.own.row()
        self.turns()
        return self.successResultOf(waiting)

    def asked(self) -> int:
        """Give how often peers were asked for their figures."""
        return sum(each.asked for each in self.source.peers.values())

    def test_row(self) -> None:
        """The row has the name of this daemon, the time, and each peer."""
        peers = self.source.peers.items()
        expected = {name: figuresOf(each.found) for name, each in peers}
        self.assertEqual(self.row(), SourceRow("hub", expected, NOW))

    def test_fresh(self) -> None:
        """A row is made again when it is 5 seconds old."""
        first = self.row()
        self.now += FRESH - 1
        self.assertIs(self.successResultOf(self.own.row()), first)
        self.assertEqual(self.asked(), 2)
        self.now += 1
        self.assertEqual(self.row().at, NOW + FRESH)
        self.assertEqual(self.asked(), 4)

    def test_shared(self) -> None:
        """All who ask while it is made share it."""
        waiting = [self.own.row() for _ in range(200)]
        self.turns()
        rows = [self.successResultOf(each) for each in waiting]
        self.assertEqual({id(each) for each in rows}, {id(rows[0])})
        self.assertEqual(self.asked(), 2)

    def test_slices(self) -> None:
        """No turn of the event loop takes longer than a slice and a peer."""
        for name, each in self.source.peers.items():
            self.source.peers[name] = SlowWatched(each.found, self)
        for number in range(38):
            found = self.source.peers["ams"].found
            self.source.peers[f"peer{number}"] = SlowWatched(found, self)
        waiting = self.own.row()
        while self.reactor.getDelayedCalls():
            before = self.now
            self.reactor.advance(0)
            self.assertLessEqual(self.now - before, SLICE)
        self.assertEqual(self.now, 10 * SLICE)
        self.assertEqual(len(self.successResultOf(waiting).peers), 40)

    def test_noPeers(self) -> None:
        """A daemon without peers has a row."""
        self.source.peers = {}
        self.assertEqual(self.row(), SourceRow("hub", {}, NOW))

    def test_reload(self) -> None:
        """Peers that change meanwhile do no harm."""
        waiting = self.own.row()
        self.source.peers = {}
        self.turns()
        self.successResultOf(waiting)
        self.now += FRESH
        self.assertEqual(self.row().peers, {})

    def test_failure(self) -> None:
        """If figures cannot be had, all who wait learn that, and the next may have
        more luck."""
        good = self.source.peers["fra"]
        self.source.peers["fra"] = BrokenWatched(good.found)
        waiting = [self.own.row(), self.own.row()]
        self.turns()
        for each in waiting:
            self.failureResultOf(each, RuntimeError)
        self.source.peers["fra"] = good
        self.assertEqual(len(self.row().peers), 2)

    def test_gone(self) -> None:
        """One that waits no more does not disturb the others."""
        first, second = self.own.row(), self.own.row()
        first.addErrback(lambda failure: None)
        first.cancel()
        self.turns()
        self.successResultOf(second)

    def test_askAgain(self) -> None:
        """Whoever asks again when it has the row gets the same one."""
        again: list[Deferred[SourceRow]] = []
        waiting = self.own.row()
        waiting.addCallback(lambda row: again.append(self.own.row()))
        self.turns()
        self.assertIsNotNone(self.successResultOf(again[0]).at)
        self.assertEqual(self.asked(), 2)

    def test_weeks(self) -> None:
        """The last week of each peer is in the row as soon as it was read."""
        self.source.hasHistory = True
        row = fullRow()
        self.source.kept.rows = {"ams": [row], "fra": [row]}
        found = [self.row()]
        for _ in range(2):
            self.reactor.fromTimerToTimer(5)
            self.now += FRESH
            found.append(self.row())
        weeks = [
            [(each.weekP10, each.weekP90) for each in row.peers.values()]
            for row in found
        ]
        self.assertEqual(weeks[-1], [(row.p10, row.p90)] * 2)
        self.assertEqual(self.own.week("ams"), (row.p10, row.p90))
        self.assertIsNone(self.own.week("none"))
