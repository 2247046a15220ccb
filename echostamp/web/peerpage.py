"""
The page of a peer: how it is now, and how it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web import http
from twisted.web.template import tags

from echostamp.history.interfaces import HistoryError
from echostamp.plots.eventmarks import marksOf
from echostamp.plots.plotframe import Scene
from echostamp.plots.plotpaths import Across
from echostamp.plots.plotsection import plotSection
from echostamp.text import printable
from echostamp.web.bodies import BodyAnswers, bodiesOf
from echostamp.web.eventtable import eventTable
from echostamp.web.htmlpage import PageText, pageText
from echostamp.web.links import root
from echostamp.web.madepages import Made, MadePages
from echostamp.web.peercontent import KnownPeer, WantedPeer, peerContent, zoneGiven
from echostamp.web.peerhistory import PeerHistory, peerHistory
from echostamp.web.ranges import spanOf
from echostamp.web.request import WebRequest
from echostamp.web.source import Source


class PeerPage:
    """
    Shows a peer.
    """

    def __init__(
        self,
        reactor: Any,
        source: Source,
        answers: BodyAnswers,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        @param reactor: runs the timers.
        @param source: has the peers and the history.
        @param answers: sends the pages.
        @param now: gives seconds since the UNIX epoch.
        """
        self._source = source
        self._now = now
        self._pages = MadePages(
            reactor, lambda wanted: Deferred.fromCoroutine(self._made(wanted)), answers
        )

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        query = request.args or {}
        wanted = WantedPeer(
            root(request.path), request.name, spanOf(query), zoneGiven(query)
        )
        self._pages.answer(request, wanted)

    async def _made(self, wanted: WantedPeer) -> Made:
        """
        Make a page.  Its plots are drawn while it is sent.
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
        snapshot = None if peer is None else peer.snapshot()
        known = KnownPeer(snapshot, found, hasRows, why)
        content = peerContent(wanted, known, now)
        title = printable(wanted.name)
        page = await pageText(title, wanted.root, "", content, wanted.isLive)
        if found is None:
            return Made(http.OK, bodiesOf(page.pieces, isKept=True))
        pieces = partial(_pieces, page, wanted, found, bounds)
        return Made(http.OK, bodiesOf(pieces, isKept=True))


def _pieces(
    page: PageText, wanted: WantedPeer, found: PeerHistory, bounds: tuple[int, int]
) -> Iterator[str]:
    """
    Give a page with its plots and events, in pieces that are quickly made.
    """
    zone = wanted.shownZone
    across = Across(*bounds, found.points.step)
    scene = Scene(found.points.rows, across, zone, marksOf(found.marks, zone))
    last = eventTable([each.event for each in found.last], zone)
    yield from page.pieces(plots=plotSection(scene), events=last)


async def _missing(wanted: WantedPeer) -> Made:
    """
    Say that there is no such peer.
    """
    content = [
        tags.h1("No such peer"),
        tags.p("There is no peer ", tags.q(printable(wanted.name)), "."),
        tags.p(tags.a("All peers", href=wanted.root)),
    ]
    page = await pageText("No such peer", wanted.root, "", content, False)
    return Made(http.NOT_FOUND, bodiesOf(page.pieces, isKept=True))
