"""
Command lines of the daemon, parsed for tests.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.options import Options


def parsed(*arguments: str) -> Options:
    """Parse a command line."""
    options = Options()
    options.parseOptions(list(arguments))
    return options


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
