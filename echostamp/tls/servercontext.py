"""
Keys and certificates: who a daemon is, and whom it lets in.

To import this, the extra C{tls} has to be installed.
"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from echostamp.text import printable, sslText
from echostamp.tls.pem import PemFile, certificateAndKey

#: The longest text that is shown of a certificate's subject, in characters.
LONGEST_SUBJECT = 200

#: What TLS 1.2 may use; TLS 1.3 has nothing else.
AEAD_SUITES = b"ECDHE+AESGCM:ECDHE+CHACHA20"

#: The names of what may be wrong with a certificate.
VERIFY_ERRORS = {
    code: name.removeprefix("ERR_").replace("_", " ").lower()
    for name, code in vars(SSL.X509VerificationCodes).items()
    if name.startswith("ERR_")
}


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
        self._privateKey = PemFile("privateKey=", privateKey)
        self._certKey = PemFile("certKey=", certKey)
        self._clientCA = None if clientCA is None else PemFile("clientCA=", clientCA)
        self.reload()

    def reload(self) -> None:
        """
        Read the files again, for the handshakes to come.

        @raise ValueError: one of them cannot be read, or is wrong; the text says
            which and how.  What was read before stays in use then.
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

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make the TLS side of a new connection."""
        connection = SSL.Connection(self._context, None)
        # Older releases of Twisted do not do it.
        connection.set_app_data(protocol)
        return connection


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
        protocol.wrongCertificate = VERIFY_ERRORS.get(error, f"error {error}")
    return bool(ok)


def subjectOf(certificate: Any) -> str:
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
