"""Tests for L{echostamp.probe.extraprobes}."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.extraprobes import ExtraProbes
from echostamp.probe.flights import EXTRAS_FROM
from echostamp.test.farends import CTIME, EPOCH, MS, ProberCase
from echostamp.times import SECOND, Moment


class ExtraTests(ProberCase):
    """
    Tests for runs whose far clock shows whole seconds.
    """

    def test_narrower(self) -> None:
        """Extra probes near a change of the far second narrow the offset to about a
        round trip.  They are in no statistics, and the sink does not get them."""
        far = self.begin(interval=SECOND, count=15)
        far.stamp, far.ahead = CTIME, 12_345 * MS
        far.run(60)
        self.assertTrue(far.isOver)
        report = self.far.store.offset.report()
        assert report is not None
        self.assertLessEqual(report.low, far.ahead)
        self.assertGreaterEqual(report.high, far.ahead)
        self.assertLess(report.high - report.low, 60 * MS)
        self.assertGreater(len(far.sent(extras=True)), 5)
        run = self.far.store.delays.run
        self.assertEqual((run.sent, run.received, len(self.sink.probes)), (15, 15, 15))

    def test_fewInALongRun(self) -> None:
        """Once the offset is narrow, an extra probe now and then keeps it so, whether
        the run keeps its probes or rolling windows only."""
        for kept in 1000, 0:
            far = self.begin(interval=SECOND, kept=kept, stamp=CTIME)
            far.ahead = 12_345 * MS
            far.run(20)
            first = len(far.sent(extras=True))
            far.run(640)
            self.assertLess(first, 20)
            self.assertLess(len(far.sent(extras=True)) - first, 30)

    def test_notWithFineStamps(self) -> None:
        """Fine stamps need no extra probes."""
        far = self.begin(interval=SECOND, count=5)
        far.run(60)
        self.assertEqual(far.sent(extras=True), [])

    def awaitExtra(self) -> None:
        """Go on until an extra probe is in flight."""
        self.far.delay = lambda seq: None if seq >= EXTRAS_FROM else 0.02
        while not self.far.sent(extras=True):
            self.far.run(0.01)

    def test_unanswered(self) -> None:
        """If an extra probe times out, another one follows.  None counts as lost."""
        far = self.begin(interval=100 * MS, timeout=SECOND, stamp=CTIME)
        self.awaitExtra()
        far.run(0.9)
        self.assertEqual(len(far.sent(extras=True)), 1)
        far.run(2.5)
        self.assertGreater(len(far.sent(extras=True)), 1)
        self.assertEqual(self.far.store.delays.run.lost, 0)
        self.assertEqual(len(self.found.outages), 0)

    def test_late(self) -> None:
        """A late reply to an extra probe is ignored."""
        far = self.begin(interval=100 * MS, timeout=SECOND, stamp=CTIME)
        self.awaitExtra()
        far.run(4)
        (_, first), *_ = far.sent(extras=True)
        before = self.found.far.stamped
        far.reply(CTIME(EPOCH) + far.messages.message(first))
        self.assertEqual(self.found.far.stamped, before)
        self.assertEqual(self.far.store.delays.run.duplicates, 0)

    def test_altered(self) -> None:
        """The stamp of an altered reply to an extra probe is not used, and the reply is
        not taken for a probe's."""
        for line in b"nonsense\n", None:
            far = self.begin(interval=SECOND, stamp=CTIME)
            self.awaitExtra()
            (_, extra), *_ = far.sent(extras=True)
            if line is None:
                message = far.messages.message(extra)[:-2] + b"!\n"
                line = CTIME(EPOCH + far.now + 500 * SECOND) + message
            stamped = self.found.far.stamped
            far.reply(line)
            self.assertEqual(self.found.far.stamped, stamped)
            self.assertEqual(self.far.store.delays.run.altered, 0)
            self.assertEqual(self.far.store.offset.misfits, 0)

    def test_withoutAConnection(self) -> None:
        """No extra probe is sent while the connection is blocked or lost."""
        far = self.begin(interval=100 * MS)
        far.stamp = CTIME
        far.run(0.05)
        far.transports[-1].fill()
        far.run(0.95)
        self.assertEqual(far.sent(extras=True), [])
        far.transports[-1].lose(ConnectionLost())
        far.run(3)
        self.assertEqual(far.sent(extras=True), [])


class PauseTests(SynchronousTestCase):
    """
    How often it is looked for an extra probe.
    """

    def test_pause(self) -> None:
        """If none helps, none is looked for within a tenth of a second; it is
        looked for at once on a new link."""
        asked: list[int] = []

        def nextExtra(now: Moment) -> None:
            asked.append(now.after)

        measurement: Any = SimpleNamespace(nextExtra=nextExtra)
        timers: Any = SimpleNamespace(isSet=lambda call: False)
        extras = ExtraProbes(measurement, timers, SECOND)
        for now in 0, 99 * MS, 100 * MS, 150 * MS:
            extras.plan(Moment(now, now, now))
        self.assertEqual(asked, [0, 100 * MS])
        extras.begin(None)
        extras.plan(Moment(160 * MS, 160 * MS, 160 * MS))
        self.assertEqual(asked[2:], [160 * MS])
