"""Tests for L{echostamp.daemon.reloading}."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.reloading import Reloading


class Calls:
    """
    A notifier, and files that are reloaded at once or later.

    @ivar calls: what was called.
    @ivar later: fires when the second kind of files is reloaded.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.later: Deferred[str] = Deferred()

    def reloading(self) -> None:
        """A reload begins."""
        self.calls.append("reloading")

    def ready(self) -> None:
        """It has ended."""
        self.calls.append("ready")

    def now(self) -> None:
        """Reload at once."""
        self.calls.append("now")

    def slow(self) -> Deferred[str]:
        """Reload later."""
        self.calls.append("slow")
        self.later = Deferred()
        return self.later


class ReloadingTests(SynchronousTestCase):
    """
    What happens at SIGHUP.
    """

    def setUp(self) -> None:
        """Have two kinds of files."""
        notifier: Any = Calls()
        self.found: Calls = notifier
        self.reloading = Reloading(
            notifier, [("keys", notifier.now), ("peers", notifier.slow)]
        )

    def test_notifier(self) -> None:
        """The reload ends when the last files are read."""
        self.reloading.signalled()
        self.assertEqual(self.found.calls, ["reloading", "now", "slow"])
        self.found.later.callback("2 peers")
        self.assertEqual(self.found.calls[3:], ["ready"])

    def test_again(self) -> None:
        """A reload that is asked for meanwhile comes behind, however often it was asked
        for."""
        for _ in range(3):
            self.reloading.signalled()
        self.assertEqual(self.found.calls, ["reloading", "now", "slow"])
        self.found.later.callback("")
        self.found.later.callback("")
        once = ["reloading", "now", "slow", "ready"]
        self.assertEqual(self.found.calls, once * 2)

    def test_log(self) -> None:
        """A line says what was reloaded, unless there is a line already, or has each
        mistake."""
        lines = []
        for found in "2 peers", "", ValueError("one\ntwo"), RuntimeError("fault"):
            with capturedLogs() as logged:
                self.reloading.signalled()
                if isinstance(found, str):
                    self.found.later.callback(found)
                else:
                    self.found.later.errback(found)
            self.assertEqual(self.found.calls[-1], "ready")
            lines.append([(each["log_level"], formatEvent(each)) for each in logged])
        self.flushLoggedErrors(RuntimeError)
        keys = LogLevel.info, "keys reloaded"
        self.assertEqual(
            lines,
            [
                [keys, (LogLevel.info, "peers reloaded: 2 peers")],
                [keys],
                [
                    keys,
                    (LogLevel.error, "not reloaded: one"),
                    (LogLevel.error, "not reloaded: two"),
                ],
                [keys, (LogLevel.critical, "while reloading peers")],
            ],
        )
