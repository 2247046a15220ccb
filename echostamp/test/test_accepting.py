"""Tests for L{echostamp.listen.accepting}."""

from __future__ import annotations

import errno
import os
from collections import deque
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.accepting import (
    MOST_FAILED,
    NO_ROOM_PAUSE,
    ListeningSocket,
    portName,
)
from echostamp.test.fakes import FakeReactor, osError

#: Errors of one connection, as accept(2) lists them.
FAILED = (
    errno.ECONNABORTED,
    errno.EPERM,
    *(errno.ENETDOWN, errno.EPROTO, errno.ENOPROTOOPT, errno.EHOSTDOWN),
    *(errno.ENONET, errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ENETUNREACH),
)


class FakeListener:
    """
    A listening socket whose C{accept} gives what a test has put there.
    """

    def __init__(self) -> None:
        self.results: deque[Any] = deque()

    def accept(self) -> Any:
        """Give the next result, or raise it."""
        result = self.results.popleft() if self.results else osError(errno.EAGAIN)
        if isinstance(result, OSError):
            raise result
        return result

    def fileno(self) -> int:
        """Give a number."""
        return 7


class FakePort:
    """
    A port that listens.
    """

    def __init__(self, address: object) -> None:
        self.socket: Any = FakeListener()
        self.connected = True
        self.isRead = True
        self._address = address

    def getHost(self) -> object:
        """Give the address."""
        return self._address

    def stopReading(self) -> None:
        """Note it."""
        self.isRead = False

    def startReading(self) -> None:
        """Note it."""
        self.isRead = True


class ListeningSocketTests(SynchronousTestCase):
    """
    Errors of C{accept}.
    """

    def setUp(self) -> None:
        """Make a port."""
        self.reactor = FakeReactor()
        self.port: Any = FakePort(IPv4Address("TCP", "192.0.2.1", 7))
        self.listener = self.port.socket
        self.lines: list[tuple[str, str]] = []
        ListeningSocket(self.reactor, self.port, self.write)

    def write(self, kind: str, format: str, **fields: object) -> None:
        """Keep the line."""
        self.lines.append((kind, format.format(**fields)))

    def assertNothing(self) -> None:
        """Assert that the port sees no connection, and no error."""
        self.assertRaises(BlockingIOError, self.port.socket.accept)

    def test_accepts(self) -> None:
        """A connection is accepted.  What else the port asks of its socket is the
        socket's."""
        self.listener.results.append(("socket", "address"))
        self.assertEqual(self.port.socket.accept(), ("socket", "address"))
        self.assertNothing()
        self.assertEqual(self.port.socket.fileno(), 7)
        self.assertEqual((self.lines, self.port.isRead), ([], True))

    def test_noRoom(self) -> None:
        """Where there is no room, or another error lasts, a line says so, and the port
        waits."""
        noRoom = errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM
        for number in *noRoom, errno.EINVAL, errno.EACCES, errno.ENOSYS:
            self.setUp()
            for _ in "123":
                self.listener.results.append(osError(number))
                self.assertNothing()
            self.assertFalse(self.port.isRead)
            why = os.strerror(number)
            self.assertEqual(
                self.lines,
                [
                    (
                        "connections that cannot be accepted",
                        f"cannot accept at 192.0.2.1:7: {why}; trying again in 1 s",
                    )
                ],
            )
            self.reactor.advance(NO_ROOM_PAUSE)
            self.assertTrue(self.port.isRead)
            self.listener.results.append(osError(number))
            self.assertNothing()
            self.assertEqual(len(self.lines), 2)

    def test_portStops(self) -> None:
        """A port that has stopped meanwhile does not listen again."""
        self.listener.results.append(osError(errno.EMFILE))
        self.assertNothing()
        self.port.connected = False
        self.reactor.advance(NO_ROOM_PAUSE)
        self.assertFalse(self.port.isRead)

    def test_failedConnections(self) -> None:
        """A connection that has failed before it is accepted is none."""
        for number in FAILED:
            for result in osError(number), ("socket", "address"):
                self.listener.results += [result] * MOST_FAILED
            for _ in range(MOST_FAILED):
                self.assertNothing()
            for _ in range(MOST_FAILED):
                self.assertTrue(self.port.socket.accept())
        self.assertEqual((self.lines, self.port.isRead), ([], True))

    def test_manyFailedConnections(self) -> None:
        """Connections that all fail are not accepted without a pause.  There is none
        where the next one succeeds, or where none is left."""
        failures = [osError(errno.EPROTO)] * MOST_FAILED
        for result in ("socket", "address"), osError(errno.EAGAIN):
            self.listener.results += [*failures, result]
        for _ in range(MOST_FAILED):
            self.assertNothing()
        self.port.socket.accept()
        for _ in range(MOST_FAILED + 1):
            self.assertNothing()
        self.assertEqual((self.lines, self.port.isRead), ([], True))
        self.listener.results += [*failures, osError(errno.EPROTO)]
        for _ in range(MOST_FAILED + 1):
            self.assertNothing()
        self.assertEqual(len(self.lines), 1)
        self.assertFalse(self.port.isRead)

    def test_names(self) -> None:
        """A port is named by its address, or the path of its socket."""
        self.assertEqual(portName(self.port), "192.0.2.1:7")
        local: Any = FakePort(UNIXAddress("/run/s"))
        self.assertEqual(portName(local), "'/run/s'")
