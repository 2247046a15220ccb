"""Tests for L{echostamp.web.ranges}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.web.ranges import RANGES, PlotSpan, spanOf

_NOW = 1_780_000_030.5


class SpanTests(SynchronousTestCase):
    """
    Tests for L{spanOf} and L{PlotSpan}.
    """

    def test_given(self) -> None:
        """A span has a name, and an end."""
        found = spanOf({b"range": [b"7d"], b"to": [b"1780000000"]})
        self.assertEqual(found, PlotSpan("7d", 1_780_000_000))

    def test_notGiven(self) -> None:
        """Without them it is the last day."""
        self.assertEqual(spanOf({}), PlotSpan("24h", None))

    def test_wrong(self) -> None:
        """What cannot be used counts as not given."""
        for name, to in (
            (b"8d", b"x"),
            (b"\xff", b"-1"),
            (b"", b"9" * 5000),
            (b"", b"9" * 10),
        ):
            self.assertEqual(spanOf({b"range": [name], b"to": [to]}), PlotSpan())

    @given(st.binary(), st.binary())
    def test_anything(self, name: bytes, to: bytes) -> None:
        """Whatever is given, there is a span."""
        began, ended = spanOf({b"range": [name], b"to": [to]}).bounds(_NOW)
        self.assertIn(ended - began, RANGES.values())

    def test_present(self) -> None:
        """The present ends with the last whole minute."""
        self.assertEqual(PlotSpan("1h").bounds(_NOW)[1] % 60, 0)
        self.assertLessEqual(PlotSpan("1h").bounds(_NOW)[1], _NOW)

    def test_neighbours(self) -> None:
        """Spans before and behind another touch it; the last one is the present."""
        span = PlotSpan("1h")
        earlier = span.earlier(_NOW)
        self.assertEqual(earlier.bounds(_NOW)[1], span.bounds(_NOW)[0])
        self.assertEqual(earlier.earlier(_NOW).later(_NOW), earlier)
        self.assertEqual(earlier.later(_NOW), PlotSpan("1h", span.bounds(_NOW)[1]))
        self.assertEqual(PlotSpan("1h", int(_NOW) - 60).later(_NOW), span)
