"""Tests for L{echostamp.text}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.hostiletext import isSafe
from echostamp.text import UNSAFE, counted, escaped, printable, sslText


class TextTests(SynchronousTestCase):
    """
    Text from elsewhere is made safe.
    """

    def test_escaped(self) -> None:
        """What cannot be printed is written as Python writes it; the rest stays."""
        self.assertEqual(printable("a\nb\x1b[2J"), "a\\nb\\x1b[2J")
        self.assertEqual(printable("\u202e\udcff"), "\\u202e\\udcff")
        self.assertEqual(printable("\u4e2d \u00e9"), "\u4e2d \u00e9")
        self.assertEqual(escaped("\t"), "\\t")

    def test_counted(self) -> None:
        """One thing is no plural; none is."""
        words = [counted(count, "byte") for count in (0, 1, 2)]
        self.assertEqual(words, ["0 bytes", "1 byte", "2 bytes"])

    @given(st.text())
    def test_printable(self, text: str) -> None:
        """Any text becomes one printable line."""
        self.assertTrue(printable(text).isprintable())

    @given(st.characters())
    def test_unsafe(self, character: str) -> None:
        """The expression matches what Unicode calls a control or reorders text."""
        self.assertEqual(UNSAFE.fullmatch(character) is None, isSafe(character))

    def test_sslText(self) -> None:
        """Each text of OpenSSL's queue is given once, or the text beside a number."""
        queue = [("SSL", "f", "no cats"), ("SSL", "g", "no cats"), ("SSL", "", "end")]
        self.assertEqual(sslText(Exception(queue)), "no cats, end")
        self.assertEqual(sslText(Exception(-1, "EOF")), "EOF")
        self.assertEqual(sslText(Exception()), "")
