"""
The choice of the zone of the times on a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twisted.web.template import Tag, tags

from echostamp.plots.timezones import Zone, zoneOf
from echostamp.text import printable
from echostamp.web.query import textGiven

#: The longest name of a zone that is read.
_LONGEST_ZONE = 100


def zoneGiven(query: Mapping[bytes, list[bytes]]) -> str | None:
    """
    Read the name of the zone that is asked for; L{None} if none is.
    """
    return textGiven(query, b"zone")[:_LONGEST_ZONE] or None


def zoneShown(name: str | None) -> Zone:
    """
    Give the zone of the times on a page: UTC if none is given, or if this machine does
    not know it.
    """
    return zoneOf(name or "UTC") or Zone()


def zoneError(name: str | None) -> Iterator[Tag]:
    """
    Write an error where this machine does not know the zone.
    """
    if name is not None and zoneOf(name) is None:
        words = f"This machine has no zone {printable(name)!r}: times are in UTC."
        yield tags.p(words, **{"class": "error"})


def zoneField(name: str | None) -> Tag:
    """
    Make the field of a form that has the zone.
    """
    value = name or "UTC"
    field = tags.input(name="zone", value=value, size="18", spellcheck="false")
    return tags.label("Times in ", field)
