"""Tests for L{echostamp.history.minutes}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from echostamp.history.minutes import Counted, PeerCounts, countedOf, minuteRow
from echostamp.history.row import KeptRow
from echostamp.measure.offsetwindow import DOUBTFUL, FITS, NO_FIT
from echostamp.measure.oneway import OneWay
from echostamp.measure.result import Figures
from echostamp.measure.verdicts import VERDICTS
from echostamp.monitor.spanfigures import RttQuantiles, SpanFigures
from echostamp.monitor.tally import Direction, Skip, Tally
from echostamp.test.snapshots import fullTally, offsetReport, summaryOf

AT = 1_700_000_040


def spanOf(verdict: str = FITS) -> SpanFigures:
    """Give the figures of a span in which everything is known."""
    return SpanFigures(
        Figures(
            rtt=summaryOf(1000.5, 2000.4, 3_000_000.6),
            forward=OneWay(summaryOf(10, 20, 30), None),
            backward=OneWay(summaryOf(7, 8, 9), None),
            offset=offsetReport(verdict),
        ),
        RttQuantiles(100.2, 250.8, 1700.1),
        5,
        0,
    )


class MinuteRowTests(SynchronousTestCase):
    """
    The row of a minute.
    """

    def test_allKnown(self) -> None:
        """Every figure is in its place, in whole nanoseconds."""
        counted = Counted(60, 59, 55, 1, 2, 0, 3)
        self.assertEqual(
            minuteRow(AT, counted, spanOf(), 7),
            KeptRow(
                at=AT,
                due=60,
                sent=59,
                received=55,
                lostForward=1,
                lostBackward=2,
                lostUnknown=0,
                late=3,
                least=0,
                p10=100,
                p25=251,
                median=1000,
                p75=1700,
                p90=2000,
                p99=3_000_001,
                most=3_000_001,
                pdvForward=10,
                pdvForwardP99=30,
                pdvBackward=7,
                pdvBackwardP99=9,
                offsetLow=-12_500_000,
                offset=-12_000_001,
                offsetHigh=-11_499_999,
                verdict=1,
                hopsForward=5,
                hopsBackward=0,
                stalled=7,
            ),
        )

    def test_verdicts(self) -> None:
        """What the bounds of the offset said has a name in the row."""
        found = {}
        for verdict in FITS, DOUBTFUL, NO_FIT:
            row = minuteRow(AT, Counted(1, 1, 1), spanOf(verdict), 0)
            assert row is not None
            found[verdict] = VERDICTS[row.verdict]
        self.assertEqual(found, {FITS: "fits", DOUBTFUL: "barely", NO_FIT: "no_fit"})

    def test_nothingKnown(self) -> None:
        """Without figures a row has counts only; hops of an earlier minute are none of
        this one."""
        silent = SpanFigures(hopsForward=5, hopsBackward=6)
        self.assertEqual(
            minuteRow(AT, Counted(60, 60), silent, 0), KeptRow(AT, due=60, sent=60)
        )

    def test_noRow(self) -> None:
        """Where nothing was counted there is no row, whatever else happened."""
        self.assertIsNone(minuteRow(AT, Counted(), spanOf(), 7))

    def test_lateOnly(self) -> None:
        """What is counted after its minute makes a row: sums stay right."""
        self.assertEqual(
            minuteRow(AT, Counted(late=1), SpanFigures(), 0), KeptRow(AT, late=1)
        )

    def test_skipped(self) -> None:
        """Probes that could not be sent, or were not because the peer is paused, were
        due."""
        tally = Tally()
        tally.skipped[Skip.PAUSED] = 3
        tally.skipped[Skip.STALL] = 4
        tally.sent = 5
        self.assertEqual(countedOf(tally), Counted(due=12, sent=5))


class PeerCountsTests(SynchronousTestCase):
    """
    By how much counters have grown.
    """

    def test_growth(self) -> None:
        """The sum of all growths is what the counters say."""
        counts, tally = PeerCounts(0, 0), fullTally()
        total = counts.grown(tally)
        self.assertEqual(total, countedOf(tally))
        self.assertEqual(counts.grown(tally), Counted())
        tally.sent += 2
        tally.received += 1
        tally.lost[Direction.BACKWARD] += 1
        grown = counts.grown(tally)
        self.assertEqual(grown, Counted(2, 2, 1, lostBackward=1))
        self.assertEqual(total.with_(grown), countedOf(tally))

    def test_removed(self) -> None:
        """What was counted until the peer was removed counts."""
        counts, tally = PeerCounts(0, 0), Tally(sent=5)
        counts.grown(tally)
        tally.sent = 7
        self.assertEqual(counts.grown(None), Counted(2, 2))
        self.assertEqual(counts.grown(None), Counted())

    def test_cameBack(self) -> None:
        """A peer that was removed and came back counts on, with both counters."""
        counts, before, after = PeerCounts(0, 0), Tally(sent=5), Tally(sent=3)
        counts.grown(before)
        before.sent = 7
        self.assertEqual(counts.grown(after), Counted(5, 5))
        after.sent = 4
        self.assertEqual(counts.grown(after), Counted(1, 1))

    def test_leftTwice(self) -> None:
        """A peer that was removed twice meanwhile counts with all its counters."""
        counts = PeerCounts(0, 0)
        lives = Tally(sent=5), Tally(sent=3), Tally(sent=2)
        for each in lives[:2]:
            counts.leave(each)
        self.assertEqual(counts.grown(lives[2]), Counted(10, 10))
        self.assertEqual(counts.grown(lives[2]), Counted())

    def test_stalls(self) -> None:
        """Each stall counts once."""
        counts = PeerCounts(0, 100)
        self.assertEqual([counts.stalledFor(100), counts.stalledFor(130)], [0, 30])
