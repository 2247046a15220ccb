"""
Zones and times for tests.
"""

from __future__ import annotations

from datetime import datetime

from echostamp.plots.timezones import Zone, zoneOf


def zoneNamed(name: str) -> Zone:
    """
    Give a zone that there is.
    """
    found = zoneOf(name)
    assert found is not None
    return found


def secondOf(text: str) -> int:
    """
    Give a time, written with its offset, in seconds since the UNIX epoch.
    """
    return int(datetime.fromisoformat(text).timestamp())
