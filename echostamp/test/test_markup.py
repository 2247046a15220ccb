"""Tests for L{echostamp.markup}."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.markup import asHtml, element
from echostamp.text import printable


class Attributes(HTMLParser):
    """
    Reads HTML.

    @ivar found: all elements with their attributes.
    @ivar text: all text.
    """

    def __init__(self, text: str) -> None:
        """
        @param text: what to read.
        """
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


class MarkupTests(SynchronousTestCase):
    """
    Tests for L{asHtml} and L{element}.
    """

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Any text is well-formed, and stays within its element and its attribute.
        Readers of XML and of HTML get it as a terminal shows it."""
        found = element("p", asHtml(text), title=text)
        found.encode()
        shown = printable(text)
        root = ElementTree.fromstring(found)
        self.assertEqual((root.tag, len(root), len(root.attrib)), ("p", 0, 1))
        self.assertEqual((root.text or "", root.get("title")), (shown, shown))
        parsed = Attributes(found)
        self.assertEqual(parsed.text, shown)
        self.assertEqual(parsed.found, [("p", [("title", shown)])])

    def test_plain(self) -> None:
        """Plain text stays."""
        for each in "ams1", "Zürich 1", "a/192.0.2.1":
            self.assertEqual(asHtml(each), each)

    def test_notPrintable(self) -> None:
        """Characters that hide or reorder others, or that XML does not have, are
        shown."""
        self.assertEqual(asHtml("a\u202eb\ud800"), "a\\u202eb\\ud800")
        self.assertEqual(asHtml("a\x00\x1b\uffff"), "a\\x00\\x1b\\uffff")

    def test_names(self) -> None:
        """Attributes have the names of HTML and SVG."""
        self.assertEqual(
            element("svg", class_="plot", data_from=1, viewBox="0 0"),
            '<svg class="plot" data-from="1" viewBox="0 0"></svg>',
        )
