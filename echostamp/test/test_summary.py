"""Tests for L{echostamp.report.summary}."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import Probe
from echostamp.probe.plan import Plan
from echostamp.report.probeline import probeLine
from echostamp.report.screen import COLUMNS
from echostamp.report.summary import Detail, summary
from echostamp.report.table import ROWS, histogram
from echostamp.test.fakes import FakeTcpSocket
from echostamp.test.farends import CTIME, MS, Far
from echostamp.times import SECOND
from echostamp.units import readable

AHEAD = 12_345 * MS


def probe(**fields: Any) -> Probe:
    """Make a probe that was answered after 20 ms."""
    usual = Probe(
        *(3, 100 * MS, 100 * MS, None, None, 120 * MS, 20 * MS, None),
        *(False, False, False, False, False, False),
    )
    return usual._replace(**fields)


class ProbeLineTests(SynchronousTestCase):
    """
    Tests for lines about probes.
    """

    def test_answered(self) -> None:
        """As with ping, the line has the address, the number and the time."""
        self.assertEqual(
            probeLine(probe(), 32, "far", ""),
            "32 bytes from far: seq=3 time=20.000 ms",
        )

    def test_exact(self) -> None:
        """The far end's timestamps support six decimals, if they are that fine."""
        for resolution, time in (1, "0.004606"), (100, "0.004606"), (1000, "0.005"):
            line = probeLine(
                probe(rtt=4606, resolution=resolution), 44, "far", "", isExact=True
            )
            self.assertEqual(line, f"44 bytes from far: seq=3 time={time} ms")

    @given(
        st.text("a:.", max_size=70), st.integers(0, 9), st.sampled_from(["", "late"])
    )
    def test_width(self, address: str, digits: int, note: str) -> None:
        """Whatever the address, a line fits the terminal: an address that is too long
        is left out, and of most probes alike."""
        line = probeLine(probe(seq=10**digits), 65536, address, note)
        self.assertLessEqual(len(line), COLUMNS)
        usual = probeLine(probe(), 65536, address, "")
        if digits < 5 and not note:
            self.assertEqual("from" in line, "from" in usual)

    def test_noted(self) -> None:
        """A note follows the time.  A duplicate has no time."""
        self.assertEqual(
            probeLine(probe(), 32, "far", "duplicate"),
            "seq=3 duplicate",
        )
        self.assertEqual(
            probeLine(probe(), 32, "far", "altered"),
            "32 bytes from far: seq=3 time=20.000 ms (altered)",
        )

    def test_waited(self) -> None:
        """The line has the time that the probe waited, from a millisecond on."""
        self.assertIn(" waited=5.000 ms", probeLine(probe(due=95 * MS), 32, "far", ""))
        self.assertNotIn("waited", probeLine(probe(due=100 * MS - 1), 32, "far", ""))

    def test_lost(self) -> None:
        """An unanswered probe has no time; nor has a late one."""
        for lost in probe(lost=True, rtt=None), probe(lost=True, late=True):
            self.assertEqual(probeLine(lost, 32, "far", "why"), "seq=3 why")


class SummaryCase(SynchronousTestCase):
    """
    A test of the reports of runs.
    """

    def far(self, **plan: Any) -> Far:
        """Prepare a run with round trips of 20 ms."""
        plan = {"interval": SECOND, "count": 5, **plan}
        zone = plan.pop("zone", None)
        far = Far(Plan(**plan), zone=zone)
        far.ahead = AHEAD
        return far

    def report(
        self, far: Far, seconds: float = 60, detail: Detail = Detail.FULL
    ) -> str:
        """Run to the end, and give the report."""
        if not far.transports:
            far.start()
        far.run(seconds)
        far.prober.stop()
        lines = list(summary(far.prober.result(), "--- far ---", detail))
        for line in lines:
            self.assertLessEqual(len(line), COLUMNS, line)
        return "\n".join(lines)


