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
import re
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure

from echostamp.addresses import peerName
from echostamp.daemon.limits import LimitedVisitors
from echostamp.daemon.systemd import adoptUnixPort
from echostamp.listen.sockets import boundSocket, checkPath, clash, clearPath

#: Connections that may wait to be accepted.  Of those beyond it the kernel drops the
#: SYN, which comes again only after a second; Twisted's 50 fill in milliseconds.
BACKLOG = 1024

#: Octets that the path of a UNIX socket may have, by sys/un.h.
LONGEST_PATH = 107

#: Makes the factory that a port asks, of the factory behind it.
Door = Callable[[IProtocolFactory], IProtocolFactory]

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
        door: Door = lambda factory: factory,
        proxyDoor: Door | None = None,
        prepareSocket: Callable[[socket.socket], None] = lambda bound: None,
        visitors: LimitedVisitors | None = None,
        folder: str = "",
        readers: Any = None,
    ) -> None:
        """
        @param reactor: what will listen: an L{IReactorTCP
            <twisted.internet.interfaces.IReactorTCP>} with sockets to adopt.
        @param door: makes the factory that stands between a port and its own.
        @param proxyDoor: the same for a port behind a proxy; L{None} where there is
            none.
        @param prepareSocket: sets the options of a TCP socket that will listen.
        @param visitors: who is told of TLS handshakes.
        @param folder: where the service will run: relative paths of UNIX sockets are
            meant there.
        @param readers: the reactor for the connections of the ports, such as L{Readers
            <echostamp.listen.readers.Readers>}; L{None} for the same.

        @ivar reloads: read the files of endpoints again; each raises L{ValueError}
            with a text that says what is wrong with them.
        """
        self._reactor = reactor
        self._door = door
        self._proxyDoor = proxyDoor
        self._prepareSocket = prepareSocket
        self.visitors = visitors
        self._folder = folder
        self._readers = reactor if readers is None else readers
        self._bound: list[socket.socket] = []
        self._paths: set[str] = set()
        self.reloads: list[Callable[[], None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def _read(self, port: Any) -> IListeningPort:
        """
        Say where the connections of a port are read.

        @param port: one that listens.  It hands its reactor on to its connections.
        """
        port.reactor = self._readers
        listening: IListeningPort = port
        return listening

    def behindProxy(self) -> PreparingReactor:
        """
        Give the same reactor for endpoints whose connections come by way of a proxy.

        @raise ValueError: nobody has said which proxies are believed.
        """
        if self._proxyDoor is None:
            raise ValueError("--proxy-from has to say which proxies are believed")
        behind = PreparingReactor.__new__(PreparingReactor)
        vars(behind).update(vars(self), _door=self._proxyDoor, _proxyDoor=None)
        return behind

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> PreparedPort:
        """
        Bind a TCP socket, of both address families where no interface is named.

        @raise ValueError: the backlog is out of its bounds.
        @raise OSError: the address cannot be had.
        """
        waiting = _waiting(backlog)
        bound = boundSocket(interface, port)
        if any(clash(bound, other) for other in self._bound):
            # The kernel would say so when the second one listens.
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._bound.append(bound)
        self._prepareSocket(bound)
        door = self._door(factory)

        def listen() -> IListeningPort:
            with bound:
                bound.listen(waiting)
                return self._read(
                    self._reactor.adoptStreamPort(bound.fileno(), bound.family, door)
                )

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
        Bind a TCP socket for Twisted's C{ssl:}, whose connections are ours.

        @raise OSError: the address cannot be had.
        """
        from echostamp.tls.server import TlsFactory

        wrapped = TlsFactory(self._reactor, contextFactory, factory)
        if self.visitors is not None:
            wrapped.refused = self.visitors.refused
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

        @raise ValueError: the path is empty, or too long for a socket, or another
            parameter out of its bounds.
        @raise OSError: the file's folder is not there or not writable, another file
            has its name, or another daemon listens there.
        """
        if not 0 <= kwargs.get("mode", 0) <= 0o777:
            raise ValueError("mode is an octal number from 0 to 777")
        waiting = _waiting(backlog)
        if not 1 <= len(os.fsencode(address)) <= LONGEST_PATH:
            raise ValueError(f"a path has 1 to {LONGEST_PATH} octets")
        path = os.path.join(self._folder, address)
        if os.path.abspath(path) in self._paths:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._paths.add(os.path.abspath(path))
        checkPath(path)
        door = self._door(factory)

        def listen() -> IListeningPort:
            clearPath(address)
            return self._read(
                self._reactor.listenUNIX(address, door, waiting, **kwargs)
            )

        return PreparedPort(listen)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> PreparedPort:
        """
        Put off taking over a socket that somebody else has bound.  The endpoint
        closes its own descriptor of it.
        """
        kept = socket.socket(fileno=os.dup(fileDescriptor))
        # The socket knows its family better than a description.
        family = kept.family
        if family != socket.AF_UNIX:
            self._prepareSocket(kept)
        door = self._door(factory)

        def listen() -> IListeningPort:
            with kept:
                number = kept.fileno()
                if family == socket.AF_UNIX:
                    return self._read(adoptUnixPort(self._reactor, number, door))
                return self._read(self._reactor.adoptStreamPort(number, family, door))

        return PreparedPort(listen)


def _waiting(backlog: int) -> int:
    """
    Say how many connections may wait to be accepted.

    @param backlog: what the endpoint asks for.
    @raise ValueError: that is nothing that can be asked for.
    """
    if not 0 <= backlog <= 65_535:
        raise ValueError("backlog is a number from 0 to 65535")
    return max(backlog, BACKLOG)


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
    kind, _, rest = description.partition(":")
    if kind == "proxy":
        if rest.startswith("proxy:"):
            raise ValueError("proxy: stands there twice")
        return preparedPort(reactor.behindProxy(), rest, factory)
    prepared: list[object] = []
    failed: list[Failure] = []
    try:
        endpoint = _endpoint(reactor, kind, description)
        endpoint.listen(factory).addCallbacks(prepared.append, failed.append)
        for failure in failed:
            failure.raiseException()
    except OSError:
        raise
    except Exception as error:
        # Each kind of endpoint has its own parser, a plugin's perhaps, and says in
        # its own way what is wrong: TypeError, KeyError, ImportError, StopIteration.
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"{name}{error}") from error
    if not prepared or not isinstance(prepared[0], PreparedPort):
        raise ValueError("it does not wait for connections")
    return prepared[0]


def _endpoint(
    reactor: PreparingReactor, kind: str, description: str
) -> IStreamServerEndpoint:
    """
    Read a description: C{tls:}, which is ours also where Twisted has one, or one of
    Twisted's.
    """
    if kind in ("tls", "ssl"):
        try:
            from echostamp.tls.server import tlsEndpoint
        except ImportError:
            raise ValueError("TLS needs more: pip install 'echostamp[tls]'") from None
    if kind != "tls":
        return cast(IStreamServerEndpoint, serverFromString(reactor, description))
    _, *parts = _PART.findall(f":{description}")
    words: list[str] = []
    named: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals:
            named[_unescaped(name)] = _unescaped(value)
        else:
            words.append(_unescaped(part))
    endpoint = tlsEndpoint(reactor, words, named)
    reactor.reloads.append(endpoint.reload)
    if reactor.visitors is not None:
        endpoint.refused = reactor.visitors.refused
        endpoint.admitted = reactor.visitors.admitted
    return cast(IStreamServerEndpoint, endpoint)


#: One part of a description: what follows a colon, in which a backslash takes the next
#: character as it is.
_PART = re.compile(r":((?:\\.|[^:\\])*)", re.DOTALL)


def _unescaped(part: str) -> str:
    """
    Take the backslashes out of a part.
    """
    return re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL)


def acceptWaiting(port: Any) -> None:
    """
    Accept the connections that wait in the kernel: as many as there can be, since in a
    flood there is no end to them.

    @param port: one of Twisted's stream ports.
    """
    waiting = select.poll()
    waiting.register(port.fileno(), select.POLLIN)
    for _ in range(BACKLOG):
        if not waiting.poll(0):
            break
        port.doRead()


class ListeningService(Service):
    """
    Listen while the service runs.
    """

    name = "echostamp"

    def __init__(
        self,
        prepared: Sequence[PreparedPort],
        accept: Callable[[IListeningPort], object] = acceptWaiting,
    ) -> None:
        """
        @param prepared: the ports to listen on.
        @param accept: lets in who waits at a port.
        """
        self._prepared = list(prepared)
        self._accept = accept
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
        Listen no more.  Whose connection the kernel has made already is let in: a
        close would reset it.
        """
        Service.stopService(self)
        ports, self._ports = self._ports, []
        for port in ports:
            self._accept(port)
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])


def _addressName(port: IListeningPort) -> str:
    """
    Name what a port listens on, for the log.
    """
    address = port.getHost()
    path = getattr(address, "name", None)
    return repr(os.fsdecode(path)) if path else peerName(address)
