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

from echostamp.listen.watchedprotocol import watchedProtocol


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


class WatchedProtocolTests(SynchronousTestCase):
    """
    The end of a connection is reported.
    """

    def setUp(self) -> None:
        """Record the ends."""
        self.ends: list[object] = []

    def test_everythingIsPassedOn(self) -> None:
        """The protocol gets the transport itself, the data and the end, in this order;
        then the end is reported, once."""
        inner = Recorder()
        watched = watchedProtocol(inner, lambda end: self.ends.append((end, inner)))
        verifyObject(IProtocol, watched)
        verifyObject(ILoggingContext, watched)
        transport = StringTransport()
        watched.makeConnection(transport)
        watched.dataReceived(b"a")
        self.assertEqual(self.ends, [])
        reason = Failure(ConnectionDone())
        watched.connectionLost(reason)
        self.assertEqual(inner.events, [transport, b"a", reason])
        self.assertEqual(self.ends, [(reason, inner)])

    def test_halfClose(self) -> None:
        """It supports half-close exactly where the protocol does."""
        plain = watchedProtocol(Recorder(), self.ends.append)
        self.assertFalse(IHalfCloseableProtocol.providedBy(plain))
        inner = HalfCloseableRecorder()
        watched = watchedProtocol(inner, self.ends.append)
        verifyObject(IHalfCloseableProtocol, watched)
        half = IHalfCloseableProtocol(watched)
        half.readConnectionLost()
        half.writeConnectionLost()
        self.assertEqual(inner.events, ["read", "write"])
        self.assertEqual(self.ends, [])

    def test_protocolFails(self) -> None:
        """The end is reported also when the protocol raises an exception."""

        class Failing(Recorder):
            def connectionLost(self, reason: Failure = connectionDone) -> None:
                raise RuntimeError("broken")

        watched = watchedProtocol(Failing(), self.ends.append)
        self.assertRaises(RuntimeError, watched.connectionLost, connectionDone)
        self.assertEqual(self.ends, [connectionDone])

    def test_logPrefix(self) -> None:
        """The log shows the protocol's name, not the stand-in's."""
        watched = watchedProtocol(Recorder(), self.ends.append)
        self.assertEqual(watched.logPrefix(), "recorder")

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

        self.assertEqual(watchedProtocol(Bare(), print).logPrefix(), "Bare")
