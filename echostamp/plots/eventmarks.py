"""
Events as marks and words on pages; pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from echostamp.monitor.event import ENDS, Event, Kind
from echostamp.plots.plotframe import Mark
from echostamp.plots.timezones import Zone, timeText
from echostamp.text import printable
from echostamp.times import SECOND

#: The sign of each shape, for text.
SIGNS = {"bad": "\u25bc", "good": "\u25cf", "other": "\u25c7"}

_BAD = {*ENDS, Kind.STALL}
_GOOD = set(ENDS.values())


def shapeOf(kind: Kind) -> str:
    """
    Tell whether an event is C{bad}, C{good}, or C{other}.
    """
    return "bad" if kind in _BAD else "good" if kind in _GOOD else "other"


def wordsOf(event: Event) -> str:
    """
    Write what happened, without the kind, the time and the peer.
    """
    words = ": ".join(each for each in (event.subject, event.text) if each)
    if event.leftOut:
        words += f" ({event.leftOut} more left out)"
    return printable(words)


def marksOf(events: Iterable[Event], zone: Zone) -> list[Mark]:
    """
    Give the marks of events, the oldest first.
    """
    return [
        Mark(each.at / SECOND, shapeOf(each.kind), _titleOf(each, zone))
        for each in sorted(events, key=lambda event: event.at)
    ]


def _titleOf(event: Event, zone: Zone) -> str:
    """
    Write an event in one line.
    """
    who = "" if event.peer else "this daemon: "
    line = f"{timeText(event.at, zone)} {who}{event.kind.value}"
    return f"{line}: {words}" if (words := wordsOf(event)) else line
