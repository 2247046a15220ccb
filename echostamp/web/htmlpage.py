"""
Puts a page of tags into the head and the end that every page has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.web.template import Tag, flattenString

from echostamp.web.frame import PAGE_END, pageHead

#: How often a page of the present refreshes itself without a script, in seconds.
_REFRESH = 60

#: A place for markup, as it is written.
_PLACE = re.compile("<!--([a-z]+)-->")


class PageText(NamedTuple):
    """
    A page.

    @ivar parts: its text, and between two parts of it the name of a place.
    """

    parts: Sequence[str]

    def pieces(self, **markup: Iterable[str]) -> Iterator[str]:
        """
        Give the page in pieces.

        @param markup: the pieces for each place; a place that is not named stays empty.
        """
        for number, part in enumerate(self.parts):
            if number % 2:
                yield from markup.get(part, ())
            else:
                yield part


async def pageText(
    title: str, root: str, here: str, content: Iterable[Tag], isLive: bool
) -> PageText:
    """
    Write a page.

    @param title: what it is about.
    @param root: the link to the first page: see L{echostamp.web.links.root}.
    @param here: as for L{pageHead}.
    @param content: what is in it.  Its comments are places for markup.
    @param isLive: whether it shows the present.
    """
    head = pageHead(
        f"{title} \u2013 EchoStamp",
        root,
        here,
        ["plot.css"],
        ["plot.js"],
        _REFRESH if isLive else 0,
    )
    flattened: Deferred[bytes] = flattenString(None, [*content])
    text = f"{head}{(await flattened).decode()}{PAGE_END}"
    # The text of tags has no comment: it is escaped.
    return PageText(_PLACE.split(text))
