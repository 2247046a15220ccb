"""Tests for L{echostamp.measure.samples}."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.measure.block import Probe
from echostamp.measure.delay import Delays
from echostamp.measure.samples import Run
from echostamp.test.figures import figure

#: Any value that a column holds.
times = st.integers(min_value=-(1 << 63) + 1, max_value=(1 << 63) - 1)

#: Times that are less than 146 years apart, with some to spare.
near = st.integers(min_value=-(1 << 60), max_value=1 << 60)

#: The most probes that are kept in these tests, and some more.
KEPT, MORE = 8192, 20_000


class RunTests(SynchronousTestCase):
    """
    What goes in comes out, and is counted.
    """

    @given(times, near, near, near, near, times, st.integers(1, 10**9))
    def test_timesAreKept(
        self, due: int, t1: int, t2: int, t3: int, t4: int, rtt: int, resolution: int
    ) -> None:
        """Every nanosecond of every time is kept."""
        run = Run()
        run.reply(run.send(due, t1), t4, rtt, t2, t3, resolution, altered=True)
        no = False
        expected = Probe(
            *(0, due, t1, t2, t3, t4, rtt, resolution), *(no, no, True, no, no, no)
        )
        self.assertEqual(list(run), [expected])
        self.assertEqual(run[0], expected)

    def test_whatIsNotKnown(self) -> None:
        """A probe without a reply has no times of one; a reply without a stamp, no T2
        and T3; one stamp is both."""
        run = Run()
        for _ in range(3):
            run.send(1, 2)
        run.reply(1, 9, 7)
        run.reply(2, 9, None, 5, resolution=10)
        self.assertEqual(run[0][1:8], (1, 2, None, None, None, None, None))
        self.assertEqual(run[1][1:8], (1, 2, None, None, 9, 7, None))
        self.assertEqual(run[2][1:8], (1, 2, 5, 5, 9, None, 10))
        self.assertEqual(run[1].rttFromDue, 8)
        self.assertIsNone(run[2].rttFromDue)

    def test_stampsBeyond64Bits(self) -> None:
        """A stamp of the year 9999, or of no sensible resolution, is taken for none."""
        run = Run()
        for t2, resolution in ((253_402_300_799 * 10**9, 1), (5, 0), (5, 1 << 32)):
            seq = run.send(0, 0)
            run.reply(seq, 9, 9, t2, resolution=resolution)
            self.assertIsNone(run[seq].t2)
            self.assertIsNone(run[seq].resolution)

    def test_stampsFarFromOurs(self) -> None:
        """A stamp that is 146 years from our clock, such as one of the year 1700, is
        taken for none: a one-way delay of it does not fit 64 bits."""
        run = Run()
        now, far = 1_790_000_000 * 10**9, 1 << 62
        for t2, t3 in (
            (-8_520_336_000 * 10**9, None),
            (now - far, now),
            (now + far, now),
            (now, now - far),
            (now, now + far),
        ):
            seq = run.send(now, now)
            run.reply(seq, now, 9, t2, t3)
            self.assertEqual(run[seq][3:5], (None, None))
        for t2 in (now - far + 10**16, now + far - 10**16):
            seq = run.send(now, now)
            run.reply(seq, now, 9, t2)
            self.assertEqual(run[seq].t2, t2)

    def test_lateIsLost(self) -> None:
        """A reply to a probe that was called lost is late; it stays lost."""
        run = Run()
        run.send(0, 0)
        run.send(0, 1)
        run.lose(0)
        run.lose(0)
        run.reply(0, 9, 9)
        self.assertTrue(run[0].lost)
        self.assertTrue(run[0].late)
        self.assertIsNone(run[0].rttInTime)
        self.assertEqual((run.sent, run.received, run.lost, run.late), (2, 0, 1, 1))

    def test_answeredIsNotLost(self) -> None:
        """A probe that was answered cannot be called lost."""
        run = Run()
        run.reply(run.send(0, 0), 9, 9)
        run.lose(0)
        self.assertEqual((run.received, run.lost), (1, 0))

    def test_duplicates(self) -> None:
        """A second reply is counted; the first one's times stay."""
        run = Run()
        run.send(0, 0)
        run.reply(0, 5, 5)
        self.assertFalse(run[0].duplicated)
        run.reply(0, 6, 6, altered=True)
        run.reply(0, 7, 7)
        self.assertEqual((run.duplicates, run.received, run.altered), (2, 1, 0))
        self.assertEqual(run[0].t4, 5)
        self.assertTrue(run[0].duplicated)

    @given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=4))
    def test_reordered(self, arrivals: list[int], again: list[int]) -> None:
        """RFC 4737, section 3.3: a reply whose number is smaller than the greatest that
        came before; duplicates do not count."""
        run = Run()
        for _ in arrivals:
            run.send(0, 0)
        for seq in arrivals + again:
            run.reply(seq, 1, 1)
        expected = {
            seq for at, seq in enumerate(arrivals) if seq < max(arrivals[: at + 1])
        }
        self.assertEqual(run.reordered, len(expected))
        self.assertEqual({probe.seq for probe in run if probe.reordered}, expected)

    def test_void(self) -> None:
        """Our own clock was set: the probe says so."""
        run = Run()
        run.reply(run.send(0, 0), 9, 9, void=True)
        self.assertTrue(run[0].void)

    def test_whatIsNotThere(self) -> None:
        """A probe that was not sent cannot be answered, lost or looked at."""
        run = Run()
        run.send(0, 0)
        for seq in (-1, 1):
            self.assertRaises(IndexError, run.reply, seq, 1, 1)
            self.assertRaises(IndexError, run.lose, seq)
            self.assertRaises(IndexError, run.__getitem__, seq)

    def test_oldOnesAreHandedOver(self) -> None:
        """Beyond the limit each probe is handed over once, in order, and the last ones
        are kept."""
        left: list[int] = []
        run = Run(KEPT, lambda block: left.extend(block.due))
        for due in range(MORE):
            run.send(due, due)
            self.assertLessEqual(run.sent - run.first, KEPT)
        self.assertEqual(left, list(range(run.first)))
        self.assertEqual([probe.due for probe in run], list(range(run.first, MORE)))
        found = [due for block in run.blocks(0, run.first + 2) for due in block.due]
        self.assertEqual(found, [run.first, run.first + 1])
        self.assertRaises(IndexError, run.reply, run.first - 1, 1, 1)

    def test_aMillion(self) -> None:
        """About a million probes are kept."""
        run = Run()
        for _ in range(1_010_000):
            run.send(0, 0)
        self.assertApproximates(run.sent - run.first, 1_000_000, 4096)

    def test_parts(self) -> None:
        """Columns are given of any of the probes that are kept."""
        run = Run(KEPT)
        for due in range(MORE):
            run.send(due, due)
        for first, end in (0, None), (run.first + 5000, run.first + 5001), (9, 9):
            found = [due for block in run.blocks(first, end) for due in block.due]
            stop = run.sent if end is None else end
            self.assertEqual(found, list(range(max(first, run.first), stop)))

    def test_octetsAProbe(self) -> None:
        """At most 64 octets a probe are kept."""
        count = 50_000
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        delays = Delays()
        before, _ = tracemalloc.get_traced_memory()
        for due in range(count):
            now = 1_700_000_000_000_000_000 + due * 10**9
            delays.run.reply(
                delays.run.send(now, now + 5), now + 9, 10**7 + due, now + 7
            )
        after, _ = tracemalloc.get_traced_memory()
        each = (after - before) / count
        figure(f"{each:.1f} octets a probe")
        self.assertLessEqual(each, 64)
