"""Tests for L{echostamp.probe.prober}."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)

from echostamp.probe.plan import Plan
from echostamp.tcpinfo import TcpInfo
from echostamp.test.fakes import FakeTcpSocket
from echostamp.test.farends import EPOCH, MS, Far, ProberCase
from echostamp.times import SECOND


class ScheduleTests(ProberCase):
    """
    Tests for the times when probes are sent, and for the end of a run.
    """

    def test_noDrift(self) -> None:
        """Each probe is due at its turn, counted from the start: a late probe does not
        delay the next ones."""
        far = self.begin(interval=100 * MS, count=5)
        far.run(0.15)
        far.reactor.rightNow += 0.08  # the machine was busy
        far.run(1)
        self.assertEqual(far.times(), [0.0, 0.1, 0.23, 0.3, 0.4])
        self.assertTrue(far.isOver)
        waits = [probe.t1 - probe.due for probe in self.far.store.delays.run]
        self.assertEqual(waits, [0, 0, 30 * MS, 0, 0])

    def test_jitter(self) -> None:
        """Each probe but the first is late by chance, by up to a tenth of the interval.
        The delays do not accumulate."""
        chances = iter([1.0, 0.5, 0.0, 1.0, 0.5])
        far = self.begin(interval=SECOND, count=5, chance=lambda: next(chances))
        far.run(10)
        self.assertEqual(far.times(), [0.0, 1.1, 2.05, 3.0, 4.1])

    def test_noJitter(self) -> None:
        """Without jitter no probe is late."""
        far = self.begin(interval=SECOND, count=3, jitter=False, chance=lambda: 1.0)
        far.run(10)
        self.assertEqual(far.times(), [0.0, 1.0, 2.0])

    def test_count(self) -> None:
        """The run ends with the reply to the last probe, not earlier."""
        far = self.begin(interval=SECOND, count=2)
        far.run(1.019)
        self.assertFalse(far.isOver)
        far.run(0.002)
        self.assertTrue(far.isOver)
        self.assertEqual(len(far.sent()), 2)

    def test_deadline(self) -> None:
        """The run ends at its deadline.  Probes in flight are not lost then."""
        far = self.begin(interval=SECOND, deadline=2010 * MS)
        far.run(2.009)
        self.assertFalse(far.isOver)
        far.run(0.001)
        self.assertTrue(far.isOver)
        run = self.far.store.delays.run
        self.assertEqual((run.sent, run.received, run.lost), (3, 2, 0))
        self.assertEqual([probe.seq for probe in far.prober.inFlight()], [2])
        far.run(5)
        self.assertEqual(len(far.sent()), 3)

    def test_asFastAsRepliesCome(self) -> None:
        """With an interval of 0, each probe is sent when the one before it was answered
        or lost."""
        far = self.begin(interval=0, count=5, timeout=100 * MS)
        far.delay = lambda seq: None if seq == 3 else 0.020
        far.run(1)
        self.assertEqual(far.times(), [0.0, 0.02, 0.04, 0.06, 0.16])
        self.assertTrue(far.isOver)
        self.assertEqual(self.far.store.delays.run.lost, 1)

    def test_stop(self) -> None:
        """The run can be stopped at any time; a second stop does nothing."""
        far = self.begin()
        far.run(0.5)
        far.prober.stop()
        far.prober.stop()
        self.assertTrue(far.isOver)
        self.assertEqual(far.prober.result().elapsed, 500 * MS)
        far.run(60)
        self.assertEqual((len(far.sent()), far.attempts), (1, 1))
        self.assertEqual(self.seqs("outage"), [])

    def test_stopWithALateReply(self) -> None:
        """A run whose only reply was late can be stopped."""
        far = self.begin(timeout=100 * MS, delay=lambda seq: 0.5)
        far.run(0.6)
        far.prober.stop()
        self.assertEqual(self.far.store.delays.run.late, 1)
        self.assertTrue(far.isOver)

    def test_nothingAfterTheEnd(self) -> None:
        """A reply after the end is ignored."""
        far = self.begin(deadline=10 * MS)
        far.run(0.01)
        self.assertTrue(far.isOver)
        far.reply(far.messages.message(0))
        self.assertEqual(self.far.store.delays.run.received, 0)


class ReplyTests(ProberCase):
    """
    Tests for replies and losses.
    """

    def test_timeout(self) -> None:
        """A probe without a reply in time is lost.  The loss of the last probe ends the
        run."""
        far = self.begin(interval=SECOND, count=2, timeout=300 * MS)
        far.delay = lambda seq: None if seq else 0.02
        far.run(1.299)
        self.assertFalse(far.isOver)
        far.run(0.002)
        self.assertEqual(self.seqs("timed out"), [1])
        self.assertTrue(far.isOver)

    def test_late(self) -> None:
        """A reply to a lost probe is late; another one is a duplicate."""
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
        """A second reply is counted, but not as a round trip."""
        far = self.begin(interval=SECOND, count=2)
        far.run(0.5)
        far.reply(far.messages.message(0))
        far.run(5)
        run = self.far.store.delays.run
        self.assertEqual((run.received, run.duplicates), (2, 1))
        self.assertEqual(self.seqs("duplicate"), [0])

    def test_alteredWithItsNumber(self) -> None:
        """An altered reply with a readable number answers the probe of this number."""
        far = self.begin(interval=100 * MS, count=2, delay=lambda seq: None)
        far.run(0.15)
        far.reply(far.messages.message(1).replace(b"b", b"X"))
        self.assertEqual(self.seqs("altered"), [1])
        self.assertEqual([probe.seq for probe in far.prober.inFlight()], [0])
        self.assertEqual(self.far.store.delays.run.altered, 1)

    def test_alteredWithoutANumber(self) -> None:
        """Replies come in order.  So the next reply shows whether a line without a
        number was the altered reply to the probe before."""
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
        """No reply follows the last one: a line without a number is taken for it when
        the timeout is over."""
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
        """A far end's own lines are no replies."""
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
        """Late replies are counted where all replies are late."""
        far = self.begin(
            interval=SECOND, count=3, timeout=20 * MS, delay=lambda seq: 0.05
        )
        far.run(9)
        self.assertTrue(far.isOver)
        run = self.far.store.delays.run
        self.assertEqual((run.received, run.late), (0, 2))

    def test_stall(self) -> None:
        """After a stall of this process, replies that have waited are read before any
        probe times out.  They count, but have no RTT."""
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

    def test_sentAfterAStall(self) -> None:
        """A probe that is sent late, after a stall, has an RTT."""
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

    def test_replyBeforeTheTimer(self) -> None:
        """A stall is detected, too, if the reply is read before any timer runs."""
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
        """The sink learns that a probe is unanswered when the next one is sent."""
        far = self.begin(interval=10 * MS, count=3)
        far.run(1)
        self.assertEqual(self.seqs("outstanding"), [0, 1])

    def test_setUpIsTimed(self) -> None:
        """The time of the first reply is part of the set-up times."""
        far = self.begin(count=2)
        far.run(5)
        (setUp,) = far.prober.result().setUps
        self.assertEqual((setUp.resolve, setUp.connect), (None, 0))
        self.assertEqual(setUp.firstReply, 20 * MS)

    def test_kernel(self) -> None:
        """The kernel's RTT is that of the last connection, its retransmissions are
        those of all."""
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
        """When our own clock is set, the probes in flight are void."""
        far = self.begin(count=3)
        far.run(1.01)
        far.step = 100 * SECOND
        far.run(5)
        voids = [probe.void for probe in self.far.store.delays.run]
        self.assertEqual(voids, [False, True, False])
        self.assertEqual(self.found.steps, 1)


