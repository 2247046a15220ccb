"""Tests for L{echostamp.probe.prober}."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.trial.unittest import SynchronousTestCase

from echostamp.probe.flights import EXTRA
from echostamp.probe.plan import Plan
from echostamp.tcpinfo import TcpInfo
from echostamp.test.fakes import FakeTcpSocket
from echostamp.test.farends import CTIME, EPOCH, ISO, MS, Far
from echostamp.times import SECOND


class ProberCase(SynchronousTestCase):
    """
    A run in memory.
    """

    def begin(self, **plan: Any) -> Far:
        """Begin one, with a connection."""
        chance = plan.pop("chance", lambda: 0.0)
        delay = plan.pop("delay", lambda seq: 0.020)
        stamp = plan.pop("stamp", ISO)
        self.far = Far(Plan(**plan), chance=chance)
        self.far.delay, self.far.stamp = delay, stamp
        self.sink = self.far.sink
        self.found = self.far.prober.measurement
        self.far.start()
        return self.far

    def seqs(self, what: str) -> list[int | str]:
        """Give the subjects of the events of one kind."""
        return [subject for event, subject in self.sink.events if event == what]


class ScheduleTests(ProberCase):
    """
    When probes are sent.
    """

    def test_noDrift(self) -> None:
        """Each probe is due at its turn, counted from the start: what one waits does
        not put off the next."""
        far = self.begin(interval=100 * MS, count=5)
        far.run(0.15)
        far.reactor.rightNow += 0.08  # the machine was busy
        far.run(1)
        self.assertEqual(far.times(), [0.0, 0.1, 0.23, 0.3, 0.4])
        self.assertTrue(far.isOver)
        waits = [probe.t1 - probe.due for probe in self.far.store.delays.run]
        self.assertEqual(waits, [0, 0, 30 * MS, 0, 0])

    def test_jitter(self) -> None:
        """Each probe is a little late by chance, up to a tenth of the interval, and it
        does not add up."""
        chances = iter([0.0, 1.0, 0.5, 0.0, 1.0, 0.5])
        far = self.begin(interval=SECOND, count=5, chance=lambda: next(chances))
        far.run(10)
        self.assertEqual(far.times(), [0.0, 1.1, 2.05, 3.0, 4.1])

    def test_noJitter(self) -> None:
        """There is none where none is wanted."""
        far = self.begin(interval=SECOND, count=3, jitter=False, chance=lambda: 1.0)
        far.run(10)
        self.assertEqual(far.times(), [0.0, 1.0, 2.0])

    def test_count(self) -> None:
        """It ends with the last one's reply, and not before."""
        far = self.begin(interval=SECOND, count=2)
        far.run(1.019)
        self.assertFalse(far.isOver)
        far.run(0.002)
        self.assertTrue(far.isOver)
        self.assertEqual(len(far.sent()), 2)

    def test_deadline(self) -> None:
        """It ends at its deadline; what is under way then is not lost."""
        far = self.begin(interval=SECOND, deadline=2010 * MS)
        far.run(2.009)
        self.assertFalse(far.isOver)
        far.run(0.001)
        self.assertTrue(far.isOver)
        run = self.far.store.delays.run
        self.assertEqual((run.sent, run.lost, run.pending), (3, 0, 1))
        self.assertEqual([probe.seq for probe in far.prober.inFlight()], [2])
        far.run(5)
        self.assertEqual(len(far.sent()), 3)

    def test_asFastAsRepliesCome(self) -> None:
        """With the interval 0 each is sent when the one before it was answered, or was
        lost."""
        far = self.begin(interval=0, count=5, timeout=100 * MS)
        far.delay = lambda seq: None if seq == 3 else 0.020
        far.run(1)
        self.assertEqual(far.times(), [0.0, 0.02, 0.04, 0.06, 0.16])
        self.assertTrue(far.isOver)
        self.assertEqual(self.far.store.delays.run.lost, 1)

    def test_byHand(self) -> None:
        """It can be ended at any time, once."""
        far = self.begin()
        far.run(0.5)
        far.prober.stop()
        far.prober.stop()
        self.assertTrue(far.isOver)
        self.assertEqual(far.prober.result().elapsed, 500 * MS)
        far.run(60)
        self.assertEqual((len(far.sent()), far.attempts), (1, 1))
        self.assertEqual(self.seqs("outage"), [])

    def test_byHandWithoutAReply(self) -> None:
        """A run without any reply has failed, a late one notwithstanding."""
        far = self.begin(timeout=100 * MS, delay=lambda seq: 0.5)
        far.run(0.6)
        far.prober.stop()
        self.assertEqual(self.far.store.delays.run.late, 1)
        self.assertTrue(far.isOver)

    def test_nothingAfterTheEnd(self) -> None:
        """A reply that comes after the end changes nothing."""
        far = self.begin(deadline=10 * MS)
        far.run(0.01)
        self.assertTrue(far.isOver)
        far.reply(far.messages.message(0))
        self.assertEqual(self.far.store.delays.run.received, 0)


