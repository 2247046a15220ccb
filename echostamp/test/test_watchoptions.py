"""Tests for L{echostamp.client.watchoptions} and L{echostamp.client.probeoptions}."""

from __future__ import annotations

from echostamp.client.command import main
from echostamp.client.watch import WatchOptions
from echostamp.connect.tls import TlsFiles
from echostamp.monitor.peer import Limits, Peer
from echostamp.probe.dialers import Wish
from echostamp.probe.plan import Plan, StampPlan
from echostamp.probe.route import Route
from echostamp.test.commands import CommandCase
from echostamp.times import MILLISECOND, SECOND


class WatchOptionsTests(CommandCase):
    """
    C{echostamp watch} and its options.
    """

    def watched(self, *arguments: str) -> WatchOptions:
        """Run it, and give what would be watched."""
        self.assertEqual(main(["watch", *arguments]), 44)
        return self.watches.pop()

    def test_defaults(self) -> None:
        """Each target is a peer under the name that was typed."""
        found = self.watched("a", "stamp:b")
        plan = Plan(size=0)
        self.assertEqual(
            found,
            WatchOptions(
                (Peer("a", Wish("a", plan)), Peer("stamp:b", Wish("stamp:b", plan))),
                60 * SECOND,
            ),
        )

    def test_probes(self) -> None:
        """Options become the plan, the route and the fields of all targets."""
        options = (
            "-i20ms -W200ms -s64 --no-jitter -4 --source=192.0.2.1:7 --zone=+01:00 "
            "--ssid 7 --strict-ssid --dscp 46 --tlv cos --ptp --ttl 9 "
            "--ca=a --cert=b --key=c"
        )
        for peer in self.watched("a", "b", *options.split()).peers:
            self.assertEqual(
                peer.wish,
                Wish(
                    peer.name,
                    Plan(
                        interval=20 * MILLISECOND,
                        timeout=200 * MILLISECOND,
                        size=64,
                        jitter=False,
                    ),
                    Route(True, False, "192.0.2.1", 7),
                    StampPlan(7, 46, ("cos",), True, 9, True),
                    TlsFiles("a", "b", "c"),
                ),
            )
            self.assertEqual(peer.zone, 3600 * SECOND)

    def test_thresholds(self) -> None:
        """Thresholds are those of each target."""
        options = "--max-rtt=5ms", "--max-loss=2.5%", "--max-offset=1us"
        for peer in self.watched("a", "b", *options).peers:
            self.assertEqual(peer.limits, Limits(5 * MILLISECOND, None, 2.5, 1000))

    def test_output(self) -> None:
        """Options become the window, the deadline and the form."""
        found = self.watched("a", "--window=10s", "-w2", "--jsonl")
        self.assertEqual(found[1:], (10 * SECOND, 2 * SECOND, True, False))
        self.assertEqual(self.watched("a", "--json-strings")[3:], (True, True))

    def test_twice(self) -> None:
        """A target that is given twice is refused in one line."""
        self.assertEqual(self.ended("watch", "a", "b", "a"), 2)
        said = self.said()
        self.assertEqual(said.count("\n"), 1)
        self.assertIn("TARGET 'a' is given twice", said)

    def test_wrong(self) -> None:
        """A wrong value, or no target, is refused in one line."""
        for arguments, name in [
            ([], "TARGET"),
            (["a", "-i0"], "--interval"),
            (["a", "--window=999ms"], "'999ms' is not from 1s to 1 day"),
            (["a", "--window=25h"], "--window"),
            (["a", "--count=3"], "--count"),
            (["a", "--max-loss=101"], "--max-loss"),
        ]:
            self.assertEqual(self.ended("watch", *arguments), 2)
            said = self.said()
            self.assertEqual(said.count("\n"), 1, said)
            self.assertIn(name, said)

    def test_help(self) -> None:
        """C{--help} names the options and the keys."""
        self.assertEqual(self.ended("watch", "--help"), 0)
        for text in (
            *("--interval", "--deadline", "--timeout", "--size", "--no-jitter"),
            *("--source", "--ssid", "--zone", "--window", "--jsonl", "--max-rtt"),
            *("TARGET [TARGET ...]", "Keys:", "Ctrl-C"),
        ):
            self.assertIn(text, self.output.getvalue())
