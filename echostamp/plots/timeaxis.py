"""
Ticks of a time axis, at round local times; pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from echostamp.plots.timezones import DAYS, Zone, dayText, exists, offsetName

_HOUR, _DAY = 3600, 86400

#: How far apart ticks may be, in seconds: parts of a day, days, and weeks.
_STEPS = (
    *(60, 120, 300, 600, 900, 1800),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY),
)

#: The most ticks, if no day is longer than 24 hours.
_MOST = 9


class Tick(NamedTuple):
    """
    A tick of a time axis.

    @ivar at: where, in seconds since the UNIX epoch.
    @ivar label: its text.
    @ivar note: the zone's offset, where the same local time comes twice; else empty.
    @ivar isDay: whether a day begins there, among ticks that are parts of days.
    @ivar isMinor: whether a narrow screen has no room for its label.
    """

    at: int
    label: str
    note: str = ""
    isDay: bool = False
    isMinor: bool = False


def timeTicks(began: int, ended: int, zone: Zone) -> list[Tick]:
    """
    Choose the ticks of a span of time.

    @param began: its begin, in seconds since the UNIX epoch.
    @param ended: its end.
    """
    length = max(1, ended - began)
    step = next((each for each in _STEPS if length / each <= _MOST), _STEPS[-1])
    # A narrow screen has room for every second label, and for every third of the long
    # ones, those with the day of the week.
    shown = 3 if step == _DAY else 2
    times = _days if step >= _DAY else _partsOfDays
    found = [
        (at, local)
        for at, local in times(zone, zone.local(began), zone.local(ended), step)
        if began <= at <= ended
    ]
    return [
        Tick(
            at,
            _label(local, step),
            offsetName(local) if step < _DAY and zone.isTwice(local) else "",
            step < _DAY and _isMidnight(local),
            bool(number % shown),
        )
        for number, (at, local) in enumerate(found)
    ]


def _days(
    zone: Zone, first: datetime, last: datetime, step: int
) -> Iterator[tuple[int, datetime]]:
    """
    Give the begins of days; those of weeks are Mondays.
    """
    every = step // _DAY
    day = first.date()
    while day <= last.date():
        # The first day of all has the number 1, and is a Monday.
        if (day.toordinal() - 1) % every == 0:
            local = datetime(day.year, day.month, day.day, tzinfo=zone.info)
            # Where summer time begins at midnight, the day begins later.
            yield int(local.timestamp()), local
        day += timedelta(days=1)


def _partsOfDays(
    zone: Zone, first: datetime, last: datetime, step: int
) -> Iterator[tuple[int, datetime]]:
    """
    Give round local times: those that do not exist are left out, and those that come
    twice are given twice.
    """
    day = first.date()
    while day <= last.date():
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone.info)
        times = set()
        for second in range(0, _DAY, step):
            clock = midnight.replace(hour=second // _HOUR, minute=second // 60 % 60)
            for local in clock, clock.replace(fold=1):
                if exists(local):
                    times.add(int(local.timestamp()))
        for at in sorted(times):
            yield at, zone.local(at)
        day += timedelta(days=1)


def _isMidnight(local: datetime) -> bool:
    """
    Tell whether a day begins.
    """
    return local.hour == local.minute == 0


def _label(local: datetime, step: int) -> str:
    """
    Write the label of a tick.
    """
    if step >= 2 * _DAY:
        return dayText(local)
    if step == _DAY:
        return f"{DAYS[local.weekday()]} {dayText(local)}"
    if _isMidnight(local):
        return dayText(local)
    return f"{local:%H:%M}"


def zoneText(began: int, ended: int, zone: Zone) -> str:
    """
    Name the zone of an axis, and how far it is ahead of UTC.

    @param began: where the axis begins, in seconds since the UNIX epoch.
    @param ended: where it ends.
    """
    if zone.name == "UTC":
        return "UTC"
    before, after = zone.ahead(began), zone.ahead(ended)
    if before == after:
        return f"{zone.name} (UTC{before})"
    return f"{zone.name} (UTC{before}, then UTC{after})"
