"""
TLS between a transport and a protocol, at either end.

Twisted's own TLS loses replies when close_notify follows the data at once.  It waits
without limit for a peer's close_notify, and keeps connections whose handshake never
ends.  L{TlsTransport} differs in these, and needs the standard library only.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    ILoggingContext,
    IProtocol,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer

from echostamp.baresocket import closeAtOnce
from echostamp.times import STOPPED
from echostamp.tls.engine import OPEN, RECORD, Engine, State
from echostamp.tls.outgoing import Outgoing
from echostamp.tls.output import outputOf
from echostamp.tls.timer import Timer
from echostamp.transportabove import TransportAbove

#: Seconds that a peer has to close its side after we have closed ours.
CLOSE_GRACE = 1.0


class HandshakeOwner(Protocol):
    """
    Told how a connection's handshake ends.
    """

    @property
    def timeout(self) -> float | None:
        """Seconds that it may take; L{None} for no limit."""

    def admitted(self, transport: TlsTransport) -> None:
        """Call L{TlsTransport.connect}: the handshake is complete."""

    def refused(self, transport: TlsTransport, error: BaseException | None) -> None:
        """
        The connection has ended within its handshake.

        @param error: an L{ssl.SSLError}, or a L{TimeoutError} where it took too long;
            L{None} where the connection has ended.
        """


@implementer(
    IProtocol, IHalfCloseableProtocol, ILoggingContext, ITransport, IPushProducer
)
class TlsTransport(Outgoing, TransportAbove):
    """
    TLS between a transport and a protocol: the protocol of the one, and the transport
    of the other.  It provides L{ISSLTransport} where there is TCP below.

     - The protocol is connected when the handshake is complete.  It never learns of a
       connection whose handshake failed.
     - The peer's close_notify or FIN ends the protocol's input, as a FIN does on TCP.
       Its remaining output is sent (RFC 8446, section 6.1), then our close_notify.
     - Our close_notify is followed by a FIN, but for L{loseWriteConnection}.  What
       arrives after that is read and discarded: a close with unread input would destroy
       replies in flight.
     - While the protocol does not read, nothing more is decrypted.

    @ivar protocol: the protocol above; L{None} until the handshake is complete.
    @ivar peerSubject: the subject of the certificate that the peer has shown, if the
        owner has looked at it.
    """

    protocol: IProtocol | None = None
    peerSubject: str | None = None

    _isHalfClosed = False
    _isHasty = False
    _inputEnded = False
    _finReceived = False
    _error: BaseException | None = None

    def __init__(
        self, engine: Engine, clock: IReactorTime, owner: HandshakeOwner
    ) -> None:
        """
        @param engine: this end's TLS.
        @param clock: runs the timers.
        @param owner: makes or has the protocol.
        """
        super().__init__(engine, clock)
        self._timer = Timer(clock)
        self._isPaused = False
        self._owner: HandshakeOwner | None = owner

    @property
    def engine(self) -> Engine:
        """This end's TLS."""
        return self._engine

    def getPeerCertificate(self) -> dict[str, object]:
        """Give what the peer's certificate says: see L{Engine.certificate}."""
        return self._engine.certificate()

    def logPrefix(self) -> str:
        """Name the protocol for the log."""
        if self.protocol is None:
            return "TLS"
        if ILoggingContext.providedBy(self.protocol):
            return f"{cast(ILoggingContext, self.protocol).logPrefix()} (TLS)"
        return f"{type(self.protocol).__name__} (TLS)"

    # How the connection begins.

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake."""
        self.transport = transport
        if ITCPTransport.providedBy(transport):
            directlyProvides(self, ISSLTransport)
        # Octets that are read at once.  TLS holds them again, in the clear.
        transport.bufferSize = RECORD
        self._output = outputOf(transport, self)
        self._limitHandshake()
        if self._engine.beginsIt:
            self._shake()

    def connectionMade(self) -> None:
        """Do nothing: L{makeConnection} has begun."""

    def _limitHandshake(self) -> None:
        """
        Begin the time that the handshake may take.
        """
        if self._owner is not None and self._owner.timeout is not None:
            self._timer.start(self._owner.timeout, self._tooSlow)

    def _tooSlow(self) -> None:
        """
        Abort a connection whose handshake takes too long.  Begin again where this
        process was stopped meanwhile: what has come is not read yet.
        """
        if self._timer.lateness > STOPPED:
            self._limitHandshake()
            return
        self._error = TimeoutError()
        self.abortConnection()

    def _shake(self, data: bytes = b"") -> None:
        """
        Continue the handshake with data that has arrived, and connect the protocol when
        it is complete.
        """
        engine = self._engine
        engine.feed(data)
        engine.shake()
        self._flush()
        if engine.state is State.OPEN:
            self._timer.stop()
            owner, self._owner = self._owner, None
            assert owner is not None
            self._setReady()
            owner.admitted(self)
            if engine.hasInput:
                self.dataReceived(b"")
        elif engine.state is State.FAILED:
            self._fail()

    def connect(self, protocol: IProtocol) -> None:
        """
        Connect the protocol above.

        @param protocol: the protocol.
        """
        self.protocol = protocol
        protocol.makeConnection(self)
        if IHandshakeListener.providedBy(protocol):
            cast(IHandshakeListener, protocol).handshakeCompleted()

    # How data comes in.

    def dataReceived(self, data: bytes) -> None:
        """Decrypt data, and pass it on: also what was fed while the protocol paused."""
        engine = self._engine
        if engine.state is not OPEN:
            if engine.state is State.HANDSHAKE and not self.disconnecting:
                self._shake(data)
        elif self._isPaused or self._isOverfull or self._isLost:
            engine.feed(data)
        else:
            received = engine.read(data)
            if not engine.isSteady and engine.state is State.FAILED:
                # What is written in answer to the data before it cannot be encrypted.
                self._isReady = False
            if received and not self._isClosing:
                self.protocol.dataReceived(received)  # type: ignore[union-attr]
            if not engine.isSteady:
                self._dataRead()

    def _dataRead(self) -> None:
        """
        Send what TLS has answered by itself, and end the input where it has ended.
        """
        self._flush()
        if self._engine.hasInput:
            # The FIN follows the data, unless that has made the protocol pause.
            self.dataReceived(b"")
        elif not (self._engine.state is OPEN or self._inputEnded or self._isLost):
            self._endInput()

    def _endInput(self) -> None:
        """
        End the input: the peer's close_notify or FIN has arrived, or there is an error.
        """
        self._inputEnded = True
        if self._engine.state is State.FAILED:
            self._fail()
        elif self._isClosing:
            self.transport.loseConnection()
        elif IHalfCloseableProtocol.providedBy(self.protocol):
            cast(IHalfCloseableProtocol, self.protocol).readConnectionLost()
        else:
            self._timer.start(CLOSE_GRACE, self.transport.abortConnection)
            self._stopProducer()
            self.loseConnection()

    def readConnectionLost(self) -> None:
        """End the input: the peer's FIN has arrived."""
        self._finReceived = True
        self._engine.feedEnd()
        if self._isClosing:
            self.transport.loseConnection()
        elif self.protocol is None:
            self._closeBelow()
        elif not self._inputEnded:
            self.dataReceived(b"")

    def _readAgain(self) -> None:
        """
        Read again, unless something else is against it.
        """
        if self._isPaused or self._isOverfull or self._isClosing or self._isLost:
            return
        if not self._finReceived:
            self.transport.resumeProducing()
        if self._engine.hasInput:
            self._wakeUp()

    def _wake(self) -> None:
        """
        Pass on what was fed before the protocol paused, and ask a pull producer for
        more.  An exception ends the connection, as it does within a read.
        """
        self._waking = None
        try:
            if self._engine.hasInput:
                self.dataReceived(b"")
            isPulling = self._producer is not None and not self._isStreaming
            if isPulling and not self._isBlocked:
                self._producer.resumeProducing()
        except BaseException:
            self.abortConnection()
            raise

    # How the connection ends.

    def loseConnection(self) -> None:
        """
        Close the connection behind everything that was written.  A producer is waited
        for.
        """
        if self.disconnecting or self._isLost:
            return
        if self.protocol is None:
            self.abortConnection()
            return
        self.disconnecting = True
        self._setReady()
        self._closeIfDone()

    def closeAtOnce(self) -> None:
        """
        Close as L{loseConnection} does, and not in a later turn: where the input has
        ended and nothing waits, C{connectionLost} is called by this.
        """
        self._isHasty = True
        self.loseConnection()

    def loseWriteConnection(self) -> None:
        """Send close_notify behind everything that was written, and read on."""
        if self.protocol is not None:
            self._isHalfClosing = True
            self._setReady()
            self._closeIfDone()

    def _closeIfDone(self) -> None:
        """
        Send close_notify once nothing waits, and then close the connection if that was
        asked for.
        """
        if not (self.disconnecting or self._isHalfClosing):
            return
        if self._isLost or self._isClosing or self._producer is not None:
            return
        if not (self._isBlocked or self._engine.isClosed):
            self._engine.close()
            self._flush()
        if self._isBlocked:
            # It will be called again.
            return
        if self.disconnecting:
            self._closeBelow()
        elif not self._isHalfClosed:
            self._isHalfClosed = True
            if IHalfCloseableProtocol.providedBy(self.protocol):
                cast(IHalfCloseableProtocol, self.protocol).writeConnectionLost()

    def _closeBelow(self) -> None:
        """
        Send a FIN, and read and discard until the peer closes.
        """
        self._isClosing = True
        self._isPaused = self._isOverfull = self._isReady = False
        self._output.detach()
        hasEnded = self._inputEnded and self._engine.state is not State.FAILED
        canHalfClose = hasattr(self.transport, "loseWriteConnection")
        if self._isHasty and (hasEnded or self._finReceived):
            closeAtOnce(self.transport)
            return
        if hasEnded or self._finReceived or not canHalfClose:
            self.transport.loseConnection()
            return
        self.transport.loseWriteConnection()
        self.transport.resumeProducing()

    def _fail(self) -> None:
        """
        Close the connection after an error, behind the alert that says so.
        """
        self.disconnecting = True
        self._error = self._engine.error
        self._refuse()
        self._queue = ()
        self._stopProducer()
        self._timer.start(CLOSE_GRACE, self.transport.abortConnection)
        if not (self._isBlocked or self._isClosing):
            self._closeBelow()

    def _refuse(self) -> None:
        """
        Report a handshake that has failed, if it has not ended before.
        """
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.refused(self, self._error)

    def writeConnectionLost(self) -> None:
        """Give the peer some time to close its side: our FIN has been sent."""
        self._timer.start(CLOSE_GRACE, self.transport.loseConnection)

    def abortConnection(self) -> None:
        """Close the connection at once, and drop what waits."""
        if self._isLost:
            return
        self.disconnecting = self._isClosing = True
        self._isReady = False
        self._queue = ()
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report a failed handshake, or pass on the end of the connection."""
        self._isLost = True
        self._timer.stop()
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        self._queue = ()
        self._stopProducer()
        self._refuse()
        if self.protocol is not None:
            self.protocol.connectionLost(
                reason if self._error is None else Failure(self._error)
            )
        self._isReady = False
        self._engine.forget()
        # Both have this object.  Without the cycles all are freed at once.
        self.protocol = None
        del self._output