class ReplyTests(ProberCase):
    """
    What comes back, or does not.
    """

    def test_timeOut(self) -> None:
        """A probe without a reply in its time is lost; the last one's loss ends it."""
        far = self.begin(interval=SECOND, count=2, timeout=300 * MS)
        far.delay = lambda seq: None if seq else 0.02
        far.run(1.299)
        self.assertFalse(far.isOver)
        far.run(0.002)
        self.assertEqual(self.seqs("timed out"), [1])
        self.assertTrue(far.isOver)

    def test_late(self) -> None:
        """A reply to a probe that was called lost is late, and one more a duplicate."""
        far = self.begin(
            count=3, timeout=100 * MS, delay=lambda seq: 0.02 if seq else 0.5
        )
        far.run(0.6)
        self.assertEqual(self.seqs("late"), [0])
        far.reply(far.messages.message(0))
        self.assertEqual(self.seqs("late"), [0])
        self.assertEqual(self.seqs("duplicate"), [0])
        far.run(5)
        run = self.far.store.delays.run
        self.assertEqual(
            (run.sent, run.received, run.lost, run.late, run.duplicates),
            (3, 2, 1, 1, 1),
        )

    def test_duplicate(self) -> None:
        """A second reply is counted, and is no round trip."""
        far = self.begin(interval=SECOND, count=2)
        far.run(0.5)
        far.reply(far.messages.message(0))
        far.run(5)
        run = self.far.store.delays.run
        self.assertEqual((run.received, run.duplicates), (2, 1))
        self.assertEqual(self.seqs("duplicate"), [0])

    def test_alteredWithItsNumber(self) -> None:
        """An altered reply whose number can be read answers that probe."""
        far = self.begin(interval=100 * MS, count=2, delay=lambda seq: None)
        far.run(0.15)
        far.reply(far.messages.message(1).replace(b"b", b"X"))
        self.assertEqual(self.seqs("altered"), [1])
        self.assertEqual([probe.seq for probe in far.prober.inFlight()], [0])
        self.assertEqual(self.far.store.delays.run.altered, 1)

    def test_alteredWithoutANumber(self) -> None:
        """One whose number cannot be read is taken for the one that is missing, when
        the next one comes: lines come in order."""
        far = self.begin(interval=100 * MS, count=4, delay=lambda seq: None)
        far.run(0.15)
        far.reply(b"nonsense\n")
        self.assertEqual(self.seqs("altered"), [])
        far.reply(far.messages.message(1))
        self.assertEqual(self.seqs("altered"), [0])
        self.assertEqual(self.far.store.delays.run[0].rtt, 150 * MS)
        far.reply(b"more of it\n")
        self.assertEqual(self.found.strange, 1)
        far.run(0.1)
        far.reply(b"a notice\n")
        far.reply(far.messages.message(2))
        self.assertEqual(
            (self.far.store.delays.run.altered, self.found.strange), (1, 2)
        )
        far.reply(far.messages.message(9))
        self.assertEqual(
            (self.far.store.delays.run.altered, self.found.strange), (1, 3)
        )

    def test_alteredAndLast(self) -> None:
        """Behind the last one none comes: it is known when its time is over."""
        far = self.begin(interval=100 * MS, count=2, timeout=SECOND)
        far.delay = lambda seq: None if seq else 0.02
        far.run(0.15)
        far.reply(b"nonsense\n")
        self.assertFalse(far.isOver)
        far.run(2)
        self.assertEqual(self.seqs("altered"), [1])
        self.assertEqual(self.far.store.delays.run[1].rtt, 50 * MS)
        self.assertTrue(far.isOver)

    def test_noEcho(self) -> None:
        """A far end that sends lines of its own answers nothing."""
        far = self.begin(
            interval=100 * MS, count=3, timeout=SECOND, delay=lambda seq: None
        )
        for _ in range(5):
            far.reply(b"220 mail.example ESMTP\n")
            far.run(0.1)
        far.run(5)
        run = self.far.store.delays.run
        self.assertEqual((run.sent, run.received, run.altered), (3, 0, 0))
        self.assertEqual(self.found.strange, 5)
        self.assertTrue(far.isOver)

    def test_onlyLate(self) -> None:
        """Where every reply is late, that is said."""
        far = self.begin(
            interval=SECOND, count=3, timeout=20 * MS, delay=lambda seq: 0.05
        )
        far.run(9)
        self.assertTrue(far.isOver)
        run = self.far.store.delays.run
        self.assertEqual((run.received, run.late), (0, 2))

    def test_heldUp(self) -> None:
        """Where this end was held up, how long a reply took is not known; it is a reply
        nevertheless, and no time is over before what has come is read."""
        far = self.begin(interval=SECOND, count=3, timeout=500 * MS)
        far.delay = lambda seq: None if seq == 1 else 0.02
        far.run(1.005)
        far.reactor.rightNow += 0.7
        far.reactor.advance(0)
        far.reply(far.messages.message(1))
        far.run(9)
        run = self.far.store.delays.run
        self.assertEqual((run.received, run.lost), (3, 0))
        self.assertEqual([probe.rtt for probe in run], [20 * MS, None, 20 * MS])
        self.assertEqual(self.seqs("stalled"), [1])
        self.assertEqual(self.found.stalls, 1)
        self.assertEqual(self.found.stalledFor, 695 * MS)

    def test_sentAfterAHoldUp(self) -> None:
        """What is sent late, after this end was held up, has its RTT."""
        far = self.begin(interval=100 * MS, count=20, delay=lambda seq: 0.05)
        far.run(0.51)
        far.reactor.rightNow += 0.5
        far.reactor.advance(0)
        far.run(9)
        rtts = [probe.rtt for probe in self.far.store.delays.run]
        self.assertEqual([seq for seq, rtt in enumerate(rtts) if rtt is None], [5])
        due = self.far.store.delays.rttFromDue()
        assert due
        self.assertGreater(due.max, 400 * MS)

    def test_heldUpWhileItWaited(self) -> None:
        """What came meanwhile may be read before any timer has its turn."""
        far = self.begin(interval=SECOND, count=2, timeout=500 * MS)
        far.delay = lambda seq: None if seq == 1 else 0.02
        far.run(1.005)
        far.reactor.rightNow += 0.4
        far.reply(far.messages.message(1))
        run = self.far.store.delays.run
        self.assertEqual([probe.rtt for probe in run], [20 * MS, None])
        self.assertEqual(self.found.stalls, 1)
        far.run(9)
        self.assertTrue(far.isOver)

    def test_outstanding(self) -> None:
        """When a probe is sent before the one before it was answered, that is told."""
        far = self.begin(interval=10 * MS, count=3)
        far.run(1)
        self.assertEqual(self.seqs("outstanding"), [0, 1])

    def test_setUpIsTimed(self) -> None:
        """The first reply is timed with what came before it."""
        far = self.begin(count=2)
        far.run(5)
        (setUp,) = far.prober.result().setUps
        self.assertEqual((setUp.resolve, setUp.connect), (None, 0))
        self.assertEqual(setUp.firstReply, 20 * MS)

    def test_kernel(self) -> None:
        """What the kernel knows is of the last connection, its retransmissions of
        all."""
        far = self.begin(interval=SECOND)
        self.assertIsNone(far.prober.result().kernel)
        for _ in range(2):
            transport: Any = far.transports[-1]
            transport.socket = FakeTcpSocket(
                bytes(68) + (7).to_bytes(4, "little") + bytes(28) + b"\2\0\0\0"
            )
            far.run(5)
            transport.lose(ConnectionLost())
            self.assertEqual(far.prober.result().kernel, TcpInfo(7000, 2 * _ + 2))
            far.run(5)
            far.accept()

    def test_ownClockIsSet(self) -> None:
        """When our own clock is set, the probes that are under way are void."""
        far = self.begin(count=3)
        far.run(1.01)
        far.step = 100 * SECOND
        far.run(5)
        voids = [probe.void for probe in self.far.store.delays.run]
        self.assertEqual(voids, [False, True, False])
        self.assertEqual(self.found.steps, 1)


