"""
From endpoint descriptions to listening ports.

A daemon should refuse to start, with a line that says why, while somebody looks:
before it has forked, and before any of its ports listens.  So an endpoint's C{listen}
runs against L{PreparingReactor}, which binds TCP sockets at once and puts off
everything else until the service starts.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.line.protocol import peerName

#: Connections that may wait to be accepted.  Of those beyond it the kernel drops the
#: SYN, which comes again only after a second; Twisted's 50 fill in milliseconds.
BACKLOG = 1024

log = Logger(namespace="echostamp")


class PreparedPort:
    """
    A port that has been prepared and does not listen yet.
    """

    def __init__(self, listen: Callable[[], IListeningPort]) -> None:
        """
        @param listen: begins to listen.
        """
        self.listen = listen


class PreparingReactor:
    """
    The reactor as endpoints see it before the service starts.

    Each method that would listen prepares that, and gives a L{PreparedPort} where
    the reactor would give a port.  All else is the reactor's.
    """

    def __init__(
        self,
        reactor: Any,
        door: Callable[[IProtocolFactory], IProtocolFactory] = lambda factory: factory,
        prepareSocket: Callable[[socket.socket], None] = lambda bound: None,
    ) -> None:
        """
        @param reactor: what will listen: an L{IReactorTCP
            <twisted.internet.interfaces.IReactorTCP>} with sockets to adopt.
        @param door: makes the factory that stands between a port and its own.
        @param prepareSocket: sets the options of a TCP socket that will listen.
        """
        self._reactor = reactor
        self._door = door
        self._prepareSocket = prepareSocket
        self._bound: list[socket.socket] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> PreparedPort:
        """
        Bind a TCP socket, of both address families where no interface is named.

        @raise OSError: the address cannot be had.
        """
        bound = _boundSocket(interface, port)
        if any(_clash(bound, other) for other in self._bound):
            # The kernel would say so when the second one listens.
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._bound.append(bound)
        self._prepareSocket(bound)
        door = self._door(factory)

        def listen() -> IListeningPort:
            with bound:
                bound.listen(max(backlog, BACKLOG))
                listening: IListeningPort = self._reactor.adoptStreamPort(
                    bound.fileno(), bound.family, door
                )
                return listening

        return PreparedPort(listen)

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> PreparedPort:
        """
        Bind a TCP socket for TLS.

        @raise OSError: the address cannot be had.
        """
        from twisted.protocols.tls import TLSMemoryBIOFactory

        wrapped = TLSMemoryBIOFactory(contextFactory, False, factory)
        return self.listenTCP(port, wrapped, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        **kwargs: Any,
    ) -> PreparedPort:
        """
        Put off listening on a UNIX socket, which makes a file, until the service
        starts in its own folder.

        @raise OSError: the file's folder is not there or not writable, another file
            has its name, or another daemon listens there.
        """
        folder = os.path.dirname(address) or "."
        os.stat(folder)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if os.path.exists(address):
            with socket.socket(socket.AF_UNIX) as probe:
                # What a killed daemon has left refuses; it is replaced.
                found = probe.connect_ex(address)
            if found != errno.ECONNREFUSED or not _isSocket(address):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        door = self._door(factory)
        return PreparedPort(
            lambda: self._reactor.listenUNIX(
                address, door, max(backlog, BACKLOG), **kwargs
            )
        )

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> PreparedPort:
        """
        Put off taking over a socket that somebody else has bound.  The endpoint
        closes its own descriptor of it.
        """
        kept = socket.socket(fileno=os.dup(fileDescriptor))
        if addressFamily != socket.AF_UNIX:
            self._prepareSocket(kept)
        door = self._door(factory)

        def listen() -> IListeningPort:
            with kept:
                listening: IListeningPort = self._reactor.adoptStreamPort(
                    kept.fileno(), addressFamily, door
                )
                return listening

        return PreparedPort(listen)


def _isSocket(path: str) -> bool:
    """
    Say whether a file is a socket.
    """
    return stat.S_ISSOCK(os.stat(path).st_mode)


def _clash(one: socket.socket, other: socket.socket) -> bool:
    """
    Say whether two bound sockets share an address.
    """
    (oneHost, onePort, *_), (otherHost, otherPort, *_) = (
        one.getsockname(),
        other.getsockname(),
    )
    if onePort != otherPort:
        return False
    hosts = {oneHost, otherHost}
    isIPv4 = not any(":" in host for host in hosts)
    return len(hosts) == 1 or "::" in hosts or ("0.0.0.0" in hosts and isIPv4)


def _boundSocket(interface: str, port: int) -> socket.socket:
    """
    Bind a TCP socket without listening on it.

    @param interface: an address, or nothing for all addresses: of IPv6 and of IPv4
        by one dual-stack socket, of IPv4 alone where the machine has no IPv6.
    @raise OSError: the address cannot be had.
    """
    if interface:
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        return _bind(family, interface, port)
    try:
        return _bind(socket.AF_INET6, "::", port)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
        return _bind(socket.AF_INET, "0.0.0.0", port)


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    """
    Make a socket that does not block, and bind it.

    @raise OSError: the address cannot be had.
    """
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Whatever the system's default: "::" is every address.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind((host, port) if family == socket.AF_INET else _scoped(host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def _scoped(host: str, port: int) -> tuple[str, int, int, int]:
    """
    Give the socket address of an IPv6 host, which may name its link:
    C{fe80::1%eth0}.

    @raise OSError: there is no such link.
    """
    host, _, link = host.partition("%")
    return host, port, 0, socket.if_nametoindex(link) if link else 0


def preparedPort(
    reactor: PreparingReactor, description: str, factory: IProtocolFactory
) -> PreparedPort:
    """
    Prepare to listen on an endpoint.

    @param reactor: one for all endpoints of a daemon.
    @param description: any server endpoint description of Twisted's; a bare number
        is a TCP port.
    @param factory: makes the protocols of the connections.
    @raise ValueError: the description is wrong; the text says how.
    @raise OSError: the address cannot be had.
    """
    if description.isdecimal():
        description = f"tcp:{description}"
    prepared: list[object] = []
    try:
        endpoint = serverFromString(reactor, description)
        failed: list[Failure] = []
        endpoint.listen(factory).addCallbacks(prepared.append, failed.append)
        for failure in failed:
            failure.raiseException()
    except OSError:
        raise
    except Exception as error:
        # Each kind of endpoint has its own parser, a plugin's perhaps, and says in
        # its own way what is wrong: TypeError, KeyError, ImportError, StopIteration.
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{kind}{error}") from error
    if not prepared or not isinstance(prepared[0], PreparedPort):
        raise ValueError("it does not wait for connections")
    return prepared[0]


class ListeningService(Service):
    """
    Listen while the service runs.
    """

    name = "echostamp"

    def __init__(self, prepared: Sequence[PreparedPort]) -> None:
        """
        @param prepared: the ports to listen on.
        """
        self._prepared = list(prepared)
        self._ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """
        Begin to listen, with the privileges that low ports and sockets' folders
        need.
        """
        while self._prepared:
            port = self._prepared.pop(0).listen()
            self._ports.append(port)
            log.info("listening on {address}", address=_addressName(port))

    def startService(self) -> None:
        """
        Begin to listen where nothing has called L{privilegedStartService}, as
        C{twist} does not.
        """
        Service.startService(self)
        self.privilegedStartService()

    def stopService(self) -> Deferred[Any]:
        """
        Listen no more.
        """
        Service.stopService(self)
        ports, self._ports = self._ports, []
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])


def _addressName(port: IListeningPort) -> str:
    """
    Name what a port listens on, for the log.
    """
    address = port.getHost()
    path = getattr(address, "name", None)
    return repr(os.fsdecode(path)) if path else peerName(address)
