"""
The line protocol over TLS: C{tls:PORT:privateKey=FILE:certKey=FILE}.

Twisted's own TLS endpoints lose replies when close_notify comes right behind the
data, wait for ever for a peer's close_notify, keep connections whose handshake never
ends, and take neither a client CA nor a choice of suites.  What is different here is in
L{TlsProtocol}; it builds on the inside of L{TLSMemoryBIOProtocol}, which is the same in
Twisted 25.5 and 26.10.

To import this, the extra C{tls} has to be installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from echostamp.addresses import peerName
from echostamp.text import sslText
from echostamp.tls.servercontext import Credentials, subjectOf

#: Seconds that a handshake may take.
HANDSHAKE_TIMEOUT = 10.0

#: Seconds that a peer has to close its side when we have closed ours.
CLOSE_GRACE = 1.0

#: Octets that a transport reads at once, and holds before it asks for no more.  With
#: Twisted's 64 KiB a peer that does not read makes us hold up to 340 KiB, since every
#: octet is held in the clear, encrypted, or both.
_BUFFER_SIZE = 1 << 14

log = Logger(namespace="echostamp")


def logRefused(peer: str, reason: str) -> None:
    """
    Log that a handshake failed.
    """
    log.info("{peer} refused: {reason}", peer=peer, reason=reason)


def logAdmitted(peer: str, subject: str) -> None:
    """
    Log whose certificate a peer has shown.
    """
    log.info("{peer} is {subject}", peer=peer, subject=subject)


def peerSubject(transport: object) -> str | None:
    """
    Give the subject of the certificate with which the far end of a connection has
    proved who it is.

    @param transport: a protocol's, of any kind.
    @return: an RFC 4514 string of printable characters, at most L{LONGEST_SUBJECT};
        L{None} where no certificate was asked for.
    """
    subject = getattr(transport, "peerSubject", None)
    return subject if isinstance(subject, str) else None


@implementer(IHalfCloseableProtocol)
class TlsProtocol(TLSMemoryBIOProtocol):
    """
    TLS between a transport and a protocol.

     - The protocol is connected when the handshake is complete, and hears nothing of
       a connection whose handshake failed.
     - The peer's close_notify, and its FIN, end the protocol's input as a FIN ends
       that of a TCP connection: what it still has to send is sent (RFC 8446, section
       6.1), then our close_notify.
     - Behind our close_notify goes a FIN.  What comes meanwhile is read and thrown
       away, as a close with unread input would destroy replies on their way.

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
        @param factory: whose connection this is.
        @param wrappedProtocol: what to connect.
        """
        # Until it is connected, another stands in for it.
        TLSMemoryBIOProtocol.__init__(self, factory, Protocol(), False)
        self._protocol = wrappedProtocol

    def makeConnection(self, transport: Any) -> None:
        """Begin the handshake."""
        self._peer = peerName(transport.getPeer())
        if hasattr(transport, "bufferSize"):
            transport.bufferSize = _BUFFER_SIZE
        self._startTimer(self.factory.handshakeTimeout, self._tooSlow)
        TLSMemoryBIOProtocol.makeConnection(self, transport)

    def _startTimer(self, seconds: float, elapsed: Callable[[], None]) -> None:
        """
        Call C{elapsed} unless something else is timed, or the connection lost, before.
        """
        self._stopTimer()
        self._timer = self.factory.clock.callLater(seconds, elapsed)

    def _stopTimer(self) -> None:
        """
        Time nothing.
        """
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _tooSlow(self) -> None:
        """
        The handshake has had its time.
        """
        self._isTooSlow = True
        TLSMemoryBIOProtocol.abortConnection(self)

    def _checkHandshakeStatus(self) -> None:
        """
        Go on with the handshake, and connect the protocol when it is complete.
        """
        TLSMemoryBIOProtocol._checkHandshakeStatus(self)
        if self._handshakeDone and not self._isAdmitted:
            self._isAdmitted = True
            self._stopTimer()
            certificate = self._tlsConnection.get_peer_certificate()
            if certificate is not None:
                self.peerSubject = subjectOf(certificate)
                self.factory.admitted(self._peer, self.peerSubject)
            directlyProvides(self, providedBy(self.transport))
            self.wrappedProtocol = self._protocol
            self.wrappedProtocol.makeConnection(self)
            if IHandshakeListener.providedBy(self.wrappedProtocol):
                self.wrappedProtocol.handshakeCompleted()

    def dataReceived(self, data: bytes) -> None:
        """Decrypt what came, unless nobody wants it any more."""
        if not (self._inputEnded or self._lostTLSConnection or self._aborted):
            TLSMemoryBIOProtocol.dataReceived(self, data)

    def _flushReceiveBIO(self) -> None:
        """
        Hand on what has been decrypted.
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
        Nothing more will come from the peer: its close_notify came, or its FIN.
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
        """The peer's FIN has come."""
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
            # It came without close_notify, for which our side would wait.
            self.transport.loseConnection()

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        """
        TLS has come to its end: send what it still has to say, an alert perhaps, and
        close the connection.
        """
        self._reason = reason
        self._lostTLSConnection = True
        TLSMemoryBIOProtocol._flushSendBIO(self)
        if self._producer is not None:
            # It would be asked for more before the connection closes.
            self._producer = None
            self.transport.unregisterProducer()
        self._startTimer(CLOSE_GRACE, self.transport.abortConnection)
        self._closeOutput()

    def _closeOutput(self) -> None:
        """
        Send a FIN when all else has been sent, and read meanwhile.
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
        """Our FIN is out: the peer has some time left to close its side."""
        self._startTimer(CLOSE_GRACE, self.transport.loseConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._stopTimer()
        if not self._isAdmitted:
            self.factory.refused(self._peer, self._whyRefused())
        # There is nothing left to decrypt.
        self._lostTLSConnection = True
        TLSMemoryBIOProtocol.connectionLost(self, reason)

    def _whyRefused(self) -> str:
        """
        Say why there was no handshake.
        """
        if self._isTooSlow:
            return f"no TLS handshake within {self.factory.handshakeTimeout:g} s"
        if self._reason is None:
            return "the connection ended before its TLS handshake"
        text = sslText(self._reason.value) or "the TLS handshake failed"
        return f"{text} ({self.wrongCertificate})" if self.wrongCertificate else text


class TlsFactory(TLSMemoryBIOFactory):
    """
    TLS between a port and a factory.

    @ivar clock: runs the timers.
    @ivar handshakeTimeout: seconds; see L{TlsEndpoint}.
    @ivar refused: see L{TlsEndpoint}.
    @ivar admitted: see L{TlsEndpoint}.
    """

    protocol = TlsProtocol

    def __init__(
        self,
        reactor: IReactorTime,
        credentials: IOpenSSLServerConnectionCreator,
        wrappedFactory: IProtocolFactory,
        handshakeTimeout: float = HANDSHAKE_TIMEOUT,
        refused: Callable[[str, str], None] = logRefused,
        admitted: Callable[[str, str], None] = logAdmitted,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param credentials: who we are, and whom to let in.
        @param wrappedFactory: makes the protocols under TLS.
        @param handshakeTimeout: seconds; see L{TlsEndpoint}.
        @param refused: see L{TlsEndpoint}.
        @param admitted: see L{TlsEndpoint}.
        """
        super().__init__(credentials, False, wrappedFactory, reactor)
        self.clock = reactor
        self.handshakeTimeout = handshakeTimeout
        self.refused = refused
        self.admitted = admitted

    def buildProtocol(self, addr: IAddress | None) -> TlsProtocol | None:  # type: ignore[override]
        """
        Make the two protocols of a connection, or none: the port closes it then.
        """
        wrapped = self.wrappedFactory.buildProtocol(addr)
        return None if wrapped is None else TlsProtocol(self, wrapped)


