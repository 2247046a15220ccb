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
    What is said at the end of a command.
    """

    def setUp(self) -> None:
        """Note it."""
        self.errors = io.StringIO()
        self.patch(sys, "stderr", self.errors)

    def test_oneLine(self) -> None:
        """What is said is one printable line, whatever is in it."""
        self.assertEqual(said(Outcome(2, "a\nb\x1b[2J")), 2)
        self.assertEqual(self.errors.getvalue(), "echostamp: a\\nb\\x1b[2J\n")

    def test_standardErrorThatCannotBeWritten(self) -> None:
        """It changes nothing about how it ends."""

        class Full(io.StringIO):
            def write(self, text: str) -> int:
                raise osError(errno.ENOSPC)

        for stderr in Full(), None:
            self.patch(sys, "stderr", stderr)
            self.assertEqual(said(Outcome(1, "no")), 1)

    def test_nothingToSay(self) -> None:
        """An end as it should be says nothing."""
        self.assertEqual(said(Outcome(0)), 0)
        self.assertEqual(said(Outcome(130)), 130)
        self.assertEqual(self.errors.getvalue(), "")
