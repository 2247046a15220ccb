"""Tests for L{echostamp.daemon.historyoptions}."""

from __future__ import annotations

import os

from echostamp.test.daemonoptions import OptionsCase, parsed

#: A day, in seconds.
DAY = 86_400


class HistoryOptionsTests(OptionsCase):
    """
    The options of the history.
    """

    def test_defaults(self) -> None:
        """Without --history nothing is kept; the path is made absolute."""
        self.assertIsNone(parsed("--peers=a").historyFile)
        options = parsed("--peers=a", "--history=b")
        self.assertEqual(options.historyFile, os.path.abspath("b"))
        times = 7 * DAY, 730 * DAY, 3650 * DAY, 730 * DAY
        self.assertEqual(options.historyTimes, times)

    def test_times(self) -> None:
        """How long things are kept are durations, of seconds where there is no unit."""
        options = parsed(
            *("--peers=a", "--history=b", "--history-minutes=36h"),
            *("--history-hours=1.5d", "--history-days=36500d", "--history-events=3600"),
        )
        times = 3 * DAY // 2, 3 * DAY // 2, 36_500 * DAY, 3600
        self.assertEqual(options.historyTimes, times)

    def test_goesWith(self) -> None:
        """--history needs --peers, and the others need --history."""
        for words, needed in (
            (["--history=a"], "--peers"),
            (["--peers=a", "--history-minutes=1d"], "--history"),
            (["--peers=a", "--history-hours=1d"], "--history"),
            (["--peers=a", "--history-days=1d"], "--history"),
            (["--peers=a", "--history-events=1d"], "--history"),
        ):
            name = words[-1].partition("=")[0]
            self.assertEqual(self.refused(*words), f"{name} goes with {needed}")

    def test_wrong(self) -> None:
        """A wrong value is named, and what it may be."""
        bounds = "is not from 1 hour to 36500 days"
        for text, why in (
            ("x", "'x' is not a duration such as 0.5, 200ms, 1s or 2h"),
            ("7w", "'7w' is not a duration such as 0.5, 200ms, 1s or 2h"),
            ("59m", f"'59m' {bounds}"),
            ("36501d", f"'36501d' {bounds}"),
        ):
            for name in "minutes", "hours", "days", "events":
                word = f"--history-{name}"
                refused = self.refused("--peers=a", "--history=b", f"{word}={text}")
                self.assertEqual(refused, f"{word}: {why}")
        why = self.refused("--peers=a", "--history=")
        self.assertEqual(why, "--history '': not the path of a file")
