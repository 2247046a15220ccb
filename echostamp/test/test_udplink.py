"""Tests for L{echostamp.probe.udplink}."""

from __future__ import annotations

import errno
import struct

from twisted.internet.address import IPv4Address

from echostamp.measure.offsetwindow import FITS
from echostamp.measure.thresholds import Breach, Thresholds
from echostamp.probe.interfaces import Fate
from echostamp.probe.plan import Plan
from echostamp.probe.udplink import WARM_UP
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.timestamps import ntpTimestamp, readNtp
from echostamp.test.farends import EPOCH, MS, keptBy
from echostamp.test.stampruns import US, StampCase
from echostamp.test.wires import THERE
from echostamp.times import SECOND, Moment


class StampLinkTests(StampCase):
    """
    Tests for runs of probes over STAMP.
    """

    def test_run(self) -> None:
        """Every probe has its four times.  The reply to the first packet is
        discarded."""
        self.ahead = 5 * MS
        self.begin(Plan(count=3, interval=SECOND, size=44), SenderSession())
        self.assertEqual(self.sink.events, [])
        self.run_(10)
        self.assertTrue(self.isOver)
        self.assertEqual(len(self.near.sent), 4)
        run = keptBy(self.prober).delays.run
        for probe in run:
            assert probe.t2 is not None
            assert probe.t3 is not None
            assert probe.t4 is not None
            self.assertEqual(probe.t2 - probe.t1, 5 * MS + MS - 20 * US)
            self.assertEqual(probe.t4 - probe.t3, 2 * MS - 5 * MS)
            self.assertEqual(probe.rtt, 3 * MS - 20 * US)
        found = keptBy(self.prober).offset.report()
        assert found
        self.assertLessEqual(found.low, 5 * MS)
        self.assertGreaterEqual(found.high, 5 * MS)
        self.assertFalse(self.near.isReading)

    def test_followUp(self) -> None:
        """With follow-ups, T3 is the time when the reply left.  One more packet brings
        the last follow-up."""
        session = SenderSession(tlvs=[7])
        policy = Policy(isStateful=True)
        self.begin(Plan(count=3, interval=SECOND, size=64), session, policy)
        self.run_(10)
        self.assertTrue(self.isOver)
        self.assertEqual(len(self.near.sent), 5)
        run = keptBy(self.prober).delays.run
        self.assertEqual([probe.rtt for probe in run], [3 * MS - 50 * US] * 3)
        self.assertIn(", 3 T3 by follow-up\n", self.summary())
        found = self.document()["stats"]["stamp"]
        self.assertEqual((found["kernel_t1"], found["kernel_t4"]), (3, 3))
        self.assertEqual(found["unreturned_tlvs"], [])

    def test_waits(self) -> None:
        """If asked to, it waits for a reflector that is not there yet: no probe is due
        before one of its packets is answered, and none is lost."""
        self.fate = lambda number: "lost there"
        self.begin(Plan(count=3, interval=SECOND, waits=True), SenderSession())
        for attempt in range(3):
            self.run_(WARM_UP + 0.01)
            waiting = [("waiting", "it did not answer in time")] * (attempt + 1)
            self.assertEqual(self.sink.events, waiting)
            while not self.dialer.isLookingUp:
                self.run_(0.5)
            if attempt == 2:
                self.fate = lambda number: ""
            self.resolver.answer(IPv4Address("UDP", *THERE))
        self.run_(10)
        self.assertTrue(self.isOver)
        self.assertEqual([probe.seq for probe in self.sink.probes], [0, 1, 2])
        self.assertEqual({probe.rtt for probe in self.sink.probes}, {3 * MS - 20 * US})

    def test_nobodyToFollowUp(self) -> None:
        """Without a reply, no packet is sent for the last follow-up."""
        self.fate = lambda number: "lost there"
        plan = Plan(count=1, interval=SECOND, timeout=SECOND, size=64)
        self.begin(plan, SenderSession(tlvs=[7]))
        self.run_(WARM_UP + 1.1)
        self.assertTrue(self.isOver)
        self.assertEqual(len(self.near.sent), 2)

    def test_coarse(self) -> None:
        """If a reflector counts in milliseconds, the bounds of the offset allow for
        it."""
        self.ahead, self.unit = 700 * US, MS
        plan = Plan(count=20, interval=100_300 * US, size=44)
        self.begin(plan, SenderSession())
        self.run_(10)
        found = keptBy(self.prober).offset.report()
        assert found
        self.assertEqual((found.resolution, found.verdict), (MS, FITS))
        self.assertLessEqual(found.low, 700 * US)
        self.assertGreaterEqual(found.high, 700 * US)
        self.assertIn(
            "resolution    the reflector counts in 1.000 ms: each RTT can be off by "
            "that\n",
            self.summary(),
        )

    def test_lastFollowUpLost(self) -> None:
        """If the packet for the last follow-up is lost, the run ends after the
        timeout."""
        self.fate = lambda number: "lost there" if number == 3 else ""
        policy = Policy(isStateful=True)
        plan = Plan(count=2, interval=SECOND, timeout=500 * MS, size=64)
        self.begin(plan, SenderSession(tlvs=[7]), policy)
        self.run_(1.2)
        self.assertFalse(self.isOver)
        self.run_(1)
        self.assertTrue(self.isOver)
        rtts = [probe.rtt for probe in keptBy(self.prober).delays.run]
        self.assertEqual(rtts, [3 * MS - 50 * US, 3 * MS - 20 * US])

    def test_late(self) -> None:
        """A reply that comes within twice the timeout counts as late, however many
        probes were sent since."""
        self.fate = lambda number: "lost there" if number == 50 else ""
        for ms in 10, 500:
            plan = Plan(interval=ms * MS, timeout=3 * SECOND, size=44)
            self.begin(plan, SenderSession())
            self.run_(49.5 * ms / 1000 + 5.9)
            self.arrive(50, self.near.sent[50][0])
            self.run_(0.09)
            result = self.prober.result()
            self.assertEqual((result.figures.lost, result.figures.late), (1, 1))
            assert isinstance(result.session, Findings)
            self.assertEqual(result.session.invalid, ())
            self.prober.stop()
            self.run_(0.1)

    def test_nobodyThere(self) -> None:
        """Probes are sent by their schedule, even without any reply."""
        self.fate = lambda number: "lost there"
        self.begin(
            Plan(count=9, interval=SECOND, timeout=SECOND, size=44), SenderSession()
        )
        self.sender.refused(errno.ECONNREFUSED, THERE)
        self.run_(20)
        self.assertEqual(len(self.near.sent), 10)
        found = self.prober.result().session
        assert isinstance(found, Findings)
        self.assertEqual(found.refusals, ((errno.ECONNREFUSED, 1),))
        self.assertEqual(self.prober.measurement.outageCount, 0)
        self.assertIn("9 sent, 0 received, 100 % loss, 0 % available", self.summary())


