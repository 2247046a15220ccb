"""Tests for L{echostamp.web.cells}."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.test.webrows import down, path
from echostamp.times import MICROSECOND, MILLISECOND
from echostamp.web.cells import (
    SIGNS,
    WORDS,
    Level,
    cellOf,
    clockLevel,
    lossLevel,
    missing,
    rttLevel,
    usualRtt,
)
from echostamp.web.rowdata import PeerState

GOOD, UNKNOWN, WARN, BAD = Level.GOOD, Level.UNKNOWN, Level.WARN, Level.BAD


class LevelTests(SynchronousTestCase):
    """
    Tests for the levels of each figure.
    """

    def test_loss(self) -> None:
        """Loss is judged by the threshold; without one, any loss is a warning, and much
        is bad.  Probes that could not be sent count."""
        for expected, changes in (
            (GOOD, {}),
            (UNKNOWN, {"received": 0}),
            (WARN, {"received": 999, "lost": 1}),
            (WARN, {"received": 91, "skipped": 9}),
            (BAD, {"received": 90, "lost": 5, "skipped": 5}),
            (GOOD, {"received": 84, "lost": 16, "maxLoss": 20.0}),
            (WARN, {"received": 83, "lost": 17, "maxLoss": 20.0}),
            (WARN, {"received": 80, "lost": 20, "maxLoss": 20.0}),
            (BAD, {"received": 79, "lost": 21, "maxLoss": 20.0}),
            (
                BAD,
                {"received": 9, "lost": 1, "maxLoss": 20.0, "exceeded": ("max_loss",)},
            ),
            (BAD, {"received": 0, "lost": 1}),
        ):
            self.assertIs(lossLevel(path(**changes)), expected, changes)

    def test_rtt(self) -> None:
        """The RTT is judged by both of its thresholds."""
        limit: dict[str, Any] = {"maxRtt": 100, "maxRttP99": 200}
        for expected, changes in (
            (GOOD, {"median": 10**12, "p99": 10**12}),
            (UNKNOWN, {"median": None}),
            (GOOD, {"median": 80, "p99": 160, **limit}),
            (WARN, {"median": 81, "p99": 160, **limit}),
            (WARN, {"median": 80, "p99": 161, **limit}),
            (BAD, {"median": 101, "p99": 160, **limit}),
            (BAD, {"median": 80, "p99": 201, **limit}),
            (BAD, {"median": 80, "p99": 80, "exceeded": ("max_rtt",), **limit}),
            (BAD, {"median": 80, "p99": 80, "exceeded": ("max_rtt_p99",), **limit}),
            (GOOD, {"median": 80, "p99": None, **limit}),
        ):
            self.assertIs(rttLevel(path(**changes)), expected, changes)

    def test_week(self) -> None:
        """It is a warning, too, if the median is clearly above the last week."""
        ms = MILLISECOND
        for p10, p90, most in (
            (9 * ms, 10 * ms, 11 * ms),
            (2 * ms, 10 * ms, 14 * ms),
            (10 * MICROSECOND, 20 * MICROSECOND, 120 * MICROSECOND),
            (None, 10 * ms, 11 * ms),
        ):
            self.assertEqual(usualRtt(p10, p90), most)
            week: dict[str, Any] = {"weekP10": p10, "weekP90": p90}
            self.assertIs(rttLevel(path(median=most, **week)), GOOD)
            self.assertIs(rttLevel(path(median=most + 1, **week)), WARN)
            self.assertIs(rttLevel(path(median=most + 1, maxRtt=1, **week)), BAD)

    def test_clock(self) -> None:
        """An offset is bad where the whole interval is outside the threshold, and where
        no constant rates fit, unless the whole interval since then is within it."""
        ms = MILLISECOND
        for expected, low, high, verdict, most in (
            (GOOD, -5 * ms, 5 * ms, FITS, ms),
            (GOOD, ms, 5 * ms, FITS, ms),
            (BAD, ms + 1, 5 * ms, FITS, ms),
            (BAD, -5 * ms, -ms - 1, FITS, ms),
            (BAD, -5 * ms, 5 * ms, NO_FIT, ms),
            (BAD, -5 * ms, ms, NO_FIT, ms),
            (BAD, -ms, 5 * ms, NO_FIT, ms),
            (BAD, -1, 1, NO_FIT, None),
            (WARN, -ms, ms, NO_FIT, ms),
            (WARN, -5 * ms, 5 * ms, DOUBTFUL, ms),
            (GOOD, 10 * ms, 500 * ms, FITS, None),
            (WARN, 10 * ms + 1, 500 * ms, FITS, None),
            (WARN, 100 * ms, 500 * ms, FITS, None),
            (BAD, 100 * ms + 1, 500 * ms, FITS, None),
            (BAD, -500 * ms, -100 * ms - 1, FITS, None),
        ):
            found = path(
                offsetLow=low, offsetHigh=high, verdict=verdict, maxOffset=most
            )
            self.assertIs(clockLevel(found), expected, (low, high, verdict, most))
        self.assertIs(clockLevel(path(verdict=None)), UNKNOWN)
        self.assertIs(clockLevel(path(offsetLow=None)), UNKNOWN)
        exceeded = path(maxOffset=10**9, exceeded=("max_offset",))
        self.assertIs(clockLevel(exceeded), BAD)

    def test_missing(self) -> None:
        """The share is of the probes whose fate is known."""
        self.assertEqual(missing(path(received=3, lost=1, skipped=0, due=60)), 25)
        self.assertIsNone(missing(path(received=0)))


class CellTests(SynchronousTestCase):
    """
    Tests for L{cellOf}.
    """

    def test_good(self) -> None:
        """A path that is good has the sign of that."""
        cell = cellOf(path())
        self.assertEqual((cell.level, cell.sign), (GOOD, "·"))

    def test_letters(self) -> None:
        """Letters say which figure is no good, and capitals that it is bad."""
        slow: dict[str, Any] = {"maxRtt": 1}
        self.assertEqual(cellOf(path(received=30, lost=30)).sign, "L")
        self.assertEqual(cellOf(path(lost=1)).sign, "l")
        self.assertEqual(cellOf(path(lost=1, **slow)).sign, "lR")
        bad = path(received=1, lost=9, verdict=NO_FIT, **slow)
        self.assertEqual(cellOf(bad).sign, "LRC")
        self.assertEqual(cellOf(bad).levels, (BAD, BAD, BAD, BAD))
        self.assertEqual(cellOf(path(lost=1, **slow)).levels, (BAD, WARN, BAD, GOOD))

    def test_unknown(self) -> None:
        """What is not known does not hide what is; a path is unknown if all is."""
        self.assertIs(cellOf(path(verdict=None)).level, GOOD)
        nothing = cellOf(path(received=0, median=None, verdict=None))
        self.assertEqual((nothing.level, nothing.sign), (UNKNOWN, "?"))

    def test_states(self) -> None:
        """A state says all, and has a sign of its own."""
        signs = set()
        for state, level in (
            (PeerState.DOWN, Level.DOWN),
            (PeerState.UNRESOLVED, BAD),
            (PeerState.NEW, UNKNOWN),
            (PeerState.PAUSED, Level.PAUSED),
        ):
            cell = cellOf(path(state=state))
            self.assertEqual(set(cell.levels), {level})
            self.assertTrue(cell.isWhole)
            signs.add(cell.sign)
        self.assertEqual(len(signs), 4)
        self.assertEqual(cellOf(down()).sign, "✕")

    def test_neverColourAlone(self) -> None:
        """Each level has a word and a sign of its own."""
        for names in SIGNS, WORDS:
            self.assertEqual(set(names), set(Level))
            self.assertEqual(len(set(names.values())), len(Level))

    @given(
        *[st.integers(0, 3) for _ in range(3)],
        st.one_of(st.none(), st.integers(0, 10**18)),
        st.integers(-(10**18), 10**18),
        st.sampled_from([None, FITS, DOUBTFUL, NO_FIT, "<b>"]),
        st.one_of(st.none(), st.integers(0, 10**18)),
        st.lists(st.text(max_size=3), max_size=2),
    )
    def test_anything(
        self,
        received: int,
        lost: int,
        skipped: int,
        median: int | None,
        offset: int,
        verdict: str | None,
        most: int | None,
        exceeded: list[str],
    ) -> None:
        """Any figures are judged, and the level is the worst of the three, or good if
        the others are unknown."""
        cell = cellOf(
            path(
                received=received,
                lost=lost,
                skipped=skipped,
                median=median,
                offsetLow=offset - 5,
                offsetHigh=offset + 5,
                verdict=verdict,
                maxRtt=most,
                maxOffset=most,
                weekP90=most,
                exceeded=tuple(exceeded),
            )
        )
        worst = max(cell.levels[1:])
        isHidden = worst is UNKNOWN and GOOD in cell.levels[1:]
        self.assertIs(cell.level, GOOD if isHidden else worst)
