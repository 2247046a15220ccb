"""
The daemon's web site: where it listens, and where its figures come from.
"""

from __future__ import annotations

import errno
import platform
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger

from echostamp import __version__
from echostamp.daemon.echocounts import EchoFigures
from echostamp.daemon.historyservice import EventsInMemory, HistoryService
from echostamp.daemon.monitoring import Monitoring
from echostamp.daemon.roompages import roomPages
from echostamp.daemon.shutdown import StoppingService
from echostamp.history.memory import MemoryHistory
from echostamp.keyfiles import DISK
from echostamp.listen.endpoints import preparedPorts
from echostamp.listen.gate import Gate, LocalCounts, WayOut
from echostamp.listen.listening import ListeningService, PreparedPort
from echostamp.listen.preparing import PortSettings, PreparingReactor
from echostamp.listen.sockets import PEER_TIMEOUT, watchPeer
from echostamp.monitor.peer import WebPlace
from echostamp.monitor.snapshot import DaemonSnapshot, Versions
from echostamp.monitor.watchedpeer import WatchedPeer
from echostamp.rfc8762.clock import kernelClock
from echostamp.text import printable
from echostamp.web.places import WebEndpoints
from echostamp.web.site import WebSite, webPages
from twisted import __version__ as twistedVersion

log = Logger(namespace="echostamp")

#: The warning of a place that the network reaches.
_EXPOSED = (
    "--web {where}: everybody who reaches it can read the pages{also}, and the network "
    "can read along"
)

#: How many connections the web site may have, in all and of one host.
MOST_CONNECTIONS, MOST_OF_HOST = 200, 50

#: What a system says that has no IPv6.
_NO_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class WebSource:
    """
    Where the figures of the web site come from.

    @ivar history: reads what is kept.
    @ivar hasRoom: whether there is a conversation to join: an intercom.
    """

    hasRoom = False

    def __init__(
        self,
        monitoring: Monitoring | None,
        echo: Callable[[], EchoFigures] | None,
        refused: Callable[[], Mapping[str, int]],
        reflected: Callable[[], Mapping[str, int]],
        isReady: Callable[[], bool],
        history: HistoryService | EventsInMemory,
    ) -> None:
        """
        @param monitoring: watches the peers; L{None} where there are none.
        @param echo: gives the figures of the echo; L{None} without an echo.
        @param refused: gives how many of its connections were refused, by reason.
        @param reflected: gives how many packets of STAMP had each fate.
        @param isReady: tells whether the daemon listens, and does not drain.
        @param history: keeps rows and events, or events only.
        """
        self._monitoring = monitoring
        self.history = history
        self._echo = echo
        self._refused = refused
        self._reflected = reflected
        self._isReady = isReady

    def isReady(self) -> bool:
        """Tell whether every listener is up, peers are loaded, and nothing drains."""
        return self._isReady()

    @property
    def peers(self) -> Mapping[str, WatchedPeer]:
        """The peers by name."""
        return {} if self._monitoring is None else self._monitoring.monitor.peers

    def labels(self) -> Iterable[str]:
        """Give the names of the peers' labels."""
        return () if self._monitoring is None else self._monitoring.labels

    @property
    def selfName(self) -> str:
        """The name of the peer that is this host; empty if none is."""
        return "" if self._monitoring is None else self._monitoring.file.selfName

    def webs(self) -> Mapping[str, WebPlace]:
        """Give where the rows of other daemons can be read, by their peers' names."""
        return {} if self._monitoring is None else self._monitoring.file.webs

    @property
    def hasHistory(self) -> bool:
        """Whether rows are kept, and not only events."""
        return self.history.hasMinutes

    def daemon(self) -> DaemonSnapshot:
        """Give what is known of the daemon."""
        if self._monitoring is None:
            versions = Versions(__version__, platform.python_version(), twistedVersion)
            found = DaemonSnapshot(versions)
        else:
            found = self._monitoring.daemon()
        found = replace(
            found,
            isClockSynchronized=kernelClock().isSynchronized,
            reflected=dict(self._reflected()),
            writeErrors={**found.writeErrors, **self.history.writeErrors},
        )
        if self._echo is None:
            return found
        echo = self._echo()
        return replace(
            found,
            connections=echo.connections,
            connectionsMade=echo.made,
            connectionsRefused=dict(self._refused()),
            messages=echo.messages,
            octets=echo.octets,
        )