class ImpossibleTimesTests(StampCase):
    """
    Tests for reflectors whose T2 and T3 cannot be true.
    """

    def setUp(self) -> None:
        """Change the times of replies on their way back."""
        super().setUp()
        self.step = 0
        self.change = lambda number, t2, t3: (t2, t3)
        self.deliver = self.comeBack
        self.comeBack = self.changed  # type: ignore[method-assign]

    def clocks(self) -> Moment:
        """Read our clocks; that of the time of day may have been set."""
        now = super().clocks()
        return now._replace(realtime=now.realtime + self.step)

    def changed(self, reply: bytes) -> None:
        """Receive a reply with other times."""
        number, wire3, rest, wire2 = struct.unpack_from("!IQ4sQ", reply)
        t2, t3 = (readNtp(each, EPOCH) for each in (wire2, wire3))
        t2, t3 = self.change(number, t2, t3)
        wire2, wire3 = (ntpTimestamp(each) if each else 0 for each in (t2, t3))
        head = struct.pack("!IQ4sQ", number, wire3, rest, wire2)
        self.deliver(head + reply[24:])

    def ping(self, count: int = 3) -> None:
        """Run some probes; number 0 on the wire is the warm-up packet."""
        self.begin(Plan(count=count, interval=SECOND, size=44), SenderSession())
        self.run_(count + 5)
        self.assertTrue(self.isOver)

    def test_each(self) -> None:
        """Where T2 and T3 cannot be true, there is no RTT and no offset, and the report
        says why."""
        self.ahead = 123_457
        for change, why in [
            (lambda number, t2, t3: (0, 0), "T2 or T3 not given"),
            (lambda number, t2, t3: (0, t3), "T2 or T3 not given"),
            (lambda number, t2, t3: (t2, 0), "T2 or T3 not given"),
            (lambda number, t2, t3: (t2, t2 - 3 * SECOND), "T3 before T2"),
            (lambda number, t2, t3: (t2 + 12_345, t3), "T3 before T2"),
            (
                lambda number, t2, t3: (t2, t2 + 12_345 * MS),
                "T3 - T2 longer than T4 - T1",
            ),
        ]:
            self.change = change
            self.ping()
            for probe in keptBy(self.prober).delays.run:
                self.assertEqual((probe.rtt, probe.t2, probe.t3), (None, None, None))
            self.assertIsNone(keptBy(self.prober).offset.report())
            stats = self.document()["stats"]
            self.assertEqual((stats["received"], stats["untimed"]), (3, 3))
            self.assertEqual(stats["untimed_max"], 3 * MS - 20 * US)
            self.assertIsNone(stats["rtt"])
            self.assertEqual(stats["stamp"]["residence_faults"], {why: 3})
            line = f"residence     replies that give no RTT: 3 with {why}"
            self.assertIn(line, self.summary())
            self.assertNotIn("T2 and T3 the reflector's", self.summary())
            self.assertIn((Fate.UNTIMED.value, 2), self.sink.events)
            result = self.prober.result()
            self.assertEqual(Thresholds(rtt=3 * MS).failed(result), [])
            [failed] = Thresholds(rtt=MS).failed(result)
            self.assertIs(failed.breach, Breach.RTT_UNKNOWN)

    def test_one(self) -> None:
        """One such reply changes nothing of the others."""
        self.unit = MS
        self.change = lambda number, t2, t3: (
            (t2 + 55_555, t2 - 12_345) if number == 5 else (t2, t3)
        )
        self.ping(9)
        rtts = [probe.rtt for probe in keptBy(self.prober).delays.run]
        self.assertEqual(rtts.pop(4), None)
        self.assertEqual(rtts, [3 * MS - 20 * US] * 8)
        report = keptBy(self.prober).offset.report()
        assert report is not None
        self.assertEqual(report.resolution, MS)

    def test_resolution(self) -> None:
        """A T3 that is cut to milliseconds and so before T2 is no fault."""
        self.ahead = 300 * US
        self.change = lambda number, t2, t3: (t2, t3 // MS * MS)
        self.ping()
        stats = self.document()["stats"]
        self.assertEqual(stats["stamp"]["residence_faults"], {})
        self.assertEqual(stats["rtt"]["max"], 3 * MS - 20 * US)
        self.assertEqual(stats["untimed"], 0)
        self.assertIsNone(stats["untimed_max"])

    def test_ourClockIsSet(self) -> None:
        """A step of our own clock is no fault of the reflector's.  The monotonic clock
        gives the longest that the reply can have taken."""

        def change(number: int, t2: int, t3: int) -> tuple[int, int]:
            self.step = -SECOND if number else 0
            return t2, t3

        self.change = change
        self.ping(1)
        stats = self.document()["stats"]
        self.assertEqual((stats["untimed"], stats["clock_steps"]), (1, 1))
        self.assertEqual(stats["stamp"]["residence_faults"], {})
        self.assertEqual(stats["untimed_max"], 3 * MS)