class SummaryTests(SummaryCase):
    """
    Tests for reports: counts first, then figures.
    """

    def test_usual(self) -> None:
        """This is the usual report of a run without losses."""
        self.assertEqual(
            self.report(self.far(), detail=Detail.USUAL).splitlines(),
            [
                "--- far ---",
                "5 sent, 5 received, 0 % loss, 100 % available, in 4.020 s",
                "far clock     12.34 s ahead, between +12.334 s and +12.356 s",
                "one way       -0.001 to 20.001 ms there, -0.001 to 20.001 ms back "
                "(median);",
                "              asymmetric paths can put each anywhere in its range",
                "rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms",
            ],
        )

    def test_brief(self) -> None:
        """A brief report has four lines, whatever happened."""
        self.assertEqual(
            self.report(self.far(), detail=Detail.BRIEF).splitlines(),
            [
                "--- far ---",
                "5 sent, 5 received, 0 % loss, 100 % available, in 4.020 s",
                "far clock     12.34 s ahead, between +12.334 s and +12.356 s",
                "rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms",
            ],
        )
        far = self.far(interval=100 * MS, count=30, timeout=150 * MS)
        far.stamp = CTIME
        far.delay = lambda seq: None if seq == 3 else 0.02
        far.start()
        far.run(1.05)
        far.ahead += 100 * SECOND
        far.run(0.5)
        far.transports[-1].lose(ConnectionLost())
        lines = self.report(far, detail=Detail.BRIEF).splitlines()
        self.assertEqual(len(lines), 4, lines)
        self.assertIn("unreliable", lines[2])

    def test_full(self) -> None:
        """A full report has a table in one unit, and what explains it."""
        lines = self.report(self.far()).splitlines()
        self.assertEqual(
            lines[3:11],
            [
                "",
                "ms" + " " * 13 + "     min    mean  median     p90     p99   p99.9"
                "     max  stddev",
                "RTT            " + " 20.0000" * 5 + "       - 20.0000  0.0000",
                "RTT from due   " + " 20.0000" * 5 + "       - 20.0000  0.0000",
                "IPDV           " + "  0.0000" * 5 + "       -  0.0000  0.0000",
                "PDV forward    " + "  0.0000" * 5 + "       -  0.0000  0.0000",
                "PDV backward   " + "  0.0000" * 5 + "       -  0.0000  0.0000",
                "RTT is T4 - T1: the time that the far end took is in it",
            ],
        )
        self.assertEqual(
            lines[-2:], ["", "rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms"]
        )

    def test_oneProbe(self) -> None:
        """As with ping(8), one probe has no deviation."""
        text = self.report(self.far(count=1))
        self.assertIn("rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms", text)

    def test_figures(self) -> None:
        """One-way delays are ranges, the drift has bounds, and each step of the set-up
        has its time."""
        text = self.report(self.far())
        for pattern in (
            r"^drift         not known: anything from -500 to \+500 ppm fits over "
            r"4\.020 s$",
            r"^set-up        connect 0 ns, first reply 20\.000 ms$",
        ):
            self.assertTrue(re.search(pattern, text, re.MULTILINE), (pattern, text))
        self.assertEqual(text.count("asymmetric paths"), 1)
        self.assertNotIn("also seen", text)
        self.assertNotIn("kernel", text)

    def test_wideDrift(self) -> None:
        """Where the bounds of the drift are more than 100 ppm apart the report gives
        them alone."""
        for delay, pattern in (
            (0.02, r"between -\d+ and \+\d+ ppm, over \d+\.\d+ s"),
            (0.002, r"[+-]\d+ ppm, between -\d+ and \+\d+, over \d+\.\d+ s"),
        ):
            far = self.far(count=60)
            far.delay = lambda seq, delay=delay: delay  # type: ignore[misc]
            text = self.report(far, 65)
            self.assertTrue(re.search(f"^drift         {pattern}$", text, re.M), text)

    def test_mdev(self) -> None:
        """The last line has the deviation that C{ping(8)} computes; of one probe it is
        0."""
        far = self.far(count=4)
        far.delay = lambda seq: 0.02 + 0.01 * (seq % 2)
        self.assertIn("= 20.000/25.000/30.000/5.000 ms", self.report(far))
        self.assertIn("/20.000/0.000 ms", self.report(self.far(count=1)))

    def test_digits(self) -> None:
        """The bounds limit the offset's digits, and are rounded outwards."""
        for delay, estimate in (0.0002, "12.3450 s ahead"), (2.4, "12 s ahead"):
            far = self.far(interval=3 * SECOND)
            far.delay = lambda seq, delay=delay: delay  # type: ignore[misc]
            text = self.report(far)
            self.assertIn(estimate, text)
            found = re.search(r"between (\S+ s) and (\S+ s)$", text, re.MULTILINE)
            assert found
            low, high = (float(each.split()[0]) for each in found.groups())
            self.assertLessEqual(low, 12.345 - delay / 2 + 1e-9)
            self.assertGreaterEqual(high, 12.345 + delay / 2 - 1e-9)

    def test_behind(self) -> None:
        """A far clock may be behind ours."""
        far = self.far()
        far.ahead = -AHEAD
        self.assertIn(
            "far clock     12.34 s behind, between -12.356 s", self.report(far)
        )

    def test_agrees(self) -> None:
        """If the offset may be zero, the clocks agree to within its bounds."""
        far = self.far()
        far.ahead = 5 * MS
        self.assertIn(
            "far clock     agrees with ours within 16 ms, the limit of this "
            "measurement\n",
            self.report(far),
        )

    def test_noStamps(self) -> None:
        """Without stamps there are round trips, but no figures of the clock or of one
        way."""
        far = self.far()
        far.stamp = lambda ns: b""
        text = self.report(far)
        self.assertIn("far clock     not known: no stamp that can be read", text)
        self.assertIn("RTT             20.0000", text)
        for word in "PDV f", "forward", "drift":
            self.assertNotIn(word, text)

    def test_noVariation(self) -> None:
        """The report names the lack of a variation, if there is only one probe."""
        words = "PDV is not known: too few probes in a window"
        self.assertIn(words, self.report(self.far(count=1)).splitlines())
        self.assertNotIn(words, self.report(self.far()))

    def test_coarseStamps(self) -> None:
        """Stamps of whole seconds give the offset.  The report names the assumed
        zone."""
        far = self.far(count=20)
        far.stamp = CTIME
        text = self.report(far)
        self.assertIn("far clock     12.3", text)
        self.assertIn("its stamps name no zone: UTC+00:00 is assumed (--zone)", text)
        self.assertNotIn("forward", text)

    def test_zoneGiven(self) -> None:
        """The report names the given zone."""
        far = self.far(zone=3600 * SECOND)
        far.stamp = CTIME
        self.assertIn("UTC+01:00 is given", self.report(far))

    def test_twoMachines(self) -> None:
        """If no constant rate fits the stamps, the offset is not reliable."""
        far = self.far()
        far.start()
        far.run(2.5)
        far.ahead += SECOND
        text = self.report(far)
        self.assertIn(
            "do not rely on it: stepped, slewed, or more than one machine",
            text,
        )

    def test_losses(self) -> None:
        """Unanswered probes are counted, in a row too, and outages are listed."""
        far = self.far(interval=100 * MS, count=30, timeout=150 * MS)
        far.delay = lambda seq: None if seq in (3, 7, 8) else 0.02
        far.start()
        far.run(1.55)
        far.transports[-1].lose(ConnectionLost())
        text = self.report(far)
        self.assertIn(
            "16 sent, 13 received, 18.8 % loss, 43.3 % available, in 2.900 s, "
            "14 not sent\n",
            text,
        )
        self.assertIn("lost in a row 1 (once), 2 (once)\n", text)
        self.assertRegex(
            text,
            r"no connection from 2023-11-\d\d [\d:]{8} [-+]\d{4} until the end: "
            r"the connection was\n {14}lost\n",
        )

    def test_manyOutages(self) -> None:
        """Of many outages the last ones are listed, with the reason why the last
        attempt to connect failed."""
        far = self.far(interval=100 * MS, count=200)
        far.start()
        for _ in range(5):
            far.run(0.5)
            far.transports[-1].lose(ConnectionLost())
            attempts = far.attempts
            while far.attempts == attempts:
                far.run(0.1)
            far.refuse(ConnectionRefusedError(111))
            while far.attempts == attempts + 1:
                far.run(0.1)
            far.accept()
        text = self.report(far)
        self.assertRegex(
            text, r"no connection 5 times, for \S+ s in all; the last ones:"
        )
        self.assertEqual(text.count("no connection from"), 3)
        self.assertEqual(text.count("then: Connection"), 3)

    def test_lengthOfAnOutage(self) -> None:
        """A finished outage has a length."""
        far = self.far(interval=100 * MS, count=50)
        far.start()
        far.run(0.5)
        far.transports[-1].lose(ConnectionLost())
        far.run(2)
        far.accept()
        text = self.report(far)
        self.assertIn(" for 2.000 s: the connection was\n", text)

    def test_noReply(self) -> None:
        """Without a reply there are no figures of delay."""
        far = self.far(timeout=100 * MS, count=2)
        far.delay = lambda seq: None
        lines = self.report(far).splitlines()
        self.assertEqual(
            lines[1], "2 sent, 0 received, 100 % loss, 0 % available, in 1.100 s"
        )
        self.assertEqual(lines[3:], ["set-up        connect 0 ns"])

    def test_inFlight(self) -> None:
        """The probes in flight at the end are counted."""
        text = self.report(self.far(deadline=SECOND + 10 * MS), 1.01)
        self.assertIn(
            "2 sent, 1 received, 0 % loss, 100 % available, in 1.010 s, 1 in flight\n",
            text,
        )

    def test_alsoSeen(self) -> None:
        """Unusual events are counted."""
        far = self.far(timeout=100 * MS)
        far.delay = lambda seq: [0.02, 0.5, None, 0.02, 0.02][seq]
        far.start()
        far.run(0.5)
        far.reply(far.messages.message(0))
        far.run(2)
        far.reply(b"nonsense\n")
        far.step = SECOND
        text = self.report(far)
        self.assertIn("2 late, 1 duplicate, 1 altered, ", text)
        self.assertIn("1 step of our own clock", text)

    def test_kernel(self) -> None:
        """The report has the kernel's figures."""
        far = self.far()
        far.start()
        transport: Any = far.transports[0]
        transport.socket = FakeTcpSocket(
            bytes(68) + (20_100).to_bytes(4, "little") + bytes(28) + b"\3\0\0\0"
        )
        self.assertIn(
            "kernel        smoothed RTT 20.100 ms, 3 retransmissions", self.report(far)
        )

    def test_nothingIsClamped(self) -> None:
        """A bound of a delay may be below zero."""
        far = self.far(count=10)
        far.delay = lambda seq: 2.0
        far.stamp = CTIME
        text = self.report(far)
        self.assertTrue(
            re.search(r"^one way +-\d+\.\d{3} to ", text, re.MULTILINE), text
        )

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.none() | st.floats(0.0001, 0.9), min_size=1, max_size=12))
    def test_anyDelays(self, delays: list[float | None]) -> None:
        """For any delays there is a report, and the offset is within its bounds."""
        far = self.far(count=len(delays), timeout=500 * MS)
        far.delay = lambda seq: delays[seq]
        text = self.report(far)
        self.assertTrue(text.startswith("--- far ---\n"), text)
        found = re.search(r"between \+(\S+) s and \+(\S+) s$", text, re.MULTILINE)
        if found:
            self.assertLessEqual(float(found[1]), 12.345 + 1e-6)
            self.assertGreaterEqual(float(found[2]), 12.345 - 1e-6)


