"""
The zone of the times on a page, and times as text; pure.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from echostamp.times import SECOND
from echostamp.units import zoneName

#: The names of days and months, in every locale.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

#: The name of a zone, as the zone data have it.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")

#: Times that have a year of four digits in every zone, in seconds since the epoch.
_FIRST, _LAST = 0, 253_000_000_000


class Zone(NamedTuple):
    """
    A time zone.

    @ivar name: its name.
    @ivar info: its rules.
    """

    name: str = "UTC"
    info: tzinfo = UTC

    def local(self, at: float) -> datetime:
        """
        Give a local time.

        @param at: seconds since the UNIX epoch.  Times far away become the nearest one
            that can be written.
        """
        return datetime.fromtimestamp(min(max(at, _FIRST), _LAST), self.info)

    def ahead(self, at: float) -> str:
        """
        Give how far the zone is ahead of UTC at a time, such as C{+01:00}.

        @param at: seconds since the UNIX epoch.
        """
        return offsetName(self.local(at))

    def isTwice(self, found: datetime) -> bool:
        """
        Tell whether the day has the same local time twice, as when summer time ends.
        """
        other = found.replace(fold=1 - found.fold)
        return other.utcoffset() != found.utcoffset() and exists(found)


def offsetName(found: datetime) -> str:
    """
    Write the offset of a local time from UTC.
    """
    ahead = found.utcoffset() or timedelta()
    return zoneName(round(ahead.total_seconds()) * SECOND)


def exists(found: datetime) -> bool:
    """
    Tell whether a local time exists: some are left out when summer time begins.
    """
    there = found.astimezone(UTC).astimezone(found.tzinfo)
    return there.replace(tzinfo=None) == found.replace(tzinfo=None)


def zoneOf(name: str) -> Zone | None:
    """
    Find a zone by its name, such as C{Europe/Berlin}.

    @return: L{None} if this machine does not know it.
    """
    if name == "UTC":
        return Zone()
    if not _NAME.fullmatch(name):
        return None
    try:
        return Zone(name, ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return None


def dayText(day: date) -> str:
    """
    Write a day, such as C{1 Nov}.
    """
    return f"{day.day} {MONTHS[day.month - 1]}"


def timeText(at: int, zone: Zone) -> str:
    """
    Write a time to the second, with its offset from UTC where the same local time comes
    twice.

    @param at: nanoseconds since the UNIX epoch.
    """
    found = zone.local(at // SECOND)
    text = f"{found:%Y-%m-%d %H:%M:%S}"
    return f"{text} {offsetName(found)}" if zone.isTwice(found) else text
