"""Tests for L{echostamp.monitor.lowports}."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.lowports import checkSourcePort


class LowPortTests(SynchronousTestCase):
    """
    Which ports this process may send from.
    """

    def setUp(self) -> None:
        """Bind no real sockets."""
        self.error = 0
        self.bound: list[int] = []
        self.patch(socket.socket, "bind", self.bind)

    def bind(self, address: Any) -> None:
        """Fail as the system does."""
        self.bound.append(address[1])
        if self.error:
            raise OSError(self.error, os.strerror(self.error))

    def test_low(self) -> None:
        """A low port is tried."""
        checkSourcePort(862)
        self.error = errno.EADDRINUSE
        checkSourcePort(862)
        self.error = errno.EACCES
        error = self.assertRaises(ValueError, checkSourcePort, 862)
        self.assertEqual(str(error), "source: this user may not send from port 862")
        self.assertEqual(self.bound, [862] * 3)

    def test_others(self) -> None:
        """Other ports are not tried."""
        checkSourcePort(0)
        checkSourcePort(1024)
        self.assertEqual(self.bound, [])