class HistogramTests(SummaryCase):
    """
    Tests for the histogram of a run.
    """

    def rows(self, far: Far) -> list[str]:
        """Draw the histogram of a run."""
        found = far.prober.result(ROWS).distribution
        return [] if found is None else list(histogram(found))

    def test_rows(self) -> None:
        """Every round trip is in one row, the longest bar is full, and each row begins
        with its lower edge."""
        far = self.far(count=100, interval=100 * MS)
        far.delay = lambda seq: 0.020 + seq % 10 * 0.001
        self.report(far)
        rows = self.rows(far)
        self.assertEqual(len(rows), ROWS + 1)
        counts = [int(row.split()[-1]) for row in rows if "█" in row]
        self.assertEqual(sum(counts), 100)
        self.assertTrue(rows[0].strip().startswith("20.000 ms █"), rows[0])
        self.assertEqual(max(row.count("█") for row in rows), 50)

    def test_allAlike(self) -> None:
        """Equal round trips fill one row."""
        far = self.far()
        self.report(far)
        rows = self.rows(far)
        self.assertTrue(rows[0].endswith("█ 5"))
        self.assertFalse(any("█" in row for row in rows[1:]))

    def test_oneFarOff(self) -> None:
        """One long round trip does not put all others into one row."""
        far = self.far(count=200, interval=100 * MS)
        far.delay = lambda seq: 2.0 if seq == 7 else 0.020 + seq % 10 * 0.001
        self.report(far)
        rows = self.rows(far)
        self.assertTrue(rows[-1].endswith(" 1") or rows[-1].endswith(" 21"), rows)
        self.assertGreater(sum("█" in row for row in rows[:-1]), 8)

    def test_nothing(self) -> None:
        """Without a reply there is no histogram."""
        far = self.far()
        far.delay = lambda seq: None
        self.report(far, 0.5)
        self.assertEqual(self.rows(far), [])

    def test_readable(self) -> None:
        """The edges of rows are written like other durations."""
        far = self.far()
        self.report(far)
        self.assertIn(readable(20 * MS), self.rows(far)[0])
