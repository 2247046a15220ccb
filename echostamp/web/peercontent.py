"""
What is on the page of a peer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twisted.web.template import Comment, Tag, tags

from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.plots.timezones import Zone
from echostamp.text import printable
from echostamp.web.links import peerLink, withQuery
from echostamp.web.peerhistory import PeerHistory
from echostamp.web.peernow import minuteReport, peerNow
from echostamp.web.ranges import RANGES, PlotSpan
from echostamp.web.zonechoice import zoneError, zoneField, zoneShown

#: Where the plots and the last events are put.
PLOTS, EVENTS = Comment("plots"), Comment("events")


class WantedPeer(NamedTuple):
    """
    What a browser asks for.

    @ivar root: the link to the first page.
    @ivar name: the name of the peer.
    @ivar span: what the plots show.
    @ivar zone: the name of the zone; L{None} if none is given.
    """

    root: str
    name: str
    span: PlotSpan
    zone: str | None

    @property
    def isLive(self) -> bool:
        """Whether the page shows the present."""
        return self.span.to is None

    @property
    def shownZone(self) -> Zone:
        """The zone of the times on the page."""
        return zoneShown(self.zone)


class PeerPast(NamedTuple):
    """
    What is known of a peer's past.

    @ivar history: how it was; L{None} if that cannot be read.
    @ivar hasRows: whether rows of the peers are kept.
    @ivar why: why the history cannot be read; empty if it can.
    """

    history: PeerHistory | None
    hasRows: bool
    why: str


def peerContent(
    wanted: WantedPeer, snapshot: PeerSnapshot | None, past: PeerPast, now: float
) -> Iterator[Tag]:
    """
    Make what is on the page.

    @param snapshot: how the peer is; L{None} if it is not watched.
    @param past: what is known of its past.
    @param now: the present time, in seconds since the UNIX epoch.
    """
    zone = wanted.shownZone
    yield tags.h1(printable(wanted.name))
    if snapshot is None:
        gone = tags.p("This peer is not watched.", **{"class": "state gone"})
        yield _part(wanted, "now", gone)
    else:
        yield _part(wanted, "now", *peerNow(snapshot, zone))
    yield tags.h2("History", id="history")
    yield from _history(wanted, past.hasRows, now)
    error = [tags.p(past.why, **{"class": "error"})] if past.why else []
    yield _part(wanted, "error", *error)
    if snapshot is not None:
        minute = tags.h2("The last minute"), minuteReport(snapshot)
        yield _part(wanted, "minute", *minute)
    yield _part(wanted, "events", *_events(wanted, past.history))


def _part(wanted: WantedPeer, name: str, *content: Tag | Comment) -> Tag:
    """
    Make a part of the page, which the script renews if it shows the present.
    """
    return tags.div(*content, **({"data-part": name} if wanted.isLive else {}))


def _history(wanted: WantedPeer, hasRows: bool, now: float) -> Iterator[Tag]:
    """
    Show how the peer was.
    """
    yield from zoneError(wanted.zone)
    if hasRows:
        ranges, form = _ranges(wanted, now), _zoneForm(wanted)
        yield tags.div(ranges, form, **{"class": "choice"})
        yield _part(wanted, "plots", PLOTS, _data(wanted, now))
        return
    yield tags.p(
        "No history is kept. Start the daemon with ",
        tags.code("--history FILE"),
        " to see plots here.",
        **{"class": "muted"},
    )
    yield tags.div(_zoneForm(wanted), **{"class": "choice"})


def _events(wanted: WantedPeer, found: PeerHistory | None) -> Iterator[Tag | Comment]:
    """
    List the last events.

    @param found: what the history knows; L{None} if it cannot be read.
    """
    yield tags.h2("Last events")
    if found is None or not found.last:
        words = "Not known." if found is None else "None is kept."
        yield tags.p(words, **{"class": "muted"})
        return
    yield EVENTS
    query = {"peer": wanted.name, "zone": wanted.zone}
    link = withQuery(f"{wanted.root}events", query)
    yield tags.p(tags.a("All events of this peer", href=link))


def _link(wanted: WantedPeer, span: PlotSpan, zone: str | None) -> str:
    """
    Give the link to this page with another span or zone.
    """
    query = {"range": span.name, "to": span.to, "zone": zone}
    return withQuery(wanted.root + peerLink(wanted.name), query)


def _ranges(wanted: WantedPeer, now: float) -> Tag:
    """
    Make the links to other spans.
    """
    links: list[Tag | str] = []
    for name in RANGES:
        span = PlotSpan(name, wanted.span.to)
        current = {"aria-current": "true"} if name == wanted.span.name else {}
        links += [tags.a(name, href=_link(wanted, span, wanted.zone), **current), " "]
    for text, span in (
        ("\u2190 earlier", wanted.span.earlier(now)),
        ("later \u2192", wanted.span.later(now)),
        ("now", PlotSpan(wanted.span.name)),
    ):
        if wanted.span.to is not None or text.endswith("earlier"):
            links += [tags.a(text, href=_link(wanted, span, wanted.zone)), " "]
    return tags.nav(*links, **{"class": "ranges", "aria-label": "Span of time"})


def _zoneForm(wanted: WantedPeer) -> Tag:
    """
    Make the choice of the zone.
    """
    hidden = [("range", wanted.span.name), ("to", wanted.span.to)]
    return tags.form(
        *[
            tags.input(type="hidden", name=key, value=f"{value}")
            for key, value in hidden
            if value is not None
        ],
        zoneField(wanted.zone),
        tags.button("Show"),
        tags.a("UTC", href=_link(wanted, wanted.span, "UTC")),
        method="get",
        **{"class": "zone"},
    )


def _data(wanted: WantedPeer, now: float) -> Tag:
    """
    Make the links to the same data.
    """
    began, ended = wanted.span.bounds(now)
    query = {"peer": wanted.name, "from": began, "to": ended}
    address = f"{wanted.root}api/v1/history"
    return tags.p(
        "The same data as ",
        tags.a("CSV", href=withQuery(address, {**query, "format": "csv"})),
        " or ",
        tags.a("JSON", href=withQuery(address, query)),
        **{"class": "data"},
    )
