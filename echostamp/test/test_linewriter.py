"""Tests for L{echostamp.client.linewriter}."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.linewriter import LineWriter, OutputEncoding


def output(encoding: str) -> io.TextIOWrapper:
    """
    Give an output of an encoding.
    """
    return io.TextIOWrapper(io.BytesIO(), encoding)


class EncodingTests(SynchronousTestCase):
    """
    Tests for outputs that cannot encode all characters.
    """

    def test_unicode(self) -> None:
        """An output that can encode all of them gets them."""
        found = OutputEncoding(output("utf-8"))
        self.assertEqual(found.text("5 µs ±1 日 ▁█"), "5 µs ±1 日 ▁█")
        self.assertEqual(found.octets("±"), "±".encode())

    def test_others(self) -> None:
        """For others, each character of ours has one that looks alike, and is as wide;
        other characters become question marks."""
        for name in "ascii", "latin-1":
            found = OutputEncoding(output(name))
            self.assertEqual(found.text("5 µs ±1 日 … ▁█"), "5 us ~1 ? ~ _#")
        self.assertEqual(OutputEncoding(output("latin-1")).text("café"), "café")

    def test_unknown(self) -> None:
        """An encoding that Python does not know is taken for ASCII."""

        class Strange(io.StringIO):
            encoding = "no-such-encoding"

        found = Strange()
        self.assertEqual(OutputEncoding(found).text("µ"), "u")


class LineWriterTests(SynchronousTestCase):
    """
    Tests for lines.
    """

    def test_anyName(self) -> None:
        """A line that the output cannot encode is no error."""
        out = output("ascii")
        LineWriter(out, False, lambda: None).write(["日本"])
        out.seek(0)
        self.assertEqual(out.read(), "??\n")
