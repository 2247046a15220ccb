"""
The page of events, the newest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.web import http
from twisted.web.template import Comment, Tag, tags

from echostamp.history.interfaces import EventQuery, HistoryError, KeptEvent
from echostamp.monitor.event import Kind
from echostamp.web.bodies import BodyAnswers, bodiesOf
from echostamp.web.eventtable import eventTable
from echostamp.web.htmlpage import PageHead, pagePieces
from echostamp.web.links import root, withQuery
from echostamp.web.madepages import Made, MadePages
from echostamp.web.query import MOST_NUMBER, textGiven, wholeGiven
from echostamp.web.request import WebRequest
from echostamp.web.source import Source
from echostamp.web.zonechoice import zoneError, zoneField, zoneGiven, zoneShown

#: How many events a page has.
SHOWN = 100

#: The longest name of a peer that is looked for.
_LONGEST_NAME = 200


class WantedEvents(NamedTuple):
    """
    What a browser asks for.

    @ivar root: the link to the first page.
    @ivar peer: the name of a peer; empty for all.
    @ivar isOwn: whether only the events of the daemon are asked for.
    @ivar kind: the kind; L{None} for all.
    @ivar before: only events with a lower number; L{None} for the newest ones.
    @ivar zone: the name of the zone; L{None} if none is given.
    """

    root: str
    peer: str = ""
    isOwn: bool = False
    kind: Kind | None = None
    before: int | None = None
    zone: str | None = None

    def link(self, **other: object) -> str:
        """
        Give the link to this page with other values.
        """
        query = {
            "peer": self.peer or None,
            "own": "1" if self.isOwn else None,
            "kind": None if self.kind is None else self.kind.value,
            "before": self.before,
            "zone": self.zone,
            **other,
        }
        return withQuery(f"{self.root}events", query)

    def asked(self) -> EventQuery:
        """
        Give what the history is asked for: one event more than is shown tells whether
        there are older ones.
        """
        peer = "" if self.isOwn else self.peer or None
        return EventQuery(0, self.before, peer, self.kind, SHOWN + 1)


def wantedEvents(path: bytes, query: Mapping[bytes, list[bytes]]) -> WantedEvents:
    """
    Read what is asked for.  What cannot be used counts as not given.
    """
    kind = textGiven(query, b"kind")
    return WantedEvents(
        root(path),
        textGiven(query, b"peer")[:_LONGEST_NAME],
        textGiven(query, b"own") == "1",
        next((each for each in Kind if each.value == kind), None),
        wholeGiven(query, b"before", MOST_NUMBER),
        zoneGiven(query),
    )


class EventsPage:
    """
    Shows events.
    """

    def __init__(self, reactor: Any, source: Source, answers: BodyAnswers) -> None:
        """
        @param reactor: runs the timers.
        @param source: has the history.
        @param answers: sends the pages.
        """
        self._source = source
        self._pages = MadePages(
            reactor, lambda wanted: Deferred.fromCoroutine(self._made(wanted)), answers
        )

    def __call__(self, request: WebRequest) -> None:
        """Answer a request."""
        wanted = wantedEvents(request.path, request.args or {})
        self._pages.answer(request, wanted)

    async def _made(self, wanted: WantedEvents) -> Made:
        """
        Make a page.
        """
        found: Sequence[KeptEvent] = ()
        why = ""
        try:
            found = await self._source.history.read(
                lambda history: history.events(wanted.asked())
            )
        except HistoryError as error:
            why = f"The history cannot be read: {error}"
        pieces = partial(_pieces, wanted, found, why, self._source.hasRoom)
        return Made(http.OK, bodiesOf(pieces, isKept=True))


def _pieces(
    wanted: WantedEvents, found: Sequence[KeptEvent], why: str, hasRoom: bool
) -> Iterator[str]:
    """
    Write a page with its events, in steps.

    @param why: why the history cannot be read; empty if it can.
    @param hasRoom: see L{PageHead}.
    """
    isLive = wanted.before is None
    part = {"data-part": "events"} if isLive else {}
    content = [
        tags.h1("Events"),
        *_form(wanted),
        tags.div(*_table(wanted, found, why), **part),
    ]
    zone = zoneShown(wanted.zone)
    events = [each.event for each in found[:SHOWN]]
    rows = eventTable(events, zone, wanted.root, wanted.zone)
    head = PageHead("Events", wanted.root, "Events", isLive, hasRoom)
    yield from pagePieces(head, content, events=rows)


def _form(wanted: WantedEvents) -> Iterator[Tag]:
    """
    Make the filter.
    """
    kinds = [tags.option("every kind", value="")]
    for kind in Kind:
        chosen = {"selected": ""} if kind is wanted.kind else {}
        kinds.append(tags.option(kind.value, value=kind.value, **chosen))
    yield from zoneError(wanted.zone)
    own = {"checked": ""} if wanted.isOwn else {}
    yield tags.form(
        tags.label("Peer ", tags.input(name="peer", value=wanted.peer, size="20")),
        " ",
        tags.label(
            tags.input(type="checkbox", name="own", value="1", **own),
            " only the daemon's own",
        ),
        " ",
        tags.label("Kind ", tags.select(*kinds, name="kind")),
        " ",
        zoneField(wanted.zone),
        " ",
        tags.button("Show"),
        " ",
        tags.a("UTC", href=wanted.link(zone="UTC")),
        method="get",
        action=f"{wanted.root}events",
        **{"class": "filter"},
    )


def _table(
    wanted: WantedEvents, found: Sequence[KeptEvent], why: str
) -> Iterator[Tag | Comment]:
    """
    Show events, and the links to newer and older ones.

    @param why: why the history cannot be read; empty if it can.
    """
    shown = found[:SHOWN]
    if why:
        yield tags.p(why, **{"class": "error"})
    elif not shown:
        yield tags.p("There are none.", **{"class": "muted"})
    else:
        yield Comment("events")
    links: list[Tag | str] = []
    if wanted.before is not None:
        links += [tags.a("\u2190 the newest", href=wanted.link(before=None)), " "]
    if len(found) > SHOWN:
        older = wanted.link(before=shown[-1].number)
        links.append(tags.a("older \u2192", href=older))
    if links:
        yield tags.nav(*links, **{"class": "pages", "aria-label": "Pages of events"})
