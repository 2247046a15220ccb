"""
The page of a peer: how it is now, and how it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web import http
from twisted.web.template import tags

from echostamp.history.interfaces import HistoryError
from echostamp.text import printable
from echostamp.web.encodings import Source
from echostamp.web.eventmarks import marksOf
from echostamp.web.htmlpage import flattened, htmlPage
from echostamp.web.links import root
from echostamp.web.madepages import Made, MadePages, Turns
from echostamp.web.peercontent import (
    PLOTS,
    KnownPeer,
    WantedPeer,
    peerContent,
    zoneGiven,
)
from echostamp.web.peerhistory import PeerHistory, peerHistory
from echostamp.web.plotframe import Scene
from echostamp.web.plotpaths import Across
from echostamp.web.plots import plotSection
from echostamp.web.ranges import spanOf
from echostamp.web.request import WebRequest

log = Logger(namespace="echostamp")

#: The style and the script of plots.
FILES = "plot.css", "plot.js"


class PeerPage:
    """
    Shows a peer.
    """

    def __init__(
        self, reactor: Any, source: Source, now: Callable[[], float] = time.time
    ) -> None:
        """
        @param reactor: runs the timers.
        @param source: has the peers and the history.
        @param now: gives seconds since the UNIX epoch.
        """
        self._source = source
        self._now = now
        self._turns = Turns(reactor)
        self._pages = MadePages(
            reactor, lambda wanted: Deferred.fromCoroutine(self._made(wanted))
        )

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        query = request.args or {}
        wanted = WantedPeer(
            root(request.path), request.name, spanOf(query), zoneGiven(query)
        )
        answerMade(request, self._pages.page(wanted))

    async def _made(self, wanted: WantedPeer) -> Made:
        """
        Make a page.
        """
        now, hasRows = self._now(), self._source.hasHistory
        bounds = wanted.span.bounds(now)
        found, why = None, ""
        try:
            found = await self._source.history.read(
                lambda history: peerHistory(history, wanted.name, *bounds, hasRows)
            )
        except HistoryError as error:
            why = f"The history cannot be read: {error}"
        peer = self._source.peers.get(wanted.name)
        if peer is None and found is not None and not found.isKnown:
            return await _missing(wanted)
        figures = ""
        if found is not None and hasRows:
            figures = await self._turns.joined(_plots(found, bounds, wanted))
        # The snapshot is taken last: it is of now.
        snapshot = None if peer is None else peer.snapshot()
        known = KnownPeer(snapshot, found, hasRows, why)
        content = peerContent(wanted, known, now)
        page = await flattened(
            htmlPage(wanted.name, wanted.root, [*content], FILES, wanted.isLive)
        )
        before, _, after = page.partition(f"<!--{PLOTS.data}-->".encode())
        return Made(http.OK, before + figures.encode() + after)


def _plots(
    found: PeerHistory, bounds: tuple[int, int], wanted: WantedPeer
) -> Iterator[str]:
    """
    Draw the plots, in small steps.
    """
    zone = wanted.shownZone
    across = Across(*bounds, found.points.step)
    scene = Scene(found.points.rows, across, zone, marksOf(found.marks, zone))
    yield ""
    yield from plotSection(scene)


def answerMade(request: WebRequest, made: Deferred[Made]) -> None:
    """
    Answer a request with a page when it is made, unless the browser has gone.
    """
    gone: list[object] = []
    request.notifyFinish().addErrback(gone.append)

    def answer(page: Made) -> None:
        if not gone:
            request.setResponseCode(page.status)
            request.answerPage(page.body)

    def fail(why: Any) -> None:
        log.failure("a web page failed", failure=why)
        if not gone:
            request.fail()

    made.addCallback(answer).addErrback(fail)


async def _missing(wanted: WantedPeer) -> Made:
    """
    Say that there is no such peer.
    """
    content = [
        tags.h1("No such peer"),
        tags.p("There is no peer ", tags.q(printable(wanted.name)), "."),
        tags.p(tags.a("All peers", href=wanted.root)),
    ]
    page = htmlPage("No such peer", wanted.root, content, FILES)
    return Made(http.NOT_FOUND, await flattened(page))
