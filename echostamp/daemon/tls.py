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

import os
from collections.abc import Callable
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509
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

from echostamp.line.visitors import peerName
from echostamp.text import printable

#: Seconds that a handshake may take.
HANDSHAKE_TIMEOUT = 10.0

#: Seconds that a peer has to close its side when we have closed ours.
CLOSE_GRACE = 1.0

#: The longest text that is shown of a certificate's subject, in characters.
LONGEST_SUBJECT = 200

#: What TLS 1.2 may use; TLS 1.3 has nothing else.
AEAD_SUITES = b"ECDHE+AESGCM:ECDHE+CHACHA20"

#: Octets that a transport reads at once, and holds before it asks for no more.  With
#: Twisted's 64 KiB a peer that does not read makes us hold up to 340 KiB, since every
#: octet is held in the clear, encrypted, or both.
_BUFFER_SIZE = 1 << 14

#: The names of what may be wrong with a certificate.
_VERIFY_ERRORS = {
    code: name.removeprefix("ERR_").replace("_", " ").lower()
    for name, code in vars(SSL.X509VerificationCodes).items()
    if name.startswith("ERR_")
}

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


@implementer(IOpenSSLServerConnectionCreator)
class Credentials:
    """
    Whom a daemon is, and whom it lets in: files which may be renewed.
    """

    def __init__(self, privateKey: str, certKey: str, clientCA: str | None) -> None:
        """
        @param privateKey: the PEM file of the private key.
        @param certKey: the PEM file of its certificate, and of those between it and
            its CA behind it; may be the same.
        @param clientCA: the PEM file of the CAs of which a client must have a
            certificate; L{None} to let in clients without one.
        @raise ValueError: one of them cannot be read, or is wrong; the text says
            which and how.
        """
        # A daemon changes to another folder before it is told to read them again.
        self._privateKey = _File("privateKey", privateKey)
        self._certKey = _File("certKey", certKey)
        self._clientCA = None if clientCA is None else _File("clientCA", clientCA)
        self.reload()

    def reload(self) -> None:
        """
        Read the files again, for the handshakes to come.

        @raise ValueError: one of them cannot be read, or is wrong; the text says
            which and how.  What was read before stays in use then.
        """
        context = _strictContext()
        certificate, *chain = self._certKey.certificates()
        key = self._privateKey.privateKey()
        if key.public_key() != certificate.public_key():
            raise self._privateKey.wrong(f"not the key of {self._certKey}")
        try:
            context.use_certificate(certificate)
            for each in chain:
                context.add_extra_chain_cert(each)
            context.use_privatekey(key)
        except SSL.Error as error:
            raise self._certKey.wrong(_sslText(error)) from None
        if self._clientCA is not None:
            _requireCertificate(context, self._clientCA.certificates())
        self._context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make the TLS side of a new connection."""
        connection = SSL.Connection(self._context, None)
        # Older releases of Twisted do not do it.
        connection.set_app_data(protocol)
        return connection


class _File:
    """
    A PEM file that a parameter names.
    """

    def __init__(self, parameter: str, path: str) -> None:
        """
        @param parameter: the parameter's name.
        @param path: where the file is.
        """
        self._parameter = parameter
        self._path = path
        self._absolute = os.path.abspath(path)

    def __str__(self) -> str:
        return f"{self._parameter}={self._path!r}"

    def wrong(self, why: str) -> ValueError:
        """
        Make the error that says what is wrong with the file.
        """
        return ValueError(f"{self}: {why}")

    def certificates(self) -> list[x509.Certificate]:
        """
        Read the certificates, at least one.

        @raise ValueError: there is none, or one is wrong.
        """
        data = self._read()
        try:
            return list(x509.load_pem_x509_certificates(data))
        except ValueError:
            raise self.wrong("no PEM certificate that can be read") from None

    def privateKey(self) -> Any:
        """
        Read the private key.

        @raise ValueError: there is none, or it is wrong, or it has a passphrase.
        """
        data = self._read()
        try:
            return load_pem_private_key(data, None)
        except TypeError:
            raise self.wrong("the private key has a passphrase") from None
        except (ValueError, UnsupportedAlgorithm):
            raise self.wrong("no PEM private key that can be read") from None

    def _read(self) -> bytes:
        """
        Read the file.

        @raise ValueError: it cannot be read.
        """
        try:
            with open(self._absolute, "rb") as file:
                return file.read()
        except OSError as error:
            raise self.wrong(error.strerror or str(error)) from None


def _strictContext() -> SSL.Context:
    """
    Make a context for TLS 1.3, and for TLS 1.2 with authenticated encryption.

    There are no sessions to resume: connections last, so there is little to save, and
    a resumed one would not show its certificate again, though its CA may have been
    taken out meanwhile.  (Over TLS 1.3 OpenSSL still sends tickets, 160 octets in all,
    but they open nothing.)
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(AEAD_SUITES)
    context.set_options(
        SSL.OP_NO_COMPRESSION
        | SSL.OP_NO_RENEGOTIATION
        | SSL.OP_NO_TICKET
        | SSL.OP_CIPHER_SERVER_PREFERENCE
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # An idle connection keeps no buffers.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    return context


def _requireCertificate(
    context: SSL.Context, authorities: list[x509.Certificate]
) -> None:
    """
    Let in who has a certificate, and nobody else.

    @param authorities: the CAs of one of which it must be.
    """
    store = context.get_cert_store()
    assert store is not None
    for authority in authorities:
        store.add_cert(X509.from_cryptography(authority))
        context.add_client_ca(authority)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verified)


