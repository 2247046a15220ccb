"""Tests for L{echostamp.probe.udpdialer} and L{echostamp.report.stampfigures}."""

from __future__ import annotations

import errno
import json
import os
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectBindError, ConnectError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.ping import StampPlan
from echostamp.connect.timed import NoAddress
from echostamp.connect.tls import TlsFiles
from echostamp.exitstatus import FAR_END_FAILED, Outcome
from echostamp.measure.offsetwindow import FITS
from echostamp.probe import udpdialer
from echostamp.probe.measurement import Measurement
from echostamp.probe.prober import Pinger, Plan
from echostamp.probe.udpdialer import StampWay, sessionOf
from echostamp.report import document, stampfigures
from echostamp.report.summary import summary
from echostamp.rfc8762.clock import TAI, KernelClock
from echostamp.rfc8762.reflector import Policy, Reflector, Shared
from echostamp.rfc8762.sender import Session
from echostamp.test.documents import CONFIG, validator
from echostamp.test.fakes import FakeReactor, Resolver, osError
from echostamp.test.farends import EPOCH, MS, SECOND, Told
from echostamp.test.wires import HERE, THERE, WirePort
from echostamp.times import Moment

US = 1000


class FarPort(WirePort):
    """
    A port that carries datagrams to a reflector and back.
    """

    def __init__(self, case: StampCase) -> None:
        super().__init__(HERE)
        self._case = case
        self.isReading = False

    def startReading(self) -> None:
        """Begin."""
        self.isReading = True

    def close(self) -> None:
        """End."""
        self.isReading = False

    def send(
        self, packet: bytes, peer: Any, to: bytes | None = None, tos: int = 0
    ) -> int | None:
        """Send, unless the test has it otherwise."""
        number = super().send(packet, peer, to, tos)
        assert number is not None
        self._case.carry(number, packet)
        return number


