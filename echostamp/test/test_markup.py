"""Tests for L{echostamp.web.markup}."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.markup import element, escaped

#: Characters that XML has as they are.  A carriage return becomes a newline.
_PLAIN = st.characters(
    exclude_categories=["Cs"], min_codepoint=0x20, exclude_characters="\ufffe\uffff"
)


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
    Tests for L{escaped} and L{element}.
    """

    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """Any text is well-formed, and stays within its element and its attribute."""
        found = element("p", escaped(text), title=text)
        root = ElementTree.fromstring(found)
        self.assertEqual((root.tag, len(root), len(root.attrib)), ("p", 0, 1))

    @given(st.text(_PLAIN))
    def test_sameText(self, text: str) -> None:
        """Readers of XML and of HTML get the text back."""
        found = element("p", escaped(text), title=text)
        root = ElementTree.fromstring(found)
        self.assertEqual((root.text or "", root.get("title")), (text, text))
        parsed = Attributes(found)
        self.assertEqual(parsed.text, text)
        self.assertEqual(parsed.found, [("p", [("title", text)])])

    def test_notInXml(self) -> None:
        """Characters that XML does not have are replaced."""
        self.assertEqual(escaped("a\x00\x1b\ud800\uffff"), "a\ufffd\ufffd\ufffd\ufffd")

    def test_names(self) -> None:
        """Attributes have the names of HTML and SVG."""
        self.assertEqual(
            element("svg", class_="plot", data_from=1, viewBox="0 0"),
            '<svg class="plot" data-from="1" viewBox="0 0"></svg>',
        )
