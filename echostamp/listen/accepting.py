"""
Accepts connections, and waits while the system has no room for one.
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

#: No descriptor is left, of this process or of the system, or no memory: accept(2).
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


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

    Where the system has no room, the port does not read for L{NO_ROOM_PAUSE} seconds.
    The connections wait in the kernel meanwhile.  Twisted would try again at once, with
    a line or two in the log each time.
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
        port.socket = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listening, name)

    def accept(self) -> tuple[socket.socket, Any]:
        """
        Accept a connection.

        @raise BlockingIOError: there is none, or it has gone, or there is no room.
        """
        try:
            return self._listening.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._wait(error)
            elif error.errno != errno.ECONNABORTED:
                raise
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _wait(self, error: OSError) -> None:
        """
        Log that there is no room, and do not accept for a while.
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
