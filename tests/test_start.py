"""What the C{echostamp} command loads when it starts."""

from __future__ import annotations

import re
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.harness import Daemon, run

#: Packages and modules that take long to import, and that one probe or a pipe of lines
#: does not need.
HEAVY = (
    *("automat", "importlib.metadata", "multiprocessing"),
    *("prompt_toolkit", "secrets", "statistics", "twisted.application", "zoneinfo"),
    *("echostamp.daemon", "echostamp.listen"),
)


class LoadedTests(SynchronousTestCase):
    """
    Modules that are loaded, from the command to its end.
    """

    def loaded(self, *arguments: str, stdin: bytes = b"") -> set[str]:
        """
        Run the command, and give the names of all modules that it loads, without those
        that Python loads by itself: where coverage is measured, coverage's.
        """
        names = self.imported("-m", "echostamp", *arguments, stdin=stdin)
        self.assertIn("echostamp.client.command", names)
        return names - self.imported("-c", "")

    def imported(self, *arguments: str, stdin: bytes = b"") -> set[str]:
        """Run Python, and give the names of all modules that it loads."""
        done = run(sys.executable, "-X", "importtime", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done)
        found = re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr.decode(), re.M)
        return set(found)

    def assertNone(self, loaded: set[str], *packages: str) -> None:
        """Assert that no module of these packages is loaded."""
        found = [
            each
            for each in sorted(loaded)
            if any(f"{each}.".startswith(f"{package}.") for package in packages)
        ]
        self.assertEqual(found, [])

    def test_ping(self) -> None:
        """C{ping} over the line protocol loads nothing of C{talk}, of STAMP's packets
        and of windows, and none of what takes long."""
        loaded = self.loaded("ping", "-c1", f"127.0.0.1:{Daemon(self).port}")
        stamp = {each for each in loaded if each.startswith("echostamp.rfc8762.")}
        self.assertEqual(stamp, {"echostamp.rfc8762.findings"})
        windows = "echostamp.probe.windowedprobes", "echostamp.measure.windows"
        self.assertNone(loaded, *HEAVY, *windows, "echostamp.talk", "encodings.idna")

    def test_talk(self) -> None:
        """C{talk} in a pipe loads nothing of C{ping}, and none of what takes long."""
        target = f"127.0.0.1:{Daemon(self).port}"
        loaded = self.loaded("talk", target, stdin=b"hello\n")
        rooms = "echostamp.measure", "echostamp.report", "echostamp.rfc8762"
        self.assertNone(loaded, *HEAVY, *rooms, "echostamp.probe.prober")

    def test_help(self) -> None:
        """The help loads neither Twisted nor the commands' own modules."""
        rooms = "echostamp.talk", "echostamp.report", "echostamp.measure"
        for command in [], ["ping"], ["talk"]:
            loaded = self.loaded(*command, "--help")
            self.assertNone(loaded, *HEAVY, "twisted", "zope", *rooms)