def _verified(
    connection: SSL.Connection, certificate: object, error: int, depth: int, ok: int
) -> bool:
    """
    Note what OpenSSL finds wrong with a client's certificate: its error will not say.
    """
    if not ok:
        protocol = connection.get_app_data()
        protocol.wrongCertificate = _VERIFY_ERRORS.get(error, f"error {error}")
    return bool(ok)


def _sslText(error: Exception) -> str:
    """
    Give OpenSSL's own words for what went wrong, without where in OpenSSL it did.
    """
    queue = error.args[0] if error.args else ()
    return ", ".join(dict.fromkeys(str(each[-1]) for each in queue if each[-1]))


def _subject(certificate: Any) -> str:
    """
    Give a certificate's subject as a text that is safe to show.

    @param certificate: a pyOpenSSL one.
    """
    try:
        text = certificate.to_cryptography().subject.rfc4514_string()
    except ValueError:
        # The CA has signed it, but it is not as X.509 wants it.
        return "a subject that cannot be read"
    shown = printable(text)
    if len(shown) > LONGEST_SUBJECT:
        shown = shown[: LONGEST_SUBJECT - 1] + "…"
    return shown


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
                self.peerSubject = _subject(certificate)
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
        text = _sslText(self._reason.value) or "the TLS handshake failed"
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
        backlog: int = 50,
    ) -> None:
        """
        @param reactor: will listen and run the timers: an L{IReactorTCP
            <twisted.internet.interfaces.IReactorTCP>}, or a L{PreparingReactor
            <echostamp.daemon.transports.PreparingReactor>}.
        @param port: the TCP port, 0 for any.
        @param credentials: who we are, and whom to let in.
        @param interface: the address; nothing for all.
        @param backlog: how many connections may wait in the kernel.
        """
        self._reactor = reactor
        self._port = port
        self._credentials = credentials
        self._interface = interface
        self._backlog = backlog
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
            self._reactor.listenTCP,
            self._port,
            wrapped,
            self._backlog,
            self._interface,
        )

    def reload(self) -> None:
        """
        Read the files again, for the handshakes to come.  Connections that stand are
        as they were.

        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.  What was read before stays in use then.
        """
        self._credentials.reload()


def tlsEndpoint(
    reactor: Any,
    port: str | int = "",
    privateKey: str = "",
    certKey: str = "",
    clientCA: str | None = None,
    interface: str = "",
    backlog: str | int = 50,
    *extra: str,
    **unknown: str,
) -> TlsEndpoint:
    """
    Make an endpoint from the parts of its description,
    C{tls:PORT:privateKey=FILE:certKey=FILE[:clientCA=FILE][:interface=ADDR]}.

    @param reactor: as for L{TlsEndpoint}.
    @param port: the TCP port, 0 for any.
    @param privateKey: as for L{Credentials}.
    @param certKey: as for L{Credentials}.
    @param clientCA: as for L{Credentials}.
    @param interface: the address; nothing for all.
    @param backlog: how many connections may wait in the kernel.
    @raise ValueError: a part is missing, wrong or unknown, or a file cannot be read or
        is wrong; the text says which and how.
    """
    for name in unknown:
        raise ValueError(f"unknown parameter {name!r}")
    for value in extra:
        raise ValueError(f"one part too many: {value!r}")
    for name, path in ("privateKey", privateKey), ("certKey", certKey):
        if not path:
            raise ValueError(f"{name}=FILE is missing")
    number = _number(port, "a port", 0, 65535)
    waiting = _number(backlog, "a backlog", 1, 65535)
    credentials = Credentials(privateKey, certKey, clientCA)
    return TlsEndpoint(reactor, number, credentials, interface, waiting)


def _number(text: str | int, what: str, least: int, most: int) -> int:
    """
    Read a whole number.

    @raise ValueError: it is none, or out of its bounds.
    """
    if not (str(text).isdecimal() and least <= int(text) <= most):
        raise ValueError(f"{text!r} is not {what} from {least} to {most}")
    return int(text)
