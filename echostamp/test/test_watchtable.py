"""Tests for L{echostamp.client.watchtable}."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.client.watchrow import OffsetBounds, TargetState
from echostamp.client.watchtable import (
    Layout,
    bounded,
    milliseconds,
    share,
    strip,
    title,
)
from echostamp.columns import columnsOf
from echostamp.test.watchrows import row
from echostamp.times import MILLISECOND, SECOND

MS = MILLISECOND
DAY = 86_400 * SECOND

FULL = row(
    "stamp:192.0.2.1:862",
    0,
    TargetState.OVER,
    last=12.34,
    median=10.0,
    p99=203.1,
    missing=12.5,
    forward=10.0,
    backward=2.5,
    offset=OffsetBounds(-12 * MS, -13 * MS, -11 * MS),
    exceeded=frozenset(["max-rtt", "max-loss"]),
    recent=(10 * MS, None, 20 * MS, 15 * MS),
)


class FigureTests(SynchronousTestCase):
    """
    Tests for single figures.
    """

    def test_milliseconds(self) -> None:
        """An RTT has at most six characters, whatever its size."""
        for ns, text in [
            (None, "-"),
            (0, "0.0000"),
            (3_400, "0.0034"),
            (999_960, "1.0000"),
            (1_234_567, "1.235"),
            (12_345_678, "12.346"),
            (123_456_789, "123.46"),
            (3 * SECOND, "3000.0"),
            (59 * SECOND, "59000"),
            (3600 * SECOND, "3600s"),
        ]:
            self.assertEqual(milliseconds(ns), text)

    @given(st.integers(0, 3600 * SECOND))
    def test_sixCharacters(self, ns: int) -> None:
        """No RTT is too long for its column."""
        self.assertLessEqual(len(milliseconds(ns)), 6)

    def test_share(self) -> None:
        """A percentage is 0 or 100 only if it is so exactly."""
        for percent, text in [
            (None, "-"),
            (0.0, "0"),
            (0.001, "<0.1"),
            (1.6666, "1.6"),
            (12.5, "12.5"),
            (99.99, "99.9"),
            (100.0, "100"),
        ]:
            self.assertEqual(share(percent), text)

    @given(st.floats(0, 100))
    def test_fourCharacters(self, percent: float) -> None:
        """No percentage is too long for its column."""
        self.assertLessEqual(len(share(percent)), 4)

    def test_bounded(self) -> None:
        """The error is rounded up, and the digits are as many as fit."""
        for offset, text in [
            (None, "-"),
            (OffsetBounds(0, -1000, 1000), "+0.000±0.001"),
            (OffsetBounds(-12 * MS, -13 * MS, -11 * MS - 1), "-12.00±1.00"),
            (
                OffsetBounds(3_600_012 * MS, 3_599_512 * MS, 3_600_512 * MS),
                "+3600012±500",
            ),
            (
                OffsetBounds(5, 4, 6, isMisfit=True),
                "+0.00±0.01?",
            ),
            (OffsetBounds(0, 0, 0), "+0.000±0.000"),
            (OffsetBounds(-1, -1, -1), "+0.000±0.001"),
            (OffsetBounds(0, -(10**16), 1), "+0±10000000s"),
            (OffsetBounds(20_000 * DAY, 20_000 * DAY - 1, 20_000 * DAY), "+20000±1d"),
            (OffsetBounds(20_000 * DAY, 0, 0), "-"),
        ]:
            self.assertEqual(bounded(offset, 12), text)

    @given(
        st.integers(-(10**18), 10**18),
        st.integers(0, 10**12),
        st.integers(0, 10**12),
        st.booleans(),
    )
    def test_boundsHold(self, middle: int, below: int, above: int, bad: bool) -> None:
        """What is written includes both bounds, and fits its column."""
        offset = OffsetBounds(middle, middle - below, middle + above, bad)
        text = bounded(offset, 12)
        self.assertLessEqual(len(text), 12)
        if "±" in text:
            number = text.rstrip("?")
            unit = {"s": SECOND, "d": DAY}.get(number[-1], MS)
            centre, most = map(Fraction, number.rstrip("sd").split("±"))
            self.assertLessEqual((centre - most) * unit, offset.low)
            self.assertGreaterEqual((centre + most) * unit, offset.high)

    def test_strip(self) -> None:
        """The least RTT is low, the greatest high, and a probe without one a cross."""
        self.assertEqual(strip((10, None, 20, 15), 8), "▁x█▅")
        self.assertEqual(strip((10, None, 20, 15), 2), "▃▁")
        self.assertEqual(strip((None, None), 8), "xx")
        self.assertEqual(strip((), 8), "")

    def test_steadyStrip(self) -> None:
        """RTTs that differ by little are low: the highest bar is twice the least."""
        self.assertEqual(strip((100, 101, 105, 110), 8), "▁▁▁▁")
        self.assertEqual(strip((0, 0), 8), "▁▁")


class LayoutTests(SynchronousTestCase):
    """
    Tests for the table.
    """

    def test_usual(self) -> None:
        """All columns fit 80 columns; a figure above its threshold is marked."""
        layout = Layout([FULL.name], 80, 60)
        self.assertEqual(
            [layout.head(False), layout.line(FULL, False)],
            [
                "target              state   last median    p99 loss  fwd  bwd"
                "       offset RTTs",
                "stamp:192.0.2.1:862 over  12.340!10.000 203.10!12.5   10  2.5"
                "  -12.00±1.00 ▁x█▅",
            ],
        )

    def test_colours(self) -> None:
        """Colours repeat what words say, and can be left out."""
        layout = Layout([FULL.name], 80, 60)
        self.assertIn("over", layout.line(FULL, False))
        self.assertEqual(
            layout.line(FULL, True), f"\x1b[33m{layout.line(FULL, False)}\x1b[m"
        )
        up = row("a")
        self.assertNotIn("\x1b", layout.line(up, True))
        self.assertNotIn("\x1b", layout.head(False))

    def test_narrow(self) -> None:
        """A narrow terminal has fewer columns: the state and the loss are kept
        longest."""
        for columns, head in [
            (76, "state   last median    p99 loss  fwd  bwd       offset"),
            (64, "state   last median    p99 loss       offset"),
            (57, "state   last median loss       offset"),
            (50, "state median loss       offset"),
            (37, "state median loss"),
        ]:
            found = Layout([FULL.name], columns, 60).head(False)
            self.assertEqual(found.split(None, 1)[1], head, str(columns))

    def test_wide(self) -> None:
        """A wide terminal shows the whole name and more RTTs."""
        long = "stamp:a-long-name.example.net:862"
        many = row(long, recent=tuple(range(MS, 61 * MS, MS)))
        line = Layout([long], 160, 60).line(many, False)
        self.assertIn(long, line)
        self.assertEqual(len(line.split()[-1]), 60)

    @given(
        st.lists(st.text("abc日é.:", min_size=1, max_size=40), min_size=1, max_size=4),
        st.integers(26, 200),
    )
    def test_width(self, names: list[str], columns: int) -> None:
        """No line is wider than the terminal."""
        layout = Layout(names, columns, 60)
        self.assertLessEqual(columnsOf(layout.head(False)), columns)
        for name in names:
            full = row(name, recent=(1, None, 3) * 20, median=1.0)
            self.assertLessEqual(columnsOf(layout.line(full, False)), columns)

    def test_title(self) -> None:
        """The title counts the targets in each state but the best."""
        rows = [
            row("a"),
            row("b", 1, TargetState.DOWN),
            row("c", 2, TargetState.NEW),
            FULL,
        ]
        self.assertEqual(title(rows), "4 targets, 1 down, 1 over, 1 new")
        self.assertEqual(title([row("a")]), "1 target")
