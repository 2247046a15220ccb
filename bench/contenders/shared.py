"""
What the contenders in Python share: their command line, and the same stamps.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import NamedTuple

from echostamp.stamps import CTIME

#: Connections that may wait to be accepted: as many as EchoStamp allows.
BACKLOG = 1024

#: Octets of one read: as many as Twisted takes.
READ = 65_536


class Arguments(NamedTuple):
    """
    The command line.

    @ivar port: TCP port to listen on, on 127.0.0.1.
    @ivar certificate: PEM file of the certificate, where TLS is wanted.
    @ivar key: PEM file of its key.
    """

    port: int
    certificate: str | None
    key: str | None


def arguments() -> Arguments:
    """
    Read the command line: C{PORT [CERTIFICATE KEY]}.
    """
    port, certificate, key, *_ = [*sys.argv[1:], None, None]
    return Arguments(int(port or 0), certificate, key)


def listening(port: int) -> socket.socket:
    """
    Give a socket that listens on a TCP port.
    """
    return socket.create_server(("127.0.0.1", port), backlog=BACKLOG)


class Stamps:
    """
    Stamps as EchoStamp's factory gives them: their text is made again only when it
    changes.
    """

    def __init__(self) -> None:
        self._stamp = b""
        self._second = -1

    def stamp(self) -> bytes:
        """
        Give the stamp of this moment.
        """
        now = time.time_ns()
        second = now // CTIME.resolution
        if second != self._second:
            self._stamp = CTIME.stamp(now)
            self._second = second
        return self._stamp
