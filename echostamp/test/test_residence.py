"""Tests for L{echostamp.measure.residence}."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.residence import (
    FarTimestamps,
    ResidenceFault,
    residenceFault,
    roundTripWithin,
)
from echostamp.times import MILLISECOND, Times

#: A moment in 2026, and one that no coarse clock shows.
NOW = 1_790_000_000_000_000_000
ODD = NOW + 123_456_789

MS = MILLISECOND


class ResidenceTests(SynchronousTestCase):
    """
    Which residences can be true.
    """

    def test_within(self) -> None:
        """From 0 to T4 - T1."""
        for residence in 0, 1, 99, 100:
            times = Times(0, ODD, ODD + residence, 100)
            self.assertIsNone(residenceFault(times, 1))
            self.assertEqual(roundTripWithin(times), 100 - residence)

    def test_beyond(self) -> None:
        """Beyond by less than the resolution is no fault, and counts as the limit."""
        for resolution in 1, 1000:
            for beyond in resolution - 1, resolution:
                isFault = beyond == resolution
                early = Times(0, ODD, ODD - beyond, 100)
                fault = ResidenceFault.NEGATIVE if isFault else None
                self.assertEqual(residenceFault(early, resolution), fault)
                self.assertEqual(roundTripWithin(early), 100)
                late = Times(0, ODD, ODD + 100 + beyond, 100)
                fault = ResidenceFault.TOO_LONG if isFault else None
                self.assertEqual(residenceFault(late, resolution), fault)
                self.assertEqual(roundTripWithin(late), 0)

    def test_notGiven(self) -> None:
        """A time of 0 is not known, whatever the other one is."""
        for t2, t3 in (0, 0), (0, NOW), (NOW, 0):
            self.assertEqual(
                residenceFault(Times(0, t2, t3, 100), 10**9), ResidenceFault.NOT_GIVEN
            )


class FarTimestampsTests(SynchronousTestCase):
    """
    The resolution by which residences are judged.
    """

    def test_ofEach(self) -> None:
        """A program may cut T3 to milliseconds while T2 is the kernel's."""
        far = FarTimestamps()
        times = Times(NOW, ODD, ODD // MS * MS, NOW + MS)
        self.assertEqual(far.resolution(times), MS)
        earlier = times._replace(t3=times.t3 - MS)
        self.assertEqual(far.resolution(earlier), ResidenceFault.NEGATIVE)

    def test_coarse(self) -> None:
        """A tick of a coarse clock between T2 and T3 is no fault."""
        far = FarTimestamps()
        times = Times(NOW, NOW + 7 * MS, NOW + 8 * MS, NOW + 50_000)
        self.assertEqual(far.resolution(times), MS)

    def test_oneTicks(self) -> None:
        """T3 that ticks is often before T2 that does not: it is refused until the step
        is known, and then no more."""
        for tick in 15_625_000, 10**9 // 60, 976_562:
            far, source, refused = FarTimestamps(), random.Random(tick), []
            for seq in range(40):
                t1 = NOW + seq * 37 * MS + source.randrange(MS)
                t2 = t1 + 50_000
                times = Times(t1, t2, (t2 + 10_000) // tick * tick, t2 + 60_000)
                if isinstance(far.resolution(times), ResidenceFault):
                    refused.append(seq)
            self.assertLess(max(refused), 16)
            found = far.resolution(times)
            assert isinstance(found, int)
            self.assertTrue(tick <= found <= 2 * tick, found)

    def test_faultsDoNotCount(self) -> None:
        """Times that cannot be true do not change the resolution."""
        far = FarTimestamps()
        times = Times(NOW, NOW + 7 * MS, NOW + 7 * MS, NOW + 50_000)
        self.assertEqual(far.resolution(times), MS)
        for wrong in (
            times._replace(t2=ODD, t3=ODD - 12_345),
            times._replace(t3=ODD + 3 * 10**9),
            times._replace(t2=0),
        ):
            self.assertIsInstance(far.resolution(wrong), ResidenceFault)
        self.assertEqual(far.resolution(times), MS)

    @given(
        st.integers(1, 10**7),
        st.integers(0, 10**9),
        *[st.integers(0, 10**8)] * 3,
        st.integers(-(10**10), 10**10),
    )
    def test_honestReflectors(
        self, unit: int, start: int, there: int, stay: int, back: int, ahead: int
    ) -> None:
        """An honest reflector is believed, whatever unit its clock counts in, if that
        is a power of ten, and the RTT is within 0 and T4 - T1."""
        unit = 10 ** (len(str(unit)) - 1)
        t1 = NOW + start
        t2, t3 = t1 + there, t1 + there + stay
        times = Times(
            t1,
            (t2 + ahead) // unit * unit,
            (t3 + ahead) // unit * unit,
            t3 + back,
        )
        self.assertIsInstance(FarTimestamps().resolution(times), int)
        self.assertTrue(0 <= roundTripWithin(times) <= times.t4 - times.t1)
        error = roundTripWithin(times) - there - back
        self.assertLess(abs(error), unit)
