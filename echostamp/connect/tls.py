"""
TLS for the client: whom it trusts, what it shows, and what may go wrong.
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
from echostamp.text import sslText

#: What is said where the packages for TLS are not installed.
TLS_MISSING = "TLS needs more: pip install 'echostamp[tls]'"


class TlsFiles(NamedTuple):
    """
    The files that C{--ca}, C{--cert} and C{--key} name.

    @ivar ca: of the CAs to trust; L{None} for the system's.
    @ivar cert: of our certificate, and of those between it and its CA behind it;
        L{None} for no certificate.
    @ivar key: of the certificate's private key; L{None} where it is in the same file.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class OptionError(ValueError):
    """
    C{--ca}, C{--cert} or C{--key} is wrong.  The text says which and how.
    """


class TlsError(Exception):
    """
    There was no handshake.  The text says why.
    """


def requireTls() -> None:
    """
    See whether TLS can be had.

    @raise ValueError: it cannot; the text says what to do.
    """
    try:
        # Without it Twisted would look at certificates less closely.
        import service_identity  # noqa: F401
        from OpenSSL import SSL  # noqa: F401
    except ImportError:
        raise ValueError(TLS_MISSING) from None


def clientOptions(host: str, files: TlsFiles) -> Any:
    """
    Say whom to trust, and who we are.

    @param host: whose certificate it must be.
    @return: an L{IOpenSSLClientConnectionCreator
        <twisted.internet.interfaces.IOpenSSLClientConnectionCreator>}.
    @raise OptionError: one of the files cannot be read, or is wrong.
    """
    from OpenSSL import SSL
    from OpenSSL.crypto import X509
    from twisted.internet import ssl

    authorities = None
    ours: dict[str, Any] = {}
    if files.ca is not None:
        authorities = ssl.trustRootFromCertificates(
            [
                ssl.Certificate(X509.from_cryptography(each))
                for each in _certificates("--ca", files.ca)
            ]
        )
    if files.cert is not None:
        certificate, *chain = _certificates("--cert", files.cert)
        key = _privateKey(files, certificate)
        # Twisted would find out when there is a connection.
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        try:
            context.use_certificate(certificate)
            context.use_privatekey(key)
        except SSL.Error as error:
            raise OptionError(f"--cert {files.cert!r}: {sslText(error)}") from None
        ours = {"certificate": certificate, "extraCertChain": chain, "privateKey": key}
    return ssl.optionsForClientTLS(host, authorities, extraCertificateOptions=ours)


def _certificates(option: str, path: str) -> list[Any]:
    """
    Read the certificates in a PEM file.

    @return: at least one.
    @raise OptionError: there is none, or one is wrong.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    data = _read(option, path)
    try:
        certificates = list(x509.load_pem_x509_certificates(data))
        for each in certificates:
            each.public_key()
    except ValueError:
        why = "no PEM certificate that can be read"
    except UnsupportedAlgorithm as error:
        why = f"a certificate's key is of no use: {error}"
    else:
        return certificates
    raise OptionError(f"{option} {path!r}: {why}")


def _privateKey(files: TlsFiles, certificate: Any) -> Any:
    """
    Read the private key of our certificate.

    @raise OptionError: there is none, or it is wrong, or it has a passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    option, path = "--key", files.key
    if path is None:
        option, path = "--cert", files.cert or ""
    data = _read(option, path)
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        why = "the private key has a passphrase"
    except (ValueError, UnsupportedAlgorithm):
        why = "no PEM private key that can be read"
    else:
        if key.public_key() == certificate.public_key():
            return key
        why = f"not the key of --cert {files.cert!r}"
    raise OptionError(f"{option} {path!r}: {why}")


def _read(option: str, path: str) -> bytes:
    """
    Read a file.

    @raise OptionError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise OptionError(f"{option} {path!r}: {error.strerror}") from None


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """
    TLS to a host.  There is no connection before the handshake is complete.
    """

    def __init__(
        self, reactor: Any, host: str, endpoint: IStreamClientEndpoint, options: Any
    ) -> None:
        """
        @param reactor: runs the timers of the connection.
        @param host: whose certificate it must be.
        @param endpoint: how to connect to the host.
        @param options: whom to trust, and who we are.
        """
        self._reactor = reactor
        self._host = host
        self._endpoint = endpoint
        self._options = options

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and agree on TLS."""
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
    Stand in for a protocol until the handshake is complete.

    @ivar done: fires with the protocol, or fails with a L{TlsError}.
    """

    transport: Any

    def __init__(self, factory: IProtocolFactory, host: str) -> None:
        """
        @param factory: makes the protocol.
        @param host: whose certificate it must be.
        """
        self._factory = factory
        self._host = host
        self.done: Deferred[IProtocol] = Deferred(
            lambda done: self.transport.abortConnection()
        )

    def handshakeCompleted(self) -> None:
        """Let the protocol take its place."""
        if self.transport.disconnecting:
            # Older releases of Twisted look at the name when all else is done.
            return
        protocol = self._factory.buildProtocol(self.transport.getPeer())
        assert protocol is not None
        self.transport.wrappedProtocol = protocol
        protocol.makeConnection(self.transport)
        self.done.callback(protocol)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """There was no handshake."""
        if not self.done.called:
            self.done.errback(Failure(TlsError(self._whatFailed(reason))))

    def _whatFailed(self, reason: Failure) -> str:
        """
        Say why there was no handshake.
        """
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
    Say what is wrong with the far end's certificate; nothing, if nothing is.
    """
    from OpenSSL._util import lib
    from OpenSSL.SSL import X509VerificationCodes as Codes

    # pyOpenSSL has no name of its own for this.
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
