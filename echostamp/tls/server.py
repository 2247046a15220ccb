"""
The server's side of TLS, between a transport and a protocol.

Twisted's own TLS loses replies when close_notify follows the data at once.  It waits
without limit for a peer's close_notify, and keeps connections whose handshake never
ends.  L{TlsProtocol} differs in these.  It uses and overrides private methods of
L{TLSMemoryBIOProtocol}, because there are no public ones for this; they are the same in
Twisted 25.5 and 26.10.

To import this, the extra C{tls} has to be installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from echostamp.addresses import peerName
from echostamp.text import sslText
from echostamp.times import STOPPED
from echostamp.tls.handshakes import Handshakes
from echostamp.tls.servercontext import subjectOf

#: Seconds that a peer has to close its side after we have closed ours.
CLOSE_GRACE = 1.0

#: Octets that a transport reads at once, and holds before it pauses its producer.  With
#: Twisted's 64 KiB the daemon would hold up to 340 KiB for a peer that does not read,
#: because each octet is held in the clear, encrypted, or both.
_BUFFER_SIZE = 1 << 14


def peerSubject(transport: object) -> str | None:
    """
    Give the subject of the certificate that the peer of a connection has shown.

    @param transport: a protocol's, of any kind.
    @return: an RFC 4514 string of printable characters, at most L{LONGEST_SUBJECT
        <echostamp.tls.servercontext.LONGEST_SUBJECT>} of them; L{None} where no
        certificate was asked for.
    """
    subject = getattr(transport, "peerSubject", None)
    return subject if isinstance(subject, str) else None


@implementer(IHalfCloseableProtocol)
class TlsProtocol(TLSMemoryBIOProtocol):
    """
    TLS between a transport and a protocol.

     - The protocol is connected when the handshake is complete.  It never learns of a
       connection whose handshake failed.
     - The peer's close_notify or FIN ends the protocol's input, as a FIN does on TCP.
       Its remaining output is sent (RFC 8446, section 6.1), then our close_notify.
     - Our close_notify is followed by a FIN.  What arrives after that is read and
       discarded: a close with unread input would destroy replies in flight.

    @ivar peerSubject: see the function of that name.
    @ivar wrongCertificate: what is wrong with the peer's certificate, if anything.
    """

    factory: TlsFactory
    transport: Any

    peerSubject: str | None = None
    wrongCertificate = ""
    _isAdmitted = False
    _isTooSlow = False
    _isClosing = False
    _inputEnded = False
    _finReceived = False
    _timer: IDelayedCall | None = None

    def __init__(self, factory: TlsFactory, wrappedProtocol: IProtocol) -> None:
        """
        @param factory: what has made this.
        @param wrappedProtocol: the protocol to connect.
        """
        # Until the handshake is complete, an empty protocol takes its place.
        TLSMemoryBIOProtocol.__init__(self, factory, Protocol(), False)
        self._protocol = wrappedProtocol

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake."""
        self._peer = peerName(transport.getPeer())
        if hasattr(transport, "bufferSize"):
            transport.bufferSize = _BUFFER_SIZE
        self._startTimer(self.factory.handshakes.timeout, self._tooSlow)
        TLSMemoryBIOProtocol.makeConnection(self, transport)

    def _startTimer(self, seconds: float, elapsed: Callable[[], None]) -> None:
        """
        Call C{elapsed} later, unless another timer starts or the connection ends first.
        """
        self._stopTimer()
        self._timer = self.factory.clock.callLater(seconds, elapsed)

    def _stopTimer(self) -> None:
        """
        Stop the timer.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _tooSlow(self) -> None:
        """
        Abort a connection whose handshake takes too long.  Begin again where this
        process was stopped meanwhile: what has come is not read yet.
        """
        assert self._timer is not None
        if self.factory.clock.seconds() - self._timer.getTime() > STOPPED:
            self._startTimer(self.factory.handshakes.timeout, self._tooSlow)
            return
        self._isTooSlow = True
        TLSMemoryBIOProtocol.abortConnection(self)

    def _checkHandshakeStatus(self) -> None:
        """
        Continue the handshake, and connect the protocol when it is complete.
        """
        TLSMemoryBIOProtocol._checkHandshakeStatus(self)
        if self._handshakeDone and not self._isAdmitted:
            self._isAdmitted = True
            self._stopTimer()
            certificate = self._tlsConnection.get_peer_certificate()
            if certificate is not None:
                self.peerSubject = subjectOf(certificate)
                self.factory.handshakes.admitted(self._peer, self.peerSubject)
            directlyProvides(self, providedBy(self.transport))
            self.wrappedProtocol = self._protocol
            self.wrappedProtocol.makeConnection(self)
            if IHandshakeListener.providedBy(self.wrappedProtocol):
                self.wrappedProtocol.handshakeCompleted()

    def dataReceived(self, data: bytes) -> None:
        """Decrypt the data, unless the input has ended."""
        if not (self._inputEnded or self._lostTLSConnection or self._aborted):
            TLSMemoryBIOProtocol.dataReceived(self, data)

    def _flushReceiveBIO(self) -> None:
        """
        Pass on what has been decrypted.
        """
        while not (self._inputEnded or self._lostTLSConnection or self._aborted):
            try:
                data = self._tlsConnection.recv(1 << 15)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self._endInput()
            except SSL.Error:
                self._tlsShutdownFinished(Failure())
            else:
                if not self._isClosing:
                    self.wrappedProtocol.dataReceived(data)
        if self._tlsConnection is not None:
            TLSMemoryBIOProtocol._flushSendBIO(self)

    def _endInput(self) -> None:
        """
        End the input: the peer's close_notify or FIN has arrived.
        """
        self._inputEnded = True
        if self._isClosing:
            self.transport.loseConnection()
        elif IHalfCloseableProtocol.providedBy(self.wrappedProtocol):
            cast(IHalfCloseableProtocol, self.wrappedProtocol).readConnectionLost()
        else:
            self._shutdownTLS()
            self._tlsShutdownFinished(None)

    def readConnectionLost(self) -> None:
        """End the input: the peer's FIN has arrived."""
        self._finReceived = True
        if self._isClosing or not self._isAdmitted:
            self.transport.loseConnection()
        elif not self._inputEnded:
            self._endInput()

    def _shutdownTLS(self) -> None:
        """
        Send our close_notify, and close the connection behind it.
        """
        if self._tlsConnection is None:
            return
        TLSMemoryBIOProtocol._shutdownTLS(self)
        if not (self._aborted or self._inputEnded):
            self._closeOutput()
        elif self._finReceived:
            # The FIN came without a close_notify, and so none will come.
            self.transport.loseConnection()

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        """
        Send what TLS still has to send, perhaps an alert, and close the connection.
        """
        self._reason = reason
        self._lostTLSConnection = True
        TLSMemoryBIOProtocol._flushSendBIO(self)
        if self._producer is not None:
            # The transport would ask the producer for more until it closes.
            self._producer = None
            self.transport.unregisterProducer()
        self._startTimer(CLOSE_GRACE, self.transport.abortConnection)
        self._closeOutput()

    def _closeOutput(self) -> None:
        """
        Send a FIN when everything else has been sent, and read until the peer closes.
        """
        if self._isClosing:
            return
        self._isClosing = True
        if self._finReceived or not hasattr(self.transport, "loseWriteConnection"):
            self.transport.loseConnection()
            return
        self.transport.loseWriteConnection()
        self.transport.resumeProducing()

    def writeConnectionLost(self) -> None:
        """Give the peer some time to close its side: our FIN has been sent."""
        self._startTimer(CLOSE_GRACE, self.transport.loseConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report a failed handshake, and pass on the end of the connection."""
        self._stopTimer()
        if not self._isAdmitted:
            self.factory.handshakes.refused(self._peer, self._whyRefused())
        # Nothing is left to decrypt.
        self._lostTLSConnection = True
        TLSMemoryBIOProtocol.connectionLost(self, reason)

    def _whyRefused(self) -> str:
        """
        Give the reason why the handshake failed.
        """
        if self._isTooSlow:
            return f"no TLS handshake within {self.factory.handshakes.timeout:g} s"
        if self._reason is None:
            return "the connection ended before its TLS handshake"
        text = sslText(self._reason.value) or "the TLS handshake failed"
        return f"{text} ({self.wrongCertificate})" if self.wrongCertificate else text


class TlsFactory(TLSMemoryBIOFactory):
    """
    TLS between a port and a factory.

    @ivar clock: runs the timers.
    @ivar handshakes: see L{__init__}.
    """

    protocol = TlsProtocol

    def __init__(
        self,
        reactor: IReactorTime,
        credentials: IOpenSSLServerConnectionCreator,
        wrappedFactory: IProtocolFactory,
        handshakes: Handshakes | None = None,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param credentials: the daemon's key and certificate, and the CAs of its
            clients.
        @param wrappedFactory: makes the protocols under TLS.
        @param handshakes: how handshakes are limited and reported.
        """
        super().__init__(credentials, False, wrappedFactory, reactor)
        self.clock = reactor
        self.handshakes = handshakes or Handshakes()

    def buildProtocol(self, addr: IAddress | None) -> TlsProtocol | None:  # type: ignore[override]
        """
        Make the two protocols of a connection, or none: the port closes it then.
        """
        wrapped = self.wrappedFactory.buildProtocol(addr)
        return None if wrapped is None else TlsProtocol(self, wrapped)
