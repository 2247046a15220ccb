"""
Sockets of a worker, whose parent listens on them and keeps them.

A worker has all sockets of the daemon, and accepts connections from those that its
parent names.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from echostamp.listen.inherited import Inherited
from echostamp.listen.listening import PreparedPort, acceptWaiting
from echostamp.listen.preparing import PortSettings, PreparingReactor


class AdoptedPlace(PreparedPort):
    """
    The sockets of a port: one for each worker, or one that all share.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        accepting: Callable[[socket.socket], IListeningPort],
    ) -> None:
        """
        @param sockets: they listen.
        @param accepting: accepts connections from a duplicate of one.
        """
        super().__init__(lambda: accepting(sockets[0]))
        self.accepting = accepting
        self.sockets = sockets

    def chosen(self, indexes: Collection[int]) -> Collection[socket.socket]:
        """
        Give the sockets that are read for workers.

        @param indexes: the workers'.
        """
        if len(self.sockets) == 1:
            return self.sockets if indexes else ()
        return [self.sockets[index] for index in indexes]


class AdoptingReactor(PreparingReactor):
    """
    The reactor for endpoints of a worker.  Each takes the sockets that the parent has
    prepared for it, and so they have to be prepared in the parent's order.
    """

    def __init__(
        self,
        reactor: Any,
        settings: PortSettings | None,
        places: Sequence[Sequence[int]],
    ) -> None:
        """
        @param reactor: see L{PreparingReactor.__init__}.
        @param settings: see L{PreparingReactor.__init__}.  The parent has already set
            the options of the sockets.
        @param places: the descriptors of L{KeepingReactor.places
            <echostamp.listen.keeping.KeepingReactor.places>}.

        @ivar places: what the endpoints have taken.
        """
        super().__init__(reactor, settings)
        self._descriptors = places
        self.places: list[AdoptedPlace] = []

    def _taken(self, factory: IProtocolFactory) -> AdoptedPlace:
        """
        Take the next place.

        @raise ValueError: none is left.
        """
        number = len(self.places)
        if number >= len(self._descriptors):
            raise ValueError("its sockets are missing")
        sockets = [socket.socket(fileno=each) for each in self._descriptors[number]]
        guarded = self.settings.guard(factory)
        place = AdoptedPlace(sockets, lambda each: self._accepting(each, guarded))
        self.places.append(place)
        return place

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> PreparedPort:
        """Take the sockets of a TCP port."""
        return self._taken(factory)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        **kwargs: Any,
    ) -> PreparedPort:
        """Take a UNIX socket."""
        return self._taken(factory)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> PreparedPort:
        """Take a socket that the parent has adopted."""
        return self._taken(factory)

    def adoptInherited(
        self, inherited: Inherited, factory: IProtocolFactory
    ) -> PreparedPort:
        """Take a socket that systemd has passed to the parent."""
        return self._taken(factory)

    def unserved(self) -> list[Inherited]:
        """Leave the warning to the parent: it has given it once."""
        return []


class AdoptedPorts:
    """
    Accepts connections from the sockets that the parent names.
    """

    def __init__(
        self,
        places: Sequence[AdoptedPlace],
        accept: Callable[[IListeningPort], object] = acceptWaiting,
    ) -> None:
        """
        @param places: see L{AdoptingReactor}.
        @param accept: accepts the connections that wait at a port.
        """
        self._places = places
        self._accept = accept
        # The ports that listen, by their sockets.
        self._ports: dict[socket.socket, IListeningPort] = {}

    def read(self, indexes: Collection[int]) -> Deferred[None]:
        """
        Accept connections from the sockets of these workers, and from no others.  The
        others stay open: what waits there is served by another process.

        @param indexes: the workers'.
        @return: fires when it is so.
        """
        wanted = {
            each: place for place in self._places for each in place.chosen(indexes)
        }
        stopping = self._stopping([each for each in self._ports if each not in wanted])
        for each, place in wanted.items():
            if each not in self._ports:
                self._ports[each] = place.accepting(each)
        return stopping

    def closeOthers(self) -> None:
        """Close the sockets from which no connections are accepted."""
        self._close(self._ports)

    def stop(self) -> Deferred[None]:
        """
        Accept the connections that wait, then close all sockets.  Where no other
        process has a socket, what comes later is refused.

        @return: fires when no port listens.
        """
        for port in self._ports.values():
            self._accept(port)
        self._close(())
        return self._stopping(list(self._ports))

    def _close(self, kept: Collection[socket.socket]) -> None:
        """
        Close all sockets but those.  A port has a duplicate of its own.
        """
        for place in self._places:
            for each in place.sockets:
                if each not in kept:
                    each.close()

    def _stopping(self, sockets: Sequence[socket.socket]) -> Deferred[None]:
        """
        Stop the ports of these sockets.

        @return: fires when they do not listen.
        """
        ports = [self._ports.pop(each) for each in sockets]
        stopped = gatherResults([maybeDeferred(port.stopListening) for port in ports])
        return stopped.addCallback(lambda _: None)
