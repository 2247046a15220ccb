"""
Follows the links of pages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urldefrag, urljoin, urlsplit

#: What leads elsewhere: the tag, and the attribute.
_LINKS = {("a", "href"), ("link", "href"), ("script", "src"), ("form", "action")}


class Reply(NamedTuple):
    """
    What a server answers.
    """

    status: int
    kind: str
    body: bytes


class Links(HTMLParser):
    """
    Collects what a page links to.

    @ivar given: the links as they are written.
    @ivar names: the names of the places within the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.given: list[str] = []
        self.names: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read a tag."""
        for name, value in attrs:
            if (tag, name) in _LINKS:
                self.given.append(value or "")
            elif name == "id" or (tag, name) == ("a", "name"):
                self.names.add(value or "")


class Crawl:
    """
    Reads all pages to which links lead.

    @ivar pages: the answers by URL.
    @ivar links: the links of each HTML page, as they are written.
    @ivar missing: what is wrong: one line for each link.
    """

    def __init__(
        self, get: Callable[[str], Reply], starts: Iterable[str], sites: Iterable[str]
    ) -> None:
        """
        @param get: reads a URL.
        @param starts: the first pages.
        @param sites: how the URLs begin that are followed.
        """
        self.pages: dict[str, Reply] = {}
        self.links: dict[str, list[str]] = {}
        self.missing: list[str] = []
        self._get = get
        self._sites = tuple(sites)
        self._places: dict[str, set[str]] = {}
        waiting = deque((each, each) for each in starts)
        while waiting:
            url, origin = waiting.popleft()
            found = self._follow(url, origin)
            waiting.extend((each, url) for each in found)

    def _follow(self, url: str, origin: str) -> list[str]:
        """
        Read a page that is not known yet.

        @param origin: the page that leads to it.
        @return: where it leads.
        """
        page, place = urldefrag(url)
        found: list[str] = []
        if page not in self.pages:
            reply = self.pages[page] = self._get(page)
            if reply.status != 200:
                self.missing.append(f"{reply.status}: {url} from {origin}")
            elif reply.kind.startswith("text/html"):
                links = Links(reply.body.decode())
                self.links[page] = links.given
                self._places[page] = links.names
                found = [urljoin(page, each) for each in links.given]
        if place and unquote(place) not in self._places.get(page, ()):
            self.missing.append(f"no place {place!r}: {url} from {origin}")
        return [each for each in found if self._isFollowed(each, page)]

    def _isFollowed(self, url: str, origin: str) -> bool:
        """
        Tell whether a link is followed: pages of earlier times lead to earlier ones
        without an end.
        """
        names = dict(parse_qsl(urlsplit(origin).query))
        isPast = "to" in names or "before" in names
        return url.startswith(self._sites) and not isPast
