"""
Puts a page of tags into the head and the end that every page has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.web.template import Comment, Tag, flattenString

from echostamp.web.frame import PAGE_END, pageHead

#: How often a page of the present refreshes itself without a script, in seconds.
_REFRESH = 60

#: Where a text is put that is markup already.
MARKUP = Comment("markup")


class PageText(NamedTuple):
    """
    A page.

    @ivar before: what is before L{MARKUP}.
    @ivar after: what is behind it; empty without one.
    """

    before: str
    after: str

    def pieces(self, markup: Iterable[str] = ()) -> Iterator[str]:
        """
        Give the page in pieces.

        @param markup: the pieces in the place of L{MARKUP}.
        """
        yield self.before
        yield from markup
        yield self.after


async def pageText(
    title: str, root: str, here: str, content: Iterable[Tag], isLive: bool
) -> PageText:
    """
    Write a page.

    @param title: what it is about.
    @param root: the link to the first page: see L{echostamp.web.links.root}.
    @param here: as for L{pageHead}.
    @param content: what is in it.
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
    before, _, after = text.partition(f"<!--{MARKUP.data}-->")
    return PageText(before, after)
