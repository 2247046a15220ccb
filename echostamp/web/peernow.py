"""
What a peer's page says of the present: its state, settings, and the last minute.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.web.template import Tag, tags

from echostamp.monitor.peer import Limits
from echostamp.monitor.snapshot import PeerSnapshot
from echostamp.report.summary import Detail, spanText, summary
from echostamp.text import counted, printable
from echostamp.units import asTyped
from echostamp.web.peerfigures import stateOf
from echostamp.web.rowdata import PeerState
from echostamp.web.timezones import Zone, timeText

#: The sign and the words of each state.
_STATES = {
    PeerState.UP: ("\u2713", "up"),
    PeerState.DOWN: ("\u2717", "down"),
    PeerState.NEW: ("\u2026", "it has not answered yet"),
    PeerState.UNRESOLVED: ("?", "its name has no address"),
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
    yield _facts(snapshot, zone)
    yield tags.div(
        tags.div(tags.h2("The last minute"), _minute(snapshot)),
        tags.div(tags.h2("Thresholds"), _limits(snapshot)),
        **{"class": "now"},
    )


def _facts(snapshot: PeerSnapshot, zone: Zone) -> Tag:
    """
    List what is set, and what was found beside the figures of the minute.
    """
    peer = snapshot.peer
    facts = [
        ("target", peer.wish.target),
        ("address", snapshot.address or "not known"),
        *peer.labels,
        ("source ports", f"{peer.flows}" if peer.flows > 1 else ""),
        ("routers forward", _number(snapshot.hopsForward)),
        ("routers backward", _number(snapshot.hopsBackward)),
        ("outages", _outages(snapshot)),
        ("certificate expires", _end(snapshot.certificateEnd, zone)),
    ]
    rows = [
        tags.div(tags.dt(printable(name)), tags.dd(printable(value)))
        for name, value in facts
        if value
    ]
    return tags.dl(*rows, **{"class": "facts"})


def _number(count: int | None) -> str:
    return "" if count is None else f"{count}"


def _end(at: int | None, zone: Zone) -> str:
    return "" if at is None else timeText(at * 1_000_000_000, zone)


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


def _limits(snapshot: PeerSnapshot) -> Tag:
    """
    List the thresholds, and mark those that are exceeded.
    """
    exceeded = dict(snapshot.exceeded)
    rows = []
    for name, what, value in limitsOf(snapshot.peer.limits):
        if name in exceeded:
            sign = tags.span("!", **{"class": "sign"})
            found: list[Tag | str] = [sign, f" exceeded: {printable(exceeded[name])}"]
        else:
            found = ["kept"]
        kind = "exceeded" if name in exceeded else "kept"
        head = tags.th(name, scope="row")
        cells = tags.td(what), tags.td(value), tags.td(*found)
        rows.append(tags.tr(head, *cells, **{"class": kind}))
    if not rows:
        return tags.p("None is set.", **{"class": "muted"})
    titles = [tags.th(each, scope="col") for each in ("name", "of", "at most", "")]
    names = {"class": "plain limits"}
    table = tags.table(tags.thead(tags.tr(*titles)), tags.tbody(*rows), **names)
    return tags.div(table, **{"class": "scrolling"})


def _minute(snapshot: PeerSnapshot) -> Tag:
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