class ConnectionTests(ProberCase):
    """
    Tests for connections that fail, are lost or are blocked.
    """

    def test_refused(self) -> None:
        """If the first attempt to connect fails, the run ends."""
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

    def test_waiting(self) -> None:
        """A run that waits retries, and begins when there is a connection.  Until then
        its failure is the last one."""
        far = self.far = Far(Plan(waits=True, count=2))
        self.sink = far.sink
        far.prober.start()
        for count in 1, 2:
            far.refuse(ConnectionRefusedError(111))
            self.assertEqual(self.seqs("waiting"), ["Connection refused"] * count)
            while far.attempts == count:
                far.run(0.1)
        self.assertFalse(far.isOver)
        self.assertTrue(far.prober.failure)
        far.accept()
        self.assertIsNone(far.prober.failure)
        far.run(5)
        self.assertTrue(far.isOver)
        self.assertEqual(self.seqs("answered"), [0, 1])
        self.assertEqual(far.prober.result().figures.availability, 100)

    def test_noConnectionByTheDeadline(self) -> None:
        """The deadline counts from the start, with a connection or without."""
        far = Far(Plan(deadline=SECOND))
        far.prober.start()
        far.run(1)
        self.assertTrue(far.isOver)
        self.assertFalse(far.prober.hasBegun)
        far.run(60)

    def test_lost(self) -> None:
        """A lost connection is made again.  Probes in flight are lost, those that are
        due during the outage are skipped, and the schedule goes on."""
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
        # The sink's numbers are those of all that were due, those on the wire of all
        # that were sent.
        self.assertEqual(self.seqs("skipped"), [*range(11, 51)])
        self.assertEqual(self.seqs("answered")[9:11], [51, 52])
        self.assertEqual([each.seq for each in far.prober.kept()][9:12], [9, 10, 51])
        self.assertEqual([seq for _, seq in far.sent()][9:12], [9, 10, 11])
        self.assertEqual(len(far.prober.result().setUps), 2)
        self.assertEqual(far.prober.result().setUps[1].firstReply, 150 * MS)

    def test_newConnectionNewClock(self) -> None:
        """A new connection may lead to another machine: its clock is not mixed with the
        first one's."""
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
        """The run ends, too, if the last probes are due during an outage."""
        far = self.begin(interval=100 * MS, count=5)
        far.run(0.15)
        far.transports[-1].lose(ConnectionLost())
        far.run(1)
        self.assertTrue(far.isOver)
        self.assertEqual(far.prober.result().figures.skipped, 3)
        self.assertIsNone(self.found.outages[0].length)

    def test_endsWithTheConnection(self) -> None:
        """The run ends with the connection if its last probes were in flight."""
        far = self.begin(interval=100 * MS, count=2)
        far.delay = lambda seq: None if seq else 0.02
        far.run(0.11)
        far.transports[-1].lose(ConnectionLost())
        self.assertTrue(far.isOver)

    def test_outageAsFastAsRepliesCome(self) -> None:
        """With an interval of 0, probing goes on after an outage."""
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
        """While the connection is blocked, probes wait.  The RTT from due includes the
        wait."""
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
        """Probes that have waited for longer than their timeout are skipped."""
        far = self.begin(interval=SECOND, timeout=2 * SECOND)
        far.run(0.5)
        far.transports[-1].fill()
        far.run(5)
        far.transports[-1].drain()
        far.run(0.1)
        self.assertEqual(far.prober.result().figures.skipped, 3)
        self.assertEqual(far.times(), [0.0, 5.5, 5.5])

    def test_blockedAndLost(self) -> None:
        """If a connection was blocked before it was lost, the probes that were due
        meanwhile are skipped, and the run ends by its count."""
        far = self.begin(interval=100 * MS, count=10)
        far.run(0.15)
        far.transports[-1].fill()
        far.run(0.3)
        far.transports[-1].lose(ConnectionLost())
        far.run(0.6)
        self.assertTrue(far.isOver)
        self.assertEqual(self.far.store.delays.run.sent, 2)
        self.assertEqual(far.prober.result().figures.skipped, 8)
