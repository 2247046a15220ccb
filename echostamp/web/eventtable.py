"""
The table of events; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from echostamp.markup import Markup, asHtml, element
from echostamp.monitor.event import Event
from echostamp.plots.eventmarks import SIGNS, shapeOf, wordsOf
from echostamp.plots.timezones import Zone, timeText
from echostamp.text import printable
from echostamp.web.links import peerLink, withQuery


def eventTable(
    events: Iterable[Event],
    zone: Zone,
    root: str | None = None,
    zoneName: str | None = None,
) -> Iterator[Markup]:
    """
    Write the table of events: a row in each step.

    @param events: the events, in the order of the rows.
    @param zone: the zone of the times.
    @param root: the link to the first page; L{None} for no column of peers.
    @param zoneName: the zone that links to peers keep; L{None} for none.
    """
    titles = ["time", *(["peer"] if root is not None else []), "event", "what"]
    head = [element("th", asHtml(each), scope="col") for each in titles]
    yield Markup(
        '<div class="scrolling"><table class="plain events" aria-label="Events">'
    )
    yield element("thead", element("tr", *head))
    yield Markup("<tbody>")
    for event in events:
        cells = [_time(event, zone)]
        if root is not None:
            cells.append(element("td", _peer(event, root, zoneName)))
        yield element("tr", *cells, _kind(event), element("td", asHtml(wordsOf(event))))
    yield Markup("</tbody></table></div>")


def _time(event: Event, zone: Zone) -> Markup:
    """
    Write when it was.  A narrow table breaks the line between the date and the time
    only.
    """
    day, _, clock = timeText(event.at, zone).partition(" ")
    spans = element("span", asHtml(day)), element("span", asHtml(clock))
    return element("td", spans[0], asHtml(" "), spans[1], class_="time")


def _peer(event: Event, root: str, zoneName: str | None) -> Markup:
    """
    Write whose event it is.
    """
    if not event.peer:
        return asHtml("this daemon")
    link = withQuery(root + peerLink(event.peer), {"zone": zoneName})
    return element("a", asHtml(printable(event.peer)), href=link)


def _kind(event: Event) -> Markup:
    """
    Write its kind, with a sign.
    """
    shape = shapeOf(event.kind)
    sign = element(
        "span", asHtml(SIGNS[shape]), class_=f"sign {shape}", aria_hidden="true"
    )
    return element("td", sign, asHtml(f" {event.kind.value}"))
