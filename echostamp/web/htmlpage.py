"""
Puts a page of tags into the head and the end that every page has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.template import Tag, flattenString

from echostamp.web.frame import PAGE_END, pageHead

#: How often a page of the present refreshes itself without a script, in seconds.
_REFRESH = 60

#: A place for markup, as it is written.
_PLACE = re.compile("<!--([a-z]+)-->")


class PageHead(NamedTuple):
    """
    What is before the content of a page.

    @ivar title: what it is about.
    @ivar root: the link to the first page: see L{echostamp.web.links.root}.
    @ivar here: as for L{pageHead}.
    @ivar isLive: whether it shows the present.
    @ivar hasRoom: as for L{pageHead}.
    """

    title: str
    root: str
    here: str
    isLive: bool
    hasRoom: bool


def pagePieces(
    head: PageHead, content: Iterable[Tag], **markup: Iterable[str]
) -> Iterator[str]:
    """
    Write a page, a part of its content in each step.

    @param head: what is before the content.
    @param content: what is in the page.  Its comments are places for markup.
    @param markup: the pieces for each place; a place that is not named stays empty.
    """
    yield pageHead(
        f"{head.title} \u2013 EchoStamp",
        head.root,
        head.here,
        ["plot.css"],
        ["plot.js"],
        _REFRESH if head.isLive else 0,
        head.hasRoom,
    )
    for tag in content:
        # The text of tags has no comment: it is escaped.
        for number, part in enumerate(_PLACE.split(_textOf(tag))):
            if number % 2:
                yield from markup.get(part, ())
            else:
                yield part
    yield PAGE_END


def _textOf(tag: Tag) -> str:
    """
    Write a tag that waits for nothing.
    """
    found: list[bytes | Failure] = []
    flattened: Deferred[bytes] = flattenString(None, tag)
    flattened.addBoth(found.append)
    (text,) = found
    if isinstance(text, Failure):
        text.raiseException()
    return text.decode()
