"""Tests for L{echostamp.report.stampfigures}."""

from __future__ import annotations

import errno
import os

from echostamp.measure.residence import ResidenceFault
from echostamp.probe.plan import Plan
from echostamp.report.stampfigures import lines, notable
from echostamp.report.summary import summary
from echostamp.rfc8762.clock import KernelClock
from echostamp.rfc8762.findings import Findings
from echostamp.rfc8762.hops import Hops
from echostamp.rfc8762.losses import Directions
from echostamp.rfc8762.policy import Policy
from echostamp.rfc8762.sendersession import SenderSession
from echostamp.rfc8762.timestamps import TAI
from echostamp.rfc8762.tlvvalues import FOLLOW_UP_TELEMETRY
from echostamp.test.farends import MS
from echostamp.test.stampruns import StampCase
from echostamp.test.wires import THERE
from echostamp.times import SECOND


class StampFiguresTests(StampCase):
    """
    Tests for the findings of STAMP, in the report and in JSON.
    """

    def test_noFollowUps(self) -> None:
        """The report names a reflector that sends no follow-ups, or returns no TLVs."""
        self.begin(Plan(count=3, interval=SECOND, size=64), SenderSession(tlvs=[7]))
        self.run_(10)
        hint = "(they need a reflector with --stateful)"
        self.assertIn(f", 0 T3 by follow-up {hint}\n", self.summary())
        self.assertNotIn("never came back", self.summary())
        self.comeBack, comeBack = (  # type: ignore[method-assign]
            lambda reply: comeBack(reply[:44]),
            self.comeBack,
        )
        self.begin(Plan(count=3, interval=SECOND, size=64), SenderSession(tlvs=[7]))
        self.run_(10)
        self.assertIn("packets       TLV follow-up never came back\n", self.summary())

    def test_noReplies(self) -> None:
        """A time that nobody took is not named, nor a follow-up where nothing came
        back."""
        self.fate = lambda number: "lost there"
        plan = Plan(count=2, interval=SECOND, timeout=SECOND, size=64)
        self.begin(plan, SenderSession(tlvs=[7]))
        self.run_(10)
        result = self.prober.result()
        assert isinstance(result.session, Findings)
        text = list(lines(result.session, result))
        self.assertIn("timestamps    T1 by the kernel", text)
        unsent = result._replace(figures=result.figures._replace(sent=0))
        self.assertNotIn("timestamps", "\n".join(lines(result.session, unsent)))

    def test_lossByDirection(self) -> None:
        """A stateful reflector's numbers show the direction of losses."""
        fates = {3: "lost there", 5: "lost back", 6: "lost there"}
        self.fate = lambda number: fates.get(number, "")
        policy = Policy(isStateful=True)
        plan = Plan(count=9, interval=100 * MS, timeout=SECOND, size=44)
        self.begin(plan, SenderSession(), policy)
        self.run_(5)
        self.assertIn(
            "lost          2 to 3 on the way there, 0 to 1 on the way back "
            "probably 2 and 1: no packet was seen doubled\n",
            self.summary(),
        )
        found = self.document()["stats"]["stamp"]
        self.assertEqual(found["lost_forward"], {"min": 2, "max": 3})
        self.assertEqual(found["lost_backward"], {"min": 0, "max": 1})
        self.assertEqual(found["lost_unknown"], 0)

    def test_lossOnTheWayBackAlone(self) -> None:
        """A reflector that missed no packet has our numbers.  Only a follow-up shows
        that they are its own."""
        self.fate = lambda number: "lost back" if number == 3 else ""
        policy = Policy(isStateful=True)
        plan = Plan(count=9, interval=100 * MS, timeout=SECOND, size=64)
        for tlvs, back in ([], None), ([FOLLOW_UP_TELEMETRY], {"min": 0, "max": 1}):
            self.begin(plan, SenderSession(tlvs=tlvs), policy)
            self.run_(5)
            found = self.document()["stats"]["stamp"]
            self.assertEqual(found["lost_backward"], back)
            self.assertEqual(found["stateful"], bool(tlvs))

    def test_lossAtTheEnd(self) -> None:
        """A packet behind the last probe shows whether those before it arrived.  It is
        only sent where a probe was lost, and is no probe itself."""
        policy = Policy(isStateful=True)
        plan = Plan(count=9, interval=100 * MS, timeout=SECOND, size=44)
        for lost, packets in ((), 10), ((7, 9), 11):
            self.fate = dict.fromkeys(lost, "lost there").get
            self.begin(plan, SenderSession(), policy)
            self.run_(5)
            self.assertEqual(len(self.near.sent), packets)
            found = self.document()["stats"]
            self.assertEqual((found["sent"], found["lost"]), (9, len(lost)))
            alone = {"min": len(lost), "max": len(lost)}
            self.assertEqual(found["stamp"]["lost_forward"], alone)

    def test_lossInAnUnknownDirection(self) -> None:
        """Losses behind the last reply are counted apart.  The lines fit 80 columns,
        however many packets were lost."""
        self.begin(Plan(count=2, interval=SECOND, size=44), SenderSession())
        self.run_(9)
        result = self.prober.result()
        assert isinstance(result.session, Findings)
        figures = result.figures._replace(sent=30_002, lost=30_000)
        directions = Directions(20_100, 10_050)
        found = result.session._replace(
            isStateful=True, directions=directions, restarts=999
        )
        text = list(notable(found, result._replace(figures=figures)))
        for line in (
            "lost          10050 to 20100 on the way there, 0 to 10050 on the way back",
            "              probably 10050 and 10050: no packet was seen doubled",
            "              9900 more in a direction that is not known",
        ):
            self.assertIn(line, text)
        place = text.index(next(each for each in text if each.startswith("lost")))
        self.assertLessEqual(max(map(len, text[place : place + 4])), 80)

    def test_farEndIsGoneAtTheEnd(self) -> None:
        """A last packet that shows only what was lost is not waited for as long as for
        a probe."""
        self.fate = lambda number: "lost there" if number > 2 else ""
        plan = Plan(count=3, interval=SECOND, timeout=5 * SECOND, size=44)
        self.begin(plan, SenderSession())
        self.run_(20)
        elapsed = self.prober.result().elapsed
        self.assertEqual(len(self.near.sent), 5)
        self.assertEqual(elapsed, (2 + 5 + 1) * SECOND)

    def test_lossOfAStatelessReflector(self) -> None:
        """A stateless reflector's numbers do not.  The report says what would help."""
        self.fate = lambda number: "lost there" if number == 3 else ""
        plan = Plan(count=5, interval=100 * MS, timeout=SECOND, size=44)
        self.begin(plan, SenderSession())
        self.run_(5)
        self.assertIn(
            "lost          in which direction is not known: a reflector with "
            "--stateful shows it once it has missed a packet, and at once with "
            "--tlv follow-up",
            self.summary(),
        )
        self.assertIsNone(self.document()["stats"]["stamp"]["lost_forward"])

    def test_unpaced(self) -> None:
        """Where packets are lost that were sent one after the other, the report names
        the reflector's limit."""
        self.fate = lambda number: "lost there" if number == 3 else ""
        for interval in 0, 100 * MS:
            plan = Plan(count=5, interval=interval, timeout=SECOND, size=44)
            self.begin(plan, SenderSession())
            self.run_(5)
            text = "\n".join(summary(self.prober.result(), "far", isPaced=interval > 0))
            self.assertEqual("--max-pps" in text, not interval)

    def test_taiOrUtc(self) -> None:
        """An offset of 37 s in PTP's format is explained by TAI."""
        policy = Policy(ptpAhead=0)
        self.begin(
            Plan(count=3, interval=SECOND, size=44), SenderSession(isPtp=True), policy
        )
        self.run_(9)
        self.assertIn("seems to count PTP's time in UTC", self.summary())
        self.assertEqual(TAI, 37 * SECOND)

    def test_claims(self) -> None:
        """The claims of both ends are compared with the measured offset."""
        self.kernel = KernelClock(True, 2 * MS, None)
        for ahead, words in (0, "agrees"), (90 * MS, "does NOT agree"):
            self.ahead = ahead
            self.begin(Plan(count=3, interval=SECOND, size=44), SenderSession())
            self.run_(9)
            self.assertIn(f"the measurement {words}", self.summary())
            self.assertIn("claims UTC within 2.0", self.summary())

    def test_hops(self) -> None:
        """Hops that change have their extremes and the number of changes.  A far end
        that does not send with a TTL of 255 is named."""
        self.begin(Plan(count=1, interval=SECOND, size=44), SenderSession())
        self.run_(9)
        result = self.prober.result()
        assert isinstance(result.session, Findings)
        for there, back, line in [
            (Hops(3, 3, 3), Hops(0, 0, 0), "3 there, 0 back"),
            (Hops(3, 2, 5, 4), Hops(1, 0, 1, 1), None),
            (None, Hops(194, 191, 194), "? there, 194 back: it seems to send with TTL"),
            (None, Hops(130, 127, 130), "TTL 128, not 255; then 3 back"),
            (None, Hops(191, 191, 191), "TTL 64, not 255; then 0 back"),
            (Hops(1, 1, 1), None, "1 there, ? back"),
        ]:
            found = result.session._replace(hopsForward=there, hopsBackward=back)
            text = "\n".join(lines(found, result))
            if line is None:
                line = (
                    "3 (2 to 5, changed 4 times) there, 1 (0 to 1, changed once) back"
                )
            self.assertIn(line, text)

    def test_everyLine(self) -> None:
        """Each finding has its line, and the JSON is valid."""
        session = SenderSession(tlvs=[3, 4, 7], dscp=46)
        self.begin(Plan(count=3, interval=SECOND, size=80), session)
        self.run_(1.5)
        self.comeBack(b"garbage")
        self.sender.refused(errno.EHOSTUNREACH, THERE)
        self.run_(9)
        result = self.prober.result()
        assert isinstance(result.session, Findings)
        found = result.session._replace(
            restarts=1,
            unrecognized=(3, 99),
            problems=(("malformed", 1),),
            zeroedSsids=4,
        )
        faults = (ResidenceFault.NEGATIVE, 2), (ResidenceFault.NOT_GIVEN, 1)
        result = result._replace(residenceFaults=faults)
        text = "\n".join([*lines(found, result), *notable(found, result)])
        unreachable = os.strerror(errno.EHOSTUNREACH)
        for line in (
            "timestamps    T1 by the kernel, T4 by the kernel, T2 and T3 the reflect",
            "this host     sending 20.000 µs, receiving 0 ns (median), not in the RTT",
            "hops          195 there, 5 back",
            "numbers       began again once: a restart there, or a new port by NAT",
            "clocks        neither end says that its clock is synchronised",
            "residence     replies that give no RTT: 2 with T3 before T2, 1 with T2 or "
            "T3 not given",
            "reflector     receives by SW Local (Local free-running), sends by SW L",
            "class         DSCP 0 and ECN 0 arrived there; DSCP 46 was refused",
            "packets       TLV timestamp not known there; TLV 99 not known there; "
            "TLVs malformed once; 1 invalid: of 7 octets, 41 are the least; "
            f"SSID 0, not ours, in replies 4 times; 1 refused: {unreachable}",
        ):
            self.assertIn(line, text)
        self.assertEqual(self.document()["stats"]["rtt_is"], "(T4-T1)-(T3-T2)")
