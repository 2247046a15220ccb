"""
Writes and reads stamps; a leaf.

A I{stamp} is the server's time in brackets and a space, before a message:
C{[Mon Dec 14 09:30:00 2015] }.  All times are integer nanoseconds since the UNIX epoch.
"""

from __future__ import annotations

import itertools
import re
import time
from calendar import timegm
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple

from echostamp.times import MICROSECOND, SECOND

#: The most octets of a stamp between its brackets.
LONGEST_TEXT = 60

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def formatCtime(ns: int, utc: bool = False) -> bytes:
    """
    Write a time as C{ctime(3)} does: C{Mon Dec 14 09:30:00 2015}.

    @param ns: nanoseconds since the epoch, rounded down to a second.
    @param utc: print UTC and not the local time.
    """
    zone = time.gmtime if utc else time.localtime
    return time.asctime(zone(ns // SECOND)).encode("ascii")


def formatIso(ns: int, utc: bool = False) -> bytes:
    """
    Write a time as RFC 3339, section 5.6, does, with nanoseconds:
    C{2015-12-14T09:30:00.000000000+01:00}.

    @param ns: nanoseconds since the epoch.
    @param utc: print UTC and not the local time.
    """
    seconds, fraction = divmod(ns, SECOND)
    # RFC 3339 has offsets of whole minutes.  A zone with odd seconds (local mean
    # time, before 1972) gets the next smaller offset, and the same instant.
    offset = 0 if utc else time.localtime(seconds).tm_gmtoff // 60
    wall = time.gmtime(seconds + offset * 60)
    hours, minutes = divmod(abs(offset), 60)
    return b"%04d-%02d-%02dT%02d:%02d:%02d.%09d%c%02d:%02d" % (
        *wall[:6],
        fraction,
        b"-" if offset < 0 else b"+",
        hours,
        minutes,
    )


def formatUnix(ns: int) -> bytes:
    """
    Write a time as seconds since the epoch, with nine decimals.

    @param ns: nanoseconds since the epoch.
    """
    seconds, fraction = divmod(abs(ns), SECOND)
    return b"%s%d.%09d" % (b"-" if ns < 0 else b"", seconds, fraction)


#: What C's strftime does not know, or computes in the wrong zone; and C{%%}, behind
#: which nothing of it may begin.
_OURS = re.compile(r"%%|%f|%:z|%([-_0^#+]*)(\d*)[EO]?s")


def formatPattern(pattern: str, ns: int, utc: bool = False) -> bytes:
    """
    Write a time as C{strftime(3)} and C{datetime.strftime} do, in UTF-8.

    @param ns: nanoseconds since the epoch, rounded down to a microsecond.
    @param utc: print UTC and not the local time.
    @raise ValueError: C{strftime} refuses the pattern.
    """
    seconds, fraction = divmod(ns, SECOND)
    fields = time.gmtime(seconds) if utc else time.localtime(seconds)
    if utc:
        fields = time.struct_time(fields[:9], {"tm_zone": "UTC", "tm_gmtoff": 0})

    def ours(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return match[0]
        if match[0] == "%f":
            return f"{fraction // MICROSECOND:06}"
        if match[0] == "%:z":
            offset = time.strftime("%z", fields)
            return f"{offset[:3]}:{offset[3:]}"
        flags, width = match.groups()
        fill = " " if "_" in flags else "0"
        return str(seconds).rjust(0 if "-" in flags else int(width or 0), fill)

    # The fields of a datetime would have no zone for %-z, %^Z and the like.
    return time.strftime(_OURS.sub(ours, pattern), fields).encode()


@dataclass(frozen=True)
class StampFormat:
    """
    A way to write stamps.

    @ivar text: turns nanoseconds since the epoch into the text between the brackets.
    @ivar resolution: the step in nanoseconds at which the text changes.
    """

    text: Callable[[int], bytes]
    resolution: int

    def stamp(self, ns: int) -> bytes:
        """
        Write a stamp, with its brackets and space.

        @param ns: nanoseconds since the epoch.
        """
        return b"[%s] " % self.text(ns)


#: The default format: local time, as C{ctime(3)} prints it.
CTIME = StampFormat(formatCtime, SECOND)


def stampFormat(name: str, utc: bool = False) -> StampFormat:
    """
    Find a format by its name, or make one from a C{strftime} pattern.

    @param name: C{ctime}, C{iso}, C{unix}, or a pattern.
    @param utc: print UTC and not the local time.
    @raise ValueError: the pattern's output is not one printable line of 1 to 60
        octets without C{]}; the text says which.
    """
    if name == "ctime":
        return StampFormat(lambda ns: formatCtime(ns, utc), SECOND) if utc else CTIME
    if name == "iso":
        return StampFormat(lambda ns: formatIso(ns, utc), 1)
    if name == "unix":
        return StampFormat(formatUnix, 1)
    _checkPattern(name, utc)
    # Remove doubled percent signs first: "%%f" prints a percent sign and an f.
    hasMicroseconds = "%f" in name.replace("%%", "")
    return StampFormat(
        lambda ns: formatPattern(name, ns, utc),
        MICROSECOND if hasMicroseconds else SECOND,
    )


def _checkPattern(pattern: str, utc: bool) -> None:
    """
    Check a pattern's output for times all over a leap year: the first and the last
    second of every half of a day.

    The output's length varies.  Names of months and days differ in length, and so do
    numbers where the system's C{strftime} can leave out their padding.

    @raise ValueError: see L{stampFormat}.
    """
    firstDay = timegm((2024, 1, 1, 0, 0, 0))
    noons = [firstDay + halfDay * 43_200 for halfDay in range(2 * 366)]
    for seconds in itertools.chain(noons, [noon - 1 for noon in noons]):
        try:
            text = formatPattern(pattern, seconds * SECOND, utc)
        except ValueError as error:
            raise ValueError(f"strftime refuses it: {error}") from None
        if not text:
            raise ValueError("its output is empty")
        if len(text) > LONGEST_TEXT:
            raise ValueError(
                f"its output is too long: {len(text)} octets, {LONGEST_TEXT} at most"
            )
        if not text.decode().isprintable():
            raise ValueError("its output has a newline or another control character")
        if b"]" in text:
            raise ValueError("its output has a ]")


class Reading(NamedTuple):
    """
    The time that a stamp holds.

    @ivar time: nanoseconds since the epoch.  A stamp without a zone is read as UTC.
    @ivar resolution: the stamp's resolution in nanoseconds.  The clock showed at least
        C{time} and less than C{time + resolution}.
    @ivar zoned: whether the stamp fixes an instant (C{iso}, C{unix}).  If not, it is a
        reading of a wall clock in an unknown zone (C{ctime}).
    @ivar length: the octets of the stamp, with its brackets and space.
    """

    time: int
    resolution: int
    zoned: bool
    length: int


#: The same as L{Reading}, in half the time.
_readingOf = partial(tuple.__new__, Reading)

_CLOCK = rb"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)"
_FRACTION = rb"(?:\.(\d{1,30}))?"
_CTIME = re.compile(
    rb"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (%s) ([ 12]\d|3[01]) %s (\d{4})\] "
    % (b"|".join(_MONTHS), _CLOCK)
)
_ISO = re.compile(
    rb"\[(\d{4})-(\d\d)-(\d\d)[Tt]%s%s(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))\] "
    % (_CLOCK, _FRACTION)
)
_UNIX = re.compile(rb"\[(-?)(\d{1,12})%s\] " % _FRACTION)


def readStamp(line: bytes) -> Reading | None:
    """
    Read the stamp that a line begins with.

    The formats C{ctime}, C{iso} and C{unix} are recognised by their shape.  Any number
    of decimals is accepted.

    @return: L{None} where the line begins with no such stamp.
    """
    # Most stamps are the same as the one before, in the format ctime, or of the same
    # minute, in the format iso with nanoseconds.
    if line[25:27] == b"] " and (reading := _read(line[:27])):
        return reading
    seconds = line[18:20] + line[21:30]
    if line[20:21] == b"." and seconds.isdigit() and seconds < b"60":
        start = _minute(line[:18], line[30:38])
        if start is not None:
            return _readingOf((start + int(seconds), 1, True, 38))
    return _read(line[:64])  # no stamp is longer


@lru_cache(maxsize=4)
def _read(line: bytes) -> Reading | None:
    """
    Read any stamp; see L{readStamp}.
    """
    try:
        if match := _CTIME.match(line):
            month, day, hour, minute, second, year = match.groups()
            named = b"%d" % (_MONTHS.index(month) + 1)
            ns = _utc(year, named, day, hour, minute, second)
            return Reading(ns, SECOND, False, match.end())
        if match := _ISO.match(line):
            *fields, fraction, sign, hours, minutes = match.groups()
            part, resolution = _decimals(fraction)
            offset = (int(hours or 0) * 60 + int(minutes or 0)) * 60 * SECOND
            ns = _utc(*fields) + part - (-offset if sign == b"-" else offset)
            return Reading(ns, resolution, True, match.end())
        if match := _UNIX.match(line):
            minus, whole, fraction = match.groups()
            part, resolution = _decimals(fraction)
            ns = int(whole) * SECOND + part
            return Reading(-ns if minus else ns, resolution, True, match.end())
    except ValueError:  # a date that does not exist, such as 31 April
        pass
    return None


@lru_cache(maxsize=4)
def _minute(before: bytes, behind: bytes) -> int | None:
    """
    Read the beginning of the minute of a stamp in the format C{iso}.

    @param before: the stamp up to its seconds.
    @param behind: the stamp from its zone on.
    @return: nanoseconds since the epoch; L{None} where these are not parts of a stamp
        whose zone is a number.
    """
    reading = _read(before + b"00.000000000" + behind)
    return reading.time if reading is not None and reading.length == 38 else None


def _utc(*fields: bytes) -> int:
    """
    Turn year, month, day, hour, minute and second into nanoseconds.

    @raise ValueError: the date does not exist.
    """
    year, month, day, hour, minute, second = map(int, fields)
    datetime(year, month, day)
    return timegm((year, month, day, hour, minute, second)) * SECOND


def _decimals(digits: bytes | None) -> tuple[int, int]:
    """
    Turn decimals of a second into nanoseconds.

    @param digits: the digits after the decimal point, if there are any.
    @return: the nanoseconds, and the resolution in nanoseconds of so many digits.
    """
    kept = (digits or b"")[:9]
    resolution = int(10 ** (9 - len(kept)))
    return int(kept or b"0") * resolution, resolution
