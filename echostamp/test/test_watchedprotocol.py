"""Tests for L{echostamp.listen.watchedprotocol}."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    ILoggingContext,
    IProtocol,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from echostamp.listen.watchedprotocol import HalfCloseable, WatchedProtocol


class Recorder(Protocol):
    """
    Records what it gets.
    """

    def __init__(self) -> None:
        self.events: list[object] = []

    def connectionMade(self) -> None:
        """Record the transport."""
        self.events.append(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Record the data."""
        self.events.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Record the end."""
        self.events.append(reason)

    def logPrefix(self) -> str:
        """Give a name."""
        return "recorder"


@implementer(IHalfCloseableProtocol)
class HalfCloseableRecorder(Recorder):
    """
    The same with half-close.
    """

    def readConnectionLost(self) -> None:
        """Record the end of the input."""
        self.events.append("read")

    def writeConnectionLost(self) -> None:
        """Record the end of the output."""
        self.events.append("write")


class Watched(WatchedProtocol):
    """
    Records the end.
    """

    __slots__ = ("ends",)

    def __init__(self, protocol: Recorder) -> None:
        super().__init__(protocol)
        self.ends: list[object] = []

    def ended(self, reason: Failure) -> None:
        """Record what the protocol has seen until now."""
        self.ends.append(list(self.protocol.events))


class HalfCloseableWatched(HalfCloseable, Watched):
    """
    The same with half-close.
    """

    __slots__ = ()


class WatchedProtocolTests(SynchronousTestCase):
    """
    A stand-in learns of the end of a connection.
    """

    def test_everythingIsPassedOn(self) -> None:
        """The protocol gets the transport itself, the data and the end; then the
        stand-in learns of the end, once."""
        inner = Recorder()
        watched = Watched(inner)
        verifyObject(IProtocol, watched)
        verifyObject(ILoggingContext, watched)
        transport = StringTransport()
        watched.makeConnection(transport)
        watched.dataReceived(b"a")
        self.assertEqual(watched.ends, [])
        reason = Failure(ConnectionDone())
        watched.connectionLost(reason)
        self.assertEqual(inner.events, [transport, b"a", reason])
        self.assertEqual(watched.ends, [inner.events])

    def test_halfClose(self) -> None:
        """It supports half-close only with L{HalfCloseable}."""
        self.assertFalse(IHalfCloseableProtocol.providedBy(Watched(Recorder())))
        inner = HalfCloseableRecorder()
        watched = HalfCloseableWatched(inner)
        verifyObject(IHalfCloseableProtocol, watched)
        verifyObject(IProtocol, watched)
        watched.readConnectionLost()
        watched.writeConnectionLost()
        self.assertEqual(inner.events, ["read", "write"])
        self.assertEqual(watched.ends, [])

    def test_protocolFails(self) -> None:
        """It learns of the end also when the protocol raises an exception."""

        class Failing(Recorder):
            def connectionLost(self, reason: Failure = connectionDone) -> None:
                raise RuntimeError("broken")

        watched = Watched(Failing())
        self.assertRaises(RuntimeError, watched.connectionLost, connectionDone)
        self.assertEqual(watched.ends, [[]])

    def test_small(self) -> None:
        """It has no dictionary: there is one for each connection."""
        for watched in Watched(Recorder()), HalfCloseableWatched(Recorder()):
            self.assertFalse(hasattr(watched, "__dict__"))

    def test_logPrefix(self) -> None:
        """The log shows the protocol's name, not the stand-in's."""
        self.assertEqual(WatchedProtocol(Recorder()).logPrefix(), "recorder")

        @implementer(IProtocol)
        class Bare:
            def dataReceived(self, data: bytes) -> None:
                """Do nothing."""

            def connectionLost(self, reason: object) -> None:
                """Do nothing."""

            def makeConnection(self, transport: object) -> None:
                """Do nothing."""

            def connectionMade(self) -> None:
                """Do nothing."""

        self.assertEqual(WatchedProtocol(Bare()).logPrefix(), "Bare")
