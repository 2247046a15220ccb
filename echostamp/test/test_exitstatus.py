"""Tests for L{echostamp.exitstatus}."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys

from twisted.trial.unittest import SynchronousTestCase

from echostamp.exitstatus import PIPE_CLOSED, Outcome, outputFailed, said
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


class FakePoll:
    """
    Reports an event of a descriptor.
    """

    def __init__(self, event: int) -> None:
        self.event = event

    def register(self, descriptor: int, events: int) -> None:
        """Take standard output only."""
        assert (descriptor, events) == (1, 0)

    def poll(self, timeout: int) -> list[tuple[int, int]]:
        """Give the event, if there is one."""
        return [(1, self.event)] if self.event else []


class OutputFailedTests(SynchronousTestCase):
    """
    Tests for the end of a command whose output cannot be written.
    """

    def test_readerIsGone(self) -> None:
        """Where the reader of a pipe is gone, SIGPIPE ends the process."""
        self.patch(select, "poll", lambda: FakePoll(select.POLLERR))
        outcome = outputFailed(2)
        self.assertEqual(outcome, Outcome(PIPE_CLOSED))
        killed = []
        self.patch(signal, "signal", lambda *args: killed.append(args))
        self.patch(os, "kill", lambda *args: killed.append(args))
        self.assertEqual(said(outcome), 141)
        self.assertEqual(
            killed,
            [(signal.SIGPIPE, signal.SIG_DFL), (os.getpid(), signal.SIGPIPE)],
        )

    def test_full(self) -> None:
        """Otherwise there is a line, and the command's own status."""
        for event in 0, select.POLLNVAL:
            self.patch(select, "poll", lambda event=event: FakePoll(event))
            self.assertEqual(
                outputFailed(1), Outcome(1, "standard output was closed, or is full")
            )