class ConnectionTests(ProberCase):
    """
    Connections that are not made, or are lost.
    """

    def test_refused(self) -> None:
        """Who is not there to begin with is not waited for."""
        far = Far(Plan())
        far.prober.start()
        far.refuse(ConnectionRefusedError(111))
        far.run(60)
        self.assertTrue(far.isOver)
        assert far.prober.failure
        self.assertTrue(far.prober.failure.check(ConnectionRefusedError))
        self.assertEqual(far.attempts, 1)
        self.assertEqual(far.prober.result().elapsed, 0)
        self.assertFalse(far.prober.hasBegun)
        self.assertIsNone(far.prober.result().began)

    def test_noConnectionByTheDeadline(self) -> None:
        """The deadline counts from the start, with a connection or without."""
        far = Far(Plan(deadline=SECOND))
        far.prober.start()
        far.run(1)
        self.assertTrue(far.isOver)
        self.assertFalse(far.prober.hasBegun)
        far.run(60)

    def test_lost(self) -> None:
        """A lost connection is made again; what was under way is unanswered, what is
        due meanwhile is not sent, and the schedule stays."""
        far = self.begin(interval=100 * MS, count=100, delay=lambda seq: 0.15)
        far.run(1.04)
        far.transports[-1].lose(ConnectionDone())
        reason = "the far end closed the connection"
        self.assertEqual(self.seqs("disconnected"), [9, 10])
        self.assertEqual(self.sink.events[-1], ("outage", reason))
        far.run(4)
        self.assertEqual(far.attempts, 2)
        far.accept()
        (outage,) = self.found.outages
        self.assertEqual(outage.start, EPOCH + 1040 * MS)
        self.assertEqual(outage.length, 4 * SECOND)
        self.assertEqual((outage.reason, outage.lost), (reason, 2))
        self.assertEqual(outage.skipped, 40)
        self.assertEqual(far.prober.result().figures.skipped, 40)
        far.run(60)
        self.assertTrue(far.isOver)
        run = self.far.store.delays.run
        self.assertEqual((run.sent, run.received, run.lost), (60, 58, 2))
        self.assertEqual(far.times()[10:12], [1.0, 5.1])
        self.assertEqual(len(far.prober.result().setUps), 2)
        self.assertEqual(far.prober.result().setUps[1].firstReply, 150 * MS)

    def test_newConnectionNewClock(self) -> None:
        """Behind a new connection there may be another machine: its clock is not mixed
        with the first one's."""
        far = self.begin(interval=100 * MS)
        far.run(1)
        far.transports[-1].lose(ConnectionLost())
        far.run(3)
        far.ahead = 60 * SECOND
        far.accept()
        far.run(1)
        report = self.far.store.offset.report()
        assert report is not None
        self.assertEqual(self.far.store.offset.misfits, 0)
        self.assertLessEqual(report.low, 60 * SECOND)
        self.assertGreaterEqual(report.high, 60 * SECOND)

    def test_endsWithoutAConnection(self) -> None:
        """Where the last probes are due while there is none, it ends all the same."""
        far = self.begin(interval=100 * MS, count=5)
        far.run(0.15)
        far.transports[-1].lose(ConnectionLost())
        far.run(1)
        self.assertTrue(far.isOver)
        self.assertEqual(far.prober.result().figures.skipped, 3)
        self.assertIsNone(self.found.outages[0].length)

    def test_endsWithTheConnection(self) -> None:
        """It ends, too, where the last probes were under way."""
        far = self.begin(interval=100 * MS, count=2)
        far.delay = lambda seq: None if seq else 0.02
        far.run(0.11)
        far.transports[-1].lose(ConnectionLost())
        self.assertTrue(far.isOver)

    def test_deaf(self) -> None:
        """Three probes in a row that time out end a connection, whatever else is under
        way: a dead one tells nobody."""
        far = self.begin(interval=SECOND, timeout=2500 * MS)
        far.delay = lambda seq: None if seq >= 5 and far.attempts == 1 else 0.02
        far.run(9.49)
        self.assertEqual(len(self.found.outages), 0)
        far.run(0.02)
        (outage,) = self.found.outages
        self.assertEqual(outage.reason, "3 probes in a row timed out")
        self.assertEqual(outage.lost, 2)
        self.assertEqual(self.far.store.delays.run.lost, 5)
        far.run(3)
        far.accept()
        far.run(1)
        self.assertEqual(self.far.store.delays.run.lost, 5)
        self.assertIsNotNone(self.found.outages[0].length)

    def test_notDeaf(self) -> None:
        """Three that are not in a row do not; a late reply is a reply."""
        far = self.begin(interval=SECOND, timeout=100 * MS)
        far.delay = lambda seq: 0.02 if seq % 3 == 2 else None
        far.run(11.5)
        far.delay = lambda seq: 0.5
        far.run(10)
        self.assertEqual(len(self.found.outages), 0)

    def test_shortTimeOuts(self) -> None:
        """Where the time of a probe is short, a second without a reply is not too
        much."""
        far = self.begin(interval=10 * MS, timeout=50 * MS, delay=lambda seq: 0.3)
        far.run(3)
        self.assertEqual(len(self.found.outages), 0)
        far.delay = lambda seq: None
        far.run(1.2)
        self.assertEqual(len(self.found.outages), 0)
        far.run(0.2)
        self.assertEqual(len(self.found.outages), 1)

    def test_deafAsFastAsRepliesCome(self) -> None:
        """The interval 0 goes on by itself after an outage."""
        far = self.begin(interval=0, timeout=400 * MS, delay=lambda seq: None)
        far.run(1.201)
        self.assertEqual(self.found.outages[0].reason, "3 probes in a row timed out")
        far.run(3)
        far.delay = lambda seq: 0.02
        self.assertEqual(len(far.sent()), 3)
        self.assertEqual(far.prober.result().figures.skipped, 0)
        far.accept()
        far.run(0.1)
        self.assertGreater(self.far.store.delays.run.received, 3)

    def test_blocked(self) -> None:
        """While the connection takes nothing, probes wait; it is told that they did."""
        far = self.begin(interval=100 * MS, count=6)
        far.run(0.15)
        far.transports[-1].fill()
        far.run(0.3)
        self.assertEqual(far.times(), [0.0, 0.1])
        far.transports[-1].drain()
        far.run(1)
        self.assertEqual(far.times(), [0.0, 0.1, 0.45, 0.45, 0.45, 0.5])
        waits = [probe.t1 - probe.due for probe in self.far.store.delays.run]
        self.assertEqual([round(wait / MS) for wait in waits], [0, 0, 250, 150, 50, 0])
        rtt, rttFromDue = (
            self.far.store.delays.rtt(),
            self.far.store.delays.rttFromDue(),
        )
        assert rtt is not None
        assert rttFromDue is not None
        self.assertEqual(rtt.max, 20 * MS)
        self.assertEqual(rttFromDue.max, 270 * MS)

    def test_blockedForLong(self) -> None:
        """Probes that had to wait for longer than they may take are not sent any
        more."""
        far = self.begin(interval=SECOND, timeout=2 * SECOND)
        far.run(0.5)
        far.transports[-1].fill()
        far.run(5)
        far.transports[-1].drain()
        far.run(0.1)
        self.assertEqual(far.prober.result().figures.skipped, 3)
        self.assertEqual(far.times(), [0.0, 5.5, 5.5])

    def test_blockedAndLost(self) -> None:
        """Where a connection took nothing before it was lost, what was due meanwhile
        is not sent later in a heap, and the run ends by its count."""
        far = self.begin(interval=100 * MS, count=10)
        far.run(0.15)
        far.transports[-1].fill()
        far.run(0.3)
        far.transports[-1].lose(ConnectionLost())
        far.run(0.6)
        self.assertTrue(far.isOver)
        self.assertEqual(self.far.store.delays.run.sent, 2)
        self.assertEqual(far.prober.result().figures.skipped, 8)


