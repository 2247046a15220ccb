"""Tests for L{echostamp.client.output}."""

from __future__ import annotations

import errno
import io
import json
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.output import Asked, Output, OutputOptions, Probes
from echostamp.exitstatus import DONE, FAR_END_FAILED, Outcome
from echostamp.measure.result import Outage
from echostamp.probe.interfaces import Fate
from echostamp.probe.plan import Plan
from echostamp.test.fakes import osError
from echostamp.test.farends import EPOCH, MS, Far, FarTransport
from echostamp.times import SECOND


class Broken(io.StringIO):
    """
    An output that fails after some writes.
    """

    def __init__(self, takes: int) -> None:
        """
        @param takes: how many writes succeed.
        """
        super().__init__()
        self.takes = takes

    def write(self, text: str) -> int:
        """Write, or fail."""
        self.takes -= 1
        if self.takes < 0:
            raise osError(errno.EPIPE)
        return super().write(text)


class FakeLink:
    """
    A link to an address.
    """

    source = "192.0.2.9:7"

    def __init__(self, address: str) -> None:
        self.address = address


class OutputTests(SynchronousTestCase):
    """
    Tests for what the command writes, as it happens and at the end.
    """

    def begin(
        self,
        options: OutputOptions,
        isColoured: bool = False,
        target: str = "far:7",
        output: Any = None,
        peer: Any = None,
        count: int = 5,
    ) -> Far:
        """Begin a run with round trips of 20 ms; probe 2 is lost."""
        plan = Plan(interval=100 * MS, count=count, timeout=200 * MS)
        self.output = output or io.StringIO()
        self.closings = 0
        self.out = Output(
            Asked(target, plan, "message", {"target": target}),
            options,
            self.output,
            isColoured,
            self.closed,
            lambda: EPOCH + self.far.now,
        )
        self.far = Far(plan, self.out)
        self.far.delay = lambda seq: None if seq == 2 else 0.02
        self.patch(FarTransport, "getPeer", lambda _: peer or self.address("192.0.2.1"))
        self.patch(FarTransport, "getHost", lambda _: peer or self.address("192.0.2.9"))
        self.far.start()
        return self.far

    def address(self, host: str) -> IPv4Address:
        """Make an address."""
        return IPv4Address("TCP", host, 7)

    def closed(self) -> None:
        """Count the failures of the output, and stop."""
        self.closings += 1
        self.far.prober.stop()

    def end(self) -> None:
        """Write the results of the run."""
        prober = self.far.prober
        probes = Probes(prober.measurement.store, prober.inFlight())
        self.out.end(prober.result(self.out.rows), probes, Outcome(DONE))

    def finish(self) -> list[str]:
        """Run to the end, and give the lines that were written."""
        self.far.run(5)
        self.end()
        text: str = self.output.getvalue()
        return text.splitlines()

    def test_text(self) -> None:
        """There is a first line, a line for each probe, an empty line, and the
        summary."""
        self.begin(OutputOptions())
        name = "far:7 (192.0.2.1:7)"
        lines = self.finish()
        start = "32 bytes from 192.0.2.1:7: seq="
        answered = [f"{start}{n} time=20.000 ms" for n in range(5)]
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
        """With C{-q} there is nothing between the first line and the summary."""
        far = self.begin(OutputOptions(isQuiet=True, hasOutstanding=True))
        far.run(0.25)
        far.transports[-1].lose(ConnectionLost())
        far.run(0.01)
        far.prober.stop()
        lines = self.finish()
        self.assertEqual(lines[1:2], [""])
        self.assertTrue(lines[2].startswith("---"))

    def test_times(self) -> None:
        """With C{-D} each line about an event begins with its time."""
        far = self.begin(OutputOptions(hasTimes=True, hasOutstanding=True))
        far.run(0.25)
        far.transports[-1].lose(ConnectionLost())
        far.run(2)
        seconds = EPOCH // SECOND
        head, *lines = self.output.getvalue().splitlines()
        self.assertTrue(head.startswith("PING"))
        self.assertEqual(lines[0].partition("] ")[0], f"[{seconds}.020000")
        self.assertIn(
            f"[{seconds}.250000] no connection: the connection was lost "
            "(1 lost in flight)",
            lines,
        )
        for line in lines:
            self.assertTrue(line.startswith(f"[{seconds}."), line)

    def test_outstanding(self) -> None:
        """With C{-O} there is a line if a probe is unanswered when the next is due."""
        self.begin(OutputOptions(hasOutstanding=True))
        self.assertIn("no answer yet for seq=2", self.finish())
        self.begin(OutputOptions())
        self.assertNotIn("no answer yet for seq=2", self.finish())

    def test_again(self) -> None:
        """While the connection is away, there are two lines: when and why it was lost,
        and when it was made again.  The number goes on over what was due."""
        far = self.begin(OutputOptions(), count=30)
        far.delay = lambda seq: None if seq == 1 else 0.02
        far.run(0.13)
        far.transports[-1].lose(ConnectionLost())
        far.run(2)
        far.accept()
        self.assertEqual(
            self.finish()[2:5],
            [
                "no connection: the connection was lost (1 lost in flight)",
                "connected again after 2.000 s, 20 not sent",
                "32 bytes from 192.0.2.1:7: seq=22 time=20.000 ms",
            ],
        )

    def test_counter(self) -> None:
        """On a terminal, what is not sent is counted in one place, with the reason why
        the last attempt to connect failed."""
        output = io.StringIO()
        output.isatty = lambda: True  # type: ignore[method-assign]
        far = self.begin(OutputOptions(), output=output)
        far.run(0.05)
        far.transports[-1].lose(ConnectionLost())
        outage = Outage(EPOCH, 0, "gone", 1)
        for count, error in (1, ""), (2, "Connection refused"), (3, "x" * 99):
            self.out.skipped(7, outage._replace(skipped=count, error=error), False)
        self.out.skipped(8, None, False)
        clear = f"\r{' ' * 79}\r"
        *_, text = self.finishedText().split("\n", 2)
        self.assertTrue(
            text.startswith(
                "no connection: the connection was lost\n1 not sent"
                f"{clear}2 not sent: Connection refused"
                f"{clear}3 not sent: {'x' * 67}{clear}"
            ),
            text,
        )

    def finishedText(self) -> str:
        """Run to the end, and give what was written."""
        self.finish()
        return str(self.output.getvalue())

    def test_waiting(self) -> None:
        """Before the first connection, the reason is written once."""
        self.begin(OutputOptions())
        for why in "Connection refused", "Connection refused", "timed out":
            self.out.waiting(why)
        self.assertIn("\nno connection yet: Connection refused\n", self.finishedText())
        self.assertEqual(self.finishedText().count("yet"), 1)

    def test_numeric(self) -> None:
        """With C{-n} the far end is named by its address only.  So is a target that is
        an address."""
        for options, target in [
            (OutputOptions(isNumeric=True), "far:7"),
            (OutputOptions(), "192.0.2.1:7"),
        ]:
            self.begin(options, target=target)
            self.assertEqual(self.finish()[0], "PING 192.0.2.1:7: 32 bytes a message")

    def test_unix(self) -> None:
        """A UNIX socket has the address C{local}."""
        self.begin(OutputOptions(), target="unix:/s", peer=UNIXAddress(b"/s"))
        self.assertEqual(self.finish()[0], "PING unix:/s (local): 32 bytes a message")

    def test_colours(self) -> None:
        """Lines about losses are red, and the head of the summary is bold, but only
        with colours."""
        self.begin(OutputOptions(), isColoured=True)
        text = "\n".join(self.finish())
        self.assertIn("\x1b[31mseq=2 no reply within 0.2 s\x1b[m\n", text)
        self.assertIn("\x1b[1m--- far:7 (192.0.2.1:7) ---\x1b[m\n", text)
        self.assertEqual(text.count("\x1b["), 4)
        self.begin(OutputOptions())
        self.assertNotIn("\x1b", "\n".join(self.finish()))

    def test_otherEncodings(self) -> None:
        """If the output's encoding lacks a character, another one is written."""
        output = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
        options = OutputOptions(isVerbose=True, hasHistogram=True)
        self.begin(options, output=output).delay = lambda seq: 0.0002
        self.far.run(5)
        self.end()
        output.seek(0)
        text = output.read()
        self.assertFalse(self.out.isClosed)
        self.assertIn("\nus       ", text)
        self.assertIn(" ##", text)

    def test_histogram(self) -> None:
        """With C{--histogram} the histogram follows the summary."""
        self.begin(OutputOptions(hasHistogram=True))
        lines = self.finish()
        self.assertIn("█ 4", "\n".join(lines))

    def test_json(self) -> None:
        """With C{--json} there is one document, and nothing else."""
        self.begin(OutputOptions("json", hasOutstanding=True, hasTimes=True))
        self.far.run(5)
        self.assertEqual(self.output.getvalue(), "")
        found = json.loads("\n".join(self.finish()))
        self.assertEqual(found["config"]["target"], "far:7")
        self.assertEqual(found["config"]["addresses"], ["192.0.2.1:7"])
        self.assertEqual(found["config"]["sources"], ["192.0.2.9:7"])
        self.assertEqual(len(found["probes"]), 5)

    def test_jsonl(self) -> None:
        """With C{--jsonl} there is a line for each probe when its fate is known, and
        then the summary."""
        far = self.begin(OutputOptions("jsonl"))
        far.run(0.05)
        far.reply(far.messages.message(0))
        self.assertEqual(self.output.getvalue().count("\n"), 1)
        *probes, summary = map(json.loads, self.finish())
        self.assertEqual(sorted(each["seq"] for each in probes), [0, 1, 2, 3, 4])
        self.assertEqual([each["seq"] for each in probes if each["lost"]], [2])
        self.assertEqual(summary["stats"]["duplicates"], 1)

    def test_jsonlInFlight(self) -> None:
        """A probe in flight at the end has a line, too."""
        far = self.begin(OutputOptions("jsonl"))
        far.run(0.11)
        far.prober.stop()
        *probes, summary = map(json.loads, self.finish())
        self.assertEqual([each["t4"] is None for each in probes], [False, True])
        self.assertEqual(summary["stats"]["under_way"], 1)

    def test_untimed(self) -> None:
        """A probe that was answered and has no RTT is reported as such."""
        self.begin(OutputOptions())
        probe = next(iter(self.far.prober.inFlight()))
        self.out.settled(probe, Fate.UNTIMED)
        self.assertIn(
            "seq=0 answered, but the RTT is not known\n", self.output.getvalue()
        )

    def test_manyAddresses(self) -> None:
        """Of a far end that has ever other addresses the last ones are kept."""
        self.begin(OutputOptions("json"))
        for each in range(250):
            link: Any = FakeLink(f"192.0.2.{each}:7")
            self.out.connected(link)
        config = json.loads("\n".join(self.finish()))["config"]
        self.assertEqual(len(config["addresses"]), 100)
        self.assertEqual(config["addresses"][-1], "192.0.2.249:7")

    def test_neverConnected(self) -> None:
        """If there was no connection, there is no summary in text."""
        output = io.StringIO()
        out = Output(Asked("far", Plan()), OutputOptions(), output, False, self.fail)
        out.end(Far(Plan()).prober.result(), Probes(), Outcome(FAR_END_FAILED))
        self.assertEqual(output.getvalue(), "")

    def test_closedOutput(self) -> None:
        """A failure of the output is reported once, and nothing more is written."""
        for takes in 0, 1, 3:
            output = Broken(takes)
            self.begin(OutputOptions(), output=output)
            self.finish()
            self.assertEqual(self.closings, 1)
            self.assertTrue(self.out.isClosed)
            self.assertEqual(output.takes, -1)
