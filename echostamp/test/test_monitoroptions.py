"""Tests for L{echostamp.daemon.monitoroptions}."""

from __future__ import annotations

import os

from twisted.python.usage import UsageError

from echostamp.daemon.monitoroptions import parseBuckets
from echostamp.monitor.defaults import BUCKETS, MAX_PROBES
from echostamp.test.daemonoptions import OptionsCase, parsed
from echostamp.times import MICROSECOND, MILLISECOND, SECOND


class MonitorOptionsTests(OptionsCase):
    """
    The options of the monitor.
    """

    def test_defaults(self) -> None:
        """Without --peers nothing is watched."""
        options = parsed("--peers", "a", "--peers=/b")
        self.assertEqual(options.peersFiles, [os.path.abspath("a"), "/b"])
        self.assertEqual(options.maxProbes, MAX_PROBES)
        self.assertEqual(options.buckets, BUCKETS)
        self.assertIsNone(options.eventsFile)
        self.assertEqual(parsed().peersFiles, [])

    def test_values(self) -> None:
        """Paths are made absolute; - is standard output."""
        options = parsed("--peers=a", "--events=b", "--max-probes=7")
        self.assertEqual(options.eventsFile, os.path.abspath("b"))
        self.assertEqual(options.maxProbes, 7)
        self.assertEqual(parsed("--peers=a", "--events=-").eventsFile, "-")

    def test_goWithPeers(self) -> None:
        """The others need --peers."""
        for words in (
            ["--self=a"],
            ["--events=a"],
            ["--max-probes=5"],
            ["--rtt-buckets=1ms"],
        ):
            name = words[0].partition("=")[0]
            self.assertEqual(self.refused(*words), f"{name} goes with --peers")

    def test_noEcho(self) -> None:
        """Without an echo there is no endpoint."""
        self.assertEqual(parsed("--peers=a", "--no-echo").endpoints, [])
        self.assertEqual(parsed("--reflector=0", "--no-echo").endpoints, [])
        why = "--no-echo goes with --peers or --reflector"
        self.assertEqual(self.refused("--no-echo"), why)
        for word in "-p1", "-i127.0.0.1", "-etcp:1":
            why = self.refused("--peers=a", "--no-echo", word)
            self.assertTrue(why.endswith(" does not go with --no-echo"), why)

    def test_buckets(self) -> None:
        """Bounds of buckets are durations, ascending."""
        self.assertEqual(
            parseBuckets("10us, 1ms,2"), (10 * MICROSECOND, MILLISECOND, 2 * SECOND)
        )
        for text, why in [
            ("", "'' is not a duration"),
            ("1ms,x", "'x' is not a duration"),
            ("2ms,1ms", "each bound must be above the one before"),
            ("1ms,1ms", "each bound must be above the one before"),
            ("1ns", "'1ns' is not from 1us to 1000s"),
            (",".join(f"{n}ms" for n in range(1, 62)), "more than 60"),
        ]:
            with self.assertRaises(UsageError) as raised:
                parseBuckets(text)
            self.assertIn(f"--rtt-buckets: {why}", str(raised.exception))
