"""
From what a user writes to something to connect to.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, NamedTuple

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, clientFromString
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
)
from twisted.internet.interfaces import (
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

PORT = 8002

#: What is said where the packages for TLS are not installed.
TLS_MISSING = "TLS needs more: pip install 'echostamp[tls]'"

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^]]*)\]|(?P<host>[^:]*))(?::(?P<port>\d+))?")
_DESCRIPTION = re.compile(r"(?:tcp|tls|ssl|unix):|\w+=")

#: Alerts about a certificate: RFC 8446, section 6.2.
_OF_CERTIFICATE = re.compile(r"certificate|unknown ca|access denied")


class Target(NamedTuple):
    """
    The far end.

    @ivar name: how to call it in messages.
    @ivar endpoint: how to connect to it.
    """

    name: str
    endpoint: IStreamClientEndpoint


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


def parseTarget(
    reactor: Any, text: str, timeout: float, files: TlsFiles | None = None
) -> Target:
    """
    Read a TARGET: C{HOST}, C{HOST:PORT}, C{[V6]:PORT}, the same behind C{tls:}, or a
    client endpoint description of Twisted's.

    @param reactor: what will connect.
    @param timeout: seconds that one address may take to connect.
    @param files: what TLS needs, unless the system's CAs are enough.
    @raise OptionError: one of the files is missing, or cannot be read, or is wrong.
    @raise ValueError: the text is no target; the error's says why.
    """
    files = files or TlsFiles()
    hasFiles = files != TlsFiles()
    isTls = text.startswith("tls:")
    if isTls or text.startswith("ssl:"):
        _requireTls()
    if files.key is not None and files.cert is None:
        raise OptionError("--key goes with --cert")
    if hasFiles and not isTls:
        raise ValueError("--ca and --cert go with tls:HOST:PORT")
    if address := _address(text.removeprefix("tls:")):
        host, port = address
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        endpoint = HostnameEndpoint(reactor, host, port, timeout)
        if not isTls:
            return Target(name, endpoint)
        # The link of a link-local address is nobody's name.
        options = _clientOptions(host.partition("%")[0], files)
        return Target(f"tls:{name}", _TlsEndpoint(reactor, host, endpoint, options))
    if hasFiles:
        raise ValueError("with --ca and --cert it has to be tls:HOST:PORT")
    try:
        return Target(text, clientFromString(reactor, text))
    except Exception as error:
        # Each kind of endpoint has its own parser, which fails in its own way.
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{kind}{error}") from error


def _address(text: str) -> tuple[str, int] | None:
    """
    Read a host and a port.

    @return: L{None} for what looks like something else.
    @raise ValueError: one of them is wrong.
    """
    if isIPv6Address(text):
        text = f"[{text}]"
    match = _HOST_AND_PORT.fullmatch(text)
    if not match or _DESCRIPTION.match(text):
        return None
    host, port = match["v6"] or match["host"], int(match["port"] or PORT)
    if not host:
        raise ValueError("no host")
    if match["v6"] and not isIPv6Address(host):
        raise ValueError(f"{host!r} is not an IPv6 address")
    if not 1 <= port <= 65535:
        raise ValueError(f"{port} is not a port from 1 to 65535")
    return host, port


def _requireTls() -> None:
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


def _clientOptions(host: str, files: TlsFiles) -> Any:
    """
    Say whom to trust, and who we are.

    @param host: whose certificate it must be.
    @return: an L{IOpenSSLClientConnectionCreator
        <twisted.internet.interfaces.IOpenSSLClientConnectionCreator>}.
    @raise OptionError: one of the files cannot be read, or is wrong.
    """
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
        ours = {
            "certificate": certificate,
            "extraCertChain": chain,
            "privateKey": _privateKey(files, certificate),
        }
    return ssl.optionsForClientTLS(host, authorities, extraCertificateOptions=ours)


def _certificates(option: str, path: str) -> list[Any]:
    """
    Read the certificates in a PEM file.

    @return: at least one.
    @raise OptionError: there is none, or one is wrong.
    """
    from cryptography import x509

    data = _read(option, path)
    try:
        return list(x509.load_pem_x509_certificates(data))
    except ValueError:
        raise OptionError(
            f"{option} {path!r}: no PEM certificate that can be read"
        ) from None


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
class _TlsEndpoint:
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


def whatFailed(failure: Failure) -> str:
    """
    Say in a few words why a connection was not made, or was lost.
    """
    error = failure.value
    if isinstance(error, DNSLookupError):
        return "the name does not resolve"
    if isinstance(error, ConnectError) and error.osError:
        return os.strerror(error.osError)
    if isinstance(error, ConnectionLost):
        return "the connection was lost"
    ssl = sys.modules.get("OpenSSL.SSL")
    if ssl is not None and isinstance(error, ssl.Error):
        return _whatTlsSaid(error)
    return str(error) or type(error).__name__


def _whatTlsSaid(error: Exception) -> str:
    """
    Say in a few words what OpenSSL has found, or been told.
    """
    # A list of what happened, each with where in OpenSSL, or a number and a text.
    queue = error.args[0] if error.args else ()
    if isinstance(queue, int):
        queue = [error.args]
    text = ", ".join(dict.fromkeys(str(each[-1]) for each in queue))
    alert = text.partition("alert ")[2]
    if _OF_CERTIFICATE.search(alert):
        return f"the far end refused our certificate ({alert})"
    if alert:
        return f"the far end refused TLS with us ({alert})"
    if "wrong version number" in text:
        return "the far end does not speak TLS"
    return f"TLS failed ({text})" if text else "TLS failed"
