"""Tests for L{echostamp.measure.resolution}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.resolution import ObservedResolution
from echostamp.rfc8762.timestamps import (
    ntpTimestamp,
    ptpTimestamp,
    readTimestamp,
)

#: A moment in 2026.
NOW = 1_790_000_000_000_000_000

TIMESTAMPS = st.lists(st.integers(0, 10**10), min_size=1, max_size=30)


class ObservedResolutionTests(SynchronousTestCase):
    """
    How finely a clock counts.
    """

    @given(st.integers(0, 9), TIMESTAMPS, st.booleans())
    def test_neverFiner(self, digits: int, times: list[int], isPtp: bool) -> None:
        """Whatever a clock counts in, it is never called finer, by either format."""
        found, unit = ObservedResolution(), 10**digits
        for time in times:
            shown = NOW + time // unit * unit
            wire = ptpTimestamp(shown, 0) if isPtp else ntpTimestamp(shown)
            self.assertGreaterEqual(
                found.observe(readTimestamp(wire, isPtp, NOW, 0)), unit
            )

    def test_offByOne(self) -> None:
        """What the wire's units have moved by one nanosecond is still a multiple, and
        by two no longer."""
        found = ObservedResolution()
        for off in -1, 0, 1:
            self.assertEqual(found.observe(NOW + 5_000_000 + off), 10**6)
        for off in -2, 2:
            self.assertEqual(ObservedResolution().observe(NOW + 5_000_000 + off), 1)

    def test_soonFound(self) -> None:
        """One timestamp that is no multiple is enough, for good."""
        found = ObservedResolution()
        self.assertEqual(found.observe(NOW), 10**9)
        self.assertEqual(found.observe(NOW + 5_000_000), 10**6)
        self.assertEqual(found.observe(NOW), 10**6)
        self.assertEqual(found.observe(NOW + 7_123_456), 1)
        self.assertEqual(found.observe(NOW), 1)
