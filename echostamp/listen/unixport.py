"""
UNIX sockets that several processes have: those of another process, systemd for one, and
those that this process keeps for its workers.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure


class AdoptedUnixPort(unix.Port):
    """
    Listens on a UNIX socket that another process has bound and keeps.

    Twisted's own port takes such a socket for its property: it makes the file writable
    for everyone and shortens the backlog.  At the end it shuts the socket down and
    deletes the file, after which systemd waits on a socket that nobody can reach.
    """

    def __init__(
        self, reactor: Any, listening: socket.socket, factory: IProtocolFactory
    ) -> None:
        """
        @param reactor: what reads: an L{IReactorFDSet
            <twisted.internet.interfaces.IReactorFDSet>}.
        @param listening: a stream socket that listens and does not block.  It is
            closed when the port stops listening.
        @param factory: makes the protocols of the connections.
        """
        path = os.fsencode(listening.getsockname())
        unix.Port.__init__(self, path, factory, reactor=reactor)
        # Twisted has no public way to close the descriptor alone: without this private
        # attribute it shuts down the socket, which the other process still uses.
        self._shouldShutdown = False
        self._adopted = listening

    def startListening(self) -> None:
        """
        Accept connections.
        """
        # This is what Twisted's own method does, but for the descriptor in reserve: see
        # L{ListeningSocket <echostamp.listen.accepting.ListeningSocket>}.  The
        # attributes are not annotated.
        port: Any = self
        port.factory.doStart()
        port.connected = True
        port.socket = self._adopted
        port.fileno = self._adopted.fileno
        port.numberAccepts = 100
        port.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """
        Stop accepting, and leave the file to its owner.
        """
        tcp.Port.connectionLost(self, reason)


class KeptUnixPort(unix.Port):
    """
    Listens on a UNIX socket for other processes, which have duplicates of it and accept
    its connections.
    """

    # Twisted shuts a socket down before it closes it, for all processes: see
    # L{AdoptedUnixPort.__init__}.
    _shouldShutdown = False

    def startListening(self) -> None:
        """Make the socket and its file, and listen.  Accept nothing."""
        # These methods are not annotated.
        port: Any = super()
        port.startListening()
        port.stopReading()

    def stopListening(self) -> None:  # type: ignore[override]  # this needs no Deferred
        """
        Delete the file and close the socket at once: nothing can connect any more when
        the other processes accept what waits.

        @raise OSError: the file cannot be deleted.
        """
        port: Any = super()
        kept: Any = self.socket
        try:
            port.connectionLost(connectionDone)
        finally:
            # Where the file cannot be deleted, Twisted leaves the socket open.
            kept.close()


def adoptUnixPort(
    reactor: Any, fileDescriptor: int, factory: IProtocolFactory
) -> IListeningPort:
    """
    Listen on a UNIX socket that another process has bound and keeps.

    @param reactor: what reads: an L{IReactorFDSet
        <twisted.internet.interfaces.IReactorFDSet>}.
    @param fileDescriptor: a stream socket that listens.  The caller still has to close
        it.
    @param factory: makes the protocols of the connections.
    """
    listening = socket.socket(fileno=os.dup(fileDescriptor))
    listening.setblocking(False)
    port = AdoptedUnixPort(reactor, listening, factory)
    port.startListening()
    return port
