"""Tests for L{echostamp.exitstatus}."""

from __future__ import annotations

import errno
import io
import sys

from twisted.trial.unittest import SynchronousTestCase

from echostamp.exitstatus import Outcome, said
from echostamp.test.fakes import osError


class SaidTests(SynchronousTestCase):
    """
    The line on standard error at the end of a command.
    """

    def setUp(self) -> None:
        """Keep what is written to standard error."""
        self.errors = io.StringIO()
        self.patch(sys, "stderr", self.errors)

    def test_oneLine(self) -> None:
        """It is one printable line, whatever it contains."""
        self.assertEqual(said(Outcome(2, "a\nb\x1b[2J")), 2)
        self.assertEqual(self.errors.getvalue(), "echostamp: a\\nb\\x1b[2J\n")

    def test_standardErrorThatCannotBeWritten(self) -> None:
        """The status stays the same if standard error cannot be written."""

        class Full(io.StringIO):
            def write(self, text: str) -> int:
                raise osError(errno.ENOSPC)

        for stderr in Full(), None:
            self.patch(sys, "stderr", stderr)
            self.assertEqual(said(Outcome(1, "no")), 1)

    def test_nothingToSay(self) -> None:
        """An outcome without a line writes nothing."""
        self.assertEqual(said(Outcome(0)), 0)
        self.assertEqual(said(Outcome(130)), 130)
        self.assertEqual(self.errors.getvalue(), "")
