"""Tests for L{echostamp.measure.farzone}."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.farzone import CHANGES, HOUR, QUARTER_HOUR, FarZone, assumedZone
from echostamp.times import SECOND

MS = 1_000_000
THEN = 1_700_000_000 * SECOND

#: The zones that there are, in quarters of an hour.
quarters = st.integers(-48, 56)


class ZoneTests(SynchronousTestCase):
    """
    Clocks that do not name their zone.
    """

    @given(quarters, st.integers(-7 * 60 * SECOND, 7 * 60 * SECOND))
    def test_assumed(self, quarter: int, offset: int) -> None:
        """A clock that is wrong by less than half a quarter of an hour shows its
        zone."""
        zone = quarter * QUARTER_HOUR
        self.assertEqual(assumedZone(zone + offset), zone)

    def test_noZone(self) -> None:
        """What is further away than any zone is the clock's fault: UTC is assumed."""
        for offset in (15 * HOUR, -13 * HOUR, 10**18):
            self.assertEqual(assumedZone(offset), 0)

    @given(quarters, st.integers(0, SECOND), st.sampled_from(CHANGES))
    def test_summerTime(self, quarter: int, fraction: int, change: int) -> None:
        """A jump by what summer time makes is none of the instant's, there and back."""
        far = FarZone()
        zone = quarter * QUARTER_HOUR
        for index, shift in enumerate([0, 0, change, change, 0]):
            t1 = THEN + fraction + index * SECOND
            wall = (t1 + 10 * MS) // SECOND * SECOND + zone + shift
            instant = far.instant(wall, SECOND, t1, t1 + 20 * MS)
            self.assertEqual(instant, wall - zone - shift)
        self.assertEqual((far.zone, far.changes, far.assumed), (zone, 2, True))

    def test_told(self) -> None:
        """A zone that is told is not guessed, and what is left is the offset."""
        far = FarZone(2 * HOUR)
        self.assertEqual(
            far.instant(THEN + 5 * HOUR, SECOND, THEN, THEN), THEN + 3 * HOUR
        )
        self.assertFalse(far.assumed)

    def test_otherJumps(self) -> None:
        """Any other jump stays one: the far clock was set."""
        for jump in (40 * 60 * SECOND, HOUR + 5 * SECOND, 20 * SECOND, 2 * HOUR):
            far = FarZone()
            far.instant(THEN, SECOND, THEN, THEN)
            later = THEN + SECOND
            self.assertEqual(
                far.instant(later + jump, SECOND, later, later), later + jump
            )
            self.assertEqual(far.changes, 0)

    def test_slack(self) -> None:
        """A change of summer time is one however much two readings may be off: each by
        half its resolution and half its round trip, the clocks by 500 ppm."""
        day = 24 * HOUR
        for resolution, firstRtt, rtt, wait, error in (
            (MS, 0, 0, MS, MS * 9 // 10),
            (1, 4 * SECOND, 0, MS, 2 * SECOND - MS),
            (1, 0, 4 * SECOND, MS, 2 * SECOND - MS),
            (1, 0, 0, day // 24, HOUR // 2000 - MS),
        ):
            for sign, slack in (1, 0), (-1, 0), (1, 5 * MS), (-1, 5 * MS):
                far = FarZone(0)
                far.instant(THEN + firstRtt // 2, resolution, THEN, THEN + firstRtt)
                t1 = THEN + firstRtt + wait
                wall = t1 + rtt // 2 + HOUR + sign * (error + slack)
                far.instant(wall, resolution, t1, t1 + rtt)
                self.assertEqual(far.changes, 0 if slack else 1, (error, sign, slack))

    def test_slackOfAWeek(self) -> None:
        """However long ago the last reading was, what is a minute beside the hour is a
        step."""
        later = THEN + 7 * 24 * HOUR
        for seconds, changes in (60, 1), (61, 0):
            far = FarZone(0)
            far.instant(THEN, 1, THEN, THEN)
            far.instant(later + HOUR + seconds * SECOND, 1, later, later)
            self.assertEqual(far.changes, changes)

    def test_forget(self) -> None:
        """Another machine may be in another zone; one that was told holds for all."""
        far = FarZone()
        far.instant(THEN, SECOND, THEN, THEN)
        far.forget()
        later = THEN + SECOND
        self.assertEqual(far.instant(later + 2 * HOUR, SECOND, later, later), later)
        self.assertEqual((far.zone, far.changes), (2 * HOUR, 0))
        told = FarZone(0)
        told.forget()
        self.assertEqual(told.zone, 0)

    def test_restart(self) -> None:
        """After our own clock was set by an hour, the far one did not change its
        zone."""
        far = FarZone()
        far.instant(THEN, SECOND, THEN, THEN)
        far.restart()
        earlier = THEN - HOUR
        self.assertEqual(far.instant(THEN, SECOND, earlier, earlier), THEN)
        self.assertEqual(far.changes, 0)
