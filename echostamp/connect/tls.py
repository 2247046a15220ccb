"""
Connects to a host over TLS, and explains failed handshakes.
"""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from echostamp.connect.failures import whatFailed
from echostamp.fileversions import fileVersions
from echostamp.keyfiles import DISK, Files
from echostamp.text import sslText
from echostamp.tls.clientcontext import ClientTls, clientContext
from echostamp.tls.pem import PemError
from echostamp.tls.transport import TlsTransport

#: The contexts in use, by who reads their files, by these and their versions.  One
#: takes most of a megabyte, so peers with the same files share one.
_contexts: WeakValueDictionary[tuple[object, ...], ssl.SSLContext] = (
    WeakValueDictionary()
)


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


def clientTls(host: str, files: TlsFiles, reads: Files = DISK) -> ClientTls:
    """
    Prepare TLS with a host.

    @param host: the host that the server's certificate must name.
    @param files: the PEM files to read.
    @param reads: reads them.
    @raise OptionError: a file cannot be read, or is wrong.
    """
    try:
        key = reads, files, *fileVersions(files)
        context = _contexts.get(key)
        if context is None:
            context = _contexts[key] = clientContext(*files, reads)
    except PemError as error:
        raise OptionError(str(error)) from None
    return ClientTls(host, context)


@implementer(IStreamClientEndpoint)
class TlsClientEndpoint:
    """
    Connects to a host over TLS.  The protocol is made once the handshake is complete.
    """

    def __init__(
        self, reactor: IReactorTime, endpoint: IStreamClientEndpoint, tls: ClientTls
    ) -> None:
        """
        @param reactor: runs the timers of the connection.
        @param endpoint: connects to the host.
        @param tls: see L{clientTls}.
        """
        self._reactor = reactor
        self._endpoint = endpoint
        self._tls = tls

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and complete the TLS handshake."""
        handshakes = _Handshakes(self._reactor, protocolFactory, self._tls)
        connecting: Deferred[Any] = self._endpoint.connect(handshakes)
        return connecting.addCallback(handshakes.outcome)


class _Handshakes(Factory):
    """
    Makes the transports of connections.  An endpoint that races for addresses may make
    more than the one that it gives.
    """

    noisy = False

    def __init__(
        self, clock: IReactorTime, factory: IProtocolFactory, tls: ClientTls
    ) -> None:
        """
        @param clock: runs the timers.
        @param factory: makes the protocols.
        @param tls: how TLS is done.
        """
        self._clock = clock
        self._factory = factory
        self._tls = tls
        self._outcomes: dict[TlsTransport, Deferred[IProtocol]] = {}

    def buildProtocol(self, addr: IAddress | None) -> TlsTransport:  # type: ignore[override]
        """Make the transport of a connection."""
        handshake = _Handshake(self._factory, self._tls.host)
        transport = TlsTransport(self._tls.engine(), self._clock, handshake)
        handshake.done = Deferred(lambda done: transport.abortConnection())
        self._outcomes[transport] = handshake.done
        return transport

    def outcome(self, transport: TlsTransport) -> Deferred[IProtocol]:
        """Give what becomes of a handshake, a protocol or a L{TlsError}, and abort the
        others."""
        # It makes no more.  Twisted leaves it in a cycle.
        del self._clock, self._factory, self._tls
        outcome = self._outcomes.pop(transport)
        for other in self._outcomes.values():
            other.addErrback(lambda failure: None)
            other.cancel()
        return outcome


class _Handshake:
    """
    A connection's handshake, and its outcome.

    @ivar timeout: none: who connects has a limit for all of it.
    @ivar done: fires with the protocol, or fails with a L{TlsError}.
    """

    timeout = None
    done: Deferred[IProtocol]

    def __init__(self, factory: IProtocolFactory, host: str) -> None:
        """
        @param factory: makes the protocol.
        @param host: the host that the server's certificate must name.
        """
        self._factory = factory
        self._host = host

    def admitted(self, transport: TlsTransport) -> None:
        """Make and connect the protocol.  Where that fails, so does the outcome."""
        try:
            protocol = self._factory.buildProtocol(transport.getPeer())
            if protocol is None:
                raise NoProtocol
            transport.connect(protocol)
        except Exception:
            self.done.errback()
            transport.abortConnection()
        else:
            self.done.callback(protocol)

    def refused(self, transport: TlsTransport, error: BaseException | None) -> None:
        """Report that the handshake has failed, unless nobody waits for it."""
        if not self.done.called:
            self.done.errback(Failure(TlsError(self._whatFailed(error))))

    def _whatFailed(self, error: BaseException | None) -> str:
        """
        Give the reason for a failed handshake.
        """
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate {_whatIsWrong(error, self._host)}"
        if error is not None:
            return whatFailed(Failure(error))
        return "the far end closed the connection before its TLS handshake"


#: OpenSSL's errors of verification: a code of X509_V_ERR_..., and what to say.
_WRONG = {
    **dict.fromkeys((2, 18, 19, 20, 21), "is of an unknown CA; see --ca"),
    9: "is not valid yet",
    10: "has expired",
}

#: The codes of a certificate for another host, and for another address.
_MISMATCH = (62, 64)


def _whatIsWrong(error: ssl.SSLCertVerificationError, host: str) -> str:
    """
    Say what is wrong with the server's certificate.
    """
    if error.verify_code in _MISMATCH:
        return f"is not for {host!r}"
    return _WRONG.get(error.verify_code, f"is not valid ({sslText(error)})")


def certificateEnd(transport: Any) -> int | None:
    """
    Give when the certificate of a connection's far end expires.

    @param transport: the connection's transport.
    @return: seconds since the UNIX epoch; L{None} without TLS.
    """
    if not isinstance(transport, TlsTransport):
        return None
    try:
        end = transport.getPeerCertificate().get("notAfter")
    except ValueError:
        # It breaks the rules of X.509 in a way that verification allows.
        return None
    return ssl.cert_time_to_seconds(end) if isinstance(end, str) else None
