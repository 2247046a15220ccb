"""
The settings that all ports of the daemon's echo share.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocolFactory

from echostamp.daemon.echocounts import LIMIT, PROXY, TLS
from echostamp.daemon.limits import TimedConnectionLog
from echostamp.daemon.options import Options
from echostamp.listen.accepting import ListeningSocket
from echostamp.listen.gate import Counts, Gate
from echostamp.listen.inherited import firstEnvironment, inheritedSockets
from echostamp.listen.preparing import PortSettings
from echostamp.listen.readers import Readers
from echostamp.listen.sockets import keepUrgentData, watchPeer


def portSettings(
    reactor: Any,
    options: Options,
    connectionLog: TimedConnectionLog,
    counts: Counts,
    most: Callable[[], int],
) -> PortSettings:
    """
    Make the settings that all ports share.

    @param counts: where all ports count their connections.
    @param most: gives how many there may be.
    """
    refusing = connectionLog.counts.refusing
    full = refusing(LIMIT, connectionLog.refused)

    def guard(inner: IProtocolFactory) -> IProtocolFactory:
        return Gate(inner, full, most, options.maxPerHost, counts)

    def prepareSocket(bound: socket.socket) -> None:
        keepUrgentData(bound)
        watchPeer(bound, options.peerTimeout)

    def proxyHeaders(inner: IProtocolFactory) -> IProtocolFactory:
        # Imported here and not at the top: most daemons have no proxy, and start sooner
        # without this module.
        from echostamp.listen.proxy import ProxyFactory

        wrong = refusing(PROXY, connectionLog.refused)
        return ProxyFactory(reactor, inner, options.proxies, wrong)

    def proxyGuard(inner: IProtocolFactory) -> IProtocolFactory:
        # The client's address is known only after the PROXY header, so the limit per
        # host is inside, and the limit of all connections outside.
        hosts = Gate(inner, full, None, options.maxPerHost, counts)
        return Gate(proxyHeaders(hosts), full, most, None, counts)

    return PortSettings(
        guard=guard,
        proxyGuard=proxyGuard if options.proxies else None,
        proxyHeaders=proxyHeaders if options.proxies else None,
        prepareSocket=prepareSocket,
        refused=refusing(TLS, connectionLog.refused),
        admitted=connectionLog.admitted,
        # twistd changes to this folder before the service starts; twist has none.
        folder="" if options.parent is None else options.parent.get("rundir", ""),
        inherited=inheritedSockets(firstEnvironment(), os.getpid()),
        listened=lambda port: ListeningSocket(reactor, port, connectionLog.write),
        readers=Readers(reactor) if hasattr(select, "epoll") else None,
    )
