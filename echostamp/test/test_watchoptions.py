"""Tests for L{echostamp.client.watchoptions} and L{echostamp.client.probeoptions}."""

from __future__ import annotations

from pathlib import Path

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

    def test_peers(self) -> None:
        """The peers of files are watched, too, each with its own settings."""
        path = Path(self.mktemp())
        path.write_text(
            'interval = 2\n[peer.b]\ntarget = "far"\n[peer.c]\ntarget="x"\n'
        )
        found = self.watched("a", "-i5", f"--peers={path}", "--self=c").peers
        self.assertEqual(
            [(each.name, each.wish.plan.interval) for each in found],
            [("a", 5 * SECOND), ("b", 2 * SECOND)],
        )
        found = self.watched(f"--peers={path}").peers
        self.assertEqual([each.name for each in found], ["b", "c"])

    def test_wrongPeers(self) -> None:
        """Each mistake in a file is a line, and so is a target that is in it."""
        path = Path(self.mktemp())
        path.write_text('[peer.b]\ntarget = "x:y"\n[peer.c]\nttl = 9\n')
        self.assertEqual(main(["watch", f"--peers={path}"]), 2)
        said = self.said().splitlines()
        self.assertEqual(len(said), 2)
        self.assertTrue(all("peer '" in line for line in said), said)
        path.write_text('[peer.b]\ntarget = "x"\n')
        self.assertEqual(main(["watch", "b", f"--peers={path}"]), 2)
        self.assertIn("TARGET 'b' is in the files, too", self.said())

    def test_check(self) -> None:
        """C{--check} prints what there is to watch, and ends."""
        path = Path(self.mktemp())
        path.write_text('[peer.b]\ntarget = "x"\n')
        self.assertEqual(main(["watch", "a", f"--peers={path}", "--check"]), 0)
        first, second, *_, last = self.output.getvalue().splitlines()
        self.assertEqual(first, "a: a, every 1s")
        self.assertEqual(second, "b: x, every 1s")
        self.assertEqual(last, "ok")

    def test_wrong(self) -> None:
        """A wrong value, or no target, is refused in one line."""
        for arguments, name in [
            ([], "TARGET or --peers is missing"),
            (["a", "--self=b"], "--self goes with --peers"),
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
            *("[TARGET ...]", "--peers", "Keys:", "Ctrl-C"),
        ):
            self.assertIn(text, self.output.getvalue())
