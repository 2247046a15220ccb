"""
Rows of the matrix, and what a browser finds in HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

from echostamp.measure.offsetwindow import FITS
from echostamp.times import MILLISECOND, SECOND
from echostamp.web.rowdata import PeerFigures, PeerState, SourceRow

#: The present time of the tests: 2026-11-29 12:00:00 UTC, in nanoseconds since the UNIX
#: epoch.
NOW = 1_795_953_600 * SECOND

#: Tags that have no end.
_VOID = {"meta", "link", "input"}


def path(name: str = "fra", **changes: Any) -> PeerFigures:
    """
    Make the figures of a path that is good, but for changes.
    """
    figures = PeerFigures(
        name,
        PeerState.UP,
        NOW - 3600 * SECOND,
        {"site": name},
        f"stamp:{name}.example",
        "192.0.2.1:862",
        60,
        60,
        60,
        median=12_345_678,
        p99=15 * MILLISECOND,
        offsetLow=-3 * MILLISECOND,
        offset=1_234_000,
        offsetHigh=4 * MILLISECOND,
        verdict=FITS,
    )
    return figures._replace(**changes)


def down(name: str = "fra") -> PeerFigures:
    """
    Make those of a path that is down since a minute.
    """
    return PeerFigures(name, PeerState.DOWN, NOW - 60 * SECOND, lost=60, due=60)


def source(name: str, *peers: PeerFigures, **changes: Any) -> SourceRow:
    """
    Make a row that was read now, but for changes.
    """
    row = SourceRow(name, {each.name: each for each in peers}, NOW)
    return row._replace(**changes)


def mesh(names: Sequence[str]) -> list[SourceRow]:
    """
    Make the rows of hosts each of which watches all others, and all is good.
    """
    return [
        source(each, *[path(other) for other in names if other != each])
        for each in names
    ]


class Element(NamedTuple):
    """
    An element of HTML.

    @ivar tag: its name.
    @ivar attributes: its attributes.
    @ivar parents: the names of the elements it is in, the outermost first.
    @ivar texts: the texts in it, those of inner elements too.
    """

    tag: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    texts: list[str]

    @property
    def text(self) -> str:
        """The texts together, with single spaces."""
        return " ".join("".join(self.texts).split())


class _Parser(HTMLParser):
    """
    Reads HTML, and fails where an end tag is missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        attributes = {name: value or "" for name, value in attrs}
        if len(attributes) < len(attrs):
            raise ValueError(f"two attributes of one name: {attrs}")
        parents = tuple(each.tag for each in self.open)
        element = Element(tag, attributes, parents, [])
        self.found.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Note an end."""
        if not self.open or self.open.pop().tag != tag:
            raise ValueError(f"</{tag}> ends no element")

    def handle_data(self, data: str) -> None:
        """Note a text."""
        for each in self.open:
            each.texts.append(data)


def elements(html: str, *tags: str) -> list[Element]:
    """
    Find the elements of HTML.

    @param tags: the names of those to give; none for all.
    @raise ValueError: an element has no end.
    """
    parser = _Parser()
    parser.feed(html)
    parser.close()
    if parser.open:
        raise ValueError(f"these have no end: {parser.open}")
    return [each for each in parser.found if not tags or each.tag in tags]


def written(steps: Iterator[str]) -> str:
    """
    Put the steps of a text together.
    """
    return "".join(steps)
