"""
The stamp of the current time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from echostamp.stamps import StampFormat
from echostamp.times import SECOND
from echostamp.units import zoneName


def zoneWithoutFile() -> str:
    """
    Give the zone that C{TZ} names, if this machine has no file of it.  The C library
    takes UTC then, and reports no error.

    @return: an empty string where local time is right.  C{TZ} may be a rule, such as
        C{CET-1CEST,M3.5.0,M10.5.0/3}, which needs no file.
    """
    zone = os.environ.get("TZ")
    isName = zone is not None and "/" in zone and "," not in zone
    return zone if zone and isName and not _hasFile(zone) else ""


def _hasFile(zone: str | None) -> bool:
    """
    Return whether there is a file of a zone.

    @param zone: the value of C{TZ}.
    """
    named = "/etc/localtime" if zone is None else zone.removeprefix(":")
    folder = os.environ.get("TZDIR", "/usr/share/zoneinfo")
    return os.path.isfile(os.path.join(folder, named))


def _localZone() -> str:
    """
    Name the local time zone of this moment, with its offset from UTC.
    """
    now = time.localtime()
    return f"{now.tm_zone} ({zoneName(now.tm_gmtoff * SECOND)})"


class StampClock:
    """
    Give the stamp of the current time.  The text is only made when it changes: all
    times within one step of the format's resolution have the same text.
    """

    def __init__(self, stampFormat: StampFormat, clock: Callable[[], int]) -> None:
        """
        @param stampFormat: how stamps look.
        @param clock: gives the time in nanoseconds since the epoch.
        """
        self._format = stampFormat
        self._clock = clock
        self._resolution = stampFormat.resolution
        self._stamp = b""
        self._period = -1

    def stamp(self) -> bytes:
        """
        Give the stamp of the current time.
        """
        now = self._clock()
        period = now // self._resolution
        if period != self._period:
            self._stamp = self._format.stamp(now)
            self._period = period
        return self._stamp

    def rereadZone(self, isFileElsewhere: bool = False) -> str:
        """
        Read the local time zone's file again.  Without one the zone is UTC, as it is
        for a program that starts now.

        @param isFileElsewhere: whether this process has another root than when it
            started.  The zone stays then, if its file is not there, too.
        @return: the present zone: C{CET (+01:00)}.
        @raise ValueError: the zone stays, because its file is not there.
        """
        zone = os.environ.get("TZ")
        isMissing = not _hasFile(zone) if zone is None else bool(zoneWithoutFile())
        if isFileElsewhere and isMissing:
            raise ValueError(f"--chroot has no file of the time zone, {_localZone()}")
        if zone is not None:
            # The C library reads a file again only if TZ has changed since.
            os.environ["TZ"] = "UTC0"
            time.tzset()
            os.environ["TZ"] = zone
        time.tzset()
        self._period = -1
        return _localZone()
