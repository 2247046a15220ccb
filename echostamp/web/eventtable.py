"""
The table of events.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.web.template import Tag, tags

from echostamp.history.interfaces import KeptEvent
from echostamp.text import printable
from echostamp.web.eventmarks import SIGNS, shapeOf, wordsOf
from echostamp.web.links import peerLink, withQuery
from echostamp.web.timezones import Zone, timeText


def eventTable(
    events: Iterable[KeptEvent],
    zone: Zone,
    root: str | None = None,
    zoneName: str | None = None,
) -> Tag:
    """
    Make the table of events.

    @param events: the events, in the order of the rows.
    @param zone: the zone of the times.
    @param root: the link to the first page; L{None} for no column of peers.
    @param zoneName: the zone that links to peers keep; L{None} for none.
    """
    titles = ["time", *(["peer"] if root is not None else []), "event", "what"]
    head = tags.tr(*[tags.th(each, scope="col") for each in titles])
    rows = [_row(each, zone, root, zoneName) for each in events]
    names = {"class": "plain events"}
    table = tags.table(tags.thead(head), tags.tbody(*rows), **names)
    return tags.div(table, **{"class": "scrolling"})


def _row(kept: KeptEvent, zone: Zone, root: str | None, zoneName: str | None) -> Tag:
    """
    Make the row of an event.
    """
    event = kept.event
    shape = shapeOf(event.kind)
    # A narrow table breaks the line between the date and the time only.
    day, _, clock = timeText(event.at, zone).partition(" ")
    cells = [tags.td(tags.span(day), " ", tags.span(clock), **{"class": "time"})]
    if root is not None:
        who: Tag | str = "this daemon"
        if event.peer:
            link = withQuery(root + peerLink(event.peer), {"zone": zoneName})
            who = tags.a(printable(event.peer), href=link)
        cells.append(tags.td(who))
    sign = tags.span(SIGNS[shape], **{"class": f"sign {shape}", "aria-hidden": "true"})
    cells.append(tags.td(sign, " ", event.kind.value))
    cells.append(tags.td(wordsOf(event)))
    return tags.tr(*cells)
