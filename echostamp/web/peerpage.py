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
from echostamp.web.htmlpage import PageHead, pagePieces
from echostamp.web.links import root
from echostamp.web.madepages import Made, MadePages
from echostamp.web.peercontent import PeerPast, WantedPeer, peerContent
from echostamp.web.peerhistory import peerHistory
from echostamp.web.ranges import spanOf
from echostamp.web.request import WebRequest
from echostamp.web.source import Source, Watched
from echostamp.web.zonechoice import zoneGiven


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
            return _missing(wanted, self._source.hasRoom)
        past = PeerPast(found, hasRows, why)
        pieces = partial(_pieces, wanted, peer, past, now, self._source.hasRoom)
        return Made(http.OK, bodiesOf(pieces, isKept=True))


def _pieces(
    wanted: WantedPeer,
    peer: Watched | None,
    past: PeerPast,
    now: float,
    hasRoom: bool,
) -> Iterator[str]:
    """
    Write a page with its plots and events, in steps.

    @param peer: tells how it is; L{None} if it is not watched.
    @param past: what is known of its past.
    @param now: the present time, in seconds since the UNIX epoch.
    @param hasRoom: see L{PageHead}.
    """
    snapshot = None if peer is None else peer.snapshot()
    yield ""
    found, zone = past.history, wanted.shownZone
    plots: Iterator[str] = iter(())
    last: Iterator[str] = iter(())
    if found is not None:
        across = Across(*wanted.span.bounds(now), found.points.step)
        scene = Scene(found.points.rows, across, zone, marksOf(found.marks, zone))
        plots = plotSection(scene)
        last = eventTable([each.event for each in found.last], zone)
    head = PageHead(printable(wanted.name), wanted.root, "", wanted.isLive, hasRoom)
    content = peerContent(wanted, snapshot, past, now)
    yield from pagePieces(head, content, plots=plots, events=last)


def _missing(wanted: WantedPeer, hasRoom: bool) -> Made:
    """
    Say that there is no such peer.

    @param hasRoom: see L{PageHead}.
    """
    content = [
        tags.h1("No such peer"),
        tags.p("There is no peer ", tags.q(printable(wanted.name)), "."),
        tags.p(tags.a("All peers", href=wanted.root)),
    ]
    head = PageHead("No such peer", wanted.root, "", False, hasRoom)
    pieces = partial(pagePieces, head, content)
    return Made(http.NOT_FOUND, bodiesOf(pieces, isKept=True))
