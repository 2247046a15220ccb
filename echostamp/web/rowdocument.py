"""
Writes the row of a daemon as JSON, and reads that of another one; pure.

C{docs/api.schema.json} describes it.  What another daemon sends is not trusted: each
value has its type and its bounds.  Fields that are not known are passed over, because a
later version may have more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.monitor.steps import Steps, allSteps
from echostamp.text import printable
from echostamp.times import SECOND
from echostamp.web.fields import (
    Fields,
    aCount,
    aList,
    aPercentage,
    aSpan,
    aText,
    oneOf,
    orNull,
    parsedJson,
)
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow

#: What the figures of a row are of: the last minute, in nanoseconds.
WINDOW = 60 * SECOND

#: The most peers of a row, and the most characters of a name: an address may be behind
#: it.
MOST_PEERS, LONGEST_NAME = 10_000, 255

#: The names of thresholds.
THRESHOLDS = ("max_rtt", "max_rtt_p99", "max_loss", "max_offset")

#: The most characters of an error.
_LONGEST_ERROR = 200

_STATES = [each.value for each in PeerState]


def rowPieces(row: SourceRow, version: str) -> Iterator[str]:
    """
    Write a row, a piece for each peer.

    @param row: with its time.
    @param version: ours.
    """
    head = {"version": version, "name": row.source, "time": row.at, "window": WINDOW}
    yield json.dumps(head).removesuffix("}") + ', "peers": ['
    comma = "\n"
    for peer in row.peers.values():
        yield comma + json.dumps(peerDocument(peer))
        comma = ",\n"
    yield "\n]}\n"


def peerDocument(peer: PeerFigures) -> dict[str, Any]:
    """
    Make the JSON document of a peer.
    """
    known = peer.received + peer.lost
    limits = peer.maxRtt, peer.maxRttP99, peer.maxLoss, peer.maxOffset
    return {
        "name": peer.name,
        "state": peer.state.value,
        "since": peer.since,
        "labels": dict(peer.labels),
        "target": peer.target,
        "address": peer.address or None,
        "stats": {
            "due": peer.due,
            "sent": peer.sent,
            "received": peer.received,
            "lost": peer.lost,
            "skipped": peer.skipped,
            "loss_percent": 100 * peer.lost / known if known else None,
            "rtt": _together(median=peer.median, p99=peer.p99),
            "offset": _together(
                low=peer.offsetLow,
                estimate=peer.offset,
                high=peer.offsetHigh,
                verdict=peer.verdict,
            ),
        },
        "thresholds": dict(zip(THRESHOLDS, limits, strict=True)),
        "exceeded": list(peer.exceeded),
        "exceeded_since": dict(peer.exceededSince),
        "week": _together(p10=peer.weekP10, p90=peer.weekP90),
    }


def _together(**values: Any) -> dict[str, Any] | None:
    """
    Give values that are known together, or not at all.
    """
    return None if None in values.values() else values


def readRow(text: bytes) -> SourceRow:
    """
    Read a row at once: see L{readingRow}.

    @raise ValueError: it is wrong.
    """
    return allSteps(readingRow(text))


def readingRow(text: bytes) -> Steps[SourceRow]:
    """
    Read a row, in steps of one peer.  The first one parses the text.

    @param text: what another daemon has sent; the caller has bounded it.
    @return: the row, without a URL.
    @raise ValueError: it is wrong; the text is one printable line.
    """
    try:
        return (yield from _row(Fields(parsedJson(text))))
    except ValueError as error:
        line = printable(str(error)[:_LONGEST_ERROR])
        raise ValueError(line[:_LONGEST_ERROR]) from None


def _row(fields: Fields) -> Steps[SourceRow]:
    """
    Read the document of a row.

    @raise ValueError: it is wrong.
    """
    name = fields.get("name", aText)
    at = fields.get("time", aCount)
    found = fields.get("peers", aList)
    if len(found) > MOST_PEERS:
        raise ValueError(f"peers has more than {MOST_PEERS:,} peers")
    peers: dict[str, PeerFigures] = {}
    for number, each in enumerate(found):
        yield
        peer = _peer(Fields(each, f"peers[{number}]"))
        if peer.name in peers:
            raise ValueError(f"peers[{number}].name is that of another peer")
        peers[peer.name] = peer
    return SourceRow(name, peers, at)


def _peer(fields: Fields) -> PeerFigures:
    """
    Read a peer.

    @raise ValueError: it is wrong.
    """
    stats, limits = fields.inner("stats"), fields.inner("thresholds")
    rtt = stats.group("rtt", median=aSpan, p99=aSpan)
    offset = stats.group(
        "offset",
        low=aSpan,
        estimate=aSpan,
        high=aSpan,
        verdict=oneOf(FITS, DOUBTFUL, NO_FIT),
    )
    week = fields.group("week", p10=aSpan, p90=aSpan)
    # It is computed from the counts.
    stats.get("loss_percent", orNull(aPercentage))
    return PeerFigures(
        name=fields.get("name", _aName),
        state=PeerState(fields.get("state", oneOf(*_STATES))),
        since=fields.get("since", orNull(aCount)),
        labels=fields.get("labels", _labels),
        target=fields.get("target", aText),
        address=fields.get("address", orNull(aText)) or "",
        due=stats.get("due", aCount),
        sent=stats.get("sent", aCount),
        received=stats.get("received", aCount),
        lost=stats.get("lost", aCount),
        skipped=stats.get("skipped", aCount),
        median=rtt["median"],
        p99=rtt["p99"],
        offsetLow=offset["low"],
        offset=offset["estimate"],
        offsetHigh=offset["high"],
        verdict=offset["verdict"],
        maxRtt=limits.get("max_rtt", orNull(aCount)),
        maxRttP99=limits.get("max_rtt_p99", orNull(aCount)),
        maxLoss=limits.get("max_loss", orNull(aPercentage)),
        maxOffset=limits.get("max_offset", orNull(aCount)),
        exceeded=fields.get("exceeded", _exceeded),
        weekP10=week["p10"],
        weekP90=week["p90"],
        exceededSince=fields.get("exceeded_since", _exceededSince),
    )


def _aName(value: Any) -> str:
    """
    Read the name of a peer.
    """
    name = aText(value)
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"has not 1 to {LONGEST_NAME} characters")
    return name


def _labels(value: Any) -> dict[str, str]:
    """
    Read labels.
    """
    if not isinstance(value, dict):
        raise ValueError("is no object")
    return {aText(name): aText(each) for name, each in value.items()}


def _exceeded(value: Any) -> tuple[str, ...]:
    """
    Read the names of thresholds, each at most once.
    """
    found = tuple(map(oneOf(*THRESHOLDS), aList(value)))
    if len(set(found)) < len(found):
        raise ValueError("has a threshold twice")
    return found


def _exceededSince(value: Any) -> dict[str, int]:
    """
    Read since when thresholds are exceeded.
    """
    if not isinstance(value, dict):
        raise ValueError("is no object")
    return {oneOf(*THRESHOLDS)(name): aCount(at) for name, at in value.items()}
