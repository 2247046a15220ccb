"""
The daemon's key and certificate, and the CAs of its clients, as an OpenSSL context.

To import this, the extra C{tls} has to be installed.
"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from echostamp.text import printable, sslText
from echostamp.tls.pem import PemFile, certificateAndKey

log = Logger(namespace="echostamp")

#: The longest text that is shown of a certificate's subject, in characters.
LONGEST_SUBJECT = 200

#: The cipher suites for TLS 1.2: those with authenticated encryption.  TLS 1.3 has no
#: others.
AEAD_SUITES = b"ECDHE+AESGCM:ECDHE+CHACHA20"

#: The names of OpenSSL's errors of verification, by their number.
VERIFY_ERRORS = {
    code: name.removeprefix("ERR_").replace("_", " ").lower()
    for name, code in vars(SSL.X509VerificationCodes).items()
    if name.startswith("ERR_")
}


@implementer(IOpenSSLServerConnectionCreator)
class Credentials:
    """
    The daemon's key and certificate, and the CAs whose clients it accepts.  The files
    can be reloaded.
    """

    def __init__(self, privateKey: str, certKey: str, clientCA: str | None) -> None:
        """
        @param privateKey: the PEM file of the private key.
        @param certKey: the PEM file of its certificate, followed by the certificates
            between it and its CA; it may be the same file.
        @param clientCA: the PEM file of the CAs that issue the certificates of
            clients; L{None} to accept clients without a certificate.
        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.
        """
        self._privateKey = PemFile("privateKey=", privateKey)
        self._certKey = PemFile("certKey=", certKey)
        self._clientCA = None if clientCA is None else PemFile("clientCA=", clientCA)
        self.reload()

    def reload(self) -> None:
        """
        Read the files again, for later handshakes.  The log warns of a private key that
        others may read.

        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.  The old keys and certificates stay in use then.
        """
        context = _strictContext()
        certificate, chain, key = certificateAndKey(self._certKey, self._privateKey)
        try:
            context.use_certificate(certificate)
            for each in chain:
                context.add_extra_chain_cert(each)
            context.use_privatekey(key)
        except SSL.Error as error:
            raise self._certKey.wrong(sslText(error)) from None
        if self._clientCA is not None:
            _requireCertificate(context, self._clientCA.certificates())
        self._context = context
        if self._privateKey.isExposed:
            log.warn(
                "{file}: others may read it; chmod o= it", file=str(self._privateKey)
            )

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make OpenSSL's part of a new connection."""
        connection = SSL.Connection(self._context, None)
        # L{_verified} needs it, and older releases of Twisted do not set it.
        connection.set_app_data(protocol)
        return connection


def _strictContext() -> SSL.Context:
    """
    Make a context for TLS 1.3, and for TLS 1.2 with authenticated encryption.

    Sessions cannot be resumed.  Connections last long, so this would save little.  A
    client that resumes a session does not show its certificate again, and the CA may
    have been removed in the meantime.  (Over TLS 1.3 OpenSSL still sends tickets, 160
    octets in all, which no client can use.)
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
    # Free the buffers of idle connections.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    return context


def _requireCertificate(
    context: SSL.Context, authorities: list[x509.Certificate]
) -> None:
    """
    Refuse clients that show no certificate from one of the CAs.

    @param authorities: the CAs' certificates.
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
    Keep the reason why a client's certificate is refused.  The error that OpenSSL
    reports later does not contain it.
    """
    if not ok:
        protocol = connection.get_app_data()
        protocol.wrongCertificate = VERIFY_ERRORS.get(error, f"error {error}")
    return bool(ok)


def subjectOf(certificate: Any) -> str:
    """
    Give a certificate's subject as a text that is safe to show.

    @param certificate: an L{X509 <OpenSSL.crypto.X509>}.
    """
    try:
        text = certificate.to_cryptography().subject.rfc4514_string()
    except ValueError:
        # The CA has signed it, but it breaks X.509's rules.
        return "a subject that cannot be read"
    shown = printable(text)
    if len(shown) > LONGEST_SUBJECT:
        shown = shown[: LONGEST_SUBJECT - 1] + "…"
    return shown
