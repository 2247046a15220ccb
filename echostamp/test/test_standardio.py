"""Tests for L{echostamp.client.standardio}."""

from __future__ import annotations

import errno
import fcntl
import os

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.standardio import unusableStandardIO
from echostamp.test.fakes import osError


class UnusableTests(SynchronousTestCase):
    """
    Standard input and output that cannot be used.
    """

    def test_closedDescriptors(self) -> None:
        """A closed descriptor is named."""
        real = fcntl.fcntl
        for closed, name in (0, "standard input"), (1, "standard output"):

            def flags(fd: int, command: int, closed: int = closed) -> int:
                if fd == closed:
                    raise osError(errno.EBADF)
                return real(fd, command)

            self.patch(fcntl, "fcntl", flags)
            self.assertEqual(
                unusableStandardIO(), f"{name}: {os.strerror(errno.EBADF)}"
            )

    def test_descriptorsForTheOtherDirection(self) -> None:
        """Standard input that is open only for writing, or standard output only for
        reading, cannot be used."""
        for mode, why in [
            (os.O_WRONLY, "standard input: not open for reading"),
            (os.O_RDONLY, "standard output: not open for writing"),
        ]:
            self.patch(fcntl, "fcntl", lambda fd, command, mode=mode: mode)
            self.assertEqual(unusableStandardIO(), why)
