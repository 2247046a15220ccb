"""
Keys and certificates: who a daemon is, and whom it lets in.

To import this, the extra C{tls} has to be installed.
"""

from __future__ import annotations

import os
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from echostamp.text import printable, sslText

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
            certificates = list(x509.load_pem_x509_certificates(data))
            for each in certificates:
                each.public_key()
        except ValueError:
            raise self.wrong("no PEM certificate that can be read") from None
        except UnsupportedAlgorithm as error:
            raise self.wrong(f"a certificate's key is of no use: {error}") from None
        return certificates

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
