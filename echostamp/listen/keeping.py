"""
Sockets that a daemon keeps for its workers.

The parent of the workers binds the sockets and listens on them, and accepts nothing.
It keeps them open when a worker ends: so the connections that wait at a socket are
served by the worker's successor.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from zope.interface import implementer

from echostamp.listen.listening import PreparedPort
from echostamp.listen.preparing import PortSettings, PreparingReactor
from echostamp.listen.sockets import (
    boundTcpSockets,
    checkAlone,
    clearPath,
    dropNew,
)
from echostamp.listen.unixport import KeptUnixPort


@implementer(IListeningPort)
class KeptPort:
    """
    Listens on sockets that share one address, and leaves their connections to others.
    """

    def __init__(self, sockets: Sequence[socket.socket], backlog: int | None) -> None:
        """
        @param sockets: they are bound.
        @param backlog: how many connections may wait at each; L{None} where they listen
            already.
        """
        self._sockets = sockets
        self._backlog = backlog

    def startListening(self) -> None:
        """
        Listen on all of them.

        @raise OSError: another daemon listens there by now.
        """
        if self._backlog is not None:
            checkAlone(self._sockets[0])
            for each in self._sockets:
                each.listen(self._backlog)

    def stopListening(self) -> None:
        """
        Close them.  Workers that have them can accept what waits.  Nothing new comes,
        unless they are those of another process, such as systemd.
        """
        for each in self._sockets:
            if self._backlog is not None:
                dropNew(each)
            each.close()

    def getHost(self) -> IAddress:
        """Give the address."""
        kept = self._sockets[0]
        address = kept.getsockname()
        if kept.family == socket.AF_UNIX:
            return UNIXAddress(os.fsencode(address))
        kind = IPv6Address if kept.family == socket.AF_INET6 else IPv4Address
        return kind("TCP", *address)


class KeepingReactor(PreparingReactor):
    """
    The reactor for endpoints of a daemon with workers.
    """

    def __init__(
        self, reactor: Any, settings: PortSettings | None, workers: int
    ) -> None:
        """
        @param reactor: see L{PreparingReactor.__init__}.
        @param settings: see L{PreparingReactor.__init__}.  Factories make nothing.
        @param workers: how many workers there will be.

        @ivar places: the sockets of each port, in the order of preparing: one for each
            worker, or one that all share, which is a UNIX socket or systemd's.  It is
            complete when all ports listen.
        """
        super().__init__(reactor, settings)
        self._workers = workers
        self.places: list[list[socket.socket]] = []

    def _bind(self, interface: str, port: int) -> list[socket.socket]:
        """
        Bind a socket for each worker.
        """
        return boundTcpSockets(interface, port, self._workers)

    def _prepared(
        self,
        bound: Sequence[socket.socket],
        factory: IProtocolFactory,
        backlog: int | None = None,
    ) -> PreparedPort:
        """
        Prepare the sockets of an endpoint.
        """
        self.places.append(list(bound))

        def listen() -> IListeningPort:
            port = KeptPort(bound, backlog)
            port.startListening()
            return port

        return PreparedPort(listen)

    def _preparedUnix(
        self, address: str, factory: IProtocolFactory, backlog: int, **kwargs: Any
    ) -> PreparedPort:
        """
        Prepare a UNIX socket.  Its place is empty until it listens.
        """
        place: list[socket.socket] = []
        self.places.append(place)

        def listen() -> IListeningPort:
            clearPath(address)
            port: Any = KeptUnixPort(
                os.fsencode(address),
                # It accepts nothing: this is for the log, which names it.
                self.settings.guard(factory),
                backlog,
                reactor=self._reactor,
                **kwargs,
            )
            port.startListening()
            place.append(port.socket)
            kept: IListeningPort = port
            return kept

        return PreparedPort(listen)
