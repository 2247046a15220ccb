"""
The daemon's key and certificate, and the CAs of its clients, as an OpenSSL context.
"""

from __future__ import annotations

import ssl

from twisted.logger import Logger

from echostamp.keyfiles import DISK, Files
from echostamp.tls.pem import PemFile, loadChain, trust

log = Logger(namespace="echostamp")

#: The cipher suites for TLS 1.2: those with authenticated encryption.  TLS 1.3 has no
#: others.
AEAD_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"

#: How certificates are verified, with every version of Python: 3.13 would set
#: C{VERIFY_X509_STRICT} in its default context, which refuses the CAs that
#: C{openssl req -x509} makes.
VERIFY_FLAGS = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST


class Credentials:
    """
    The daemon's key and certificate, and the CAs whose clients it accepts.  The files
    can be reloaded.

    @ivar context: the context of new connections.
    @ivar asksForCertificate: whether clients have to show a certificate.
    """

    context: ssl.SSLContext

    def __init__(
        self,
        privateKey: str,
        certKey: str,
        clientCA: str | None,
        hasTls12: bool = False,
        files: Files = DISK,
    ) -> None:
        """
        @param privateKey: the PEM file of the private key.
        @param certKey: the PEM file of its certificate, followed by the certificates
            between it and its CA; it may be the same file.
        @param clientCA: the PEM file of the CAs that issue the certificates of
            clients; L{None} to accept clients without a certificate.
        @param hasTls12: whether clients may use TLS 1.2.
        @param files: reads the files, and learns which contents are right.
        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.
        """
        self._privateKey = PemFile("privateKey=", privateKey, files)
        self._certKey = PemFile("certKey=", certKey, files)
        self._clientCA = (
            None if clientCA is None else PemFile("clientCA=", clientCA, files)
        )
        self._files = files
        self._hasTls12 = hasTls12
        self.asksForCertificate = clientCA is not None
        self.reload()

    def reload(self) -> None:
        """
        Read the files again, for later handshakes.  The log warns of a private key that
        others may read.

        The sessions of TLS 1.2 that clients could resume end with the old context.

        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.  The old keys and certificates stay in use then.
        """
        context = _strictContext(self._hasTls12)
        loadChain(context, self._certKey, self._privateKey)
        if self._clientCA is not None:
            trust(context, self._clientCA)
            context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        used = self._privateKey, self._certKey, self._clientCA
        self._files.accept(each.path for each in used if each is not None)
        if self._privateKey.isExposed:
            log.warn(
                "{file}: others may read it; chmod o= it", file=str(self._privateKey)
            )


def _strictContext(hasTls12: bool) -> ssl.SSLContext:
    """
    Make a context for TLS 1.3, and perhaps for TLS 1.2 with authenticated encryption.

    Sessions of TLS 1.3 cannot be resumed: there are no tickets.  Connections last long,
    so this would save little.  A client that resumes a session does not show its
    certificate again, and the CA may have been removed in the meantime.  Those of TLS
    1.2 can be: the standard library cannot switch OpenSSL's cache off.  It keeps up to
    20,480 sessions, about 130 MiB.  So TLS 1.2 has to be asked for.

    @param hasTls12: whether clients may use TLS 1.2.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    version = ssl.TLSVersion.TLSv1_2 if hasTls12 else ssl.TLSVersion.TLSv1_3
    context.minimum_version = version
    context.set_ciphers(AEAD_SUITES)
    context.verify_flags = VERIFY_FLAGS
    context.num_tickets = 0
    context.options |= (
        ssl.OP_NO_COMPRESSION
        | ssl.OP_NO_RENEGOTIATION
        | ssl.OP_NO_TICKET
        | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    return context
