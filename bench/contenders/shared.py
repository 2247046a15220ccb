"""
The command line and the stamps of all contenders in Python.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import NamedTuple

from echostamp.stamps import CTIME

#: The backlog of the listening socket: the same as EchoStamp's.
BACKLOG = 1024

#: Octets of one read: the same as Twisted's.
READ = 65_536


class Arguments(NamedTuple):
    """
    The command line.

    @ivar port: TCP port to listen on, on 127.0.0.1.
    @ivar certificate: PEM file of the certificate; L{None} for no TLS.
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
    Make a socket that listens on a TCP port.
    """
    return socket.create_server(("127.0.0.1", port), backlog=BACKLOG)


class Stamps:
    """
    Makes stamps as EchoStamp's factory does: it formats one only when the second
    changes.
    """

    def __init__(self) -> None:
        self._stamp = b""
        self._second = -1

    def stamp(self) -> bytes:
        """
        Make the stamp of this moment.
        """
        now = time.time_ns()
        second = now // CTIME.resolution
        if second != self._second:
            self._stamp = CTIME.stamp(now)
            self._second = second
        return self._stamp
