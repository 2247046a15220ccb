"""
The client's TLS context: the CAs that it trusts, and its own certificate.
"""

from __future__ import annotations

import ssl
from typing import NamedTuple

from echostamp.addresses import aLabels
from echostamp.keyfiles import DISK, Files
from echostamp.tls.engine import Engine
from echostamp.tls.pem import PemFile, loadChain, trust
from echostamp.tls.servercontext import VERIFY_FLAGS


class ClientTls(NamedTuple):
    """
    How a client does TLS with a host.

    @ivar host: the name or address that the server's certificate must have.
    @ivar context: the CAs to trust, and our certificate.
    """

    host: str
    context: ssl.SSLContext

    def engine(self) -> Engine:
        """Make a connection's end."""
        # Neither the SNI nor a certificate has the dot behind a name (RFC 6066, section
        # 3).
        return Engine(self.context, False, aLabels(self.host).removesuffix("."))


def clientContext(
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    files: Files = DISK,
) -> ssl.SSLContext:
    """
    Make the context of connections to any hosts.

    A certificate must have the host among its alternative names (RFC 9525, section
    6.3), and not only as its subject's common name.

    @param ca: the path of the CAs to trust; L{None} for the system's.
    @param cert: the path of our certificate and its chain; L{None} for no certificate.
    @param key: the path of our private key; L{None} where it is in the file C{cert}.
    @param files: reads them.
    @raise PemError: a file cannot be read or is wrong, or OpenSSL refuses it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.verify_flags = VERIFY_FLAGS
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if ca is None:
        context.set_default_verify_paths()
    else:
        trust(context, PemFile("--ca ", ca, files))
    if cert is not None:
        file = PemFile("--cert ", cert, files)
        own = file if key is None else PemFile("--key ", key, files)
        loadChain(context, file, own)
    return context
