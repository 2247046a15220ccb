"""Tests for L{echostamp.client.ping}."""

from __future__ import annotations

import errno
import io
import json
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.link import LineLink
from echostamp.client.measurement import Measurement
from echostamp.client.outcome import Outcome
from echostamp.client.ping import Manner, Route, Teller, Thresholds, ping
from echostamp.client.pinger import Plan
from echostamp.test.fakes import FakeReactor, osError
from echostamp.test.test_pinger import EPOCH, MS, SECOND, Far, FarTransport


class ThresholdsTests(SynchronousTestCase):
    """
    What must hold.
    """

    def found(self, *rtts: float | None, ahead: int = 0) -> Measurement:
        """Measure round trips, in seconds, with a far clock that is ahead."""
        far = Far(Plan(count=len(rtts), timeout=500 * MS))
        far.delay = lambda seq: rtts[seq]
        far.ahead = ahead
        far.start()
        far.run(60)
        return far.pinger.measurement

    def test_none(self) -> None:
        """Without thresholds everything holds."""
        self.assertEqual(Thresholds().failed(self.found(None, 0.4)), "")

    def test_rtt(self) -> None:
        """The longest round trip counts."""
        found = self.found(0.02, 0.03)
        self.assertEqual(Thresholds(rtt=30 * MS).failed(found), "")
        self.assertEqual(
            Thresholds(rtt=29 * MS).failed(found),
            "--max-rtt 29.000 ms: one took 30.000 ms",
        )

    def test_loss(self) -> None:
        """The share of unanswered probes counts."""
        found = self.found(0.02, None, 0.02, 0.02)
        self.assertEqual(Thresholds(loss=25).failed(found), "")
        self.assertEqual(
            Thresholds(loss=24.5).failed(found),
            "--max-loss 24.5: 25 % were not answered",
        )

    def test_offset(self) -> None:
        """All of the interval counts, on both sides."""
        for ahead in 50 * MS, -50 * MS:
            found = self.found(*[0.02] * 5, ahead=ahead)
            self.assertEqual(Thresholds(offset=65 * MS).failed(found), "")
            why = Thresholds(offset=55 * MS).failed(found)
            self.assertTrue(why.startswith("--max-offset 55.000 ms: the offset is "))

    def test_several(self) -> None:
        """Each that does not hold is named."""
        found = self.found(0.02, None, ahead=50 * MS)
        self.assertEqual(
            Thresholds(MS, 10, MS).failed(found).split("; ")[:2],
            [
                "--max-rtt 1.000 ms: one took 20.000 ms",
                "--max-loss 10: 50 % were not answered",
            ],
        )
        self.assertIn("; --max-offset 1.000 ms", Thresholds(MS, 10, MS).failed(found))

    def test_offsetThatCannotBeTold(self) -> None:
        """A clock that cannot be told is not near enough."""
        self.assertEqual(
            Thresholds(offset=SECOND).failed(Measurement()),
            "--max-offset 1.000 s: the far clock cannot be told",
        )
        far = Far(Plan())
        far.start()
        far.run(2.5)
        far.ahead = SECOND
        far.run(5)
        why = Thresholds(offset=60 * SECOND).failed(far.pinger.measurement)
        self.assertIn("cannot be told (stepped, slewed, or more than one", why)


class RouteTests(SynchronousTestCase):
    """
    By what addresses to go.
    """

    def test_kinds(self) -> None:
        """Each option leaves what goes with it, and some leave nothing."""
        for route, left in [
            (Route(), [IPv4Address, IPv6Address]),
            (Route(only4=True), [IPv4Address]),
            (Route(only6=True), [IPv6Address]),
            (Route(source="192.0.2.1"), [IPv4Address]),
            (Route(source="::1"), [IPv6Address]),
            (Route(True, False, "192.0.2.1"), [IPv4Address]),
            (Route(True, True), []),
            (Route(True, False, "::1"), []),
            (Route(False, True, "192.0.2.1"), []),
        ]:
            self.assertEqual(route.addressTypes(), left, route)

    def test_wrong(self) -> None:
        """What cannot be is refused before anything is run."""
        plan, manner = Plan(), Manner()
        for target, route, why in [
            ("far", Route(True, True), "-4, -6 and --source exclude each other"),
            ("unix:/s", Route(True), "-4, -6 and --source go with HOST:PORT"),
            ("far:0", Route(), "TARGET 'far:0': 0 is not a port from 1 to 65535"),
        ]:
            outcome = ping(FakeReactor(), target, plan, manner, Thresholds(), route)
            self.assertEqual(outcome, Outcome(2, why))


