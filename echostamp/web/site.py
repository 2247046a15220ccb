"""
The daemon's web site.

C{/metrics} is for Prometheus, C{/healthz} and C{/readyz} are for those who watch over
the daemon, C{/api/v1/} is for programs and for the pages themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.web import http

from echostamp.web.apihistory import ApiEvents, ApiHistory
from echostamp.web.apipeers import ApiPeer, ApiRow
from echostamp.web.bodies import BodyAnswers
from echostamp.web.channel import ConnectionTimes, LimitedChannel
from echostamp.web.encodings import Encodings
from echostamp.web.eventspage import EventsPage
from echostamp.web.files import staticFiles
from echostamp.web.matrixpage import MatrixPage
from echostamp.web.metricspage import MetricsPage, metricSteps
from echostamp.web.others import Others
from echostamp.web.ownrow import OwnRow
from echostamp.web.peerpage import PeerPage
from echostamp.web.request import WebRequest
from echostamp.web.source import Source
from echostamp.web.turns import Turns

#: Answers a request, now or later.
Page = Callable[[WebRequest], None]


class WebSite(http.HTTPFactory):
    """
    Makes the connections of the web site.

    It writes no access log: a scrape is no news.

    @ivar pages: the pages by path; see L{routeOf <echostamp.web.routes.routeOf>}.
    @ivar checksHost: whether a request's header Host has to be an address or
        C{localhost}.
    @ivar times: how long a connection may take.
    @ivar turns: reads requests, a few in each turn of the event loop.
    """

    noisy = False
    protocol = LimitedChannel  # type: ignore[assignment]

    def __init__(
        self,
        reactor: Any,
        pages: Mapping[bytes, Page],
        checksHost: bool = False,
        times: ConnectionTimes | None = None,
    ) -> None:
        """
        @param reactor: runs the timers: an L{IReactorTime
            <twisted.internet.interfaces.IReactorTime>}.
        @param pages: the pages by path.  Sites at several endpoints share them.
        @param checksHost: see L{WebEndpoints <echostamp.web.places.WebEndpoints>}.
        @param times: how long a connection may take; L{None} for the usual times.
        """
        super().__init__(timeout=None, reactor=reactor)  # type: ignore[arg-type]
        self.pages = pages
        self.checksHost = checksHost
        self.times = times or ConnectionTimes()
        self.turns = Turns(reactor)

    def startFactory(self) -> None:
        """Do nothing.  Twisted would open a log, and start a timer for it."""

    def stopFactory(self) -> None:
        """Do nothing, likewise."""

    def log(self, request: http.Request) -> None:
        """Do nothing, likewise."""


def webPages(reactor: Any, source: Source) -> dict[bytes, Page]:
    """
    Make the pages by path.

    @param reactor: runs the timers.
    @param source: where figures come from.
    """
    encodings = Encodings(reactor, partial(metricSteps, source))
    others = Others(reactor, source)
    own, answers = OwnRow(reactor, source), BodyAnswers(reactor)
    matrix = MatrixPage(reactor, own, others, hasRoom=source.hasRoom)
    others.heard = matrix.prepare
    return {
        b"/": matrix,
        b"/metrics": MetricsPage(source, encodings),
        b"/healthz": lambda request: request.answer(http.OK, "ok"),
        b"/readyz": partial(_readiness, source),
        b"/api/v1/peers": ApiRow(own, answers),
        b"/api/v1/peers/": ApiPeer(source, own, answers),
        b"/api/v1/events": ApiEvents(source, answers),
        b"/api/v1/history": ApiHistory(source, answers),
        b"/peer/": PeerPage(reactor, source, answers),
        b"/events": EventsPage(reactor, source, answers),
        **staticFiles(),
    }


def _readiness(source: Source, request: WebRequest) -> None:
    """
    Say whether the daemon is ready.
    """
    if source.isReady():
        request.answer(http.OK, "ready")
    else:
        request.answer(http.SERVICE_UNAVAILABLE, "not ready")