@implementer(IStreamServerEndpoint)
class TlsEndpoint:
    """
    Where to wait for TLS connections.

    @ivar handshakeTimeout: seconds after which a connection is aborted whose handshake
        is not complete; to be set before L{listen}, as the others.
    @ivar refused: called with the name of a peer and the reason why its handshake
        failed, once for each.
    @ivar admitted: called with the name of a peer and the subject of the certificate
        that it has shown, once for each that was asked for one.
    """

    handshakeTimeout = HANDSHAKE_TIMEOUT

    def __init__(
        self,
        reactor: Any,
        port: int,
        credentials: Credentials,
        interface: str = "",
    ) -> None:
        """
        @param reactor: will listen and run the timers: an L{IReactorTCP
            <twisted.internet.interfaces.IReactorTCP>}, or a L{PreparingReactor
            <echostamp.listen.preparing.PreparingReactor>}.
        @param port: the TCP port, 0 for any.
        @param credentials: who we are, and whom to let in.
        @param interface: the address; nothing for all.
        """
        self._reactor = reactor
        self._port = port
        self._credentials = credentials
        self._interface = interface
        self.refused: Callable[[str, str], None] = logRefused
        self.admitted: Callable[[str, str], None] = logAdmitted

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen, and put TLS in front of a factory."""
        wrapped = TlsFactory(
            self._reactor,
            self._credentials,
            protocolFactory,
            self.handshakeTimeout,
            self.refused,
            self.admitted,
        )
        return execute(
            self._reactor.listenTCP, self._port, wrapped, interface=self._interface
        )

    def reload(self) -> None:
        """
        Read the files again, for the handshakes to come.  Connections that stand are
        as they were.

        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.  What was read before stays in use then.
        """
        self._credentials.reload()


#: What a description may name.
_PARAMETERS = ("privateKey", "certKey", "clientCA", "interface")


def tlsEndpoint(reactor: Any, words: list[str], named: dict[str, str]) -> TlsEndpoint:
    """
    Make an endpoint from the parts of its description,
    C{tls:PORT:privateKey=FILE:certKey=FILE[:clientCA=FILE][:interface=ADDR]}.

    @param reactor: as for L{TlsEndpoint}.
    @param words: the parts without a name: the port.
    @param named: those with a name.
    @raise ValueError: a part is missing, wrong or unknown, or a file cannot be read or
        is wrong; the text says which and how.
    """
    for name in named:
        if name not in _PARAMETERS:
            raise ValueError(f"unknown parameter {name!r}")
    for word in words[1:]:
        raise ValueError(f"one part too many: {word!r}")
    port = words[0] if words else ""
    if not (port.isdecimal() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{port!r} is not a port from 0 to 65535")
    for name in "privateKey", "certKey":
        if not named.get(name):
            raise ValueError(f"{name}=FILE is missing")
    credentials = Credentials(
        named["privateKey"], named["certKey"], named.get("clientCA")
    )
    return TlsEndpoint(reactor, int(port), credentials, named.get("interface", ""))