class Broken(io.StringIO):
    """
    An output that takes so many writes.
    """

    def __init__(self, takes: int) -> None:
        super().__init__()
        self.takes = takes

    def write(self, text: str) -> int:
        """Write, or fail."""
        self.takes -= 1
        if self.takes < 0:
            raise osError(errno.EPIPE)
        return super().write(text)


class TellerTests(SynchronousTestCase):
    """
    What is told, as it happens.
    """

    def begin(
        self,
        manner: Manner,
        isColoured: bool = False,
        target: str = "far:7",
        output: io.StringIO | None = None,
        peer: Any = None,
    ) -> Far:
        """Begin a run through 20 ms, of which probe 2 is lost."""
        plan = Plan(interval=100 * MS, count=5, timeout=200 * MS)
        self.output = output or io.StringIO()
        self.closings = 0
        self.teller = Teller(
            target,
            plan,
            manner,
            {"target": target},
            self.output,
            isColoured,
            self.closed,
            lambda: EPOCH + self.far.now,
        )
        self.far = Far(plan, self.teller)
        self.far.delay = lambda seq: None if seq == 2 else 0.02
        self.patch(FarTransport, "getPeer", lambda _: peer or self.address("192.0.2.1"))
        self.patch(FarTransport, "getHost", lambda _: peer or self.address("192.0.2.9"))
        self.far.start()
        return self.far

    def address(self, host: str) -> IPv4Address:
        """Make an address."""
        return IPv4Address("TCP", host, 7)

    def closed(self) -> None:
        """Nobody reads any more."""
        self.closings += 1
        self.far.pinger.stop()

    def told(self) -> list[str]:
        """Run to the end, and give the lines."""
        self.far.run(5)
        self.teller.end(self.far.pinger)
        return self.output.getvalue().splitlines()

    def test_text(self) -> None:
        """A line at the beginning, a line a probe, and the summary behind an empty
        one."""
        self.begin(Manner())
        name = "far:7 (192.0.2.1:7)"
        lines = self.told()
        answered = [f"32 bytes from {name}: seq={n} time=20.000 ms" for n in range(5)]
        self.assertEqual(
            lines[:8],
            [
                f"PING {name}: 32 bytes a message",
                *answered[:2],
                answered[3],
                "seq=2 no reply within 0.2 s",
                answered[4],
                "",
                f"--- {name} ---",
            ],
        )
        self.assertTrue(lines[-1].startswith("rtt min/avg/max/mdev = 20.000/"))

    def test_quiet(self) -> None:
        """C{-q}: nothing between the first line and the summary, whatever happens."""
        far = self.begin(Manner(isQuiet=True, hasOutstanding=True))
        far.run(0.25)
        far.transports[-1].lose(ConnectionLost())
        far.run(0.01)
        far.pinger.stop()
        lines = self.told()
        self.assertEqual(lines[1:2], [""])
        self.assertTrue(lines[2].startswith("---"))

    def test_times(self) -> None:
        """C{-D}: the time stands before each line of what happens."""
        far = self.begin(Manner(hasTimes=True, hasOutstanding=True))
        far.run(0.25)
        far.transports[-1].lose(ConnectionLost())
        far.run(2)
        seconds = EPOCH // SECOND
        head, *lines = self.output.getvalue().splitlines()
        self.assertTrue(head.startswith("PING"))
        self.assertEqual(lines[0].partition("] ")[0], f"[{seconds}.020000")
        self.assertIn(
            f"[{seconds}.250000] no connection: the connection was lost", lines
        )
        for line in lines:
            self.assertTrue(line.startswith(f"[{seconds}."), line)

    def test_outstanding(self) -> None:
        """C{-O}: what is outstanding when the next one is due."""
        self.begin(Manner(hasOutstanding=True))
        self.assertIn("no answer yet for seq=2", self.told())
        self.begin(Manner())
        self.assertNotIn("no answer yet for seq=2", self.told())

    def test_again(self) -> None:
        """A new connection is told."""
        far = self.begin(Manner())
        link = LineLink(far.pinger, far.probes)
        link.transport = far.transports[-1]
        self.teller.connected(link)
        self.assertEqual(self.told()[1], "connected again")

    def test_numeric(self) -> None:
        """C{-n}: the address alone; where the target is the address, too."""
        for manner, target in [
            (Manner(isNumeric=True), "far:7"),
            (Manner(), "192.0.2.1:7"),
        ]:
            self.begin(manner, target=target)
            self.assertEqual(self.told()[0], "PING 192.0.2.1:7: 32 bytes a message")

    def test_unix(self) -> None:
        """A UNIX socket has no address to be told."""
        self.begin(Manner(), target="unix:/s", peer=UNIXAddress(b"/s"))
        self.assertEqual(self.told()[0], "PING unix:/s (local): 32 bytes a message")

    def test_colours(self) -> None:
        """What is bad is red, the summary's head bold; without colours nothing is."""
        self.begin(Manner(), isColoured=True)
        text = "\n".join(self.told())
        self.assertIn("\x1b[31mseq=2 no reply within 0.2 s\x1b[m\n", text)
        self.assertIn("\x1b[1m--- far:7 (192.0.2.1:7) ---\x1b[m\n", text)
        self.assertEqual(text.count("\x1b["), 4)
        self.begin(Manner())
        self.assertNotIn("\x1b", "\n".join(self.told()))

    def test_histogram(self) -> None:
        """C{--histogram} stands behind the summary."""
        self.begin(Manner(hasHistogram=True))
        lines = self.told()
        self.assertIn("█ 4", "\n".join(lines))

    def test_json(self) -> None:
        """One document, and nothing else."""
        self.begin(Manner("json", hasOutstanding=True, hasTimes=True))
        self.far.run(5)
        self.assertEqual(self.output.getvalue(), "")
        found = json.loads("\n".join(self.told()))
        self.assertEqual(found["config"]["target"], "far:7")
        self.assertEqual(found["config"]["addresses"], ["192.0.2.1:7"])
        self.assertEqual(found["config"]["sources"], ["192.0.2.9:7"])
        self.assertEqual(len(found["probes"]), 5)

    def test_jsonl(self) -> None:
        """A line a probe, once, as soon as it is settled, then the summary."""
        far = self.begin(Manner("jsonl"))
        far.run(0.05)
        far.reply(far.probes.message(0))
        self.assertEqual(self.output.getvalue().count("\n"), 1)
        *probes, summary = map(json.loads, self.told())
        self.assertEqual(sorted(each["seq"] for each in probes), [0, 1, 2, 3, 4])
        self.assertEqual([each["seq"] for each in probes if each["lost"]], [2])
        self.assertEqual(summary["stats"]["duplicates"], 1)

    def test_jsonlUnderWay(self) -> None:
        """A probe that was under way at the end has a line, too."""
        far = self.begin(Manner("jsonl"))
        far.run(0.11)
        far.pinger.stop()
        *probes, summary = map(json.loads, self.told())
        self.assertEqual([each["t4"] is None for each in probes], [False, True])
        self.assertEqual(summary["stats"]["under_way"], 1)

    def test_neverConnected(self) -> None:
        """Without a connection there is nothing to sum up in text."""
        output = io.StringIO()
        teller = Teller("far", Plan(), Manner(), {}, output, False, self.fail)
        teller.end(Far(Plan()).pinger)
        self.assertEqual(output.getvalue(), "")

    def test_closedOutput(self) -> None:
        """That nobody reads any more is told once, and nothing more is written."""
        for takes in 0, 1, 3:
            output = Broken(takes)
            self.begin(Manner(), output=output)
            self.told()
            self.assertEqual(self.closings, 1)
            self.assertTrue(self.teller.isClosed)
            self.assertEqual(output.takes, -1)
