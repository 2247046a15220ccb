"""
What a peer's page says of the present: its state, settings, and the last minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING

from twisted.web.template import Tag, tags

from echostamp.measure.offsetwindow import OffsetReport
from echostamp.monitor.peer import Limits
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.plots.timezones import Zone, timeText
from echostamp.report.screen import percent
from echostamp.report.summary import Detail, spanText, summary
from echostamp.text import counted, printable
from echostamp.times import SECOND
from echostamp.units import asTyped, readable
from echostamp.web.peerfigures import stateOf
from echostamp.web.rowdata import PeerState

#: The sign and the words of each state.  The signs are those of the matrix.
_STATES = {
    PeerState.UP: ("\u2713", "up"),
    PeerState.DOWN: ("\u2715", "down"),
    PeerState.NEW: ("\u2026", "it has not answered yet"),
    PeerState.UNRESOLVED: ("\u2205", "its name has no address"),
    PeerState.PAUSED: ("\u2016", "paused: it is not probed"),
}


def peerNow(snapshot: PeerSnapshot, zone: Zone) -> Iterator[Tag]:
    """
    Say how a peer is.

    @param zone: the zone of the times.
    """
    state = stateOf(snapshot)
    sign, words = _STATES[state]
    text = [words]
    since = snapshot.since
    if since is not None and state in (PeerState.UP, PeerState.DOWN):
        length = spanText(max(0, snapshot.at - since))
        text = [f"{words} since {timeText(since, zone)}, for {length}"]
    yield tags.p(
        tags.span(sign, **{"class": "sign", "aria-hidden": "true"}),
        " ",
        *text,
        **{"class": f"state {state.value}"},
    )
    yield _list(figuresOf(snapshot), "facts figures")
    yield _list(_facts(snapshot, zone), "facts")
    yield tags.h2("Thresholds")
    yield _limits(snapshot, zone)


def figuresOf(snapshot: PeerSnapshot) -> Iterator[tuple[str, str]]:
    """
    Give the main figures of the last minute: what each is, and its value.
    """
    if snapshot.minute is None:
        return
    figures = snapshot.minute.figures
    if figures.rtt is not None:
        yield "RTT, median", readable(figures.rtt.median)
        yield "RTT, p99", readable(figures.rtt.p99)
    known = figures.received + figures.lost + figures.skipped
    if known:
        missing = (figures.lost + figures.skipped) / known
        yield "lost or not sent", percent(100 * missing)
    if figures.offset is not None:
        yield "offset of its clock", _offset(figures.offset)


def _offset(found: OffsetReport) -> str:
    """
    Write an offset, with the digits that its bounds allow.
    """
    width = (found.high - found.low) / 2
    if found.low <= 0 <= found.high:
        most = max(-found.low, found.high)
        return f"within {readable(most, width / 10, rounding=ROUND_CEILING)}"
    error = readable(width, width / 10, rounding=ROUND_CEILING)
    return f"{readable(found.estimate, width, signed=True)} \u00b1 {error}"


def _list(found: Iterable[tuple[str, str]], kind: str) -> Tag:
    """
    List names and values; empty values are left out.
    """
    rows = [
        tags.div(tags.dt(printable(name)), tags.dd(printable(value)))
        for name, value in found
        if value
    ]
    return tags.dl(*rows, **{"class": kind})


def _facts(snapshot: PeerSnapshot, zone: Zone) -> Iterator[tuple[str, str]]:
    """
    Give what is set, and what was found beside the figures of the minute.
    """
    peer = snapshot.peer
    yield "target", peer.wish.target
    yield "address", snapshot.address or "not known"
    yield from peer.labels
    yield "source ports", f"{peer.flows}" if peer.flows > 1 else ""
    yield "routers forward", _number(snapshot.hopsForward)
    yield "routers backward", _number(snapshot.hopsBackward)
    yield "outages", _outages(snapshot)
    yield "certificate expires", _end(snapshot.certificateEnd, zone)


def _number(count: int | None) -> str:
    return "" if count is None else f"{count}"


def _end(at: int | None, zone: Zone) -> str:
    return "" if at is None else timeText(at * SECOND, zone)


def _outages(snapshot: PeerSnapshot) -> str:
    """
    Write how often it was down.
    """
    if not snapshot.downs:
        return "none since the daemon watches it"
    return f"{snapshot.downs}, down for {spanText(snapshot.downFor)} in all"


def limitsOf(limits: Limits) -> Iterator[tuple[str, str, str]]:
    """
    Give the thresholds that are set: the name of each, its meaning, and its value.
    """
    for name, what, value in (
        ("max-rtt", "median of the RTT", limits.rtt),
        ("max-rtt-p99", "99th percentile of the RTT", limits.rttP99),
        ("max-offset", "offset of the far clock", limits.offset),
    ):
        if value is not None:
            yield name, what, asTyped(value)
    if limits.loss is not None:
        yield "max-loss", "lost, or not sent", f"{limits.loss:g} %"


def _limits(snapshot: PeerSnapshot, zone: Zone) -> Tag:
    """
    List the thresholds, and mark those that are exceeded.
    """
    exceeded = {
        name: f" exceeded since {timeText(snapshot.exceededSince[name], zone)}: {why}"
        for name, why in snapshot.exceeded
    }
    rows = []
    for name, what, value in limitsOf(snapshot.peer.limits):
        if name in exceeded:
            sign = tags.span("!", **{"class": "sign"})
            found: list[Tag | str] = [sign, printable(exceeded[name])]
        else:
            found = ["kept"]
        kind = "exceeded" if name in exceeded else "kept"
        head = tags.th(name, scope="row")
        cells = tags.td(what), tags.td(value), tags.td(*found)
        rows.append(tags.tr(head, *cells, **{"class": kind}))
    if not rows:
        return tags.p("None is set.", **{"class": "muted"})
    titles = [tags.th(each, scope="col") for each in ("name", "of", "at most", "now")]
    names = {"class": "plain limits", "aria-label": "Thresholds"}
    table = tags.table(tags.thead(tags.tr(*titles)), tags.tbody(*rows), **names)
    return tags.div(table, **{"class": "scrolling"})


def minuteReport(snapshot: PeerSnapshot) -> Tag:
    """
    Write the full report of the last minute, as C{echostamp ping} has it.
    """
    found = snapshot.minute
    if found is None or not found.figures.due:
        return tags.p("No probe was due yet.", **{"class": "muted"})
    lines = list(summary(found, "", Detail.FULL))[1:]
    probes = counted(found.figures.due, "probe")
    return tags.pre(
        "\n".join(map(printable, lines)).strip("\n"),
        tabindex="0",
        **{"class": "report", "aria-label": f"Report of {probes}"},
    )
