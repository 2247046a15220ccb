"""
Accepts connections, and waits while the system gives none.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any, Protocol

from twisted.internet.interfaces import IListeningPort

from echostamp.addresses import peerName

#: Seconds to wait while the system has no room for a connection.
NO_ROOM_PAUSE = 1.0

#: Errors of one connection, which has failed before it was accepted: accept(2).  The
#: next one may be accepted at once.
_FAILED = {
    errno.ECONNABORTED,
    errno.EPERM,
    errno.ENETDOWN,
    errno.EPROTO,
    errno.ENOPROTOOPT,
    errno.EHOSTDOWN,
    errno.ENONET,
    errno.EHOSTUNREACH,
    errno.EOPNOTSUPP,
    errno.ENETUNREACH,
}

#: Connections that may have failed in a row before there is a wait.
MOST_FAILED = 10


class Write(Protocol):
    """
    Writes a line to a bounded log.
    """

    def __call__(self, kind: str, format: str, **fields: object) -> object: ...


def portName(port: IListeningPort) -> str:
    """
    Name what a port listens on, for the log.
    """
    address = port.getHost()
    path = getattr(address, "name", None)
    return repr(os.fsdecode(path)) if path else peerName(address)


class ListeningSocket:
    """
    The socket of a port, whose C{accept} has errors that the port need not see.

    Where the system has no room, the port does not read for L{NO_ROOM_PAUSE} seconds,
    nor where it gives any other error that lasts.  The connections wait in the kernel
    meanwhile.  Twisted would try again at once, with a line or a traceback in the log
    each time.
    """

    def __init__(self, reactor: Any, port: Any, write: Write) -> None:
        """
        @param reactor: runs the timer.
        @param port: one of Twisted's stream ports, which listens; this takes the place
            of its socket.
        @param write: writes to the log.
        """
        self._reactor = reactor
        self._port = port
        self._write = write
        self._listening: socket.socket = port.socket
        self._isWaiting = False
        self._failed = 0
        port.socket = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)

    def accept(self) -> tuple[socket.socket, Any]:
        """
        Accept a connection.

        @raise BlockingIOError: there is none, or it has failed, or there is no room.
        """
        try:
            accepted = self._listening.accept()
        except BlockingIOError:
            self._failed = 0
            raise
        except OSError as error:
            self._failed += 1
            if error.errno not in _FAILED or self._failed > MOST_FAILED:
                self._wait(error)
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        self._failed = 0
        return accepted

    def _wait(self, error: OSError) -> None:
        """
        Log that nothing can be accepted, and do not accept for a while.
        """
        if self._isWaiting:
            return
        self._isWaiting = True
        self._port.stopReading()
        self._reactor.callLater(NO_ROOM_PAUSE, self._again)
        self._write(
            "connections that cannot be accepted",
            "cannot accept at {port}: {error}; trying again in {pause:g} s",
            port=portName(self._port),
            error=error.strerror,
            pause=NO_ROOM_PAUSE,
        )

    def _again(self) -> None:
        """
        Accept again, if the port still listens.
        """
        self._isWaiting = False
        if self._port.connected:
            self._port.startReading()
