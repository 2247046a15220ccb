"""Tests for L{echostamp.web.encodings}."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from echostamp.test.fakes import FakeReactor
from echostamp.web.encodings import SLICE, Encoding, Encodings

#: What is asked for.
ONE, OTHER = "one", "other"


class FakeReader:
    """
    Reads an answer.

    @ivar has: its octets so far.
    @ivar isComplete: whether these are all.
    @ivar hasFailed: whether there will be no more.
    """

    def __init__(self, encodings: Encodings[str], wanted: str = ONE) -> None:
        """
        @param encodings: makes it.
        @param wanted: what to ask for.
        """
        self.has = b""
        self.isComplete = self.hasFailed = False
        self.leaves = False
        self._encodings = encodings
        self.encoding: Encoding[str] = encodings.join(wanted, self)

    def pull(self) -> None:
        """Read everything."""
        self.has = b"".join(self.encoding.chunks)
        self.isComplete = self.encoding.isComplete
        if self.leaves and self.isComplete:
            self.leave()

    def fail(self) -> None:
        """Note it."""
        self.hasFailed = True

    def leave(self) -> None:
        """Go."""
        self._encodings.leave(self.encoding, self)


class SlowReader(FakeReader):
    """
    Takes a slice to read.

    @ivar pulled: how often it was told that there is more.
    """

    def __init__(self, test: EncodingsTests) -> None:
        """
        @param test: has the clock.
        """
        self.pulled = 0
        self._test = test
        super().__init__(test.encodings)

    def pull(self) -> None:
        """Take a while."""
        self.pulled += 1
        self._test.now += SLICE
        super().pull()


class EncodingsTests(SynchronousTestCase):
    """
    Tests for L{Encodings}.
    """

    def setUp(self) -> None:
        """Make a machine in which each step takes a while."""
        self.reactor = FakeReactor()
        self.now = 0
        self.made: list[str] = []
        self.stepTime = SLICE // 4
        self.encodings = Encodings(self.reactor, self.steps, lambda: self.now, 100)

    def steps(self, wanted: str) -> Iterator[bytes]:
        """Take time for 10 steps, each second of which gives octets."""
        self.made.append(wanted)
        for number in range(10):
            self.now += self.stepTime
            yield b"" if number % 2 else b"%d" % number

    def run_(self, most: int = 100) -> int:
        """Run turns until nothing waits, and count them."""
        for turn in range(most):
            if not self.reactor.getDelayedCalls():
                return turn
            self.reactor.advance(0)
        raise AssertionError("it does not end")

    def test_manyReaders(self) -> None:
        """Readers are told one after the other: many of them do not hold a turn."""
        readers = [SlowReader(self) for _ in range(3)]
        self.stepTime = 0
        while self.reactor.getDelayedCalls():
            before = sum(each.pulled for each in readers)
            self.reactor.advance(0)
            self.assertLessEqual(sum(each.pulled for each in readers) - before, 1)
        self.assertEqual([each.has for each in readers], [b"02468"] * 3)

    def test_readerFails(self) -> None:
        """A reader that fails does not keep the others waiting."""
        readers = [FakeReader(self.encodings) for _ in range(2)]
        self.patch(readers[0], "pull", lambda: 1 / 0)
        for _ in range(10):
            try:
                self.run_()
            except ZeroDivisionError:
                continue
            break
        self.assertEqual((readers[1].has, readers[1].isComplete), (b"02468", True))

    def test_slices(self) -> None:
        """A turn works for a slice of time, and no longer."""
        reader = FakeReader(self.encodings)
        self.assertEqual(self.now, 0)
        turns = 0
        while self.reactor.getDelayedCalls():
            turns, before = turns + 1, self.now
            self.reactor.advance(0)
            self.assertLessEqual(self.now - before, SLICE)
        self.assertEqual((reader.has, reader.isComplete), (b"02468", True))
        self.assertEqual(self.now, 10 * self.stepTime)
        self.assertEqual(turns, 3)

    def test_longSteps(self) -> None:
        """A step that takes longer than a slice has a turn of its own."""
        self.stepTime = 2 * SLICE
        reader = FakeReader(self.encodings)
        self.assertGreaterEqual(self.run_(), 10)
        self.assertTrue(reader.isComplete)

    def test_shared(self) -> None:
        """Those who ask for the same share one answer, also when it has begun."""
        one = FakeReader(self.encodings)
        self.reactor.advance(0)
        other = FakeReader(self.encodings)
        self.run_()
        self.assertEqual((one.has, other.has), (b"02468", b"02468"))
        self.assertEqual(self.made, [ONE])

    def test_oneTurnAtATime(self) -> None:
        """However many ask, there is one turn at a time."""
        for _ in range(3):
            FakeReader(self.encodings)
            FakeReader(self.encodings, OTHER)
            self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.advance(0)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)

    def test_notShared(self) -> None:
        """Those who ask for something else, or later, do not."""
        one, other = FakeReader(self.encodings), FakeReader(self.encodings, OTHER)
        self.run_()
        later = FakeReader(self.encodings)
        self.run_()
        for each in one, other, later:
            self.assertEqual((each.has, each.isComplete), (b"02468", True))
        self.assertEqual(self.made, [ONE, OTHER, ONE])

    def test_oneAfterTheOther(self) -> None:
        """One answer is made at a time, so that only one has half of its text in
        memory."""
        one, other = FakeReader(self.encodings), FakeReader(self.encodings, OTHER)
        while not one.isComplete:
            self.assertEqual(other.has, b"")
            self.reactor.advance(0)
        self.run_()
        self.assertTrue(other.isComplete)

    def test_gone(self) -> None:
        """What nobody waits for any more is not made."""
        one, other = FakeReader(self.encodings), FakeReader(self.encodings, OTHER)
        self.reactor.advance(0)
        one.leave()
        now = self.now
        self.run_()
        self.assertTrue(other.isComplete)
        self.assertFalse(one.isComplete)
        self.assertEqual(self.now - now, 10 * self.stepTime)

    def test_allGone(self) -> None:
        """If nobody is left, nothing is done."""
        FakeReader(self.encodings).leave()
        self.assertLessEqual(self.run_(), 1)
        self.assertEqual(self.now, 0)

    def test_oneOfTwoGone(self) -> None:
        """If one of two goes, the other gets its answer."""
        one, other = FakeReader(self.encodings), FakeReader(self.encodings)
        self.reactor.advance(0)
        one.leave()
        self.run_()
        self.assertEqual((other.has, other.isComplete), (b"02468", True))

    def test_leavesAtTheEnd(self) -> None:
        """A reader may leave when it has all."""
        reader = FakeReader(self.encodings)
        reader.leaves = True
        self.run_()
        self.assertEqual(reader.encoding.readers, [])
        self.assertIsNot(FakeReader(self.encodings).encoding, reader.encoding)

    def test_failure(self) -> None:
        """If an answer cannot be made, its readers learn of it, and the next one is
        made."""

        def broken(wanted: str) -> Iterator[bytes]:
            yield b"a part"
            raise RuntimeError("on purpose")

        made = {ONE: broken, OTHER: self.steps}
        encodings: Encodings[str] = Encodings(
            self.reactor, lambda wanted: made[wanted](wanted), lambda: self.now
        )
        readers = [FakeReader(encodings), FakeReader(encodings)]
        good = FakeReader(encodings, OTHER)
        self.run_()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        for each in readers:
            self.assertEqual((each.has, each.hasFailed), (b"a part", True))
        self.assertTrue(good.isComplete)
        again = FakeReader(encodings)
        self.run_()
        self.assertTrue(again.hasFailed)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_unread(self) -> None:
        """Answers that wait for slow clients are kept up to a limit.  Above it, the
        clients of the oldest are disconnected."""
        readers = []
        for _ in range(25):
            readers.append(FakeReader(self.encodings))
            self.run_()
        # Each answer has 5 octets.
        expected = [True] * 5 + [False] * 20
        self.assertEqual([each.hasFailed for each in readers], expected)

    def test_read(self) -> None:
        """Answers that were read do not count, whether at once or later."""
        slow = FakeReader(self.encodings)
        for number in range(50):
            reader = FakeReader(self.encodings)
            reader.leaves = number % 2 == 0
            self.run_()
            if not reader.leaves:
                reader.leave()
        self.assertFalse(slow.hasFailed)
        slow.leave()

    def test_oneThatIsLarge(self) -> None:
        """A single answer may be larger than the limit."""
        encodings = Encodings(self.reactor, self.steps, lambda: self.now, 1)
        old = FakeReader(encodings)
        self.run_()
        self.assertFalse(old.hasFailed)
        new = FakeReader(encodings)
        self.run_()
        self.assertEqual((old.hasFailed, new.hasFailed), (True, False))
