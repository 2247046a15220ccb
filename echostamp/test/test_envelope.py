"""Tests for L{echostamp.measure.envelope}."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure import envelope
from echostamp.measure.envelope import MOST_DRIFT, Envelope

MS, SECOND = 1_000_000, 1_000_000_000


class EnvelopeTests(SynchronousTestCase):
    """
    The lines that fit are exactly those that a search through all of them finds.
    """

    points = st.lists(
        st.tuples(st.booleans(), st.integers(-20, 20), st.integers(-30, 30)),
        min_size=1,
        max_size=7,
    )

    @given(points, st.integers(-40, 40))
    def test_everyCorner(self, points: list[tuple[bool, int, int]], at: int) -> None:
        """Bounds of values and slopes are those among the crossings of all bounds."""
        # Steep enough to matter: a unit of time is a thousand of the envelope's.
        lines = Envelope()
        halves = [(Fraction(0), Fraction(1), MOST_DRIFT)]
        halves += [(Fraction(0), Fraction(-1), MOST_DRIFT)]
        halves += [(Fraction(sign), Fraction(0), Fraction(1 << 62)) for sign in (1, -1)]
        for isUpper, moment, value in points:
            add = lines.atMost if isUpper else lines.atLeast
            add(moment * 1000, value)
            sign = 1 if isUpper else -1
            halves.append(
                (Fraction(sign), Fraction(sign * moment * 1000), Fraction(sign * value))
            )
        corners = []
        for (p1, q1, r1), (p2, q2, r2) in combinations(halves, 2):
            w = p1 * q2 - p2 * q1
            if w:
                a, b = (r1 * q2 - r2 * q1) / w, (p1 * r2 - p2 * r1) / w
                if all(p * a + q * b <= r for p, q, r in halves):
                    corners.append((a, b))
        self.assertEqual(lines.isEmpty, not corners)
        if corners:
            moment = at * 1000
            values = [a + b * moment for a, b in corners]
            self.assertEqual(
                lines.values(moment), (min(values) // 1, -(-max(values) // 1))
            )
            slopes = [b for _, b in corners]
            self.assertEqual(lines.slopes(), (min(slopes), max(slopes)))
            best = lines.best()
            rooms = [
                min(r - q * b for p, q, r in halves if p == 1)
                + min(r - q * b for p, q, r in halves if p == -1)
                for b in slopes
            ]
            slope, bottom, top = (
                Fraction(each, best.w) for each in (best.y, best.bottom, best.top)
            )
            self.assertEqual(top - bottom, max(rooms))
            for a in (bottom, top):
                self.assertTrue(all(p * a + q * slope <= r for p, q, r in halves))

    @given(points, st.integers(-40, 40))
    def test_droppedCorners(self, points: list[tuple[bool, int, int]], at: int) -> None:
        """What is dropped of many corners widens the bounds, and not the slopes beyond
        500 ppm."""
        few, all_ = Envelope(), Envelope()
        for lines, most in (few, 5), (all_, 100):
            with mock.patch.multiple(envelope, MOST_EDGES=most, _LEFT=most):
                for isUpper, moment, value in points:
                    add = lines.atMost if isUpper else lines.atLeast
                    add(moment * 1000, value)
        self.assertLessEqual(len(few.bends()), 5)
        if not all_.isEmpty:
            low, high = all_.values(at * 1000)
            wideLow, wideHigh = few.values(at * 1000)
            self.assertTrue(wideLow <= low <= high <= wideHigh)
            slowest, fastest = all_.slopes()
            wideSlowest, wideFastest = few.slopes()
            self.assertTrue(-MOST_DRIFT <= wideSlowest <= slowest)
            self.assertTrue(fastest <= wideFastest <= MOST_DRIFT)

    def test_manyCorners(self) -> None:
        """Bounds along a parabola, each of which makes a corner, leave at most 64; and
        what is dropped changes the bounds by little."""
        few, all_ = Envelope(), Envelope()
        for lines, most, left in (few, 64, 48), (all_, 10_000, 10_000):
            with mock.patch.multiple(envelope, MOST_EDGES=most, _LEFT=left):
                for index in range(-300, 300):
                    moment = index * SECOND
                    bend = moment * moment // (1_500_000 * SECOND)
                    lines.atMost(moment, bend + 100 * MS)
                    lines.atLeast(moment, -bend)
                    self.assertLessEqual(len(lines.bends()), most)
        self.assertGreater(len(all_.bends()), 500)
        for moment in range(-300 * SECOND, 300 * SECOND, 50 * SECOND):
            low, high = all_.values(moment)
            wideLow, wideHigh = few.values(moment)
            self.assertTrue(wideLow <= low < high <= wideHigh)
            self.assertLess(wideHigh - wideLow, (high - low) * 1.1)

    def test_atMost64(self) -> None:
        """As it is used no envelope has more than 64 edges."""
        lines = Envelope()
        for index in range(-300, 300):
            moment = index * SECOND
            bend = moment * moment // (1_500_000 * SECOND)
            lines.atMost(moment, bend + 100 * MS)
            lines.atLeast(moment, -bend)
        self.assertTrue(40 < len(lines.bends()) <= 64)

    def test_noLine(self) -> None:
        """Where no line fits there are no values, no slopes and no best line."""
        lines = Envelope()
        lines.atMost(0, 0)
        lines.atLeast(0, 1)
        self.assertTrue(lines.isEmpty)
        self.assertRaises(ValueError, lines.values, 0)
        for method in lines.slopes, lines.best, lines.middle:
            self.assertRaises(ValueError, method)

    @given(points, st.integers(-40, 40))
    def test_bends(self, points: list[tuple[bool, int, int]], at: int) -> None:
        """The values at the bends are those at these times, and between two of them
        they run straight."""
        lines = Envelope()
        for isUpper, moment, value in points:
            (lines.atMost if isUpper else lines.atLeast)(moment * 1000, value)
        if lines.isEmpty:
            return
        bends = lines.bends()
        self.assertEqual([time for time, _, _ in bends], sorted({t for t, *_ in bends}))
        for time, low, high in bends:
            self.assertEqual((low, high), lines.values(time))
        for (t0, low0, high0), (t1, low1, high1) in pairwise(bends):
            low, high = lines.values((t0 + t1) // 2)
            part = Fraction((t0 + t1) // 2 - t0, t1 - t0)
            self.assertApproximates(low, low0 + part * (low1 - low0), 2)
            self.assertApproximates(high, high0 + part * (high1 - high0), 2)

    def test_slopeStaysBounded(self) -> None:
        """The limits of the slope are kept when edges are dropped, however little they
        take away."""
        lines = Envelope()
        with mock.patch.multiple(envelope, MOST_EDGES=4, _LEFT=4):
            lines.atMost(-16_000, 4)
            lines.atLeast(17_000, -16)
            lines.atMost(9_000, -2)
        self.assertLessEqual(lines.slopes()[1], MOST_DRIFT)
        self.assertGreaterEqual(lines.slopes()[0], -MOST_DRIFT)
