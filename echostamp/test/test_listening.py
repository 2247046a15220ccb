"""Tests for L{echostamp.listen.listening}."""

from __future__ import annotations

import os

from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.interfaces import IListeningPort
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from echostamp.listen.listening import ListeningService, PreparedPort, acceptWaiting
from echostamp.listen.sockets import ACCEPT_BACKLOG
from echostamp.test.fakes import FakePort


class ListeningServiceTests(SynchronousTestCase):
    """
    The service listens while it runs.
    """

    def setUp(self) -> None:
        """Prepare two ports, and record the log."""
        self.log = EventLoggingObserver()
        globalLogPublisher.addObserver(self.log)
        self.addCleanup(globalLogPublisher.removeObserver, self.log)
        self.ports: list[FakePort] = []
        self.accepted: list[object] = []
        self.service = ListeningService(
            [
                self.prepared(IPv6Address("TCP", "::", 8002)),
                self.prepared(UNIXAddress("/run/a\nb")),
            ],
            self.accepted.append,
        )

    def prepared(self, address: object) -> PreparedPort:
        """Prepare a port that is recorded when it listens."""

        def listen() -> IListeningPort:
            port = FakePort(address)
            port.startListening()
            self.ports.append(port)
            return port

        return PreparedPort(
            listen, lambda port: self.accepted.extend(["closing", port])
        )

    @property
    def lines(self) -> list[str]:
        """The lines of the log."""
        return [formatEvent(event) for event in self.log]

    def test_nothingListensBeforeTheStart(self) -> None:
        """A service that has not started does not listen."""
        self.assertEqual(self.ports, [])

    def test_listensWithPrivileges(self) -> None:
        """C{twistd} starts it with privileges; it listens then, and only once."""
        self.service.privilegedStartService()
        self.assertEqual([port.isListening for port in self.ports], [True, True])
        self.service.startService()
        self.assertEqual(len(self.ports), 2)
        self.assertTrue(self.service.running)

    def test_listensWithoutPrivileges(self) -> None:
        """C{twist} starts it without privileges; it listens then, too."""
        self.service.startService()
        self.assertEqual([port.isListening for port in self.ports], [True, True])

    def test_logSaysWhereItListens(self) -> None:
        """The log names each address; a file's name cannot forge a line."""
        self.service.startService()
        self.assertEqual(
            self.lines, ["listening on [::]:8002", r"listening on '/run/a\nb'"]
        )

    def test_stops(self) -> None:
        """A stopped service does not listen.  No new connection comes, then those that
        wait are accepted."""
        self.service.startService()
        self.successResultOf(self.service.stopService())
        one, other = self.ports
        expected = ["closing", one, one, "closing", other, other]
        self.assertEqual(self.accepted, expected)
        self.assertEqual([port.isListening for port in self.ports], [False, False])
        self.assertFalse(self.service.running)

    def test_stopsWithoutHavingStarted(self) -> None:
        """A service that has not started can be stopped."""
        self.assertEqual(self.successResultOf(self.service.stopService()), [])


class FakeAcceptingPort:
    """
    A port at which connections wait: each is an octet in a pipe.
    """

    def __init__(self, waiting: int) -> None:
        """
        @param waiting: how many connections wait.
        """
        self._reader, self._writer = os.pipe()
        os.write(self._writer, bytes(waiting))
        self.accepted = 0

    def fileno(self) -> int:
        """Give the descriptor that can be read while connections wait."""
        return self._reader

    def doRead(self) -> None:
        """Accept one connection."""
        self.accepted += len(os.read(self._reader, 1))

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._reader)
        os.close(self._writer)


class AcceptWaitingTests(SynchronousTestCase):
    """
    Waiting connections are accepted.
    """

    def accepted(self, waiting: int) -> int:
        """Accept, and give how many were accepted."""
        port = FakeAcceptingPort(waiting)
        self.addCleanup(port.close)
        acceptWaiting(port)
        return port.accepted

    def test_all(self) -> None:
        """All connections that wait are accepted, and then it does not block."""
        for waiting in 0, 1, 7:
            self.assertEqual(self.accepted(waiting), waiting)

    def test_flood(self) -> None:
        """Their number is limited, since a flood has no end."""
        self.assertEqual(self.accepted(ACCEPT_BACKLOG + 5), ACCEPT_BACKLOG)
