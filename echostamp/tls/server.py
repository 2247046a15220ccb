"""
The server's side of TLS: puts a L{TlsTransport} in front of a factory's protocols, and
reports the handshakes.
"""

from __future__ import annotations

import ssl
from typing import cast

from twisted.internet.interfaces import (
    IAddress,
    ILoggingContext,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory

from echostamp.addresses import peerName
from echostamp.text import isOfCertificate, sslAlert, sslText
from echostamp.tls.engine import Engine
from echostamp.tls.handshakes import Handshakes
from echostamp.tls.servercontext import Credentials
from echostamp.tls.subject import subjectText
from echostamp.tls.transport import TlsTransport


def peerSubject(transport: object) -> str | None:
    """
    Give the subject of the certificate that the peer of a connection has shown.

    @param transport: a protocol's, of any kind.
    @return: an RFC 4514 string of printable characters, at most L{LONGEST_SUBJECT
        <echostamp.tls.subject.LONGEST_SUBJECT>} of them; L{None} where no certificate
        was asked for.
    """
    subject = getattr(transport, "peerSubject", None)
    return subject if isinstance(subject, str) else None


class TlsFactory(Factory):
    """
    TLS between a port and a factory.

    @ivar handshakes: see L{__init__}.
    @ivar wrappedFactory: see L{__init__}.
    """

    noisy = False

    def __init__(
        self,
        reactor: IReactorTime,
        credentials: Credentials,
        wrappedFactory: IProtocolFactory,
        handshakes: Handshakes | None = None,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param credentials: the daemon's key and certificate, and the CAs of its
            clients.
        @param wrappedFactory: makes the protocols above TLS.
        @param handshakes: how handshakes are limited and reported.
        """
        self._clock = reactor
        self._credentials = credentials
        self.wrappedFactory = wrappedFactory
        self.handshakes = handshakes or Handshakes()

    def logPrefix(self) -> str:
        """Give the name that Twisted's own lines about a port begin with."""
        if ILoggingContext.providedBy(self.wrappedFactory):
            return f"{cast(ILoggingContext, self.wrappedFactory).logPrefix()} (TLS)"
        return f"{type(self.wrappedFactory).__name__} (TLS)"

    def doStart(self) -> None:
        """Pass on that a port listens."""
        self.wrappedFactory.doStart()

    def doStop(self) -> None:
        """Pass on that a port has stopped listening."""
        self.wrappedFactory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> TlsTransport | None:  # type: ignore[override]
        """
        Make a protocol with TLS below, or none: the port closes the connection then.
        """
        protocol = self.wrappedFactory.buildProtocol(cast(IAddress, addr))
        if protocol is None:
            return None
        credentials = self._credentials
        return TlsTransport(
            Engine(credentials.context, True),
            self._clock,
            _Visitor(protocol, self.handshakes, credentials.asksForCertificate),
        )


class _Visitor:
    """
    The protocol of a client until its handshake ends, and how that is reported.
    """

    __slots__ = ("_asksForCertificate", "_handshakes", "_protocol")

    def __init__(
        self, protocol: IProtocol, handshakes: Handshakes, asksForCertificate: bool
    ) -> None:
        """
        @param protocol: the protocol to connect.
        @param handshakes: how handshakes are limited and reported.
        @param asksForCertificate: whether the client had to show a certificate.
        """
        self._protocol = protocol
        self._handshakes = handshakes
        self._asksForCertificate = asksForCertificate

    @property
    def timeout(self) -> float:
        """Seconds that the handshake may take."""
        return self._handshakes.timeout

    def admitted(self, transport: TlsTransport) -> None:
        """Report the client's certificate, and connect its protocol."""
        if self._asksForCertificate:
            try:
                subject = subjectText(transport.engine.certificate())
            except (ValueError, ssl.SSLError):
                # The CA has signed it, but it breaks X.509's rules.
                subject = "a subject that cannot be read"
            transport.peerSubject = subject
            self._handshakes.admitted(peerName(transport.getPeer()), subject)
        transport.connect(self._protocol)

    def refused(self, transport: TlsTransport, error: BaseException | None) -> None:
        """Report why the handshake has failed."""
        if isinstance(error, ssl.SSLError):
            why = refusal(error)
        elif error is not None:
            why = f"no TLS handshake within {self._handshakes.timeout:g} s"
        else:
            why = "the connection ended before its TLS handshake"
        self._handshakes.refused(peerName(transport.getPeer()), why)


def refusal(error: ssl.SSLError) -> str:
    """
    Say in OpenSSL's words why a handshake has failed: because of the client's
    certificate, because of ours as the client's alert says, or for another reason.
    """
    alert = sslAlert(error)
    if alert and isOfCertificate(alert):
        return f"our certificate, says its alert: {alert}"
    isVerified = isinstance(error, ssl.SSLCertVerificationError)
    if isVerified or error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return f"its certificate: {sslText(error)}"
    return f"TLS handshake: {sslText(error)}"
