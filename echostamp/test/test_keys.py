"""Tests for L{echostamp.client.keys}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.keys import (
    BACKSPACE,
    DOWN,
    END,
    ENTER,
    ESCAPE,
    HOME,
    PAGE_DOWN,
    PAGE_UP,
    UP,
    Keys,
)


class KeysTests(SynchronousTestCase):
    """
    Tests for what a terminal sends.
    """

    def read(self, *pieces: bytes) -> list[str]:
        """Read pieces, and give all keys."""
        keys = Keys()
        return [key for piece in pieces for key in keys.feed(piece)] + keys.flush()

    def test_names(self) -> None:
        """Arrows and the like have names, whatever the terminal's mode."""
        for text, key in [
            ("\x1b[A", UP),
            ("\x1bOA", UP),
            ("\x1b[B", DOWN),
            ("\x1b[5~", PAGE_UP),
            ("\x1b[6~", PAGE_DOWN),
            ("\x1b[H", HOME),
            ("\x1bOH", HOME),
            ("\x1b[1~", HOME),
            ("\x1b[F", END),
            ("\x1b[4~", END),
            ("\r", ENTER),
            ("\n", ENTER),
            ("\x7f", BACKSPACE),
            ("\x08", BACKSPACE),
        ]:
            self.assertEqual(self.read(text.encode()), [key], ascii(text))

    def test_characters(self) -> None:
        """Printable characters are themselves; other controls are left out."""
        self.assertEqual(self.read("a日\x01\x1b[24~b".encode()), ["a", "日", "b"])

    def test_escape(self) -> None:
        """The Escape character alone is a key, once nothing follows it."""
        keys = Keys()
        self.assertEqual(keys.feed(b"\x1b"), [])
        self.assertTrue(keys.isWaiting)
        self.assertEqual(keys.flush(), [ESCAPE])
        self.assertFalse(keys.isWaiting)
        self.assertEqual(keys.flush(), [])
        self.assertEqual(keys.feed(b"\x1bx"), [ESCAPE, "x"])

    def test_endless(self) -> None:
        """A sequence that does not end is not waited for."""
        keys = Keys()
        keys.feed(b"\x1b[" + b"1" * 100)
        self.assertFalse(keys.isWaiting)

    @given(st.binary(max_size=40), st.data())
    def test_pieces(self, data: bytes, drawn: st.DataObject) -> None:
        """However the octets are cut into reads, the keys are the same."""
        at = drawn.draw(st.integers(0, len(data)))
        self.assertEqual(self.read(data), self.read(data[:at], data[at:]))

    @given(st.binary(max_size=200))
    def test_anything(self, data: bytes) -> None:
        """Whatever is read, each key is a name or one printable character."""
        for key in self.read(data):
            self.assertTrue(len(key) > 1 or key.isprintable())
