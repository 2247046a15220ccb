"""Tests for L{echostamp.monitor.tally}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.monitor.defaults import BUCKETS
from echostamp.monitor.tally import Direction, RttHistogram, Skip, Tally
from echostamp.times import MICROSECOND, SECOND


class TallyTests(SynchronousTestCase):
    """
    Tests for the counters of a peer.
    """

    @given(
        st.lists(
            st.one_of(
                st.sampled_from([*Skip, *Direction]),
                st.integers(0, 20 * SECOND),
                st.none(),
            )
        )
    )
    def test_accounts(self, fates: list[Skip | Direction | int | None]) -> None:
        """Whatever happens to the probes, the accounts add up: due = skipped + sent,
        sent = received + lost + in flight, received = RTTs + untimed."""
        tally, inFlight = Tally(), 0
        for due, fate in enumerate(fates, 1):
            if isinstance(fate, Skip):
                tally.skipped[fate] += 1
            else:
                tally.sent += 1
                inFlight += 1
            if isinstance(fate, Direction):
                tally.lost[fate] += 1
                inFlight -= 1
            elif isinstance(fate, int):
                tally.received += 1
                # An odd RTT stands for one that is not known.
                if fate % 2:
                    tally.untimed += 1
                else:
                    tally.rtts.add(fate)
                inFlight -= 1
            self.assertEqual(tally.due, due)
            self.assertEqual(tally.inFlight, inFlight)
            self.assertEqual(tally.rtts.n + tally.untimed, tally.received)

    def test_tallyOwnsItsCounters(self) -> None:
        """Two peers share no counter."""
        one, other = Tally(), Tally()
        one.skipped[Skip.STALL] += 1
        one.lost[Direction.UNKNOWN] += 1
        one.rtts.add(1)
        self.assertEqual((other.due, other.rtts.n), (0, 0))
        self.assertEqual(set(other.lost.values()), {0})


class HistogramTests(SynchronousTestCase):
    """
    Tests for the histogram of RTTs.
    """

    def test_buckets(self) -> None:
        """The default buckets are 1-2-5 from 10 us to 10 s: 19."""
        self.assertEqual(BUCKETS[:4], (10_000, 20_000, 50_000, 100_000))
        self.assertEqual(BUCKETS[-1], 10 * SECOND)
        self.assertEqual(len(BUCKETS), 19)

    def test_boundsBelongToTheirBucket(self) -> None:
        """An RTT that is a bound counts below it; the longest have their own bucket."""
        histogram = RttHistogram((10, 20))
        for rtt in 0, 10, 11, 20, 21, MICROSECOND:
            histogram.add(rtt)
        self.assertEqual(histogram.counts, [2, 2, 2])
        self.assertEqual((histogram.n, histogram.total), (6, 62 + MICROSECOND))
