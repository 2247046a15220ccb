"""
Which transports are bare sockets, and what these can do; a leaf.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Connection


def isBareSocket(transport: Any) -> bool:
    """
    Say whether octets that are written to a transport's socket reach the peer
    unchanged: true for TCP and UNIX sockets, never under TLS.
    """
    return isinstance(transport, Connection) and not transport.TLS


def closeAtOnce(transport: Any) -> None:
    """
    Close a connection whose input has ended and whose output was sent.  On a bare
    socket this is done now: C{loseConnection} waits for the socket to take nothing
    more, which costs another turn of the reactor and four calls of the system.  A
    transport above a socket may have a method of this name.
    """
    if isBareSocket(transport):
        transport.connectionLost(connectionDone)
    else:
        getattr(transport, "closeAtOnce", transport.loseConnection)()
