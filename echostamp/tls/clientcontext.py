"""
The client's TLS context: the CAs that it trusts, and its own certificate.
"""

from __future__ import annotations

from typing import Any

from echostamp.text import sslText
from echostamp.tls.pem import PemError, PemFile, certificateAndKey

#: The error where the packages for TLS are not installed.
TLS_MISSING = "TLS needs more: pip install 'echostamp[tls]'"


def requireTls() -> None:
    """
    Check that the packages for TLS are installed.

    @raise ValueError: they are not; the text says what to install.
    """
    try:
        # Without service_identity Twisted checks certificates less strictly.
        import service_identity  # noqa: F401
        from OpenSSL import SSL  # noqa: F401
    except ImportError:
        raise ValueError(TLS_MISSING) from None


def clientOptions(
    host: str, ca: str | None = None, cert: str | None = None, key: str | None = None
) -> Any:
    """
    Make the options of TLS connections to a host.

    @param host: the host that the server's certificate must name.
    @param ca: the path of the CAs to trust; L{None} for the system's.
    @param cert: the path of our certificate and its chain; L{None} for no certificate.
    @param key: the path of our private key; L{None} where it is in the file C{cert}.
    @return: an L{IOpenSSLClientConnectionCreator
        <twisted.internet.interfaces.IOpenSSLClientConnectionCreator>}.
    @raise PemError: a file cannot be read, or is wrong.
    """
    # These packages are optional, and they take long to import.
    from OpenSSL.crypto import X509
    from twisted.internet import ssl

    authorities = None
    if ca is not None:
        authorities = ssl.trustRootFromCertificates(
            [
                ssl.Certificate(X509.from_cryptography(each))
                for each in PemFile("--ca ", ca).certificates()
            ]
        )
    ours = {} if cert is None else _ourCertificate(cert, key)
    return ssl.optionsForClientTLS(host, authorities, extraCertificateOptions=ours)


def _ourCertificate(cert: str, key: str | None) -> dict[str, Any]:
    """
    Read our certificate and private key, and try them in a context.

    @return: options of Twisted's L{twisted.internet.ssl.CertificateOptions}.
    @raise PemError: a file cannot be read or is wrong, or OpenSSL refuses it.
    """
    from OpenSSL import SSL

    file = PemFile("--cert ", cert)
    certificate, chain, privateKey = certificateAndKey(
        file, file if key is None else PemFile("--key ", key)
    )
    # Twisted would try them only when it connects.
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    try:
        context.use_certificate(certificate)
        context.use_privatekey(privateKey)
    except SSL.Error as error:
        raise PemError(f"{file}: {sslText(error)}") from None
    return {
        "certificate": certificate,
        "extraCertChain": chain,
        "privateKey": privateKey,
    }
