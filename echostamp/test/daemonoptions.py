"""
Command lines of the daemon, parsed for tests.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon import service
from echostamp.daemon.options import Options
from echostamp.daemon.signals import SignalService


def parsed(*arguments: str) -> Options:
    """Parse a command line."""
    options = Options()
    options.parseOptions(list(arguments))
    return options


def fakeSignals(case: SynchronousTestCase) -> dict[int, Any]:
    """Have daemons leave the signals of this process alone, and give their handlers."""
    handlers: dict[int, Any] = {}
    fake = partial(
        SignalService, setHandler=handlers.__setitem__, setMask=lambda how, which: None
    )
    case.patch(service, "SignalService", fake)
    return handlers


class OptionsCase(SynchronousTestCase):
    """
    Tests of wrong command lines.
    """

    def refused(self, *arguments: str) -> str:
        """Parse a wrong command line, and give its error, which is one line."""
        line = self.assertRaises(SystemExit, parsed, *arguments).code
        assert isinstance(line, str), f"status {line} for {arguments}"
        self.assertEqual(len(line.splitlines()), 1, line)
        self.assertTrue(line.startswith("echostamp: "), line)
        return line.removeprefix("echostamp: ")
