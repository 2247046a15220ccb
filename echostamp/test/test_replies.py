"""Tests for L{echostamp.line.replies}."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from echostamp.line.replies import COMPARED, Replies, SendTimes
from echostamp.line.stamper import Stamper


class RepliesTests(SynchronousTestCase):
    """
    Which messages have been answered.
    """

    def setUp(self) -> None:
        """Begin a connection."""
        self.replies = Replies()

    def test_lineIsAnsweredByANewline(self) -> None:
        """A message that a newline ended is answered when one more has come back."""
        self.replies.sent(b"a\nb\n")
        self.assertEqual(self.replies.unanswered, 2)
        self.replies.received(b"[1] a\n[1")
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"] b\n")
        self.assertEqual(self.replies.unanswered, 0)
        self.assertFalse(self.replies.isUnterminated)

    def test_unterminatedMessageIsAnsweredByItself(self) -> None:
        """An unterminated last one is answered when its own octets have come."""
        self.replies.sent(b"a\nlast")
        self.replies.received(b"[1] a\n[1] la")
        self.assertTrue(self.replies.isUnterminated)
        self.assertEqual(self.replies.unansweredLines, 0)
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"st")
        self.assertEqual(self.replies.unanswered, 0)

    def test_unterminatedMessageWaitsForTheLinesBeforeIt(self) -> None:
        """Replies come in order: the last is not answered before the others."""
        self.replies.sent(b"a\na")
        self.replies.received(b"[1] a")
        self.assertEqual(self.replies.unanswered, 2)

    def test_moreNewlinesThanLines(self) -> None:
        """A far end that says more has not answered more."""
        self.replies.received(b"hello\nthere\n")
        self.replies.sent(b"a\n")
        self.assertEqual(self.replies.unanswered, 0)

    def test_longUnterminatedMessage(self) -> None:
        """Memory is bounded: of a long message the end is compared, and its length."""
        for _ in range(5):
            self.replies.sent(b"x" * COMPARED)
            self.replies.received(b"x" * COMPARED)
        self.replies.sent(b"end")
        self.replies.received(b"en")
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"d")
        self.assertEqual(self.replies.unanswered, 0)

    def test_longUnterminatedMessageOfOneLetter(self) -> None:
        """What is missing of a message that repeats itself is missed."""
        self.replies.sent(b"x" * 3 * COMPARED)
        self.replies.received(b"x" * (3 * COMPARED - 1))
        self.assertEqual(self.replies.unanswered, 1)
        self.replies.received(b"x")
        self.assertEqual(self.replies.unanswered, 0)

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=10), st.data())
    def test_allIsAnsweredWhenAllHasComeBackAndNotBefore(
        self, writes: list[bytes], data: st.DataObject
    ) -> None:
        """Against the real stamper, cut anywhere: answered in the end, and with the
        last newline missing never."""
        replies, stamper = Replies(), Stamper()
        for write in writes:
            replies.sent(write)
        stream = stamper.feed(b"".join(writes), b"[1] ") if writes else b""
        stream += stamper.endMessage()
        cut = data.draw(st.integers(0, len(stream)))
        replies.received(stream[:cut])
        lines = b"".join(writes).count(b"\n") - stream[:cut].count(b"\n")
        self.assertEqual(replies.unansweredLines, lines)
        replies.received(stream[cut:])
        self.assertEqual(replies.unanswered, 0)


class SendTimesTests(SynchronousTestCase):
    """
    When the messages left that are being answered.
    """

    def test_oldestFirst(self) -> None:
        """Replies are in the order of the messages; one write has one time."""
        times = SendTimes()
        times.sent(2, 100)
        times.sent(0, 150)
        times.sent(1, 200)
        self.assertEqual([times.answered() for _ in range(4)], [100, 100, 200, None])
