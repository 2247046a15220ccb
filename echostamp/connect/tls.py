"""
Connects to a host over TLS, and explains failed handshakes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.tls.clientcontext import clientOptions
from echostamp.tls.pem import PemError


class TlsFiles(NamedTuple):
    """
    The paths of the PEM files that C{--ca}, C{--cert} and C{--key} name.

    @ivar ca: the CAs to trust; L{None} for the system's.
    @ivar cert: our certificate, then the certificates between it and its CA; L{None}
        for no certificate.
    @ivar key: our private key; L{None} where it is in the file C{cert}.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class OptionError(ValueError):
    """
    C{--ca}, C{--cert} or C{--key} is wrong.  The text says which one, and why.
    """


class TlsError(Exception):
    """
    The TLS handshake failed.  The text says why.
    """


def tlsOptions(host: str, files: TlsFiles) -> Any:
    """
    Make the TLS options for connections to a host.

    @param host: the host that the server's certificate must name.
    @param files: the PEM files to read.
    @return: an L{IOpenSSLClientConnectionCreator
        <twisted.internet.interfaces.IOpenSSLClientConnectionCreator>}.
    @raise OptionError: a file cannot be read, or is wrong.
    """
    try:
        return clientOptions(host, *files)
    except PemError as error:
        raise OptionError(str(error)) from None


@implementer(IStreamClientEndpoint)
class TlsClientEndpoint:
    """
    Connects to a host over TLS.  The protocol is made once the handshake is complete.
    """

    def __init__(
        self, reactor: Any, host: str, endpoint: IStreamClientEndpoint, options: Any
    ) -> None:
        """
        @param reactor: runs the timers of the connection.
        @param host: the host that the server's certificate must name.
        @param endpoint: connects to the host.
        @param options: see L{tlsOptions}.
        """
        self._reactor = reactor
        self._host = host
        self._endpoint = endpoint
        self._options = options

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and complete the TLS handshake."""
        # Imported here and not at the top: pyOpenSSL is optional.
        from twisted.protocols.tls import TLSMemoryBIOFactory

        handshakes = Factory.forProtocol(
            lambda: _Handshake(protocolFactory, self._host)
        )
        wrapped = TLSMemoryBIOFactory(self._options, True, handshakes, self._reactor)
        connecting: Deferred[Any] = self._endpoint.connect(wrapped)
        return connecting.addCallback(lambda tls: tls.wrappedProtocol.done)


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    """
    Takes the place of the protocol until the handshake is complete.

    @ivar done: fires with the protocol, or fails with a L{TlsError}.
    """

    transport: Any

    def __init__(self, factory: IProtocolFactory, host: str) -> None:
        """
        @param factory: makes the protocol.
        @param host: the host that the server's certificate must name.
        """
        self._factory = factory
        self._host = host
        self.done: Deferred[IProtocol] = Deferred(
            lambda done: self.transport.abortConnection()
        )

    def handshakeCompleted(self) -> None:
        """Put the protocol in this one's place."""
        if self.transport.disconnecting:
            # Older releases of Twisted check the host name only now, and disconnect.
            return
        protocol = self._factory.buildProtocol(self.transport.getPeer())
        assert protocol is not None
        self.transport.wrappedProtocol = protocol
        protocol.makeConnection(self.transport)
        self.done.callback(protocol)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report that the handshake failed."""
        if not self.done.called:
            self.done.errback(Failure(TlsError(self._whatFailed(reason))))

    def _whatFailed(self, reason: Failure) -> str:
        """
        Give the reason for a failed handshake.
        """
        # Imported here and not at the top: these packages are optional.
        from OpenSSL.SSL import Error
        from service_identity import VerificationError

        if reason.check(VerificationError):
            return f"its certificate is not for {self._host!r}"
        if reason.check(ConnectionDone, ConnectionLost):
            return "the far end closed the connection before its TLS handshake"
        if reason.check(Error):
            wrong = _wrongCertificate(self.transport.getHandle())
            if wrong:
                return f"its certificate {wrong}"
        return whatFailed(reason)


def _wrongCertificate(connection: Any) -> str:
    """
    Say what is wrong with the server's certificate; empty if nothing is.
    """
    from OpenSSL._util import lib
    from OpenSSL.SSL import X509VerificationCodes as Codes

    # pyOpenSSL has no public name for the result of the verification.
    code = lib.SSL_get_verify_result(connection._ssl)
    if code == Codes.OK:
        return ""
    if code == Codes.ERR_CERT_HAS_EXPIRED:
        return "has expired"
    if code == Codes.ERR_CERT_NOT_YET_VALID:
        return "is not valid yet"
    if code in (
        Codes.ERR_UNABLE_TO_GET_ISSUER_CERT,
        Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        Codes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
        Codes.ERR_SELF_SIGNED_CERT_IN_CHAIN,
    ):
        return "is of a CA that is not trusted here; see --ca"
    return f"is not valid (OpenSSL's error {code})"
