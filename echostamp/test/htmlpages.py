"""
Reads pages of HTML.
"""

from __future__ import annotations

from html.parser import HTMLParser

#: Elements without an end.
_VOID = ("meta", "link", "input")


class Page(HTMLParser):
    """
    Reads a page strictly: each element has its end.

    @ivar text: all text.
    @ivar links: where its links lead.
    @ivar elements: its elements with their attributes.
    """

    def __init__(self, text: str) -> None:
        """
        @param text: the page.
        """
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        if self._open:
            raise ValueError(f"not ended: {self._open}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "a":
            self.links.append(found["href"] or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag not in _VOID and self._open.pop() != tag:
            raise ValueError(f"a wrong end: {tag}")

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.text += data
