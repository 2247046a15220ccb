"""
A reactor that prepares to listen, and ports that listen later.

A daemon should refuse to start with one line that says why, while somebody looks:
before it forks, and before any of its ports listens.  So the C{listen} of an endpoint
runs against L{PreparingReactor}.  It binds TCP sockets at once, and leaves everything
else until the service starts.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from echostamp.keyfiles import DISK, Files
from echostamp.listen.inherited import Inherited, listeningSocket
from echostamp.listen.listening import PreparedPort
from echostamp.listen.sockets import (
    boundTcpSocket,
    checkPath,
    checkUnix,
    clash,
    clearPath,
    dropNew,
    longestQueue,
)
from echostamp.listen.unixport import adoptUnixPort
from echostamp.tls.handshakes import Handshakes, logAdmitted, logRefused

#: Wraps a factory in another, such as a L{Gate <echostamp.listen.gate.Gate>}.
Guard = Callable[[IProtocolFactory], IProtocolFactory]


@dataclass(frozen=True)
class PortSettings:
    """
    How the ports of a daemon are set up.

    @ivar guard: wraps the factory of each port, to limit its connections.
    @ivar proxyGuard: the same for a port behind a proxy; L{None} where no proxy is
        trusted.
    @ivar proxyHeaders: wraps a factory in one that reads PROXY headers; L{None}
        likewise.
    @ivar prepareSocket: sets the options of a TCP socket that will listen.
    @ivar refused: called with the peer's name and the reason when a TLS handshake
        fails.
    @ivar admitted: called with the peer's name and the subject of the certificate that
        it has shown.
    @ivar folder: the working directory that the service will have; relative paths of
        UNIX sockets are meant there.
    @ivar inherited: the sockets that systemd has passed on.
    @ivar listened: called with each port when it listens.
    @ivar readers: the reactor for the ports and their connections, such as L{Readers
        <echostamp.listen.readers.Readers>}; L{None} for the one that listens.
    @ivar files: reads the files of certificates and keys.
    """

    guard: Guard = lambda factory: factory
    proxyGuard: Guard | None = None
    proxyHeaders: Guard | None = None
    prepareSocket: Callable[[socket.socket], object] = lambda bound: None
    refused: Callable[[str, str], object] = logRefused
    admitted: Callable[[str, str], object] = logAdmitted
    folder: str = ""
    inherited: Sequence[Inherited] = ()
    listened: Callable[[Any], object] = lambda port: None
    readers: Any = None
    files: Files = DISK

    @property
    def handshakes(self) -> Handshakes:
        """How TLS handshakes are limited and reported."""
        return Handshakes(refused=self.refused, admitted=self.admitted)


class PreparingReactor:
    """
    The reactor for endpoints before the service starts.

    Each method that would listen prepares that, and returns a L{PreparedPort} where
    the reactor would return a port.  Everything else is the reactor's.
    """

    def __init__(self, reactor: Any, settings: PortSettings | None = None) -> None:
        """
        @param reactor: the reactor that will listen: an L{IReactorTCP
            <twisted.internet.interfaces.IReactorTCP>} with sockets to adopt.
        @param settings: how the ports are set up.

        @ivar reloads: read the files of endpoints again; each raises L{ValueError}
            with a text that says what is wrong with them.
        """
        self._reactor = reactor
        self.settings = settings or PortSettings()
        self.reloads: list[Callable[[], None]] = []
        # What all endpoints have prepared: sockets that are bound, absolute paths of
        # UNIX sockets, and descriptors that systemd has passed on.
        self._bound: list[socket.socket] = []
        self._paths: set[str] = set()
        self._adopted: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def behindProxy(self) -> Self:
        """
        Give the reactor for endpoints whose connections come through a proxy.  It
        shares what it prepares with this one.

        @raise ValueError: no proxy is trusted.
        """
        guard = self.settings.proxyGuard
        if guard is None:
            raise ValueError("it needs --proxy-from, with the networks of the proxies")
        # copy.copy() would look for attributes that are the reactor's.
        behind = object.__new__(type(self))
        behind.__dict__.update(self.__dict__)
        behind.settings = replace(self.settings, guard=guard, proxyGuard=None)
        return behind

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> PreparedPort:
        """
        Bind a TCP socket; without an interface, one for IPv6 and IPv4.

        @raise ValueError: the backlog is outside its bounds.
        @raise OSError: the address is taken, or cannot be used.
        """
        waiting = longestQueue(backlog)
        bound = self._bind(interface, port)
        if any(clash(bound[0], other) for other in self._bound):
            # The kernel would report this only when the second socket listens.
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._bound.append(bound[0])
        for each in bound:
            self.settings.prepareSocket(each)
        return self._prepared(bound, factory, waiting)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        **kwargs: Any,
    ) -> PreparedPort:
        """
        Prepare a UNIX socket.  Its file is made when the service starts, in the
        service's working directory.

        @raise ValueError: the path is empty, or too long for a socket, or another
            parameter is outside its bounds.
        @raise OSError: the file's folder is missing or not writable, another file has
            its name, or another daemon listens there.
        """
        checkUnix(address, kwargs.get("mode", 0))
        waiting = longestQueue(backlog)
        path = os.path.join(self.settings.folder, address)
        if os.path.abspath(path) in self._paths:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._paths.add(os.path.abspath(path))
        checkPath(path)
        return self._preparedUnix(address, factory, waiting, **kwargs)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> PreparedPort:
        """
        Prepare a socket that another process has bound.  It is duplicated, since the
        endpoint closes its own descriptor.
        """
        return self._adopt(socket.socket(fileno=os.dup(fileDescriptor)), factory)

    def adoptInherited(
        self, inherited: Inherited, factory: IProtocolFactory
    ) -> PreparedPort:
        """
        Prepare a socket that systemd has passed on.

        @raise ValueError: it is no stream socket that listens, or another endpoint
            serves it.
        """
        if inherited.number in self._adopted:
            raise ValueError(f"another endpoint has its socket {inherited.name!r}")
        self._adopted.add(inherited.number)
        return self._adopt(listeningSocket(inherited), factory)

    def unserved(self) -> list[Inherited]:
        """
        Give the sockets that systemd has passed on and no endpoint serves.
        """
        adopted = self._adopted
        return [each for each in self.settings.inherited if each.number not in adopted]

    def _adopt(self, kept: socket.socket, factory: IProtocolFactory) -> PreparedPort:
        """
        Prepare a socket that listens.
        """
        if kept.family != socket.AF_UNIX:
            self.settings.prepareSocket(kept)
        return self._prepared([kept], factory)

    def _bind(self, interface: str, port: int) -> list[socket.socket]:
        """
        Bind the TCP sockets of an endpoint.

        @return: sockets that share one address.
        """
        return [boundTcpSocket(interface, port)]

    def _prepared(
        self,
        bound: Sequence[socket.socket],
        factory: IProtocolFactory,
        backlog: int | None = None,
    ) -> PreparedPort:
        """
        Prepare the sockets of an endpoint.

        @param backlog: see L{longestQueue}; L{None} where they listen already.
        """
        guarded = self.settings.guard(factory)
        (kept,) = bound

        def listen() -> IListeningPort:
            with kept:
                if backlog is not None:
                    kept.listen(backlog)
                return self._accepting(kept, guarded)

        if backlog is None:
            # The next daemon serves those that come to another process's socket.
            return PreparedPort(listen)
        return PreparedPort(listen, lambda port: dropNew(port.socket))

    def _preparedUnix(
        self, address: str, factory: IProtocolFactory, backlog: int, **kwargs: Any
    ) -> PreparedPort:
        """
        Prepare a UNIX socket whose path has been checked.
        """
        guarded = self.settings.guard(factory)

        def listen() -> IListeningPort:
            clearPath(address)
            return self._setUp(
                self._reactor.listenUNIX(address, guarded, backlog, **kwargs)
            )

        return PreparedPort(listen)

    def _accepting(
        self, listening: socket.socket, guarded: IProtocolFactory
    ) -> IListeningPort:
        """
        Accept connections from a socket that listens.  It is duplicated.
        """
        # The socket knows its family better than a description.
        number, family = listening.fileno(), listening.family
        if family == socket.AF_UNIX:
            return self._setUp(adoptUnixPort(self._reactor, number, guarded))
        return self._setUp(self._reactor.adoptStreamPort(number, family, guarded))

    def _setUp(self, port: Any) -> IListeningPort:
        """
        Have a port and its connections read by L{PortSettings.readers}.

        @param port: one that listens.  It hands its reactor on to its connections.
        """
        self.settings.listened(port)
        if self.settings.readers is not None:
            port.stopReading()
            port.reactor = self.settings.readers
            port.startReading()
        listening: IListeningPort = port
        return listening