def eventsOf(monitoring: Monitoring | None) -> EventsInMemory:
    """
    Keep the last events for a daemon without a history.

    @param monitoring: reports them; L{None} where there are none.
    """
    events = EventsInMemory(MemoryHistory())
    if monitoring is not None:
        monitoring.keep = events.event
    return events


class WebService(ListeningService):
    """
    Listens for web requests while the service runs, and while connections of the echo
    are drained: those who ask for C{/readyz} then get an answer.
    """

    name = "web"

    what = "serving web pages on"

    def __init__(
        self, prepared: Sequence[PreparedPort], draining: StoppingService
    ) -> None:
        """
        @param prepared: the ports to listen on.
        @param draining: drains the connections of the echo; it stops before this.
        """
        super().__init__(prepared)
        self._draining = draining

    def stopService(self) -> Deferred[Any]:
        """Stop listening when the echo has no connection left."""
        return self._draining.afterwards(super().stopService)


def webService(
    reactor: Any,
    places: Sequence[WebEndpoints],
    settings: PortSettings,
    source: WebSource,
    draining: StoppingService,
    intercom: IProtocolFactory | None = None,
) -> tuple[WebService, PreparingReactor]:
    """
    Make the service of the web site.  TCP ports are bound, and do not listen yet.

    @param places: where to listen.
    @param settings: how the ports of the daemon are set up.
    @param draining: drains the connections of the echo.
    @param intercom: makes the protocols of a conversation, and limits the connections;
        L{None} where there is none.
    @return: the service; and the reactor that has prepared it, whose C{reloads} read
        its certificates again.
    @raise ValueError: a place cannot be used; the text says which, and why.
    """
    counts = LocalCounts()

    def guard(inner: IProtocolFactory) -> IProtocolFactory:
        return Gate(inner, _refused, MOST_CONNECTIONS, MOST_OF_HOST, counts)

    def proxyGuard(inner: IProtocolFactory) -> IProtocolFactory:
        hosts = Gate(inner, _refused, None, MOST_OF_HOST, counts)
        assert settings.proxyHeaders is not None
        proxies = settings.proxyHeaders(hosts)
        return Gate(proxies, _refused, MOST_CONNECTIONS, None, counts)

    def prepareSocket(bound: socket.socket) -> None:
        watchPeer(bound, PEER_TIMEOUT)

    preparing = PreparingReactor(
        reactor,
        replace(
            settings,
            guard=guard,
            proxyGuard=None if settings.proxyHeaders is None else proxyGuard,
            prepareSocket=prepareSocket,
            readers=None,
            files=DISK,
        ),
    )
    source.hasRoom = intercom is not None
    pages = webPages(reactor, source)
    if intercom is not None:
        inner = WayOut(intercom, counts)
        pages |= roomPages(reactor, inner, lambda: draining.isStopping)
    prepared: list[PreparedPort] = []
    for place in places:
        site = WebSite(reactor, pages, place.checksHost)
        prepared += _prepared(preparing, place, site)
        if place.isExposed:
            where = printable(" ".join(place.descriptions))
            also = " and join the intercom" if source.hasRoom else ""
            log.warn(_EXPOSED, where=where, also=also)
    return WebService(prepared, draining), preparing


def _prepared(
    preparing: PreparingReactor, place: WebEndpoints, site: WebSite
) -> list[PreparedPort]:
    """
    Prepare to listen at a place.

    @raise ValueError: it cannot be used.
    """
    prepared: list[PreparedPort] = []
    for description in place.descriptions:
        try:
            prepared += preparedPorts(preparing, description, site)
        except ValueError as error:
            raise ValueError(f"--web {description!r}: {error}") from None
        except OSError as error:
            isMissing = error.errno in _NO_ADDRESS and place.isOneEnough
            if isMissing and (prepared or description != place.descriptions[-1]):
                continue
            why = error.strerror or error
            raise ValueError(
                f"--web: cannot listen on {description!r}: {why}"
            ) from None
    return prepared


def _refused(peer: str, why: str) -> None:
    """
    Do nothing: a scrape that is refused is missed by Prometheus, which says so.
    """