class StampCase(SynchronousTestCase):
    """
    A run over STAMP in memory: 1 ms there, 2 ms back.
    """

    def setUp(self) -> None:
        """Prepare both ends."""
        self.reactor: Any = FakeReactor()
        self.resolver = self.reactor.nameResolver = Resolver()
        self.ahead, self.unit = 0, 1
        self.told = Told()
        self.fate: Any = lambda number: ""
        self.far = WirePort(THERE)
        self.kernel = KernelClock()
        self.near: Any = None
        self.patch(udpdialer, "boundSocket", lambda host, port: (host, port))
        self.patch(udpdialer, "_sourceTo", lambda peer, is6: HERE[0])
        self.patch(udpdialer, "Port", self.makePort)

    def makePort(self, reactor: Any, bound: Any, sender: Any, **options: Any) -> Any:
        """Make the near port."""
        self.sender = sender
        sender._kernel = lambda: self.kernel
        self.bound, self.options = bound, options
        self.near = FarPort(self)
        return self.near

    @property
    def now(self) -> int:
        """Nanoseconds by the monotonic clock."""
        seconds: float = self.reactor.seconds()
        return round(seconds * 1e9)

    def farClock(self) -> int:
        """Read the reflector's clock."""
        return (EPOCH + self.now + self.ahead) // self.unit * self.unit

    def clocks(self) -> Moment:
        """Read our clocks."""
        return Moment(self.now, EPOCH + self.now, self.now)

    def begin(self, plan: Plan, session: Session, policy: Policy | None = None) -> None:
        """Begin a run."""
        self.reflector = Reflector(
            Shared(policy or Policy()),
            self.farClock,
            lambda: self.now,
            lambda: self.kernel,
        )
        self.reflector.port = self.far  # type: ignore[assignment]
        self.way = StampWay(
            self.reactor, "far", 862, session, [IPv4Address], None, self.clocks
        )
        self.pinger = Pinger(
            self.reactor,
            self.way,
            "stamp:far",
            plan,
            Measurement(),
            self.told,
            self.clocks,
            lambda: 0.0,
        )
        self.outcomes: list[Outcome] = []
        self.pinger.done.addCallback(self.outcomes.append)
        self.pinger.start()
        self.assertTrue(self.way.isLookingUp)
        self.resolver.answer(IPv4Address("UDP", *THERE))

    def carry(self, number: int, packet: bytes) -> None:
        """Carry a datagram there."""
        left = EPOCH + self.now + 20 * US
        self.reactor.callLater(0, self.sender.transmitted, number, left)
        if self.fate(number) != "lost there":
            self.reactor.callLater(0.001, self.arrive, number, packet)

    def arrive(self, number: int, packet: bytes) -> None:
        """It has come there."""
        at = self.farClock()
        count = len(self.far.sent)
        self.reflector.received(packet, HERE, at, 60, 0, None)
        for index in range(count, len(self.far.sent)):
            self.reflector.transmitted(index, at + 30 * US)
            if self.fate(number) != "lost back":
                reply = self.far.sent[index][0]
                self.reactor.callLater(0.002, self.comeBack, reply)

    def comeBack(self, reply: bytes) -> None:
        """A reply has come back."""
        self.sender.received(reply, THERE, EPOCH + self.now, 250, 0, None)

    def run_(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.reactor.rightNow + seconds
        while True:
            times = [call.getTime() for call in self.reactor.calls if call.active()]
            if min(times, default=end + 1) > end:
                break
            self.reactor.rightNow = max(min(times), self.reactor.rightNow)
            self.reactor.advance(0)
        self.reactor.rightNow = end

    def summary(self) -> str:
        """Sum up."""
        return "\n".join(summary(self.pinger, "far"))

    def record(self) -> Any:
        """Give the valid JSON."""
        pieces = document.pieces(self.pinger, CONFIG, Outcome(0))
        found = json.loads("".join(pieces))
        validator().validate(found)
        return found


class StampWayTests(StampCase):
    """
    A run of probes over STAMP.
    """

    def test_run(self) -> None:
        """Every probe has its four times; a packet before them is thrown away."""
        self.ahead = 5 * MS
        self.begin(Plan(count=3, interval=SECOND, size=44), Session())
        self.assertEqual(self.told.told, [])
        self.run_(10)
        self.assertEqual(self.outcomes, [Outcome(0)])
        self.assertEqual(len(self.near.sent), 4)
        run = self.pinger.measurement.delays.run
        for probe in run:
            assert probe.t2 is not None
            assert probe.t3 is not None
            assert probe.t4 is not None
            self.assertEqual(probe.t2 - probe.t1, 5 * MS + MS - 20 * US)
            self.assertEqual(probe.t4 - probe.t3, 2 * MS - 5 * MS)
            self.assertEqual(probe.rtt, 3 * MS - 20 * US)
        found = self.pinger.measurement.offset.report()
        assert found
        self.assertLessEqual(found.low, 5 * MS)
        self.assertGreaterEqual(found.high, 5 * MS)
        self.assertFalse(self.near.isReading)

    def test_followUp(self) -> None:
        """With follow-ups T3 is when the reply left; the last one's comes with one more
        packet."""
        session = Session(tlvs=[7])
        policy = Policy(isStateful=True)
        self.begin(Plan(count=3, interval=SECOND, size=64), session, policy)
        self.run_(10)
        self.assertEqual(self.outcomes, [Outcome(0)])
        self.assertEqual(len(self.near.sent), 5)
        run = self.pinger.measurement.delays.run
        self.assertEqual([probe.rtt for probe in run], [3 * MS - 50 * US] * 3)
        self.assertIn(", 3 T3 by follow-up\n", self.summary())
        found = self.record()["stats"]["stamp"]
        self.assertEqual((found["kernel_t1"], found["kernel_t4"]), (3, 3))
        self.assertEqual(found["unreturned_tlvs"], [])

    def test_noFollowUps(self) -> None:
        """A reflector that follows nothing up, or returns no TLVs: it is said."""
        self.begin(Plan(count=3, interval=SECOND, size=64), Session(tlvs=[7]))
        self.run_(10)
        self.assertIn(", 0 T3 by follow-up\n", self.summary())
        self.assertNotIn("never came back", self.summary())
        self.comeBack, comeBack = (  # type: ignore[method-assign]
            lambda reply: comeBack(reply[:44]),
            self.comeBack,
        )
        self.begin(Plan(count=3, interval=SECOND, size=64), Session(tlvs=[7]))
        self.run_(10)
        self.assertIn("packets       TLV follow-up never came back\n", self.summary())

    def test_nobodyToFollowUp(self) -> None:
        """Where nothing was answered, no packet more is sent for its follow-up."""
        self.fate = lambda number: "lost there"
        plan = Plan(count=1, interval=SECOND, timeout=SECOND, size=64)
        self.begin(plan, Session(tlvs=[7]))
        self.run_(udpdialer.WARM_UP + 1.1)
        self.assertEqual(self.outcomes, [Outcome(1, "stamp:far: no reply")])
        self.assertEqual(len(self.near.sent), 2)

    def test_coarse(self) -> None:
        """The times of a reflector that counts in milliseconds say no more than that of
        its clock."""
        self.ahead, self.unit = 700 * US, MS
        plan = Plan(count=20, interval=100_300 * US, size=44)
        self.begin(plan, Session())
        self.run_(10)
        found = self.pinger.measurement.offset.report()
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
        """Where that one is lost, the run ends nevertheless, when its time is over."""
        self.fate = lambda number: "lost there" if number == 3 else ""
        policy = Policy(isStateful=True)
        plan = Plan(count=2, interval=SECOND, timeout=500 * MS, size=64)
        self.begin(plan, Session(tlvs=[7]), policy)
        self.run_(1.2)
        self.assertEqual(self.outcomes, [])
        self.run_(1)
        self.assertEqual(self.outcomes, [Outcome(0)])
        rtts = [probe.rtt for probe in self.pinger.measurement.delays.run]
        self.assertEqual(rtts, [3 * MS - 50 * US, 3 * MS - 20 * US])

    def test_nobodyThere(self) -> None:
        """Probes are sent by their schedule, also where nobody answers."""
        self.fate = lambda number: "lost there"
        self.begin(Plan(count=9, interval=SECOND, timeout=SECOND, size=44), Session())
        self.sender.refused(errno.ECONNREFUSED, THERE)
        self.run_(20)
        self.assertEqual(len(self.near.sent), 10)
        [outcome] = self.outcomes
        self.assertEqual(outcome, Outcome(1, "stamp:far: no reply"))
        hint = self.way.hint(None, outcome, self.pinger.measurement)
        self.assertEqual(hint, "1 packets: nobody is at the port")
        self.assertEqual(self.pinger.measurement.outageCount, 0)
        self.assertIn("9 sent, 0 received, 9 unanswered", self.summary())

    def test_lossByDirection(self) -> None:
        """A stateful reflector's numbers tell where packets were lost."""
        fates = {3: "lost there", 5: "lost back", 6: "lost there"}
        self.fate = lambda number: fates.get(number, "")
        policy = Policy(isStateful=True)
        plan = Plan(count=9, interval=100 * MS, timeout=SECOND, size=44)
        self.begin(plan, Session(), policy)
        self.run_(5)
        self.assertIn(
            "lost          2 on the way there, 1 on the way back", self.summary()
        )
        found = self.record()["stats"]["stamp"]
        self.assertEqual((found["lost_forward"], found["lost_backward"]), (2, 1))

    def test_lossOfAStatelessReflector(self) -> None:
        """A stateless one's do not."""
        self.fate = lambda number: "lost there" if number == 3 else ""
        plan = Plan(count=5, interval=100 * MS, timeout=SECOND, size=44)
        self.begin(plan, Session())
        self.run_(5)
        self.assertIn("lost          in which direction cannot be told", self.summary())
        self.assertIsNone(self.record()["stats"]["stamp"]["lost_forward"])

    def test_taiOrUtc(self) -> None:
        """A difference of 37 s in PTP's format is named for what it is."""
        policy = Policy(ptpAhead=0)
        self.begin(Plan(count=3, interval=SECOND, size=44), Session(isPtp=True), policy)
        self.run_(9)
        self.assertIn("seems to count PTP's time in UTC", self.summary())
        self.assertEqual(TAI, 37 * SECOND)

    def test_claims(self) -> None:
        """What both ends claim is compared with what was seen."""
        self.kernel = KernelClock(True, 2 * MS, None)
        for ahead, says in (0, "agrees"), (90 * MS, "does NOT agree"):
            self.ahead = ahead
            self.begin(Plan(count=3, interval=SECOND, size=44), Session())
            self.run_(9)
            self.assertIn(f"what was seen {says}", self.summary())
            self.assertIn("claims UTC within 2.0", self.summary())

    def test_everyLine(self) -> None:
        """Whatever was seen has its line, and the JSON is valid."""
        session = Session(tlvs=[3, 4, 7], dscp=46)
        self.begin(Plan(count=3, interval=SECOND, size=80), session)
        self.run_(1.5)
        self.comeBack(b"garbage")
        self.sender.problems["malformed"] += 1
        self.sender.unrecognized.add(3)
        self.sender.losses.restarts = 1
        self.sender.negatives, self.sender.leastResidence = 2, -5 * US
        self.sender.refused(errno.EHOSTUNREACH, THERE)
        self.run_(9)
        text = self.summary()
        unreachable = os.strerror(errno.EHOSTUNREACH)
        for line in (
            "timestamps    T1 by the kernel, T4 by the kernel, T2 and T3 the reflect",
            "this host     sending 20.000 µs, receiving 0 ns (median), not in the RTT",
            "hops          195 there, 5 back",
            "restarts      the reflector began anew 1 times",
            "clocks        this end claims nothing, the reflector claims nothing",
            "residence     T3 - T2 was negative 2 times, -5.000 µs at the least",
            "reflector     receives by SW Local (Local free-running), sends by SW L",
            "class         DSCP 0 and ECN 0 arrived there; DSCP 46 was refused",
            f"packets       TLV 3 not known there, 1 times TLVs malformed, 1 invalid: "
            f"malformed, 1 refused: {unreachable}",
        ):
            self.assertIn(line, text)
        self.assertEqual(self.record()["stats"]["rtt_is"], "(T4-T1)-(T3-T2)")

    def test_byHand(self) -> None:
        """A run may end before it has begun."""
        self.fate = lambda number: "lost there"
        self.begin(Plan(size=44), Session())
        self.pinger.stop()
        self.run_(9)
        self.assertEqual(len(self.near.sent), 1)
        self.assertEqual(self.told.told, [])

    def test_noAddress(self) -> None:
        """A name without an address of the kind."""
        way = StampWay(self.reactor, "far", 862, Session(), [IPv4Address])
        started = way.start(Any)  # type: ignore[arg-type]
        self.resolver.answer()
        self.failureResultOf(started, NoAddress)

    def test_noWay(self) -> None:
        """No way there is the network's fault, an address that is not ours is ours."""

        def fail(*arguments: Any) -> None:
            raise osError(errno.EADDRNOTAVAIL)

        for name, source, kind in [
            ("_sourceTo", None, ConnectError),
            ("boundSocket", ("192.0.2.3", 0), ConnectBindError),
        ]:
            self.patch(udpdialer, name, fail)
            way = StampWay(self.reactor, "far", 862, Session(), [IPv4Address], source)
            started = way.start(Any)  # type: ignore[arg-type]
            self.resolver.answer(IPv4Address("UDP", *THERE))
            failure = self.failureResultOf(started, kind)
            self.assertIs(failure.type, kind)
        for number, says in (errno.EADDRNOTAVAIL, "--source"), (errno.EADDRINUSE, ""):
            hint = way.hint(ConnectBindError(number), Outcome(2), Measurement())
            self.assertEqual(hint[3:11], says)


class SessionTests(SynchronousTestCase):
    """
    What packets look like, by the options.
    """

    def assertWrong(
        self, why: str, size: int = 0, files: TlsFiles | None = None, ssid: int = 0
    ) -> None:
        """Assert that it is refused."""
        plan = StampPlan(ssid=ssid, tlvs=("cos",))
        error = self.assertRaises(ValueError, sessionOf, plan, size, files)
        self.assertIn(why, str(error))

    def test_options(self) -> None:
        """Each option has its place."""
        plan = StampPlan(7, 46, ("padding", "follow-up"), True, 9)
        self.assertEqual(
            sessionOf(plan, 70, None),
            Session(70, 7, (), (1, 7), True, None, 46, 9),
        )

    def test_sizes(self) -> None:
        """A size that no packet has is refused."""
        self.assertWrong("--size 51: not from 52 to 65507", 51)
        self.assertWrong("--size 53: 52, or 56 and more", 53)
        self.assertWrong("--size 65508", 65508)
        self.assertEqual(sessionOf(StampPlan(), 0, None).size, None)

    def test_keys(self) -> None:
        """The key is the SSID's."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(f"7 {'ab' * 16}\n7 {'cd' * 16}\n")
        os.chmod(path, 0o600)
        files = TlsFiles(key=path)
        plan = StampPlan(ssid=7)
        self.assertEqual(sessionOf(plan, 0, files).keys[0], b"\xab" * 16)
        self.assertEqual(sessionOf(plan, 0, files).least, 112)
        self.assertWrong("no key for SSID 8", 0, files, 8)
        self.assertWrong("No such file", 0, TlsFiles(key="/nowhere"))
        os.chmod(path, 0o604)
        self.assertWrong("others may read it", 0, files)
        self.assertWrong("--ca and --cert", 0, TlsFiles(ca="x"))


class NothingTests(SynchronousTestCase):
    """
    Before anything has been sent.
    """

    def test_nothing(self) -> None:
        """There is nothing to be said."""
        way = StampWay(FakeReactor(), "far", 862, Session(), [IPv4Address])
        self.assertEqual(list(way.told(Measurement())), [])
        self.assertIsNone(way.record(Measurement()))
        self.assertEqual(way.hint(None, Outcome(FAR_END_FAILED), Measurement()), "")
        self.assertEqual(stampfigures._share(0, 0), "by this program")
