"""
Which transports are bare sockets; a leaf.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection


def isBareSocket(transport: Any) -> bool:
    """
    Say whether octets that are written to a transport's socket reach the peer
    unchanged: true for TCP and UNIX sockets, never under TLS.
    """
    return isinstance(transport, Connection) and not transport.TLS
