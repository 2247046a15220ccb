"""
Ports that listen later, and the service that listens on them.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from echostamp.listen.accepting import portName
from echostamp.listen.sockets import ACCEPT_BACKLOG

log = Logger(namespace="echostamp")


def acceptWaiting(port: Any) -> None:
    """
    Accept the connections that wait in the kernel, but at most L{ACCEPT_BACKLOG}: in a
    flood, new ones never stop coming.

    @param port: one of Twisted's stream ports.
    """
    waiting = select.poll()
    waiting.register(port.fileno(), select.POLLIN)
    for _ in range(ACCEPT_BACKLOG):
        if not waiting.poll(0):
            break
        port.doRead()


class PreparedPort:
    """
    A port that is ready to listen, and does not listen yet.
    """

    def __init__(
        self,
        listen: Callable[[], IListeningPort],
        closing: Callable[[Any], object] = lambda port: None,
    ) -> None:
        """
        @param listen: begins to listen.
        @param closing: called with the port before its last connections are accepted.
        """
        self.listen = listen
        self.closing = closing


class ListeningService(Service):
    """
    Listens while the service runs.
    """

    name = "echostamp"

    #: What the log says before an address.
    what = "listening on"

    def __init__(
        self,
        prepared: Sequence[PreparedPort],
        accept: Callable[[IListeningPort], object] = acceptWaiting,
    ) -> None:
        """
        @param prepared: the ports to listen on.
        @param accept: accepts the connections that wait at a port.
        """
        self._prepared = list(prepared)
        self._accept = accept
        self._ports: list[tuple[IListeningPort, PreparedPort]] = []

    def privilegedStartService(self) -> None:
        """
        Begin to listen, with the privileges that low ports and the folders of UNIX
        sockets need.
        """
        while self._prepared:
            prepared = self._prepared.pop(0)
            port = prepared.listen()
            self._ports.append((port, prepared))
            log.info("{what} {address}", what=self.what, address=portName(port))

    def startService(self) -> None:
        """
        Begin to listen, unless L{privilegedStartService} has already done it.
        C{twistd} calls that; C{twist} does not.
        """
        Service.startService(self)
        self.privilegedStartService()

    def stopService(self) -> Deferred[Any]:
        """
        Stop listening.  First take the connections that wait in the kernel: closing the
        port would reset them.

        @return: fires when no port listens.
        """
        Service.stopService(self)
        ports, self._ports = self._ports, []
        for port, prepared in ports:
            prepared.closing(port)
            self._accept(port)
        return gatherResults([maybeDeferred(port.stopListening) for port, _ in ports])