class ExtraTests(ProberCase):
    """
    Stamps of whole seconds.
    """

    def test_narrower(self) -> None:
        """Extra probes near the turn of the far second narrow the offset to about a
        round trip; they are in no statistics, and are told to nobody."""
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

    def test_notWithFineStamps(self) -> None:
        """There are none where stamps are fine."""
        far = self.begin(interval=SECOND, count=5)
        far.run(60)
        self.assertEqual(far.sent(extras=True), [])

    def extraUnderWay(self) -> None:
        """Go on until an extra probe is under way."""
        self.far.delay = lambda seq: None if seq >= EXTRA else 0.02
        while not self.far.sent(extras=True):
            self.far.run(0.01)

    def test_unanswered(self) -> None:
        """One without a reply is followed by another, when its time is over."""
        far = self.begin(interval=100 * MS, timeout=SECOND, stamp=CTIME)
        self.extraUnderWay()
        far.run(0.9)
        self.assertEqual(len(far.sent(extras=True)), 1)
        far.run(2.5)
        self.assertGreater(len(far.sent(extras=True)), 1)
        self.assertEqual(self.far.store.delays.run.lost, 0)
        self.assertEqual(len(self.found.outages), 0)

    def test_late(self) -> None:
        """One that comes twice, or after it was given up, is nothing."""
        far = self.begin(interval=100 * MS, timeout=SECOND, stamp=CTIME)
        self.extraUnderWay()
        far.run(4)
        (_, first), *_ = far.sent(extras=True)
        before = self.found.far.stamped
        far.reply(CTIME(EPOCH) + far.messages.message(first))
        self.assertEqual(self.found.far.stamped, before)
        self.assertEqual(self.far.store.delays.run.duplicates, 0)

    def test_altered(self) -> None:
        """The stamp of an altered one is not believed, and one that cannot be told
        from it is not taken for a probe's."""
        for line in b"nonsense\n", None:
            far = self.begin(interval=SECOND, stamp=CTIME)
            self.extraUnderWay()
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
        """None is sent while there is no connection, or it takes nothing."""
        far = self.begin(interval=100 * MS)
        far.stamp = CTIME
        far.run(0.05)
        far.transports[-1].fill()
        far.run(0.95)
        self.assertEqual(far.sent(extras=True), [])
        far.transports[-1].lose(ConnectionLost())
        far.run(3)
        self.assertEqual(far.sent(extras=True), [])
