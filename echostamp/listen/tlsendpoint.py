"""
The server endpoint of TLS: C{tls:PORT:privateKey=FILE:certKey=FILE}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from echostamp.endpointparts import Description, checkNames, portNumber
from echostamp.keyfiles import DISK, Files
from echostamp.tls.handshakes import Handshakes
from echostamp.tls.server import TlsFactory
from echostamp.tls.servercontext import Credentials

#: The named parts that a description may have.
_PARAMETERS = ("privateKey", "certKey", "clientCA", "tls12", "interface")


@implementer(IStreamServerEndpoint)
class TlsServerEndpoint:
    """
    Listens for TLS connections at a TCP port.
    """

    def __init__(
        self,
        reactor: Any,
        port: int,
        credentials: Credentials,
        interface: str = "",
        handshakes: Handshakes | None = None,
    ) -> None:
        """
        @param reactor: will listen and run the timers: an L{IReactorTCP
            <twisted.internet.interfaces.IReactorTCP>}, or a L{PreparingReactor
            <echostamp.listen.preparing.PreparingReactor>}.
        @param port: the TCP port, 0 for any.
        @param credentials: the daemon's key and certificate, and the CAs of its
            clients.
        @param interface: the address to listen on; empty for all.
        @param handshakes: how handshakes are limited and reported.
        """
        self._reactor = reactor
        self._port = port
        self._credentials = credentials
        self._interface = interface
        self._handshakes = handshakes

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen, with TLS in front of a factory."""
        wrapped = TlsFactory(
            self._reactor, self._credentials, protocolFactory, self._handshakes
        )
        return execute(
            self._reactor.listenTCP, self._port, wrapped, interface=self._interface
        )

    def reload(self) -> None:
        """
        Read the files again.  New handshakes use them; connections that exist do not
        change.

        @raise ValueError: a file cannot be read or is wrong; the text says which and
            how.  The old keys and certificates stay in use then.
        """
        self._credentials.reload()


def tlsServerEndpoint(
    reactor: Any,
    description: Description,
    handshakes: Handshakes | None = None,
    files: Files = DISK,
) -> TlsServerEndpoint:
    """
    Make an endpoint from its description,
    C{tls:PORT:privateKey=FILE:certKey=FILE[:clientCA=FILE][:tls12=yes][:interface=ADDR]}.

    @param reactor: see L{TlsServerEndpoint.__init__}.
    @param description: its one word is the port.
    @param handshakes: see L{TlsServerEndpoint.__init__}.
    @param files: reads the files.
    @raise ValueError: a part is missing, wrong or unknown, or a file cannot be read or
        is wrong; the text says which and how.
    """
    checkNames(description, _PARAMETERS)
    named = description.named
    port = portNumber(description.words[0] if description.words else "")
    for name in "privateKey", "certKey":
        if not named.get(name):
            raise ValueError(f"{name}=FILE is missing")
    tls12 = named.get("tls12", "no")
    if tls12 not in ("yes", "no"):
        raise ValueError(f"tls12 is yes or no, not {tls12!r}")
    credentials = Credentials(
        named["privateKey"],
        named["certKey"],
        named.get("clientCA"),
        tls12 == "yes",
        files,
    )
    return TlsServerEndpoint(
        reactor, port, credentials, named.get("interface", ""), handshakes
    )
